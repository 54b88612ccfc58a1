//! The same complaint ten times a second is said ten times, then counted.

use super::format::{Origin, beginning};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Records of one cause that are printed within one second.
const MAX_PER_SECOND: u32 = 10;
/// Causes followed at once. Beyond it, the causes of one call site count as one.
const MAX_CAUSES: usize = 256;
const WINDOW_MS: i64 = 1000;

/// A cause: the place in the code, and the beginning of what it says.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Cause {
    site: usize,
    words: u64,
}

struct Window {
    since_ms: i64,
    count: u32,
    suppressed: u64,
    last: Option<(Origin, String)>,
}

/// What to do with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Print it.
    Print,
    /// The first of its window that is not printed: somebody has to come back and say how many followed.
    FirstSuppressed,
    /// Not printed, as the one before it.
    Suppressed,
}

/// Counts per cause.
#[derive(Default)]
pub(super) struct Limiter {
    windows: Mutex<HashMap<Cause, Window>>,
    suppressed: AtomicU64,
}

impl Limiter {
    /// Whether this record is printed. `site` identifies the call. Never waits: when another thread is asking right now,
    /// the answer is yes.
    pub(super) fn judge(&self, site: usize, wall_ms: i64, from: &Origin, text: &str) -> Verdict {
        let Ok(mut windows) = self.windows.try_lock() else { return Verdict::Print };
        let mut cause = Cause { site, words: first_words(text) };
        if windows.len() >= MAX_CAUSES && !windows.contains_key(&cause) {
            windows.retain(|_, w| w.suppressed > 0 || wall_ms - w.since_ms < WINDOW_MS);
            if windows.len() >= MAX_CAUSES {
                cause.words = 0;
            }
        }
        let w =
            windows.entry(cause).or_insert(Window { since_ms: wall_ms, count: 0, suppressed: 0, last: None });
        if w.suppressed == 0 && wall_ms - w.since_ms >= WINDOW_MS {
            (w.since_ms, w.count) = (wall_ms, 0);
        }
        w.count = w.count.saturating_add(1);
        if w.count <= MAX_PER_SECOND {
            return Verdict::Print;
        }
        w.suppressed += 1;
        self.suppressed.fetch_add(1, Relaxed);
        if w.last.is_some() {
            return Verdict::Suppressed;
        }
        w.last = Some((from.clone(), beginning(text, 160).to_string()));
        Verdict::FirstSuppressed
    }

    /// What was suppressed in windows that are over: where, and the line that says it. `all`: also in open windows.
    pub(super) fn settle(&self, wall_ms: i64, all: bool) -> Vec<(Origin, String)> {
        let mut windows = self.windows.lock().unwrap_or_else(|e| e.into_inner());
        let mut lines = Vec::new();
        windows.retain(|_, w| {
            // A clock that was set back ends the window too.
            let over = all || !(0..WINDOW_MS).contains(&(wall_ms - w.since_ms));
            if over && let Some((from, text)) = w.last.take() {
                lines.push((from, format!("{} similar lines suppressed: {text}", w.suppressed)));
            }
            !over
        });
        lines
    }

    /// Whether something is suppressed and not yet said.
    pub(super) fn owes(&self) -> bool {
        self.windows.lock().unwrap_or_else(|e| e.into_inner()).values().any(|w| w.suppressed > 0)
    }

    /// Records suppressed so far.
    pub(super) fn suppressed(&self) -> u64 {
        self.suppressed.load(Relaxed)
    }
}

/// Hash of the first 48 bytes without long numbers: peers and positions differ from line to line where the cause is one;
/// `r1` and `r2` do not have one cause.
fn first_words(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let head = &text.as_bytes()[..text.len().min(48)];
    for run in head.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        if run[0].is_ascii_digit() && run.len() > 2 {
            b'#'.hash(&mut hasher);
        } else {
            run.hash(&mut hasher);
        }
    }
    hasher.finish() | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin { thread: "t".into(), level: "WARN", logger: "l".into(), method: "", file: "f.rs", line: 1 }
    }

    #[test]
    fn ten_a_second_then_one_line_with_the_number() {
        let l = Limiter::default();
        let say =
            |ms, port: u32| l.judge(7, ms, &origin(), &format!("connection from 127.0.0.1:{port} broke"));
        let verdicts: Vec<Verdict> = (0..25).map(|n| say(1000 + n, 40_000 + n as u32)).collect();
        assert!(verdicts[..10].iter().all(|v| *v == Verdict::Print));
        assert_eq!(verdicts[10], Verdict::FirstSuppressed);
        assert!(verdicts[11..].iter().all(|v| *v == Verdict::Suppressed));
        assert!(l.settle(1500, false).is_empty());
        let lines = l.settle(2000, false);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].1.starts_with("15 similar lines suppressed: connection from"), "{}", lines[0].1);
        assert!(!l.owes());
        assert_eq!(say(2100, 1), Verdict::Print);
        assert_eq!(l.suppressed(), 15);
    }

    #[test]
    fn other_components_and_other_places_are_other_causes() {
        let l = Limiter::default();
        let all =
            (0..99).all(|n| l.judge(1, 5, &origin(), &format!("Starting Source r{n}")) == Verdict::Print);
        assert!(all);
        assert!((0..11).all(|site| l.judge(site, 5, &origin(), "x") == Verdict::Print));
    }

    #[test]
    fn memory_is_bounded_whatever_is_logged() {
        let l = Limiter::default();
        for n in 0..10_000u32 {
            let letters: String = n.to_string().bytes().map(|b| char::from(b + 17)).collect();
            l.judge(1, 5, &origin(), &letters);
        }
        assert!(l.windows.lock().unwrap().len() <= MAX_CAUSES + 1);
        assert!(l.owes());
    }
}
