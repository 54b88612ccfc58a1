//! Rules of the house that a compiler does not check, read off the source text. Every rule is a pure function from text to
//! complaints; next to it stands a test that plants a violation and expects the complaint.

#![allow(clippy::disallowed_methods, reason = "tests read the tree")]

mod arrows;
mod layout;
mod size;
mod text;
mod words;

/// Fails with every complaint on a line of its own.
#[track_caller]
fn expect_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Fails unless exactly one complaint was made and contains `part`.
#[track_caller]
fn expect_one(complaints: &[String], part: &str) {
    assert!(
        complaints.len() == 1 && complaints[0].contains(part),
        "expected one complaint with {part:?}, got:\n{}\n",
        complaints.join("\n")
    );
}
