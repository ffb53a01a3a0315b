//! Kubernetes' quantities: `8`, `500m`, `2400Mi`, `1e3`.

/// Suffixes and what they stand for (`k8s.io/apimachinery/pkg/api/resource/suffix.go`).
const SUFFIXES: [(&str, f64); 14] = [
    ("Ki", 1024.0),
    ("Mi", 1024.0 * 1024.0),
    ("Gi", 1024.0 * 1024.0 * 1024.0),
    ("Ti", 1024.0 * 1024.0 * 1024.0 * 1024.0),
    ("Pi", 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("", 1.0),
];

/// The number that a quantity is; `None` if it is none.
pub(super) fn quantity(text: &str) -> Option<f64> {
    let end = text.find(|c: char| c.is_ascii_alphabetic() && c != 'e' && c != 'E').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let factor = SUFFIXES.iter().find(|(known, _)| *known == suffix)?.1;
    let plain = number.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    number.parse::<f64>().ok().filter(|_| plain).map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        let read = ["8", "500m", "2400Mi", "1e3", "1.5k"].map(quantity);
        assert_eq!(read, [8.0, 0.5, 2_516_582_400.0, 1000.0, 1500.0].map(Some));
        assert_eq!(["", "Mi", "-1", "8GB", "inf", "NaN"].map(quantity), [None; 6]);
    }
}
