//! Which room of dataplane may know which: arrows point down only.

use crate::text::{File, code_only, rust_files};
use crate::{expect_none, expect_one};
use std::collections::BTreeSet;

/// Everything a room may name besides itself. A new entry is a commit of its own with its reason.
const ALLOWED: &[(&str, &[&str])] = &[
    ("main", &["agent", "control", "registry", "config"]),
    ("agent", &["control", "registry", "pipeline", "channel", "event", "config", "metrics", "reactor"]),
    ("control", &["channel", "config", "metrics"]),
    (
        "registry",
        &[
            "source",
            "sink",
            "channel",
            "interceptor",
            "selector",
            "processor",
            "serializer",
            "pipeline",
            "config",
        ],
    ),
    ("source", &["pipeline", "codec", "channel", "event", "config", "metrics", "reactor"]),
    ("sink", &["pipeline", "codec", "serializer", "channel", "event", "config", "metrics", "reactor"]),
    ("processor", &["pipeline", "channel", "event", "config", "metrics", "reactor"]),
    ("interceptor", &["pipeline", "codec", "event", "config"]),
    ("selector", &["pipeline", "codec", "event", "config"]),
    ("serializer", &["event", "config"]),
    ("pipeline", &["channel", "event", "config", "metrics", "reactor"]),
    ("channel", &["event", "config", "metrics", "reactor", "wal"]),
    ("codec", &["event", "config"]),
    ("config", &["event"]),
    ("event", &[]),
    ("metrics", &[]),
    ("reactor", &["wal"]),
];

/// Rooms without I/O, clock, tasks and randomness, and what they therefore never name.
const PURE: &[&str] = &["codec", "interceptor", "selector", "event", "config"];
const IMPURE: &[&[&str]] = &[
    &["tokio"],
    &["rustix"],
    &["libc"],
    &["rand"],
    &["std", "fs"],
    &["std", "env"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
    &["std", "net", "TcpStream"],
    &["std", "net", "TcpListener"],
    &["std", "net", "UdpSocket"],
    &["std", "net", "ToSocketAddrs"],
];

/// A path that code names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    line: usize,
    /// `crate` is left out, `super` and `self` are resolved; paths into other crates begin with `::`.
    path: Vec<String>,
    /// Inside `#[cfg(test)]`.
    in_test: bool,
}

/// Everything wrong with the arrows of these files of dataplane/src.
fn check(files: &[File]) -> Vec<String> {
    let components = components(files);
    let test_modules = test_modules(files);
    let mut complaints = Vec::new();
    for file in files {
        let Some(module) = module_of(&file.path) else { continue };
        let room = module.first().map_or("lib", String::as_str);
        if test_modules.iter().any(|t| starts_with(&module, t)) || room == "lib" {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(r, _)| *r == room) else {
            complaints.push(format!("{}: room {room} has no line in the table of arrows", file.path));
            continue;
        };
        for named in named_paths(&file.text, &module).into_iter().filter(|n| !n.in_test) {
            let at = format!("{}:{}", file.path, named.line);
            if let Some(outside) = outside_name(&named.path) {
                if PURE.contains(&room) && IMPURE.iter().any(|bad| starts_with(&outside, bad)) {
                    complaints.push(format!("{at}: {room} is pure and must not name {}", outside.join("::")));
                }
                if outside[0] == "wal" && !allowed.contains(&"wal") {
                    complaints.push(format!("{at}: {room} must not know wal"));
                }
                continue;
            }
            let to = named.path[0].as_str();
            if to != room && !allowed.contains(&to) {
                complaints.push(format!("{at}: no arrow leads from {room} to {to}"));
            } else if let Some(of) = components.iter().find(|c| starts_with(&named.path, c))
                && room != "registry"
                && module.len() > 1
                && !starts_with(&module, of)
            {
                let what = of.join("::");
                complaints.push(format!("{at}: only the registry and the room's own mod name {what}"));
            }
        }
    }
    complaints
}

