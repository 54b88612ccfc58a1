//! How the files of `file_roll` are named. Pure: the time is an argument.

use super::kind::Naming;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// Gives one name after the other.
pub(super) struct Names {
    directory: PathBuf,
    naming: Naming,
    prefix: String,
    /// With its dot, or empty.
    extension: String,
    /// The part before the number: fixed for `Default`, the last file's second for `RollTime`.
    stem: String,
    count: u64,
    zone: TimeZone,
}

impl Names {
    /// `started_ms` is when the sink was opened; `zone` is that of `ROLLTIME` names.
    pub(super) fn new(
        directory: &Path,
        naming: Naming,
        prefix: String,
        extension: &str,
        started_ms: u64,
        zone: TimeZone,
    ) -> Self {
        let stem = match naming {
            Naming::Default => started_ms.to_string(),
            Naming::RollTime => String::new(),
        };
        let extension = if extension.is_empty() { String::new() } else { format!(".{extension}") };
        Names { directory: directory.to_owned(), naming, prefix, extension, stem, count: 0, zone }
    }

    /// The next name, for a file that begins now.
    pub(super) fn next(&mut self, now_ms: u64) -> PathBuf {
        if self.naming == Naming::RollTime {
            let second = self.second(now_ms);
            if second != self.stem {
                self.stem = second;
                self.count = 0;
            }
        }
        self.count += 1;
        let Names { prefix, stem, count, extension, .. } = self;
        self.directory.join(format!("{prefix}{stem}-{count}{extension}"))
    }

    fn second(&self, now_ms: u64) -> String {
        let now = i64::try_from(now_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        now.unwrap_or_default().to_zoned(self.zone.clone()).strftime("%Y%m%d%H%M%S").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(naming: Naming, prefix: &str, extension: &str) -> Names {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        Names::new(Path::new("/d"), naming, prefix.to_owned(), extension, 1_700_000_000_123, zone)
    }

    #[test]
    fn default_names_have_the_time_of_the_start_and_a_number() {
        let mut plain = names(Naming::Default, "", "");
        assert_eq!(plain.next(5), Path::new("/d/1700000000123-1"));
        assert_eq!(plain.next(9_999_999), Path::new("/d/1700000000123-2"));
        let mut dressed = names(Naming::Default, "app-", "log");
        assert_eq!(dressed.next(5), Path::new("/d/app-1700000000123-1.log"));
    }

    #[test]
    fn roll_time_names_have_the_local_second_and_begin_at_one_in_each() {
        let mut names = names(Naming::RollTime, "p", "txt");
        let second = 1_700_000_000_000;
        assert_eq!(names.next(second), Path::new("/d/p20231115001320-1.txt"));
        assert_eq!(names.next(second + 999), Path::new("/d/p20231115001320-2.txt"));
        assert_eq!(names.next(second + 1000), Path::new("/d/p20231115001321-1.txt"));
    }
}
