//! Which logger prints at which level; changeable while the agent runs.

use super::format::logger_name;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};

/// A word that is no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not a level; use TRACE, DEBUG, INFO, WARN, ERROR or OFF")]
pub struct LevelError {
    word: String,
}

/// Levels of the root logger and of loggers that have their own.
pub(super) struct Levels {
    table: RwLock<Table>,
    /// Spares callers the lock's two atomic writes while only the root logger has a level.
    has_own: AtomicBool,
}

struct Table {
    root: LevelFilter,
    /// Logger-name prefixes, longest first: the first match decides.
    own: Vec<(String, LevelFilter)>,
}

impl Levels {
    pub(super) fn new(root: LevelFilter) -> Self {
        Levels { table: RwLock::new(Table { root, own: Vec::new() }), has_own: AtomicBool::new(false) }
    }

    /// See `LogHandle::set_level`.
    pub(super) fn set(&self, logger: &str, level: &str) -> Result<(), LevelError> {
        let level = parse_level(level).ok_or_else(|| LevelError { word: level.to_string() })?;
        let mut table = self.table.write().unwrap_or_else(|e| e.into_inner());
        if logger.is_empty() || logger.eq_ignore_ascii_case("root") {
            table.root = level;
            return Ok(());
        }
        let name = logger_name(logger).into_owned();
        match table.own.iter_mut().find(|(n, _)| *n == name) {
            Some(entry) => entry.1 = level,
            None => table.own.push((name, level)),
        }
        table.own.sort_by_key(|(n, _)| std::cmp::Reverse(n.len()));
        self.has_own.store(true, Ordering::Release);
        Ok(())
    }

    /// See `LogHandle::levels`.
    pub(super) fn list(&self) -> Vec<(String, String)> {
        let table = self.table.read().unwrap_or_else(|e| e.into_inner());
        let mut all = vec![("root".to_string(), table.root.to_string().to_uppercase())];
        let own: std::collections::BTreeMap<_, _> = table.own.iter().cloned().collect();
        all.extend(own.into_iter().map(|(name, level)| (name, level.to_string().to_uppercase())));
        all
    }

    /// The most talkative level of any logger.
    pub(super) fn max(&self) -> LevelFilter {
        let table = self.table.read().unwrap_or_else(|e| e.into_inner());
        table.own.iter().map(|(_, l)| *l).fold(table.root, std::cmp::max)
    }

    pub(super) fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.allows(metadata.target(), *metadata.level())
    }

    /// Whether a record of `target` at `level` is printed. Libraries other than ours speak from WARN up unless their
    /// logger has a level of its own.
    pub(super) fn allows(&self, target: &str, level: Level) -> bool {
        let table = self.table.read().unwrap_or_else(|e| e.into_inner());
        let name = logger_name(target);
        if self.has_own.load(Ordering::Acquire)
            && let Some((_, own)) = table.own.iter().find(|(prefix, _)| is_under(&name, prefix))
        {
            return level <= *own;
        }
        let foreign = !is_under(&name, "penstock") && !is_under(&name, "org.apache.flume");
        level <= if foreign { table.root.min(LevelFilter::WARN) } else { table.root }
    }
}

/// A level as log4j spells it, in any case.
pub(super) fn parse_level(word: &str) -> Option<LevelFilter> {
    Some(match word.to_ascii_uppercase().as_str() {
        "OFF" => LevelFilter::OFF,
        "FATAL" | "ERROR" => LevelFilter::ERROR,
        "WARN" | "WARNING" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        "TRACE" | "ALL" => LevelFilter::TRACE,
        _ => return None,
    })
}

/// Whether `name` is `prefix` or below it.
fn is_under(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let levels = Levels::new(LevelFilter::INFO);
        assert!(levels.allows("dataplane::source::netcat", Level::INFO));
        assert!(!levels.allows("dataplane::source::netcat", Level::DEBUG));
        levels.set("source", "ERROR").unwrap();
        levels.set("penstock.source.netcat", "debug").unwrap();
        assert!(levels.allows("dataplane::source::netcat", Level::DEBUG));
        assert!(!levels.allows("dataplane::source::exec", Level::WARN));
        assert!(levels.allows("dataplane::sink::null", Level::INFO));
        assert_eq!(levels.max(), LevelFilter::DEBUG);
        assert_eq!(
            levels.list(),
            [("root", "INFO"), ("penstock.source", "ERROR"), ("penstock.source.netcat", "DEBUG")]
                .map(|(n, l)| (n.to_string(), l.to_string()))
        );
    }

    #[test]
    fn libraries_speak_from_warn_up_until_told() {
        let levels = Levels::new(LevelFilter::DEBUG);
        assert!(levels.allows("agent", Level::DEBUG));
        assert!(!levels.allows("hyper::proto", Level::DEBUG));
        assert!(levels.allows("hyper::proto", Level::WARN));
        levels.set("hyper", "debug").unwrap();
        assert!(levels.allows("hyper::proto", Level::DEBUG));
    }

    #[test]
    fn a_wrong_level_changes_nothing() {
        let levels = Levels::new(LevelFilter::INFO);
        assert!(levels.set("root", "loud").unwrap_err().to_string().contains("\"loud\" is not a level"));
        assert_eq!(levels.max(), LevelFilter::INFO);
        levels.set("root", "OFF").unwrap();
        assert!(!levels.allows("dataplane::agent", Level::ERROR));
    }
}