/// Room and name of each concrete component: those that declare a `KIND`, in one of their files.
fn components(files: &[File]) -> BTreeSet<Vec<String>> {
    let declares = |f: &&File| code_only(&f.text).contains("static KIND:");
    let modules = files.iter().filter(declares).filter_map(|f| module_of(&f.path));
    modules.filter(|m| m.len() > 1).map(|m| m[..2].to_vec()).collect()
}

/// Modules in files of their own that are test code: declared `#[cfg(test)] mod …;`.
fn test_modules(files: &[File]) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for file in files {
        let Some(module) = module_of(&file.path) else { continue };
        let tokens = tokens(&code_only(&file.text));
        for (at, three) in tokens.windows(3).enumerate() {
            if three[0].1 == "mod" && three[2].1 == ";" && follows_cfg_test(&tokens[..at]) {
                found.insert(module.iter().cloned().chain([three[1].1.clone()]).collect());
            }
        }
    }
    found
}

/// `dataplane/src/source/netcat/mod.rs` is `source::netcat`.
fn module_of(path: &str) -> Option<Vec<String>> {
    let inner = path.strip_prefix("dataplane/src/")?.strip_suffix(".rs")?;
    let mut module: Vec<String> = inner.split('/').map(str::to_string).collect();
    if module.last().is_some_and(|m| m == "mod" || m == "lib") {
        module.pop();
    }
    Some(module)
}

fn starts_with<S: AsRef<str>>(path: &[String], with: &[S]) -> bool {
    path.len() >= with.len() && path.iter().zip(with).all(|(p, w)| p == w.as_ref())
}

/// The path without its leading `::`, when it leads into another crate.
fn outside_name(path: &[String]) -> Option<Vec<String>> {
    (path.first()? == "::").then(|| path[1..].to_vec())
}

/// Splits code into names, `::` and single characters, each with its line.
fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    let mut chars = code.chars().peekable();
    let mut line = 1;
    while let Some(c) = chars.next() {
        if c == '\n' {
            line += 1;
        } else if c.is_alphanumeric() || c == '_' {
            let mut word = String::from(c);
            while let Some(next) = chars.next_if(|n| n.is_alphanumeric() || *n == '_') {
                word.push(next);
            }
            out.push((line, word));
        } else if c == ':' && chars.next_if_eq(&':').is_some() {
            out.push((line, "::".to_string()));
        } else if !c.is_whitespace() {
            out.push((line, c.to_string()));
        }
    }
    out
}

/// Every path in `text`, the file of `module`, that begins with `crate`, `super`, `self`, the crate's own name, or the
/// name of a room or crate.
fn named_paths(text: &str, module: &[String]) -> Vec<Named> {
    let tokens = tokens(&code_only(text));
    let word = |i: usize| tokens.get(i).map_or("", |t| t.1.as_str());
    let mut found = Vec::new();
    // For each open brace: the inline module it opens, and whether that is test code.
    let mut braces: Vec<(Option<String>, bool)> = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        match word(i) {
            "{" => {
                let opens = (i > 1 && word(i - 2) == "mod").then(|| word(i - 1).to_string());
                let test = opens.is_some() && follows_cfg_test(&tokens[..i - 2]);
                braces.push((opens, test || braces.last().is_some_and(|b| b.1)));
            }
            "}" => drop(braces.pop()),
            first if word(i + 1) == "::" && i.checked_sub(1).is_none_or(|p| word(p) != "::") => {
                let inline = braces.iter().filter_map(|b| b.0.clone());
                let here: Vec<String> = module.iter().cloned().chain(inline).collect();
                let in_test = braces.last().is_some_and(|b| b.1);
                if let Some(root) = start_of(first, &here) {
                    let mut paths = Vec::new();
                    i = expand(&tokens, i + 1, root, &mut paths);
                    found.extend(paths.into_iter().map(|(line, path)| Named { line, path, in_test }));
                    continue;
                }
            }
            _ => {}
        }
        i += 1;
    }
    found.retain(|n| !n.path.is_empty());
    found
}

