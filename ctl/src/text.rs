//! Words and numbers for people: escaping, units, tables.

use std::fmt::Write as _;

/// The text without anything that a terminal would obey: control characters and marks that turn the reading direction
/// become `\n`, `\u{9b}` and the like.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// JSON text in which every character that a terminal would obey is escaped as JSON does it.
pub(crate) fn clean_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_harmful(c) {
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}").expect("a String takes everything");
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn is_harmful(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// `1,234,567`; from ten million on `12.3 M`.
pub(crate) fn count(n: u64) -> String {
    if n >= 10_000_000 {
        return scaled(n as f64, 1e3, &["k", "M", "G", "T", "P", "E"]);
    }
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `0`, `0.4`, `12`, `1,234`, `12.3 M`: a rate.
pub(crate) fn rate(per_s: f64) -> String {
    match per_s {
        r if r <= 0.0 || !r.is_finite() => "0".to_owned(),
        r if r < 0.1 => "<0.1".to_owned(),
        r if r < 10.0 => format!("{r:.1}"),
        r => count(r.round() as u64),
    }
}

/// `512 B`, `1.5 KiB`, `20 MiB`.
pub(crate) fn bytes(n: u64) -> String {
    if n < 1_024 {
        format!("{n} B")
    } else {
        scaled(n as f64, 1_024.0, &["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
    }
}

fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut value = value / step;
    let mut at = 0;
    // 999.5 would be printed as 1000.
    while value >= step - 0.5 && at + 1 < units.len() {
        value /= step;
        at += 1;
    }
    let unit = units.get(at).copied().unwrap_or_default();
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// `3 ms`, `4.2 s`, `3 min 12 s`, `3 h 12 min`, `2 d 3 h`.
pub(crate) fn duration_ms(ms: u64) -> String {
    let s = ms / 1_000;
    match s {
        0 => format!("{ms} ms"),
        1..=9 => format!("{s}.{} s", ms % 1_000 / 100),
        10..=59 => format!("{s} s"),
        60..=3_599 => format!("{} min {} s", s / 60, s % 60),
        3_600..=86_399 => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3_600),
    }
}

/// `80 us`, `1.3 ms`, `42 ms`, then as [`duration_ms`].
pub(crate) fn duration_us(us: u64) -> String {
    match us {
        0..=999 => format!("{us} us"),
        1_000..=9_949 => format!("{:.1} ms", us as f64 / 1e3),
        9_950..=999_499 => format!("{:.0} ms", us as f64 / 1e3),
        _ => duration_ms(us / 1_000),
    }
}

/// `1 event`, `1,000 events`.
pub(crate) fn events(n: u64) -> String {
    if n == 1 { "1 event".to_owned() } else { format!("{} events", count(n)) }
}

/// `a1`, `a1 and a2`, `a1, a2 and a3`.
pub(crate) fn listing<S: AsRef<str>>(items: &[S]) -> String {
    let clean_items: Vec<String> = items.iter().map(|i| clean(i.as_ref())).collect();
    match clean_items.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// Which side a column's cells lean to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lean {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows in columns of equal width.
pub(crate) struct Table {
    leans: Vec<Lean>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(columns: &[(&str, Lean)]) -> Self {
        Table {
            leans: columns.iter().map(|c| c.1).collect(),
            rows: vec![columns.iter().map(|c| c.0.to_owned()).collect()],
        }
    }

    /// Adds a row; its cells are cleaned.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|c| clean(c)).collect());
    }

    /// Lines, the headings first. Columns without a single cell are left out.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines_within(usize::MAX, &[])
    }

    /// [`Table::lines`] of at most `width` characters: columns of `spare` go, one by one in its order, while it is too
    /// wide; what is still too wide is cut.
    pub(crate) fn lines_within(&self, width: usize, spare: &[&str]) -> Vec<String> {
        let chars = |column: usize, rows: &[Vec<String>]| {
            rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0)
        };
        let heading = |c: usize| self.rows.first().and_then(|r| r.get(c)).map_or("", String::as_str);
        let mut shown: Vec<usize> =
            (0..self.leans.len()).filter(|&c| chars(c, self.rows.get(1..).unwrap_or_default()) > 0).collect();
        for name in spare {
            let total: usize = shown.iter().map(|&c| 2 + chars(c, &self.rows)).sum();
            if total <= width {
                break;
            }
            shown.retain(|&c| heading(c) != *name);
        }
        let widths: Vec<usize> = shown.iter().map(|&c| chars(c, &self.rows)).collect();
        let line = |row: &Vec<String>| {
            let mut line = String::new();
            for (&column, width) in shown.iter().zip(&widths) {
                let cell = row.get(column).map_or("", String::as_str);
                let gap = " ".repeat(width - cell.chars().count());
                let parts = match self.leans.get(column) {
                    Some(Lean::Right) => [&gap, cell],
                    _ => [cell, &gap],
                };
                line.push_str("  ");
                line.extend(parts);
            }
            cut(line.trim_end(), width)
        };
        self.rows.iter().map(line).collect()
    }
}

/// At most `width` characters of `line`; the last one says that something is missing.
pub(crate) fn cut(line: &str, width: usize) -> String {
    match line.char_indices().nth(width) {
        Some(_) => line.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        None => line.to_owned(),
    }
}

/// `text` broken at blanks into lines of at most `width` characters (longer words stay whole).
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        let shown = [0, 999, 1_000, 1_234_567, 12_345_678, 999_999_999, u64::MAX].map(count);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567", "12 M", "1.0 G", "18 E"]);
        assert_eq!([0.0, 0.04, 1.25, 1_234.4].map(rate), ["0", "<0.1", "1.2", "1,234"]);
        assert_eq!([0, 1_023, 1_536, 20 << 20].map(bytes), ["0 B", "1023 B", "1.5 KiB", "20 MiB"]);
        let times = [7, 4_200, 59_999, 192_000, 11_520_000, 183_600_000].map(duration_ms);
        assert_eq!(times, ["7 ms", "4.2 s", "59 s", "3 min 12 s", "3 h 12 min", "2 d 3 h"]);
        assert_eq!([80, 1_300, 42_000, 2_000_000].map(duration_us), ["80 us", "1.3 ms", "42 ms", "2.0 s"]);
    }

    #[test]
    fn a_terminal_obeys_nothing_that_an_event_or_a_name_says() {
        assert_eq!(clean("a\u{1b}[2J\u{9b}1m\n\u{202e}é"), "a\\u{1b}[2J\\u{9b}1m\\n\\u{202e}é");
        let json = clean_json(&serde_json::to_string("a\u{1b}\u{9b}\u{7f}").unwrap());
        assert_eq!(json, r#""a\u001b\u009b\u007f""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "a\u{1b}\u{9b}\u{7f}");
    }

    #[test]
    fn columns_line_up_and_empty_ones_are_left_out() {
        let mut table = Table::new(&[("NAME", Lean::Left), ("WHY", Lean::Left), ("N", Lean::Right)]);
        table.row(vec!["é".into(), String::new(), "10".into()]);
        table.row(vec!["longer".into(), String::new(), "5".into()]);
        assert_eq!(table.lines(), ["  NAME     N", "  é       10", "  longer   5"]);
        assert_eq!(table.lines_within(10, &["N"]), ["  NAME", "  é", "  longer"]);
        assert_eq!(
            table.lines_within(10, &[]),
            ["  NAME    …", "  é      …", "  longer …"].map(|l| cut(l, 10))
        );
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(listing(&["a", "b", "c"]), "a, b and c");
    }
}
