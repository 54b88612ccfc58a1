//! The slips of real files, each as small as it can be, with the sentence that a beginner needs.

use super::super::{File, Plan};
use crate::config::filters::NothingRuns;
use crate::config::{Diagnostic, Lookups};

const BASE: &str = "a1.sources = r1\na1.channels = c1\na1.sinks = k1\na1.sources.r1.type = seq\n\
    a1.sources.r1.channels = c1\na1.channels.c1.type = memory\na1.sinks.k1.type = null\na1.sinks.k1.channel = c1\n";

fn said(text: &str) -> Vec<Diagnostic> {
    let lookups = Lookups::empty("2026-01-01T00:00:00[UTC]".parse().unwrap());
    Plan::read(&[File { name: "x.conf".into(), bytes: text.into() }], &lookups, &NothingRuns).diagnostics
}

/// Replaces one line of the base, and expects a complaint of this code at this line whose help begins so.
#[track_caller]
fn check(line: &str, instead: &str, at: u32, code: &str, help: &str) {
    assert!(BASE.contains(line), "{line}");
    expect(&BASE.replace(line, instead), at, code, help);
}

#[track_caller]
fn expect(text: &str, at: u32, code: &str, help: &str) {
    let found = said(text);
    let fits = |d: &&Diagnostic| d.place.line == at && d.code == code && d.help.starts_with(help);
    let shown: Vec<_> =
        found.iter().map(|d| format!("{} {} {} // {}", d.place.line, d.code, d.message, d.help)).collect();
    assert!(found.iter().any(|d| fits(&d)), "{text}\n{shown:#?}");
}

#[test]
fn misspelt_keys() {
    check("r1.type = ", "r1.Type = ", 4, "no-type", "did you mean type by Type?");
    check("a1.sources = ", "a1.Sources = ", 1, "unknown-property", "did you mean a1.sources?");
    check(
        "a1.sources.r1.type",
        "a1.source.r1.type",
        4,
        "unknown-property",
        "did you mean a1.sources.r1.type?",
    );
    check("a1.sinks.k1.type", "a1.sink.k1.type", 7, "unknown-property", "did you mean a1.sinks.k1.type?");
    check(
        "a1.sinks.k1.type = null",
        "a1.sinks.k1 = null",
        7,
        "unknown-property",
        "a component's property is written",
    );
    check("k1.channel =", "k1.chanel =", 8, "no-channel", "did you mean channel by chanel?");
    check("r1.channels =", "r1.channel =", 5, "no-channels", "a source has the key channels");
    check("k1.channel =", "k1.channels =", 8, "no-channel", "a sink has the key channel, with one name");
    check("a1.sources.r1.channels = c1\n", "", 4, "no-channels", "add a1.sources.r1.channels = c1");
    check(
        "k1.type = null",
        "k1.type = null\na1.sinks.k1.batchsize = 3",
        8,
        "unknown-key",
        "did you mean batchSize?",
    );
}

#[test]
fn misspelt_names() {
    check("a1.channels = c1", "a1.channels = chan", 2, "no-properties", "add a1.channels.chan.type");
    let long = BASE.replace("c1", "events");
    expect(
        &long.replace("channel = events", "channel = evnets"),
        8,
        "no-active-channel",
        "did you mean events?",
    );
    expect(
        &long.replace("channels = events\na1.sinks", "channels = event\na1.sinks"),
        2,
        "no-properties",
        "did you mean events?",
    );
    expect(&long.replace("a1.sinks.k1.channel", "a1.sinks.ki.channel"), 8, "unlisted", "did you mean k1?");
    check(
        "channels = c1\na1.channels",
        "channels = c7\na1.channels",
        5,
        "no-active-channel",
        "the channels of a1 are c1",
    );
    check(
        "k1.channel = c1",
        "k1.channel = c1 c2",
        8,
        "no-active-channel",
        "a sink takes from one channel only",
    );
    let agent = BASE.replace("a1.", "agent.");
    expect(
        &agent.replace("agent.sinks.k1.type", "agnet.sinks.k1.type"),
        7,
        "no-channels",
        "did you mean agent agent?",
    );
    check(
        "a1.sinks.k1.type = null\na1.sinks.k1.channel",
        "al.sinks.k1.type = null\nal.sinks.k1.channel",
        7,
        "no-channels",
        "did you mean agent a1? It lists a component of this name",
    );
}

