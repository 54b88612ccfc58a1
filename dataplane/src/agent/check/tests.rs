use super::*;
use serde_json::{Value, json};

const GOOD: &str = "a1.sources = r1\na1.channels = c1\na1.sinks = k1\na1.sources.r1.type = seq\n\
    a1.sources.r1.channels = c1\na1.channels.c1.type = memory\na1.sinks.k1.type = null\na1.sinks.k1.channel = c1\n";

fn run(text: &str, options: &Options) -> Report {
    let mut lookups = Lookups::empty("2026-01-01T00:00:00[UTC]".parse().unwrap());
    lookups.environment.insert("SECRET".into(), "s3cret".into());
    check(&[File { name: "x.conf".into(), bytes: text.as_bytes().to_vec() }], &lookups, options)
}

fn agent(name: &str) -> Options {
    Options { agent: Some(name.to_owned()), ..Options::default() }
}

fn strict() -> Options {
    Options { strict: true, ..Options::default() }
}

#[test]
fn the_json_has_the_agreed_form() {
    let report = run(
        &(GOOD.to_owned() + "a1.sources.r1.interceptors = i\na1.sinks.k1.batchsize = 5\n"),
        &Options::default(),
    );
    let json: Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["file"], "x.conf");
    assert_eq!(json["properties"]["a1.sinks.k1.batchsize"], "5");
    let row = |kind: &str, name: &str, type_text: Value, verdict: &str, why: &str| json!({"kind": kind, "name": name, "type": type_text, "verdict": verdict, "why": why});
    assert_eq!(
        json["agents"],
        json!([{
            "name": "a1",
            "valid": true,
            "components": [
                row("source", "r1", json!("seq"), "fails", "its interceptor i does not run"),
                row("interceptor", "r1.i", Value::Null, "fails", "it has no key a1.sources.r1.interceptors.i.type"),
                row("channel", "c1", json!("memory"), "runs", ""),
                row("sink", "k1", json!("null"), "runs", ""),
            ],
        }])
    );
    let keys: Vec<&String> = json["diagnostics"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["line", "key", "severity", "code", "message", "help"]);
    let slip = json["diagnostics"].as_array().unwrap().iter().find(|d| d["code"] == "unknown-key").unwrap();
    assert_eq!((&slip["line"], &slip["severity"]), (&json!(10), &json!("warning")));
    assert_eq!(
        (&slip["key"], &slip["help"]),
        (&json!("a1.sinks.k1.batchsize"), &json!("did you mean batchSize?"))
    );
}

#[test]
fn the_exit_code_says_whether_everything_would_run() {
    let warning = GOOD.to_owned() + "a1.sinks.k1.batchsize = 5\n";
    let hint = GOOD.to_owned() + "a1.sources.r1.type = seq\n";
    let broken = GOOD.to_owned() + "b1.sources = x\n";
    for (text, options, code) in [
        (GOOD, Options::default(), 0),
        (GOOD, strict(), 0),
        (&hint, strict(), 0),
        (&warning, Options::default(), 0),
        (&warning, strict(), 1),
        (&broken, Options::default(), 2),
        (&broken, agent("a1"), 0),
        (&broken, agent("b1"), 2),
        (GOOD, agent("a2"), 2),
        ("", Options::default(), 2),
        ("# nothing\n", agent("a1"), 2),
    ] {
        assert_eq!(run(text, &options).exit_code, code, "{text} {options:?}");
    }
}

#[test]
fn a_wrong_agent_name_lists_the_right_ones() {
    let help = |text: &str| run(text, &agent("agent")).diagnostics.pop().unwrap().help;
    let two = GOOD.to_owned() + &GOOD.replace("a1.", "b2.");
    let mut found = run(&two, &agent("agent")).diagnostics;
    found.retain(|d| d.code == "unknown-agent");
    assert_eq!(found[0].help, "the agents in the file are a1, b2");
    assert_eq!(help(GOOD), "the only agent in the file is a1: start it with -n a1");
}

#[test]
fn values_from_outside_are_hidden_unless_asked_for() {
    let text = GOOD.to_owned()
        + "a1.sources.r1.batchSize = ${env:SECRET}\na1.configfilters = f\na1.configfilters.f.type = env\n\
           a1.sinks.k1.batchSize = ${f['SECRET']}\n";
    let hidden = run(&text, &Options::default());
    let all = serde_json::to_string(&hidden).unwrap() + &hidden.text();
    assert!(!all.contains("s3cret"), "{all}");
    assert_eq!(hidden.properties["a1.sources.r1.batchSize"], "***");
    assert_eq!(hidden.properties["a1.sinks.k1.batchSize"], "***");
    let shown = run(&text, &Options { show_secrets: true, ..Options::default() });
    assert_eq!(shown.properties["a1.sources.r1.batchSize"], "s3cret");
    assert_eq!(shown.properties["a1.sinks.k1.batchSize"], "s3cret");
}

#[test]
fn the_text_says_what_where_and_what_to_do() {
    let text = run(&(GOOD.to_owned() + "a1.sinks.k1.batchsize = 5\n"), &Options::default()).text();
    let expected = "agent a1\n  source      r1  runs        seq\n  channel     c1  runs        memory\n  \
        sink        k1  runs        null\n\nx.conf:9: warning: null has no key batchsize; it has no effect\n    \
        at a1.sinks.k1.batchsize [unknown-key]\n    help: did you mean batchSize?\n\
        everything named would run: 0 errors, 1 warning\n";
    assert_eq!(text, expected);
}

#[test]
fn control_characters_of_a_file_do_not_reach_the_terminal() {
    let text = run("a1.sources = x\\u001b[31mred\na1.channels = c\n", &Options::default()).text();
    assert!(text.contains("\u{fffd}[31mred") && !text.contains('\u{1b}'), "{text}");
}
