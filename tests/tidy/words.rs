//! Words that must not stand in this repository.

use crate::text::{File, files};
use crate::{expect_none, expect_one};

/// What, where (a suffix of the path; empty: everywhere), and why. Written in two halves, so that this file may be read too.
const BANNED: &[(&str, &str, &str, &str)] = &[
    ("to", "do!(", ".rs", "a hole: finish it or leave it out"),
    ("unimple", "mented!(", ".rs", "a hole: finish it or leave it out"),
    ("FIX", "ME", "", "a note to oneself: fix it"),
    ("#[ig", "nore]", ".rs", "a test that nobody runs: name its suite"),
    ("/wo", "rk/", "", "a path of one machine"),
    ("/ro", "ot/", "", "a path of one machine"),
    ("static.cr", "ates.io", "", "a package registry's host belongs to the user's cargo configuration"),
    ("index.cr", "ates.io", "", "a package registry's host belongs to the user's cargo configuration"),
    ("repo.mav", "en.apache.org", "", "a package registry's host belongs to the user's settings"),
    ("repo1.mav", "en.org", "", "a package registry's host belongs to the user's settings"),
    ("files.pythonho", "sted.org", "", "a package registry's host belongs to the user's settings"),
    ("registry.np", "mjs.org", "", "a package registry's host belongs to the user's settings"),
    ("deb.deb", "ian.org", "", "a package registry's host belongs to the user's settings"),
];

fn check(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        for (line, text) in (1..).zip(file.text.lines()) {
            for (half, rest, suffix, why) in BANNED {
                let word = [*half, *rest].concat();
                if file.path.ends_with(suffix) && text.contains(&word) {
                    complaints.push(format!("{}:{line}: {word}: {why}", file.path));
                }
            }
            if text.contains(&["reti", "red"].concat()) && text.contains("Flume") {
                complaints.push(format!("{}:{line}: Flume is maintained; say what is meant", file.path));
            }
        }
        if file.path == "Cargo.lock" {
            complaints.extend(check_sources(&file.text));
        }
    }
    complaints
}

/// Crates come from the public index, whatever mirror the machine uses.
fn check_sources(lock: &str) -> Vec<String> {
    const INDEX: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let other = lock.lines().filter(|l| l.starts_with("source = ") && *l != INDEX);
    other.map(|l| format!("Cargo.lock: {l}: everybody must be able to build this")).collect()
}

#[test]
fn banned_words_do_not_occur() {
    expect_none(&check(&files()));
}

#[test]
fn each_banned_word_is_found() {
    for (half, rest, _, _) in BANNED {
        let text = format!("fine\n{half}{rest}\n");
        expect_one(&check(&[File { path: "x/y.rs".into(), text }]), "x/y.rs:2: ");
    }
    let text = format!("Apache Flume is {}{}.", "reti", "red");
    expect_one(&check(&[File { path: "README.md".into(), text }]), "maintained");
    let text = "source = \"registry+https://mirror.invalid/index\"".to_string();
    expect_one(&check(&[File { path: "Cargo.lock".into(), text }]), "everybody");
    expect_none(&check(&[File { path: "x.md".into(), text: format!("{}{}", "to", "do!()") }]));
}
