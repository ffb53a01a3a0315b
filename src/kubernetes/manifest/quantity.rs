//! Kubernetes' quantities: `8`, `500m`, `2400Mi`, `1e3`.

/// Suffixes of large quantities (`k8s.io/apimachinery/pkg/api/resource/suffix.go`).
const MULTIPLES: [(&str, f64); 11] = [
    ("Ki", 1024.0),
    ("Mi", 1024.0 * 1024.0),
    ("Gi", 1024.0 * 1024.0 * 1024.0),
    ("Ti", 1024.0 * 1024.0 * 1024.0 * 1024.0),
    ("Pi", 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("", 1.0),
];

/// Suffixes of small ones, and what to divide by: 239m is 0.239 and nothing beside it.
const PARTS: [(&str, f64); 3] = [("m", 1e3), ("u", 1e6), ("n", 1e9)];

/// The number that a quantity is; `None` if it is none.
pub(super) fn quantity(text: &str) -> Option<f64> {
    let end = text.find(|c: char| c.is_ascii_alphabetic() && c != 'e' && c != 'E').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let of =
        |table: &[(&str, f64)]| table.iter().find(|(known, _)| *known == suffix).map(|(_, factor)| *factor);
    let plain = number.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number = number.parse::<f64>().ok().filter(|_| plain)?;
    of(&MULTIPLES).map(|factor| number * factor).or_else(|| of(&PARTS).map(|parts| number / parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        let read = ["8", "239m", "2400Mi", "1e3", "1.5k"].map(quantity);
        assert_eq!(read, [8.0, 0.239, 2_516_582_400.0, 1000.0, 1500.0].map(Some));
        assert_eq!(["", "Mi", "-1", "8GB", "inf", "NaN"].map(quantity), [None; 6]);
    }
}
