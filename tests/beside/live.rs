//! Files that grow, shrink, vanish and change their names while they are followed.

use crate::harness::wait_until;
use crate::pair::{Pair, Side, pair};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

fn text(side: &Side) -> String {
    String::from_utf8(side.written("live")).unwrap()
}

/// Does the same to the files of both, and waits until this line came out of both.
#[track_caller]
fn step(pair: &Pair, line: &str, act: impl Fn(&dyn Fn(&str) -> PathBuf)) {
    pair.both(|side| act(&|name| side.path("followed").join(name)));
    for side in [&pair.flume, &pair.ours] {
        wait_until(&format!("{line:?} in {}", side.name), || text(side).ends_with(&format!("{line}\n")));
    }
}

fn append(file: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// What the position file says: name and offset of each file. Nothing while it is being written.
fn positions(side: &Side) -> Vec<(String, u64)> {
    let text = fs::read(side.path("live.json")).unwrap_or_default();
    let rows: Vec<Value> = serde_json::from_slice(&text).unwrap_or_default();
    let name = |row: &Value| row["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let mut rows: Vec<_> = rows.iter().map(|row| (name(row), row["pos"].as_u64().unwrap())).collect();
    rows.sort();
    rows
}

#[test]
fn changing_files_are_followed_alike_and_a_renamed_one_is_not_sent_again() {
    let Some(pair) = pair() else { return };
    step(&pair, "one", |path| append(&path("a.log"), "one\n"));
    step(&pair, "two", |path| append(&path("a.log"), "two\nhal"));
    step(&pair, "half", |path| append(&path("a.log"), "f\n"));
    // Cut and written anew: from the beginning.
    step(&pair, "new", |path| fs::write(path("a.log"), "new\n").unwrap());
    // Away, to a name that nobody follows, and a new file in its place.
    step(&pair, "after", |path| {
        fs::rename(path("a.log"), path("a.log.1")).unwrap();
        append(&path("a.log"), "after\n");
    });
    let (flume, ours) = pair.both(text);
    assert_eq!(ours, flume);
    // Meant: ours remembers the file that is away until it is idle; the position file of Flume has it no more.
    let wanted = [("a.log".to_owned(), 6), ("a.log.1".to_owned(), 4)];
    wait_until("the position of Flume", || positions(&pair.flume) == wanted[..1]);
    wait_until("the positions of ours", || positions(&pair.ours) == wanted);
    // Meant: Flume takes a followed file under another name that matches for a new one and sends it all again.
    step(&pair, "more", |path| {
        fs::rename(path("a.log"), path("b.log")).unwrap();
        append(&path("b.log"), "more\n");
    });
    let (flume, ours) = pair.both(text);
    assert!(flume.ends_with("new\nafter\nafter\nmore\n"), "{flume}");
    assert!(ours.ends_with("new\nafter\nmore\n"), "{ours}");
}
