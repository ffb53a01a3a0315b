//! Names of objects.

/// Whether pods can be named after it: a DNS-1035 label, short enough for what LeaderWorkerSet appends.
pub fn is_dns_label(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= 51
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(inside)
}