fn follows_cfg_test(before: &[(usize, String)]) -> bool {
    let tail: String = before.iter().rev().take(12).rev().map(|t| t.1.as_str()).collect();
    ["", "pub", "pub(crate)", "pub(super)"].iter().any(|vis| tail.ends_with(&format!("#[cfg(test)]{vis}")))
}

/// What a path that begins with this word begins with, resolved; none for names that mean nothing here.
fn start_of(first: &str, here: &[String]) -> Option<Vec<String>> {
    match first {
        "crate" | "dataplane" => Some(Vec::new()),
        "self" => Some(here.to_vec()),
        "super" => Some(here[..here.len().saturating_sub(1)].to_vec()),
        room if ALLOWED.iter().any(|(r, _)| *r == room) && here.first().is_some_and(|h| h != room) => {
            Some(vec![room.to_string()])
        }
        outside if ["wal", "std"].contains(&outside) || IMPURE.iter().any(|p| p[0] == outside) => {
            Some(vec!["::".to_string(), outside.to_string()])
        }
        _ => None,
    }
}

/// Follows a path from the `::` at `i`, into groups too; gives the index after it.
fn expand(
    tokens: &[(usize, String)],
    mut i: usize,
    mut so_far: Vec<String>,
    out: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.1.as_str());
    let is_name = |w: &str| w.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
    let line = tokens[i].0;
    while word(i) == "::" {
        i += 1;
        match word(i) {
            "super" => drop(so_far.pop()),
            "self" => {}
            "{" => {
                i += 1;
                while i < tokens.len() && word(i) != "}" {
                    if is_name(word(i)) {
                        let mut branch = so_far.clone();
                        if word(i) != "self" {
                            branch.push(word(i).to_string());
                        }
                        i = expand(tokens, i + 1, branch, out);
                    } else {
                        i += 1;
                    }
                }
                return i + 1;
            }
            name if is_name(name) => so_far.push(name.to_string()),
            _ => break,
        }
        i += 1;
    }
    out.push((line, so_far));
    i
}

/// Names that only some places may have: `unsafe` and the rings.
fn check_doors(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        let inside =
            file.path.starts_with("dataplane/src/reactor/") || file.path.starts_with("wal/src/disk/");
        if inside {
            continue;
        }
        for (line, word) in tokens(&code_only(&file.text)) {
            if ["unsafe", "io_uring", "tokio_uring"].contains(&word.as_str()) {
                complaints.push(format!("{}:{line}: only the reactor names {word}", file.path));
            }
        }
    }
    complaints
}

/// wal knows no other room and no runtime.
fn check_wal(manifest: &str) -> Vec<String> {
    let sections = manifest.split("\n[").filter(|s| s.starts_with("dependencies"));
    let names = sections.flat_map(|s| s.lines().skip(1)).filter_map(|l| l.split(['.', '=', ' ']).next());
    const NEVER: &[&str] =
        &["dataplane", "ctl", "bench", "tests", "tokio", "tokio-uring", "tracing", "serde", "axum", "hyper"];
    names
        .filter(|n| NEVER.contains(n))
        .map(|n| format!("wal/Cargo.toml: wal must not depend on {n}"))
        .collect()
}

#[test]
fn arrows_point_down_only() {
    let files = rust_files();
    assert!(files.iter().filter(|f| f.path.starts_with("dataplane/src/")).count() > 40, "the tree was found");
    expect_none(&check(&files));
    expect_none(&check_doors(&files));
    let manifest = std::fs::read_to_string(crate::text::root().join("wal/Cargo.toml")).unwrap();
    expect_none(&check_wal(&manifest));
}

#[cfg(test)]
fn planted(path: &str, text: &str) -> Vec<String> {
    let kind = File { path: "dataplane/src/source/exec.rs".into(), text: "pub static KIND: X = 1;".into() };
    let memory =
        File { path: "dataplane/src/channel/memory.rs".into(), text: "pub static KIND: X = 1;".into() };
    let codec = File { path: "dataplane/src/codec/x.rs".into(), text: "#[cfg(test)] mod tests;".into() };
    check(&[kind, memory, codec, File { path: path.into(), text: text.into() }])
}