#[test]
fn lists() {
    check("a1.sinks = k1", "a1.sinks = k1,", 3, "comma-in-list", "write a1.sinks = k1");
    check("a1.sinks = k1", "a1.sinks = k1,", 3, "no-properties", "separate names by blanks");
    check("a1.sinks = k1", "a1.sinks = k1,", 7, "unlisted", "names in a list are separated by blanks");
    check("r1.channels = c1", "r1.channels = c1,c2", 5, "no-active-channel", "separate names by blanks");
    check("a1.sinks = k1\n", "", 6, "unlisted", "write a1.sinks = k1 to use it");
    expect(
        &(BASE.to_owned() + "a1.sinks.k2.type = null\n"),
        9,
        "unlisted",
        "write a1.sinks = k1 k2 to use it",
    );
    expect(
        &(BASE.to_owned()
            + "a1.sources.r1.interceptors = i1\na1.sources.r1.interceptors.i1.type = host\na1.sources.r1.interceptors.i2.type = host\n"),
        11,
        "unlisted",
        "write a1.sources.r1.interceptors = i1 i2",
    );
    expect(
        "a1.sinks.k1.type = null\n",
        1,
        "no-channels",
        "this looks like a part of a configuration; an agent also needs a1.sources = …",
    );
}

#[test]
fn lines_that_are_broken() {
    check(
        "a1.sources = r1\n",
        "a1.sources = r1\nr2\n",
        2,
        "no-value",
        "if it belongs to the line above, end that line",
    );
    check("a1.sources = r1\n", "a1.sources = r1\n// r2 = x\n", 2, "no-agent-name", "a comment begins with #");
    let cut = BASE.to_owned() + "a1.sinks.k1.kafka.bootstrap.servers\n192.168.1.41:9092,192.168.1.42:9092\n";
    expect(&cut, 9, "no-value", "write a1.sinks.k1.kafka.bootstrap.servers = and the value of the next line");
    expect(&cut, 10, "no-channels", "192 is no agent: this line looks like the value of a1.sinks.k1.kafka");
    check("a1.channels = c1", "a1.channels =", 2, "no-value", "give a value");
    check(
        "r1.type = seq",
        "r1.type = seq a1.sources.r1.batchSize = 5",
        4,
        "two-properties",
        "put a1.sources.r1.batchSize on a line",
    );
}

#[test]
fn what_cannot_be_together() {
    let two = BASE.replace("a1.sources = r1", "a1.sources = r1 r2")
        + "a1.sources.r2.type = netcat\na1.sources.r2.channels = c1\na1.sources.r2.bind = h\na1.sources.r2.port = 7\n";
    let same = two.replace(
        "a1.sources.r1.type = seq",
        "a1.sources.r1.type = netcat\na1.sources.r1.bind = h\na1.sources.r1.port = 7",
    );
    expect(&same, 14, "same-port", "give one of them another port");
    assert!(said(&two).iter().all(|d| d.code != "same-port"));
    let group = BASE.to_owned()
        + "a1.sinkgroups = g1\na1.sinkgroups.g1.sink = k1\na1.sinkgroups.g1.processor.type = default\n";
    expect(&group, 10, "no-sinks", "did you mean sinks by sink?");
    check(
        "c1.type = memory",
        "c1.type = memory\na1.channels.c1.capacity = 50",
        6,
        "cannot-build",
        "write a1.channels.c1.transactionCapacity = 50 or less",
    );
}

#[test]
fn a_byte_order_mark() {
    expect(&format!("\u{feff}{BASE}"), 1, "byte-order-mark", "save the file as UTF-8 without BOM");
    expect(&format!("\u{feff}{BASE}"), 1, "no-channels", "the byte-order mark made another name of a1");
}
