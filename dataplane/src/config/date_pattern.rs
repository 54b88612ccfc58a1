//! Dates in the pattern language of Java's `SimpleDateFormat`, English names, as `${date:…}` prints them.

use jiff::Zoned;
use jiff::civil::{Date, Weekday};

/// Prints `now` in its own time zone.
///
/// # Errors
/// A letter that is no field, as a sentence.
pub fn format(pattern: &str, now: &Zoned) -> Result<String, String> {
    let letters: Vec<char> = pattern.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < letters.len() {
        let letter = letters[at];
        if letter.is_ascii_alphabetic() {
            let width = letters[at..].iter().take_while(|l| **l == letter).count();
            field(letter, width, now, &mut out)?;
            at += width;
        } else if letter == '\'' {
            at = quoted(&letters, at + 1, &mut out);
        } else {
            out.push(letter);
            at += 1;
        }
    }
    Ok(out)
}

/// Copies a quoted text; two quotes are one. Returns the position behind it.
fn quoted(letters: &[char], mut at: usize, out: &mut String) -> usize {
    if letters.get(at) == Some(&'\'') {
        out.push('\'');
        return at + 1;
    }
    while let Some(&letter) = letters.get(at) {
        at += 1;
        if letter != '\'' {
            out.push(letter);
        } else if letters.get(at) == Some(&'\'') {
            out.push('\'');
            at += 1;
        } else {
            break;
        }
    }
    at
}

fn field(letter: char, width: usize, now: &Zoned, out: &mut String) -> Result<(), String> {
    let date = now.date();
    let hour = i32::from(now.hour());
    let number = match letter {
        'y' | 'Y' => {
            let year = i32::from(if letter == 'y' { date.year() } else { week(date).0 });
            let (value, digits) = if width == 2 { (year % 100, 2) } else { (year, width.max(4)) };
            out.push_str(&format!("{value:0digits$}"));
            return Ok(());
        }
        'M' | 'L' if width >= 3 => {
            let name = MONTHS[usize::from(date.month().unsigned_abs()) - 1];
            out.push_str(if width == 3 { &name[..3] } else { name });
            return Ok(());
        }
        'M' | 'L' => i32::from(date.month()),
        'd' => i32::from(date.day()),
        'D' => i32::from(date.day_of_year()),
        'F' => (i32::from(date.day()) - 1) / 7 + 1,
        'w' => i32::from(week(date).1),
        'W' => {
            let first = i32::from(date.first_of_month().weekday().to_sunday_zero_offset());
            (i32::from(date.day()) - 1 + first) / 7 + 1
        }
        'u' => i32::from(date.weekday().to_monday_one_offset()),
        'H' => hour,
        'k' => {
            if hour == 0 {
                24
            } else {
                hour
            }
        }
        'K' => hour % 12,
        'h' => {
            if hour % 12 == 0 {
                12
            } else {
                hour % 12
            }
        }
        'm' => i32::from(now.minute()),
        's' => i32::from(now.second()),
        'S' => i32::from(now.millisecond()),
        _ => return text(letter, width, now, out),
    };
    out.push_str(&format!("{number:0width$}"));
    Ok(())
}

fn text(letter: char, width: usize, now: &Zoned, out: &mut String) -> Result<(), String> {
    match letter {
        'G' => out.push_str("AD"),
        'a' => out.push_str(if now.hour() < 12 { "AM" } else { "PM" }),
        'E' => {
            let name = day_name(now.weekday());
            out.push_str(if width < 4 { &name[..3] } else { name });
        }
        'z' => {
            let info = now.time_zone().to_offset_info(now.timestamp());
            out.push_str(info.abbreviation());
        }
        'Z' => offset(now, if width == 1 { 2 } else { 3 }, width > 1, out),
        'X' if width <= 3 => offset(now, width, true, out),
        _ => return Err(format!("\"{letter}\" is no field of a date pattern")),
    }
    Ok(())
}

/// `parts`: 1 `+01`, 2 `+0100`, 3 `+01:00`. `zulu`: `Z` at Greenwich.
fn offset(now: &Zoned, parts: usize, zulu: bool, out: &mut String) {
    let seconds = now.offset().seconds();
    if seconds == 0 && zulu {
        return out.push('Z');
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    out.push_str(&format!("{sign}{:02}", minutes / 60));
    if parts > 1 {
        let colon = if parts == 3 { ":" } else { "" };
        out.push_str(&format!("{colon}{:02}", minutes % 60));
    }
}

/// Year and number of the week as the United States count: weeks begin on Sunday, the first holds 1 January.
fn week(date: Date) -> (i16, i16) {
    let last = date.last_of_year();
    let until_saturday = 6 - i16::from(last.weekday().to_sunday_zero_offset());
    if until_saturday > 0 && last.day_of_year() - date.day_of_year() <= 6 - until_saturday {
        return (date.year() + 1, 1);
    }
    let first = i16::from(date.first_of_year().weekday().to_sunday_zero_offset());
    (date.year(), (date.day_of_year() - 1 + first) / 7 + 1)
}

fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Sunday => "Sunday",
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::{Offset, TimeZone};

    fn check(pattern: &str, expected: &str) {
        let zone = TimeZone::fixed(Offset::constant(-5));
        let now = jiff::civil::date(2005, 3, 3).at(0, 5, 9, 7_000_000).to_zoned(zone).unwrap();
        assert_eq!(format(pattern, &now).unwrap(), expected, "{pattern}");
    }

    #[test]
    fn fields_print_as_java_prints_them() {
        for (pattern, expected) in [
            ("yyyy-MM-dd", "2005-03-03"),
            ("yy y yyyyy M MMM MMMM", "05 2005 02005 3 Mar March"),
            ("HH:mm:ss.SSS a", "00:05:09.007 AM"),
            ("h k K E EEEE u", "12 24 0 Thu Thursday 4"),
            ("D DDD w W F", "62 062 10 1 1"),
            ("Z ZZ X XX XXX", "-0500 -05:00 -05 -0500 -05:00"),
            ("'at' HH 'o''clock' ''", "at 00 o'clock '"),
            ("", ""),
        ] {
            check(pattern, expected);
        }
        let zone = TimeZone::fixed(Offset::constant(0));
        let now = jiff::civil::date(2005, 12, 31).at(0, 0, 0, 0).to_zoned(zone).unwrap();
        assert_eq!(format("YYYY w yyyy X", &now).unwrap(), "2005 53 2005 Z");
        assert!(format("b", &now).unwrap_err().contains("\"b\""));
    }
}