#[test]
fn an_arrow_upwards_is_found() {
    for (path, text, complaint) in [
        ("dataplane/src/channel/x.rs", "use crate::source::Y;", "no arrow leads from channel to source"),
        (
            "dataplane/src/codec/x.rs",
            "use crate::{event::A, reactor::B};",
            "no arrow leads from codec to reactor",
        ),
        (
            "dataplane/src/event/x.rs",
            "fn f() { crate::metrics::g() }",
            "no arrow leads from event to metrics",
        ),
        (
            "dataplane/src/sink/x/y.rs",
            "use super::super::super::agent::Z;",
            "no arrow leads from sink to agent",
        ),
        ("dataplane/src/sink/x.rs", "mod a { use super::super::super::agent::Z; }", "from sink to agent"),
        ("dataplane/src/pipeline/x.rs", "\n\nuse crate::channel::memory::M;", "x.rs:3: only the registry"),
        (
            "dataplane/src/source/x.rs",
            "use super::exec::Exec;",
            "only the registry and the room's own mod name source::exec",
        ),
        (
            "dataplane/src/sink/x.rs",
            "use crate::channel; fn f() { channel::memory::open() }",
            "only the registry",
        ),
        ("dataplane/src/sink/x.rs", "use wal::Log;", "sink must not know wal"),
        (
            "dataplane/src/interceptor/x.rs",
            "use std::{fmt, time::{Duration, Instant}};",
            "must not name std::time::Instant",
        ),
        ("dataplane/src/selector/x.rs", "fn f() { std::fs::read(p) }", "must not name std::fs"),
        ("dataplane/src/config/x.rs", "async fn f() { tokio::spawn(g()) }", "must not name tokio"),
        ("dataplane/src/attic/x.rs", "", "room attic has no line"),
    ] {
        expect_one(&planted(path, text), complaint);
    }
}

#[test]
fn allowed_arrows_tests_and_text_are_left_alone() {
    for (path, text) in [
        ("dataplane/src/source/x.rs", "use crate::pipeline::{self, Source}; use crate::reactor::Core;"),
        ("dataplane/src/source/mod.rs", "pub mod exec; fn f() { exec::g(); super::source::exec::g() }"),
        ("dataplane/src/registry.rs", "use crate::{channel, source}; static A: B = source::exec::KIND;"),
        ("dataplane/src/codec/x.rs", "#[cfg(test)]\nmod tests { use crate::agent::A; use std::fs; }"),
        ("dataplane/src/codec/x/tests.rs", "use crate::agent::A;"),
        ("dataplane/src/codec/x.rs", "// use crate::agent::A;\nconst A: &str = \"crate::agent::A\";"),
        ("dataplane/src/config/x.rs", "use std::time::Duration; use std::net::IpAddr;"),
        ("dataplane/src/agent/x.rs", "use crate::channel::{ChannelSpec, remote::Node};"),
    ] {
        expect_none(&planted(path, text));
    }
}

#[test]
fn unsafe_and_rings_outside_the_reactor_are_found() {
    let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
    expect_one(&check_doors(&[file("ctl/src/main.rs", "fn f() { unsafe { g() } }")]), "main.rs:1");
    expect_one(&check_doors(&[file("dataplane/src/source/x.rs", "use io_uring::IoUring;")]), "io_uring");
    expect_none(&check_doors(&[
        file("dataplane/src/reactor/ring.rs", "unsafe fn f() {}"),
        file("dataplane/src/source/x.rs", "// unsafe\n#![deny(unsafe_code)]"),
    ]));
}

#[test]
fn a_room_that_wal_depends_on_is_found() {
    expect_one(&check_wal("[package]\nname = \"wal\"\n\n[dependencies]\ntokio.workspace = true\n"), "tokio");
    expect_none(&check_wal("[dependencies]\nthiserror.workspace = true\n"));
}
