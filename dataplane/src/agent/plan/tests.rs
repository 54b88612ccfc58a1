//! One small file per rule: what becomes of each component, and what is said about which line.

use super::*;
use crate::config::filters::NothingRuns;
use proptest::prelude::*;

const BASE: &str = "a1.sources = r1\na1.channels = c1\na1.sinks = k1\na1.sources.r1.type = seq\n\
    a1.sources.r1.channels = c1\na1.channels.c1.type = memory\na1.sinks.k1.type = null\na1.sinks.k1.channel = c1\n";

fn lookups() -> Lookups {
    let mut lookups = Lookups::empty("2026-01-01T00:00:00[UTC]".parse().unwrap());
    lookups.environment.insert("SECRET".into(), "s3cret".into());
    lookups
}

fn plan(text: &str) -> Plan {
    let file = File { name: "x.conf".into(), bytes: text.as_bytes().to_vec() };
    Plan::read(&[file], &lookups(), &NothingRuns)
}

/// `source r1 runs, channel c1 runs …` of agent a1.
fn rows(plan: &Plan) -> String {
    let agent = plan.agent("a1").expect("every case has an agent a1");
    let row = |c: &Component| format!("{} {} {}", c.kind.word(), c.name, c.verdict.word());
    agent.components.iter().map(row).collect::<Vec<_>>().join(", ")
}

/// Line and code of every warning and error.
fn said(plan: &Plan) -> Vec<(u32, &'static str)> {
    let loud = plan.diagnostics.iter().filter(|d| d.severity > Severity::Hint);
    loud.map(|d| (d.place.line, d.code)).collect()
}

/// The base with `key = value` instead of what it says about `key`, and more lines behind it.
fn with(changes: &[(&str, Option<&str>)]) -> String {
    let mut text = BASE.to_owned();
    for (key, value) in changes {
        let kept: Vec<&str> = text.lines().filter(|l| l.split(" = ").next() != Some(key)).collect();
        text = kept.join("\n") + "\n";
        if let Some(value) = value {
            text.push_str(&format!("{key} = {value}\n"));
        }
    }
    text
}

#[track_caller]
fn check(changes: &[(&str, Option<&str>)], expected_rows: &str, expected_codes: &[&str]) {
    let plan = plan(&with(changes));
    assert_eq!(rows(&plan), expected_rows);
    assert_eq!(said(&plan).iter().map(|s| s.1).collect::<Vec<_>>(), expected_codes);
}

#[test]
fn the_base_runs_and_nothing_is_said() {
    check(&[], "source r1 runs, channel c1 runs, sink k1 runs", &[]);
    let plan = plan(BASE);
    let agent = plan.agent("a1").unwrap();
    assert!(agent.valid && agent.all_run());
    assert_eq!(agent.sources[0].channels, ["c1"]);
    assert_eq!(agent.runners[0].members[0].channel, "c1");
    assert!(!agent.runners[0].is_group);
}

#[test]
fn what_flumes_validation_drops() {
    let gone = "source r1 dropped, channel c1 dropped, sink k1 dropped";
    for (changes, rows, codes) in [
        (
            vec![("a1.sources.r1.type", None)],
            "source r1 dropped, channel c1 runs, sink k1 runs",
            vec!["no-type"],
        ),
        (
            vec![("a1.sources.r1.channels", None)],
            "source r1 dropped, channel c1 runs, sink k1 runs",
            vec!["no-channels"],
        ),
        (
            vec![("a1.sources.r1.channels", Some("c2"))],
            "source r1 dropped, channel c1 runs, sink k1 runs",
            vec!["no-active-channel"],
        ),
        (
            vec![("a1.sinks.k1.type", None)],
            "source r1 runs, channel c1 runs, sink k1 dropped",
            vec!["no-type"],
        ),
        (
            vec![("a1.sinks.k1.channel", None)],
            "source r1 runs, channel c1 runs, sink k1 dropped",
            vec!["no-channel"],
        ),
        (
            vec![("a1.sinks.k1.channel", Some("c1 c1"))],
            "source r1 runs, channel c1 runs, sink k1 dropped",
            vec!["no-active-channel"],
        ),
        (vec![("a1.channels", None)], "source r1 dropped, sink k1 dropped", vec!["no-channels", "unlisted"]),
        (vec![("a1.channels.c1.type", None)], gone, vec!["no-channels", "no-properties"]),
        (
            vec![("a1.sources.r1.config", Some("other"))],
            "source r1 runs, channel c1 runs, sink k1 runs",
            vec![],
        ),
        (
            vec![("a1.sources.r1.type", Some("com.x.Y")), ("a1.sources.r1.config", Some("nosuch"))],
            "source r1 dropped, channel c1 runs, sink k1 runs",
            vec!["unknown-config"],
        ),
    ] {
        check(&changes, rows, &codes);
    }
}

