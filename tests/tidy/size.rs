//! File sizes. A file of more than 500 lines, its tests left out, stands in `ratchet.txt` with its size; it may shrink, never grow, and
//! no entry is added without a reason in the commit.

use crate::text::{File, rust_files};
use crate::{expect_none, expect_one};

const MOST_LINES: usize = 500;
const RATCHET: &str = include_str!("ratchet.txt");

fn check(files: &[File], ratchet: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut listed: Vec<(&str, usize)> = Vec::new();
    for line in ratchet.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        match line.split_once(' ').map(|(path, lines)| (path, lines.trim().parse())) {
            Some((path, Ok(lines))) => listed.push((path, lines)),
            _ => complaints.push(format!("ratchet.txt: {line:?} is not a path and a number")),
        }
    }
    for file in files.iter().filter(|f| !is_test(&f.path)) {
        let lines = code_lines(&file.text);
        let limit = listed.iter().find(|(path, _)| *path == file.path).map(|(_, lines)| *lines);
        match limit {
            None if lines > MOST_LINES => {
                complaints.push(format!("{}: {lines} lines; split it (the most is {MOST_LINES})", file.path));
            }
            Some(limit) if lines > limit => {
                complaints
                    .push(format!("{}: grew from {limit} to {lines} lines; it may only shrink", file.path));
            }
            Some(_) if lines <= MOST_LINES => {
                complaints.push(format!("{}: has {lines} lines now; take it off ratchet.txt", file.path));
            }
            _ => {}
        }
    }
    for (path, _) in listed.iter().filter(|(path, _)| !files.iter().any(|f| f.path == *path)) {
        complaints.push(format!("{path}: is gone; take it off ratchet.txt"));
    }
    complaints
}

/// Lines without the tests at the end of a file.
fn code_lines(text: &str) -> usize {
    let code = text.split_once("\n#[cfg(test)]\nmod tests {").map_or(text, |(code, _)| code);
    code.lines().count()
}

/// Files of tests may be long: they are read one test at a time.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[test]
fn files_stay_small() {
    expect_none(&check(&rust_files(), RATCHET));
}

#[test]
fn growth_is_found_and_old_entries_too() {
    let file = |lines: usize| [File { path: "a/b.rs".into(), text: "\n".repeat(lines) }];
    expect_none(&check(&file(500), ""));
    expect_one(&check(&file(501), ""), "split it");
    assert_eq!(code_lines("a\nb\n\n#[cfg(test)]\nmod tests {\n}\n"), 2);
    expect_none(&check(&file(600), "# path lines\na/b.rs 600"));
    expect_one(&check(&file(601), "a/b.rs 600"), "grew from 600 to 601");
    expect_one(&check(&file(400), "a/b.rs 600"), "take it off");
    expect_one(&check(&file(400), "a/c.rs 600"), "is gone");
    expect_one(&check(&file(400), "a/c.rs many"), "not a path and a number");
}
