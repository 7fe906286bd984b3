//! Parts of sentences.

/// Items with a separator between them.
pub fn joined(items: &[impl ToString], separator: &str) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(separator)
}

/// A number of bytes: decimal units, one digit after the point.
pub fn size(bytes: u64) -> String {
    // Exact up to 2^53 bytes, of which one digit is shown.
    #[expect(clippy::cast_precision_loss)]
    let count = bytes as f64;
    match bytes {
        1 => "1 byte".to_owned(),
        0..=999 => format!("{bytes} bytes"),
        // The next number is rounded to 1.0 MB.
        1_000..=999_949 => format!("{:.1} kB", count / 1e3),
        _ => format!("{:.1} MB", count / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_sizes_within_their_unit() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (2, "2 bytes"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (999_999, "1.0 MB"),
            (10_149_999, "10.1 MB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
