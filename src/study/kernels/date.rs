//! The day a file was changed.

use std::{fs, path::Path, time::UNIX_EPOCH};

const DAY: u64 = 24 * 60 * 60;

/// Day of the newest of the files in UTC, `YYYY-MM-DD`; the epoch where the file system does not know.
pub(super) fn newest(files: &[&Path]) -> String {
    let changed = files.iter().filter_map(|file| fs::metadata(file).ok()?.modified().ok());
    let newest = changed.max().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    day(newest.map_or(0, |since| since.as_secs() / DAY))
}

/// The calendar day so many days after 1970-01-01.
fn day(mut left: u64) -> String {
    let mut year = 1970;
    while left >= days_of(year) {
        left -= days_of(year);
        year += 1;
    }
    let february = days_of(year) - 337;
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < days {
            break;
        }
        left -= days;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", left + 1)
}

fn days_of(year: u64) -> u64 {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    365 + u64::from(leap)
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_are_counted_through_leap_years() {
        let days = [(0, "1970-01-01"), (58, "1970-02-28"), (11_016, "2000-02-29"), (20_781, "2026-11-24")];
        for (count, text) in days {
            assert_eq!(day(count), text);
        }
    }
}
