//! One line that says what goes on, on standard error.

use std::io::{IsTerminal, Write};

/// Shows `what`; on a terminal it replaces what was shown before.
pub(crate) fn say(what: &str) {
    let mut err = std::io::stderr().lock();
    let written = if err.is_terminal() { write!(err, "\r\x1b[K{what}") } else { writeln!(err, "{what}") };
    // A measurement does not end because nobody watches it.
    written.and_then(|()| err.flush()).ok();
}

/// Clears the line.
pub(crate) fn done() {
    let mut err = std::io::stderr().lock();
    if err.is_terminal() {
        write!(err, "\r\x1b[K").ok();
    }
}