#[test]
fn one_list_of_sources_or_sinks_is_enough() {
    check(&[("a1.sources", None)], "channel c1 runs, sink k1 runs", &["unlisted"]);
    check(&[("a1.sinks", None)], "source r1 runs, channel c1 runs", &["unlisted"]);
    check(
        &[("a1.sources", None), ("a1.sinks", None)],
        "channel c1 dropped",
        &["no-sources-or-sinks", "unlisted", "unlisted"],
    );
}

#[test]
fn types_that_are_not_here() {
    for (text, verdict, code) in [
        ("com.example.Source", "third-party", "third-party"),
        ("MySource", "third-party", "third-party"),
        ("org.apache.flume.source.Nosuch", "third-party", "third-party"),
        ("jms", "unsupported", "unsupported"),
        ("org.apache.flume.source.kafka.KafkaSource", "unsupported", "unsupported"),
        ("kafka", "fails", "unknown-type"),
        ("seqq", "fails", "unknown-type"),
        ("org.apache.flume.source.sequencegeneratorsource", "fails", "unknown-type"),
        ("seq # numbers", "fails", "unknown-type"),
    ] {
        let plan = plan(&with(&[("a1.sources.r1.type", Some(text))]));
        assert_eq!(rows(&plan), format!("source r1 {verdict}, channel c1 runs, sink k1 runs"), "{text}");
        assert!(said(&plan).iter().any(|s| s.1 == code), "{text}");
    }
}

#[test]
fn the_help_for_a_type_names_the_right_one() {
    for (text, help) in [
        ("seqq", "did you mean seq?"),
        ("kafka", "it has no short name; write org.apache.flume.source.kafka.KafkaSource"),
        ("seq # numbers", "the value reaches to the end of the line; write seq alone"),
        (
            "org.apache.flume.source.sequencegeneratorsource",
            "write org.apache.flume.source.SequenceGeneratorSource",
        ),
        ("xyz", "the types are avro, exec"),
    ] {
        let plan = plan(&with(&[("a1.sources.r1.type", Some(text))]));
        let found = plan.diagnostics.iter().find(|d| d.code == "unknown-type").unwrap();
        assert!(found.help.starts_with(help), "{text}: {}", found.help);
    }
}

#[test]
fn values_are_checked_as_the_type_says() {
    check(
        &[("a1.sources.r1.batchSize", Some("x"))],
        "source r1 fails, channel c1 runs, sink k1 runs",
        &["bad-value"],
    );
    check(
        &[("a1.sources.r1.batchSize", Some("0"))],
        "source r1 fails, channel c1 runs, sink k1 runs",
        &["bad-value"],
    );
    check(
        &[("a1.channels.c1.capacity", Some("10k"))],
        "source r1 runs, channel c1 runs, sink k1 runs",
        &["bad-value"],
    );
    let plan = plan(&with(&[("a1.channels.c1.capacity", Some("10k"))]));
    let bad = plan.diagnostics.iter().find(|d| d.code == "bad-value").unwrap();
    assert!(bad.help.ends_with(": 10240") && bad.message.contains("replaced by 100"), "{bad:?}");
}

