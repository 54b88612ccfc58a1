//! What lies at the top of the repository.

use crate::text::paths;
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

fn check_top(paths: &[String]) -> Vec<String> {
    let mut found: Vec<&str> = paths.iter().filter_map(|p| p.split('/').next()).collect();
    found.dedup();
    let strange =
        found.iter().filter(|f| !TOP.contains(f)).map(|f| format!("{f}: does not belong at the top"));
    strange.collect()
}

#[test]
fn the_top_level_is_as_agreed() {
    expect_none(&check_top(&paths()));
}

#[test]
fn what_does_not_belong_is_found() {
    let mut top: Vec<String> = TOP.iter().map(|t| format!("{t}/x")).collect();
    expect_none(&check_top(&top));
    top.push("util/x".to_string());
    expect_one(&check_top(&top), "util: does not belong");
}
