//! Where the log goes and how much it says, from the `-D` options of Flume's command line.

use super::levels::parse_level;
use std::path::PathBuf;
use tracing::level_filters::LevelFilter;

/// A place that log lines go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard error, as Flume's console appender.
    Console,
    /// A file that is rolled at midnight and at 100 MB.
    File {
        /// Its folder; created when it is missing.
        dir: PathBuf,
        /// Its name.
        name: String,
    },
}

/// What to print, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// Level of the root logger.
    pub level: LevelFilter,
    /// Every place, in the order given.
    pub targets: Vec<Target>,
    /// What was wrong with the options: one sentence each, to be logged as warnings once the log runs.
    pub notes: Vec<String>,
}

impl LogOptions {
    /// Reads `flume.root.logger` (`LEVEL,appender,…`), `flume.log.dir` (`./logs`) and `flume.log.file` (`flume.log`).
    ///
    /// Without an appender: the file when `flume.log.dir` or `flume.log.file` is given; the file too when standard error
    /// leads nowhere (`nowhere`: started with `2>/dev/null`, as many scripts start Flume); the console otherwise.
    /// Flume itself always takes the file then, and people look for their first event on the screen in vain.
    pub fn from_properties<'a>(get: impl Fn(&str) -> Option<&'a str>, nowhere: bool) -> Self {
        let mut notes = Vec::new();
        let mut level = LevelFilter::INFO;
        let dir = get("flume.log.dir").filter(|d| !d.is_empty());
        let name = get("flume.log.file").filter(|n| !n.is_empty());
        let file = Target::File {
            dir: PathBuf::from(dir.unwrap_or("./logs")),
            name: name.unwrap_or("flume.log").to_string(),
        };
        let mut targets: Vec<Target> = Vec::new();
        let mut words = get("flume.root.logger").unwrap_or_default().split(',').map(str::trim);
        match words.next().unwrap_or_default() {
            "" => {}
            word => match parse_level(word) {
                Some(l) => level = l,
                None => notes.push(format!(
                    "-Dflume.root.logger: {word:?} is not a level; use TRACE, DEBUG, INFO, WARN, ERROR or OFF; INFO is used"
                )),
            },
        }
        for word in words.filter(|w| !w.is_empty()) {
            let target = if word.eq_ignore_ascii_case("console") {
                Target::Console
            } else if word.eq_ignore_ascii_case("LOGFILE") || word.eq_ignore_ascii_case("DAILY") {
                file.clone()
            } else {
                notes.push(format!("-Dflume.root.logger: no appender {word:?}; use console or LOGFILE"));
                continue;
            };
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        if targets.is_empty() {
            let to_file = dir.is_some() || name.is_some() || nowhere;
            targets.push(if to_file { file } else { Target::Console });
        }
        LogOptions { level, targets, notes }
    }
}

/// Whether what is written to standard error is thrown away: `/dev/null`, which is also what a closed descriptor becomes.
pub fn stderr_leads_nowhere() -> bool {
    let null = rustix::fs::stat("/dev/null");
    match (rustix::fs::fstat(std::io::stderr()), null) {
        (Ok(err), Ok(null)) => err.st_rdev == null.st_rdev && err.st_rdev != 0,
        (Err(_), _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &'static str)], nowhere: bool) -> LogOptions {
        LogOptions::from_properties(|key| given.iter().find(|(k, _)| *k == key).map(|(_, v)| *v), nowhere)
    }

    fn file(dir: &str, name: &str) -> Target {
        Target::File { dir: dir.into(), name: name.to_string() }
    }

    #[test]
    fn the_root_logger_names_a_level_and_appenders() {
        let o = read(&[("flume.root.logger", "DEBUG,console")], false);
        assert_eq!((o.level, o.targets, o.notes.len()), (LevelFilter::DEBUG, vec![Target::Console], 0));
        let o = read(&[("flume.root.logger", "info, LOGFILE ,console,console")], false);
        assert_eq!(o.targets, [file("./logs", "flume.log"), Target::Console]);
        let o = read(
            &[("flume.root.logger", "WARN,LOGFILE"), ("flume.log.dir", "/x"), ("flume.log.file", "y")],
            false,
        );
        assert_eq!((o.level, o.targets), (LevelFilter::WARN, vec![file("/x", "y")]));
    }

    #[test]
    fn without_an_appender_the_console_is_used_unless_nobody_would_see_it() {
        assert_eq!(read(&[], false).targets, [Target::Console]);
        assert_eq!(read(&[], true).targets, [file("./logs", "flume.log")]);
        assert_eq!(read(&[("flume.log.dir", "/x")], false).targets, [file("/x", "flume.log")]);
        assert_eq!(read(&[("flume.root.logger", "WARN")], false).targets, [Target::Console]);
    }

    #[test]
    fn misspelt_words_are_said_and_the_log_still_goes_somewhere() {
        let o = read(&[("flume.root.logger", "INOF,consol")], false);
        assert_eq!((o.level, o.targets), (LevelFilter::INFO, vec![Target::Console]));
        assert_eq!(o.notes.len(), 2);
        assert!(o.notes[0].contains("\"INOF\"") && o.notes[1].contains("\"consol\""), "{:?}", o.notes);
    }
}
