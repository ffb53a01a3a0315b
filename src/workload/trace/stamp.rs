//! Time stamps of traces, in integer nanoseconds.

const SECOND_NS: i64 = 1_000_000_000;

/// Seconds as a decimal number, digits past the ninth cut off [ns].
pub(super) fn seconds(text: &str) -> Option<i64> {
    decimal(text, 9)
}

/// `text` times 10^`digits`, for a plain decimal number of at least 0; further digits are cut off.
pub(super) fn decimal(text: &str, digits: usize) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric(whole) || !numeric(fraction) {
        return None;
    }
    let kept = &fraction[..fraction.len().min(digits)];
    let fraction: i64 = format!("{kept:0<digits$}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(10i64.pow(digits as u32))?.checked_add(fraction)
}

/// `2023-11-16 18:17:03.9799600`, `2024-05-10 00:00:00+00:00`, `2024-10-15T12:00:00.269Z`: the stamps of
/// `AzurePublicDataset` over the years. Without an offset the time is UTC [ns since 1970].
pub(super) fn date_time(text: &str) -> Option<i64> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1970..2200).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (clock, offset_s) = match time.find(['+', '-', 'Z']) {
        None => (time, 0),
        Some(at) => (&time[..at], offset(&time[at..])?),
    };
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (parts.next()?.parse::<i64>().ok()?, parts.next()?.parse::<i64>().ok()?);
    let in_minute_ns = seconds(parts.next()?)?;
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || in_minute_ns > 60 * SECOND_NS {
        return None;
    }
    let whole_s = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 - offset_s;
    whole_s.checked_mul(SECOND_NS)?.checked_add(in_minute_ns)
}

/// `Z`, `+01:00` or `-0530` [s].
fn offset(text: &str) -> Option<i64> {
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    match (&text[..1], digits.len()) {
        ("Z", 0) => Some(0),
        ("Z", _) => None,
        (sign, 4) => {
            let (hours, minutes) = (digits[..2].parse::<i64>().ok()?, digits[2..].parse::<i64>().ok()?);
            let seconds = hours * 3600 + minutes * 60;
            Some(if sign == "-" { -seconds } else { seconds })
        }
        _ => None,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar, counting years from March as is usual for this.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_all_years_are_exact() {
        let at = |text| date_time(text).unwrap();
        assert_eq!(at("1970-01-01 00:00:00"), 0);
        assert_eq!(at("2000-02-29 12:00:00"), 951_825_600 * SECOND_NS);
        assert_eq!(at("2023-11-16 18:17:03.9799600"), 1_700_158_623 * SECOND_NS + 979_960_000);
        assert_eq!(at("2024-05-10 00:00:00.009930+00:00") - at("2024-05-10 00:00:00+00:00"), 9_930_000);
        assert_eq!(at("2024-10-15T12:00:00.269Z"), at("2024-10-15 13:30:00.269+01:30"));
        for text in ["", "2024-05-10", "2024-13-10 00:00:00", "2024-05-10 25:00:00", "10 May 2024", "5"] {
            assert_eq!(date_time(text), None, "{text}");
        }
    }

    #[test]
    fn seconds_keep_their_nanoseconds() {
        assert_eq!(seconds("19440110.000000001"), Some(19_440_110 * SECOND_NS + 1));
        assert_eq!(seconds("5"), Some(5 * SECOND_NS));
        assert_eq!(seconds("0.1234567899"), Some(123_456_789));
        for text in ["", "-1", "1e3", ".5", "5.", "nan"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
