//! What lies at the top of the repository, and what README promises.

use crate::text::{paths, root};
use crate::{expect_none, expect_one};

/// Fixed by the customer.
const TOP: &[&str] = &[
    ".ci",
    ".clippy.toml",
    ".gitignore",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "bench",
    "conf",
    "ctl",
    "dataplane",
    "tests",
    "wal",
];

/// The two commands that do all the set-up.
const COMMANDS: [&str; 2] =
    ["cargo run --release --bin penstock -- agent -n a1 -f conf/quickstart.conf", "tests/run"];

fn check_top(paths: &[String]) -> Vec<String> {
    let mut found: Vec<&str> = paths.iter().filter_map(|p| p.split('/').next()).collect();
    found.dedup();
    let strange =
        found.iter().filter(|f| !TOP.contains(f)).map(|f| format!("{f}: does not belong at the top"));
    let missing = TOP.iter().filter(|t| !found.contains(t)).map(|t| format!("{t}: is missing at the top"));
    strange.chain(missing).collect()
}

fn check_readme(text: &str) -> Vec<String> {
    let missing = COMMANDS.iter().filter(|c| !text.lines().any(|l| l.trim() == **c));
    missing.map(|c| format!("README.md: has no line {c:?}")).collect()
}

#[test]
fn the_top_level_is_as_agreed() {
    expect_none(&check_top(&paths()));
}

#[test]
fn readme_has_both_commands() {
    expect_none(&check_readme(&std::fs::read_to_string(root().join("README.md")).unwrap()));
}

#[test]
fn what_does_not_belong_is_found() {
    let mut top: Vec<String> = TOP.iter().map(|t| format!("{t}/x")).collect();
    expect_none(&check_top(&top));
    top.push("util/x".to_string());
    expect_one(&check_top(&top), "util: does not belong");
    expect_one(&check_top(&top[1..top.len() - 1]), ".ci: is missing");
    let text = COMMANDS.join("\n");
    expect_none(&check_readme(&text));
    expect_one(&check_readme(&text.replace("tests/run", "tests/walk")), "tests/run");
}