#[test]
fn what_must_fit_together_is_tried() {
    check(
        &[("a1.channels.c1.capacity", Some("50"))],
        "source r1 fails, channel c1 fails, sink k1 fails",
        &["channel", "cannot-build", "channel"],
    );
    let mux =
        [("a1.sources.r1.selector.type", Some("multiplexing")), ("a1.sources.r1.selector.header", Some("h"))];
    let mut good = mux.to_vec();
    good.push(("a1.sources.r1.selector.mapping.x", Some("c1")));
    check(&good, "source r1 runs, selector r1 runs, channel c1 runs, sink k1 runs", &[]);
    let mut bad = mux.to_vec();
    bad.push(("a1.sources.r1.selector.mapping.x", Some("c9")));
    check(
        &bad,
        "source r1 fails, selector r1 fails, channel c1 runs, sink k1 runs",
        &["selector", "selector"],
    );
}

#[test]
fn an_unknown_optional_channel_is_left_out() {
    check(
        &[("a1.sources.r1.selector.optional", Some("c9"))],
        "source r1 runs, selector r1 runs, channel c1 runs, sink k1 runs",
        &["unknown-optional-channel"],
    );
}

#[test]
fn a_batch_above_the_transaction_capacity_is_cut() {
    for (changes, channel) in [
        (vec![("a1.sources.r1.batchSize", Some("1000"))], 100),
        (
            vec![
                ("a1.sources.r1.batchSize", Some("1000")),
                ("a1.channels.c1.transactionCapacity", Some("+7")),
            ],
            7,
        ),
    ] {
        let plan = plan(&with(&changes));
        assert!(rows(&plan).starts_with("source r1 runs"));
        assert!(said(&plan).iter().any(|s| s.1 == "batch-size"));
        let source = &plan.agent("a1").unwrap().sources[0].source;
        assert_eq!(source.settings.text("batchSize"), Some(channel.to_string().as_str()));
    }
    let fits = [("a1.sources.r1.batchSize", Some("100"))];
    check(&fits, "source r1 runs, channel c1 runs, sink k1 runs", &[]);
}

#[test]
fn interceptors_are_judged_one_by_one() {
    check(
        &[
            ("a1.sources.r1.interceptors", Some("i1 i2")),
            ("a1.sources.r1.interceptors.i1.type", Some("TimeStamp")),
            (
                "a1.sources.r1.interceptors.i2.type",
                Some("org.apache.flume.interceptor.HostInterceptor$Builder"),
            ),
        ],
        "source r1 runs, interceptor r1.i1 runs, interceptor r1.i2 runs, channel c1 runs, sink k1 runs",
        &[],
    );
    check(
        &[
            ("a1.sources.r1.interceptors", Some("i1 i2 i3")),
            ("a1.sources.r1.interceptors.i1.type", Some("org.apache.flume.interceptor.HostInterceptor")),
            ("a1.sources.r1.interceptors.i2.type", Some("com.x.Y$Builder")),
        ],
        "source r1 fails, interceptor r1.i1 fails, interceptor r1.i2 third-party, interceptor r1.i3 fails, \
         channel c1 runs, sink k1 runs",
        &["no-type", "interceptor", "unknown-type", "third-party"],
    );
}

#[test]
fn groups_take_their_sinks_with_them() {
    let two = [
        ("a1.sinks", Some("k1 k2")),
        ("a1.sinks.k2.type", Some("null")),
        ("a1.sinks.k2.channel", Some("c1")),
        ("a1.sinkgroups", Some("g1")),
    ];
    let group = |sinks, processor| {
        let mut changes = two.to_vec();
        changes.push(("a1.sinkgroups.g1.sinks", sinks));
        changes.push(("a1.sinkgroups.g1.processor.type", processor));
        changes
    };
    let all = "source r1 runs, channel c1 runs, sink k1 runs, sink k2 runs, sink group g1";
    check(&group(Some("k1"), Some("default")), &format!("{all} runs"), &[]);
    check(&group(Some("k1 k9"), Some("default")), &format!("{all} runs"), &[]);
    check(&group(None, Some("default")), &format!("{all} dropped"), &["no-sinks"]);
    check(&group(Some("k9"), Some("default")), &format!("{all} dropped"), &["no-sinks"]);
    check(&group(Some("k1"), Some("Other")), &format!("{all} dropped"), &["unknown-type"]);
    let none = "source r1 runs, channel c1 runs, sink k1 fails, sink k2 fails, sink group g1";
    check(
        &group(Some("k1 k2"), Some("default")),
        &format!("{none} fails"),
        &["group", "group", "group-size"],
    );
    check(&group(Some("k1 k2"), None), &format!("{none} fails"), &["group", "group", "no-type"]);
    check(
        &group(Some("k1 k2"), Some("com.x.P")),
        &format!("{none} third-party"),
        &["group", "group", "third-party"],
    );
}

