//! Parsers of setting values, as Java parses them: no suffixes, no underscores, no units.

use super::setting::BadValue;

/// A whole number between `MIN` and `MAX` inclusive, with optional sign, as `Long.parseLong` reads it.
pub fn whole<const MIN: i64, const MAX: i64>(text: &str) -> Result<i64, BadValue> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BadValue::NotANumber { text: text.to_owned() });
    }
    let value: i128 = trimmed.parse().map_err(|_| BadValue::NotANumber { text: text.to_owned() })?;
    if value < i128::from(MIN) {
        return Err(BadValue::Below { value, min: i128::from(MIN) });
    }
    match i64::try_from(value) {
        Ok(v) if v <= MAX => Ok(v),
        _ => Err(BadValue::Above { value, max: i128::from(MAX) }),
    }
}

/// [`whole`] as an unsigned number; `MIN` must not be negative.
pub fn count<const MIN: i64, const MAX: i64>(text: &str) -> Result<u64, BadValue> {
    const { assert!(MIN >= 0) };
    whole::<MIN, MAX>(text).map(i64::cast_unsigned)
}

/// A whole number; what is not positive counts as `DEFAULT`, as Flume's file channel reads its sizes.
pub fn whole_or_default<const DEFAULT: i64>(text: &str) -> Result<u64, BadValue> {
    const { assert!(DEFAULT > 0) };
    let value = whole::<{ i64::MIN }, LONG>(text)?;
    Ok(if value > 0 { value } else { DEFAULT }.cast_unsigned())
}

/// Largest value of Java's `int`.
pub const INT: i64 = i32::MAX as i64;
/// Largest value of Java's `long`.
pub const LONG: i64 = i64::MAX;

/// Java's `Boolean.parseBoolean`: "true" in any case, everything else is false.
pub fn boolean(text: &str) -> Result<bool, BadValue> {
    Ok(text.trim().eq_ignore_ascii_case("true"))
}

/// Any text, as it is.
pub fn text(text: &str) -> Result<String, BadValue> {
    Ok(text.to_owned())
}

/// Names separated by white space.
pub fn names(text: &str) -> Result<Vec<String>, BadValue> {
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_java_reads_them() {
        for (text, value) in [("5", Ok(5)), (" +7 ", Ok(7)), ("-1", Ok(-1))] {
            assert_eq!(whole::<-9, 9>(text), value);
        }
        for bad in ["", "+", "1k", "1_000", "0x10", "1.5", "١"] {
            assert!(matches!(whole::<-9, 9>(bad), Err(BadValue::NotANumber { .. })), "{bad}");
        }
        assert_eq!(count::<1, 9>("0").unwrap_err().to_string(), "0 is below 1");
        assert_eq!(
            count::<1, LONG>("99999999999999999999").unwrap_err().to_string(),
            "99999999999999999999 is above 9223372036854775807"
        );
    }

    #[test]
    fn everything_but_true_is_false() {
        assert_eq!(["TRUE", "yes", "1", ""].map(|t| boolean(t).unwrap()), [true, false, false, false]);
    }
}
