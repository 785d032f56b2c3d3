//! Bytes and numbers for human eyes.

/// Bytes as text where they are printable UTF-8, else with escapes for what is not.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for sign in chunk.valid().chars() {
            if sign.is_control() {
                text.extend(sign.escape_default());
            } else {
                text.push(sign);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Bytes in hexadecimal, without gaps.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes in hexadecimal, in pairs; the middle of long ones is left out.
#[must_use]
pub fn hex_short(bytes: &[u8]) -> String {
    let pairs = |part: &[u8]| {
        part.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    match bytes.len() {
        0..=6 => pairs(bytes),
        len => format!("{} … {}", pairs(&bytes[..2]), pairs(&bytes[len - 3..])),
    }
}

/// The first `limit` characters, and an ellipsis where there are more.
#[must_use]
pub fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// A number with a thin space between thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

/// Microseconds as seconds with three decimals.
#[must_use]
pub fn seconds(us: u64) -> String {
    format!("{}.{:03}", us / 1_000_000, us / 1_000 % 1_000)
}

/// Milliseconds as seconds with one decimal.
#[must_use]
pub fn tenths(ms: u64) -> String {
    format!("{}.{}", ms / 1_000, ms / 100 % 10)
}

/// Thousandths as a factor: `0.01×`, `1×`.
#[must_use]
pub fn factor(permille: u32) -> String {
    let text = format!("{}.{:03}", permille / 1_000, permille % 1_000);
    format!("{}×", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A measured speed, in thousandths, as a factor without more digits than it deserves.
#[must_use]
pub fn measured(permille: u32) -> String {
    factor(match permille {
        0..50 => permille,
        50..2_000 => (permille + 5) / 10 * 10,
        _ => (permille + 50) / 100 * 100,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_text_are_escaped() {
        assert_eq!(shown("mango 芒果".as_bytes()), "mango 芒果");
        assert_eq!(shown(b"a\xffb\n"), "a\\xffb\\n");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(1_842), "1\u{2009}842");
        assert_eq!(grouped(999), "999");
        assert_eq!(seconds(42_318_900), "42.318");
        assert_eq!(tenths(6_449), "6.4");
        assert_eq!(factor(10), "0.01×");
        assert_eq!(factor(1_000), "1×");
        assert_eq!(factor(10_000), "10×");
        assert_eq!(measured(994), "0.99×");
        assert_eq!(measured(99), "0.1×");
        assert_eq!(measured(9), "0.009×");
        assert_eq!(clip("abcdef", 3), "abc…");
    }
}