#[test]
fn a_grouped_sink_that_fails_leaves_the_others_running() {
    let plan = plan(&with(&[
        ("a1.sinks", Some("k1 k2")),
        ("a1.sinks.k2.type", Some("null")),
        ("a1.sinks.k2.channel", Some("c1")),
        ("a1.sinks.k2.batchSize", Some("x")),
        ("a1.sinkgroups", Some("g1 g2")),
        ("a1.sinkgroups.g1.sinks", Some("k1")),
        ("a1.sinkgroups.g1.processor.type", Some("default")),
        ("a1.sinkgroups.g2.sinks", Some("k2")),
        ("a1.sinkgroups.g2.processor.type", Some("default")),
    ]));
    assert!(rows(&plan).ends_with("sink k1 runs, sink k2 fails, sink group g1 runs, sink group g2 fails"));
    assert_eq!(plan.agent("a1").unwrap().runners.len(), 1);
}

#[test]
fn members_and_channels_come_in_javas_order() {
    let mut text = BASE.replace("a1.channels = c1", "a1.channels = c1 sink1 sink2 sink3");
    text.push_str("a1.sources.r1.channels = c1 sink1 sink2 sink3\n");
    for channel in ["sink1", "sink2", "sink3"] {
        text.push_str(&format!("a1.channels.{channel}.type = memory\n"));
    }
    let plan = plan(&text);
    assert_eq!(plan.agent("a1").unwrap().sources[0].channels, ["sink3", "sink2", "sink1", "c1"]);
}

#[test]
fn a_sink_named_like_a_group_never_runs() {
    check(
        &[
            ("a1.sinks", Some("k1 g1")),
            ("a1.sinks.g1.type", Some("null")),
            ("a1.sinks.g1.channel", Some("c1")),
            ("a1.sinkgroups", Some("g1")),
            ("a1.sinkgroups.g1.sinks", Some("k1")),
            ("a1.sinkgroups.g1.processor.type", Some("default")),
        ],
        "source r1 runs, channel c1 runs, sink k1 runs, sink g1 fails, sink group g1 runs",
        &["name-of-a-group"],
    );
}

#[test]
fn a_channel_without_neighbours_goes() {
    check(
        &[("a1.channels", Some("c1 c2")), ("a1.channels.c2.type", Some("memory"))],
        "source r1 runs, channel c1 runs, channel c2 fails, sink k1 runs",
        &["unconnected-channel"],
    );
}

#[test]
fn the_load_balancing_selector_runs_where_flume_drops_its_source() {
    check(
        &[("a1.sources.r1.selector.type", Some("load_balancing"))],
        "source r1 runs, selector r1 runs, channel c1 runs, sink k1 runs",
        &[],
    );
}

