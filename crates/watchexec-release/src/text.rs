//! Parts of texts for people.

/// Items with a separator between them.
pub fn joined(items: &[impl ToString], separator: &str) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(separator)
}

/// A number of bytes: decimal units, one digit after the point.
#[must_use]
pub fn size(bytes: u64) -> String {
    // Exact up to 2^53 bytes, of which one digit is shown.
    #[expect(clippy::cast_precision_loss)]
    let count = bytes as f64;
    if bytes < 1_000 {
        format!("{bytes} bytes")
    } else if bytes < 1_000_000 {
        format!("{:.1} kB", count / 1e3)
    } else {
        format!("{:.1} MB", count / 1e6)
    }
}