#[test]
fn values_from_outside_are_marked() {
    let text = BASE.to_owned()
        + "a1.sources.r1.x = ${env:SECRET}\na1.configfilters = f e\na1.configfilters.f.type = env\n\
           a1.sources.r1.y = <${f['SECRET']}>\na1.configfilters.e.type = external\na1.configfilters.e.command = cat\n\
           a1.sources.r1.batchSize = ${e['k']}\n";
    let plan = plan(&text);
    let property = |key: &str| plan.properties.iter().find(|p| p.key == key).unwrap();
    assert_eq!(
        (property("a1.sources.r1.x").text.as_str(), property("a1.sources.r1.x").secret),
        ("s3cret", true)
    );
    assert_eq!(
        (property("a1.sources.r1.y").text.as_str(), property("a1.sources.r1.y").secret),
        ("<s3cret>", true)
    );
    // The command was not run: the value is unknown, and does not count against the source.
    assert_eq!(property("a1.sources.r1.batchSize").text, "${e['k']}");
    assert!(rows(&plan).starts_with("source r1 runs"));
    assert!(plan.diagnostics.iter().any(|d| d.code == "from-filter" && d.severity == Severity::Hint));
}

#[test]
fn the_agent_that_is_named_is_found_among_several() {
    let plan = plan(&(BASE.to_owned() + &BASE.replace("a1.", "b2.") + "c3.sources = x\n"));
    assert_eq!(
        plan.agents.iter().map(|a| (a.name.as_str(), a.valid)).collect::<Vec<_>>(),
        [("a1", true), ("b2", true), ("c3", false)]
    );
    assert!(plan.agent("b2").unwrap().all_run() && plan.agent("d4").is_none());
}

#[test]
fn later_files_override_earlier_ones() {
    let file = |name: &str, text: &str| File { name: name.into(), bytes: text.as_bytes().to_vec() };
    let files = [file("a.conf", BASE), file("b.conf", "a1.sources.r1.type = nosuch\n")];
    let plan = Plan::read(&files, &lookups(), &NothingRuns);
    let found = plan.diagnostics.iter().find(|d| d.code == "unknown-type").unwrap();
    assert_eq!(found.place.to_string(), "b.conf:1");
}

#[test]
fn an_empty_file_is_an_error_with_a_place() {
    assert_eq!(said(&plan("")), [(1, "empty-file")]);
    assert_eq!(said(&plan("# nothing\n")), [(1, "empty-file")]);
}

proptest! {
    #[test]
    fn any_text_is_planned_without_a_panic(lines in proptest::collection::vec(line(), 0..25)) {
        let plan = plan(&lines.join("\n"));
        for agent in &plan.agents {
            prop_assert!(agent.valid || agent.components.iter().all(|c| c.verdict == Verdict::Dropped));
            for component in &agent.components {
                prop_assert!((component.verdict == Verdict::Runs) == component.why.is_empty());
            }
        }
    }
}

/// Lines that reach deep: keys, names and values of a small world in every combination.
fn line() -> impl Strategy<Value = String> {
    let list = prop_oneof!["sources", "channels", "sinks", "sinkgroups", "configfilters", "sink"];
    let name = prop_oneof!["r1", "c1", "k1", "g1", "f", " ", "é"];
    let key = prop_oneof![
        "type",
        "channels",
        "channel",
        "sinks",
        "interceptors",
        "interceptors\\.i\\.type",
        "selector\\.type",
        "selector\\.mapping\\.x",
        "processor\\.type",
        "batchSize",
        "capacity",
        "transactionCapacity",
        "command",
        "port",
        "bind",
        "sink\\.directory",
        "config",
    ];
    let value = prop_oneof![
        "seq",
        "memory",
        "null",
        "logger",
        "file_roll",
        "netcat",
        "timestamp",
        "static",
        "multiplexing",
        "default",
        "failover",
        "c1",
        "k1",
        "r1",
        "c1 c2",
        "c1,c2",
        "10",
        "-1",
        "99999999999999999999",
        "\\$\\{env:SECRET\\}",
        "\\$\\{f\\['SECRET'\\]\\}",
        "env",
        "external",
        "",
        "\\\\u12",
        "a #b",
        "com\\.x\\.Y",
        "i i i",
    ];
    (list, name, key, value, any::<bool>()).prop_map(|(list, name, key, value, short)| {
        if short {
            format!("a1.{list} = {value} {name}")
        } else {
            format!("a1.{list}.{name}.{key} = {value}")
        }
    })
}
