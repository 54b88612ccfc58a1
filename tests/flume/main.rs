//! Goal: our reading of a configuration equals real Flume's on files that nobody wrote. Method: `Oracle.java`, beside
//! this file, gives what Flume 1.11's own classes make of a file; configurations are mutated line by line and letter by
//! letter, and properties, survivors and their order are compared. A case is named by its seed and can be repeated with
//! `ORACLE_SEED=n ORACLE_CASES=1`.
//!
//! Runs when `ORACLE_COMMAND` names the command that starts the oracle; `setup` beside this file prints it.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "tests read files, start peers and print"
)]

mod mutate;

use dataplane::agent::plan::{AgentPlan, ComponentKind, File, Plan, Verdict};
use dataplane::config::Lookups;
use dataplane::config::filters::NothingRuns;
use serde_json::{Map, Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

#[test]
fn mutated_configurations_mean_the_same_to_flume() {
    let Ok(command) = std::env::var("ORACLE_COMMAND") else {
        println!("skipped: ORACLE_COMMAND is not set (tests/flume/setup prints it)");
        return;
    };
    let mut oracle = Oracle::start(&command);
    let first = number("ORACLE_SEED", 1);
    let cases = number("ORACLE_CASES", 300);
    let bases = mutate::bases();
    let lookups = Lookups::empty("2026-01-01T00:00:00[UTC]".parse().expect("a time"));
    let (mut equal, mut refused, mut better, mut differences) = (0, 0, 0, 0);
    for seed in first..first + cases {
        let bytes = mutate::case(seed, &bases);
        let theirs = oracle.ask(&bytes);
        let plan = Plan::read(
            &[File { name: "case.conf".to_owned(), bytes: bytes.clone() }],
            &lookups,
            &NothingRuns,
        );
        match compare(&plan, &theirs) {
            Same::Equal => equal += 1,
            Same::Refused => refused += 1,
            Same::Better => better += 1,
            Same::No(what) => {
                differences += 1;
                println!("seed {seed}: {what}\n{}\n", String::from_utf8_lossy(&bytes));
            }
        }
    }
    println!(
        "{equal} cases equal, {refused} refused as a whole by Flume, {better} better here, {differences} different"
    );
    assert_eq!(differences, 0);
}

/// Own files only, with the types that both have: Flume configures what it builds, and a configured source may touch the
/// file system.
#[test]
fn mutated_configurations_run_where_flume_builds_them() {
    let Ok(command) = std::env::var("ORACLE_COMMAND") else {
        println!("skipped: ORACLE_COMMAND is not set (tests/flume/setup prints it)");
        return;
    };
    let mut oracle = Oracle::start(&format!("{command} build"));
    let first = number("ORACLE_SEED", 1);
    let lookups = Lookups::empty("2026-01-01T00:00:00[UTC]".parse().expect("a time"));
    let (mut equal, mut stricter, mut elsewhere, mut differences) = (0, 0, 0, 0);
    for seed in first..first + number("ORACLE_CASES", 300) {
        let bytes = mutate::buildable(seed);
        let theirs = oracle.ask(&bytes);
        let file = File { name: "case.conf".to_owned(), bytes: bytes.clone() };
        let plan = Plan::read(&[file], &lookups, &NothingRuns);
        for agent in plan.agents.iter().filter(|a| a.valid) {
            let theirs = &theirs["built"][&agent.name];
            if theirs.is_null() || !comparable(agent, &plan) {
                elsewhere += 1;
            } else if built(agent) == *theirs {
                equal += 1;
            } else if agent.components.iter().any(|c| STRICTER.iter().any(|(part, _)| c.why.contains(part))) {
                stricter += 1;
            } else {
                differences += 1;
                let text = String::from_utf8_lossy(&bytes);
                for row in agent.components.iter().filter(|c| c.verdict != Verdict::Runs) {
                    println!("{}: {}", row.name, row.why);
                }
                println!("seed {seed}: {}\nours  {}\nFlume {theirs}\n{text}\n", agent.name, built(agent));
            }
        }
    }
    println!(
        "{equal} agents equal in what runs, {stricter} refused here and failing later in Flume, {elsewhere} not to be \
         compared, {differences} different"
    );
    assert_eq!(differences, 0);
}

/// What a reason contains that Flume finds only when the component is started, or at every event, or never.
const STRICTER: [(&str, &str); 5] = [
    (" is below ", "a number outside its range: a port, a time below zero"),
    (" is above ", "the same"),
    ("encoding: ", "an unknown charset"),
    ("charset: ", "an unknown charset"),
    ("there is no serializer", "an unknown serializer"),
];

/// Where ours is better, or a type is missing on one side, there is nothing to compare.
fn comparable(agent: &AgentPlan, plan: &Plan) -> bool {
    let grouped = agent.validated.groups.iter().flat_map(|(_, sinks)| sinks);
    let fails = |name: &String| {
        agent
            .components
            .iter()
            .any(|c| c.kind == ComponentKind::Sink && c.name == *name && c.verdict != Verdict::Runs)
    };
    let cut = ["batch-size", "unknown-type", "load-balancing-selector"];
    !balances(agent)
        && agent.missing_types().next().is_none()
        && !grouped.into_iter().any(fails)
        && !plan.diagnostics.iter().any(|d| cut.contains(&d.code))
}

/// Names of what runs, as the oracle prints them.
fn built(agent: &AgentPlan) -> Value {
    let sorted = |mut names: Vec<&str>| {
        names.sort_unstable();
        json!(names)
    };
    json!({
        "sources": sorted(agent.sources.iter().map(|s| s.name.as_str()).collect()),
        "channels": sorted(agent.channels.iter().map(|c| c.name.as_str()).collect()),
        "runners": sorted(agent.runners.iter().map(|r| r.name.as_str()).collect()),
    })
}

enum Same {
    Equal,
    /// Flume throws the whole file away where we judge the rest of it.
    Refused,
    /// A source with the load_balancing selector, which Flume drops by mistake.
    Better,
    No(String),
}

fn compare(plan: &Plan, theirs: &Value) -> Same {
    let fatal = theirs.get("fatal").and_then(Value::as_str);
    let stage = theirs.get("stage").and_then(Value::as_str).unwrap_or_default();
    let says = |code: &str| plan.diagnostics.iter().any(|d| d.code == code);
    match (fatal, stage) {
        (Some(_), "load") => return refused(says("bad-unicode-escape"), "bad-unicode-escape"),
        (Some(_), "resolve") => return refused(says("reference-cycle"), "reference-cycle"),
        (Some("empty"), _) => return refused(plan.properties.is_empty(), "empty"),
        _ => {}
    }
    let ours: Map<String, Value> =
        plan.properties.iter().map(|p| (p.key.clone(), Value::from(p.text.clone()))).collect();
    if Some(&ours) != theirs["properties"].as_object() {
        return Same::No(format!("properties\nours  {}\nFlume {}", json!(ours), theirs["properties"]));
    }
    if fatal.is_some() {
        return refused(says("no-sinks") || says("unknown-config"), "no-sinks");
    }
    let agents = theirs["agents"].as_object().cloned().unwrap_or_default();
    if agents.len() != plan.agents.len() {
        return Same::No(format!("agents: Flume {:?}", agents.keys()));
    }
    for agent in &plan.agents {
        let (ours, theirs) = (survivors(agent), &agents[&agent.name]);
        // As text: the order counts.
        let (ours, theirs) = (ours.to_string(), theirs.to_string());
        if ours != theirs && balances(agent) {
            return Same::Better;
        }
        if ours != theirs {
            return Same::No(format!("agent {}\nours  {ours}\nFlume {theirs}", agent.name));
        }
    }
    Same::Equal
}

fn balances(agent: &AgentPlan) -> bool {
    let mut selectors = agent.components.iter().filter(|c| c.kind == ComponentKind::Selector);
    selectors.any(|c| c.type_text.as_deref().is_some_and(|t| t.eq_ignore_ascii_case("load_balancing")))
}

fn refused(said: bool, code: &str) -> Same {
    if said { Same::Refused } else { Same::No(format!("Flume refuses the file and we do not say {code}")) }
}

/// What survives, in order, as the oracle prints it.
fn survivors(agent: &AgentPlan) -> Value {
    if !agent.valid {
        return Value::Null;
    }
    let left = &agent.validated;
    let type_of = |kind: ComponentKind, name: &str| {
        agent.components.iter().find(|c| c.kind == kind && c.name == name).and_then(|c| c.type_text.clone())
    };
    let sources = left.sources.iter().map(|(name, channels)| {
        (name.clone(), json!({"type": type_of(ComponentKind::Source, name), "channels": channels}))
    });
    let channels = left
        .channels
        .iter()
        .map(|name| (name.clone(), json!({"type": type_of(ComponentKind::Channel, name)})));
    let sinks = left.sinks.iter().map(|(name, channel)| {
        (name.clone(), json!({"type": type_of(ComponentKind::Sink, name), "channel": channel}))
    });
    let groups = left.groups.iter().map(|(name, sinks)| {
        (name.clone(), json!({"sinks": sinks, "processor": type_of(ComponentKind::Sinkgroup, name)}))
    });
    json!({
        "sources": sources.collect::<Map<_, _>>(),
        "channels": channels.collect::<Map<_, _>>(),
        "sinks": sinks.collect::<Map<_, _>>(),
        "sinkgroups": groups.collect::<Map<_, _>>(),
    })
}

struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    fn start(command: &str) -> Self {
        let mut words = command.split_whitespace();
        let mut child = Command::new(words.next().expect("the command is not empty"))
            .args(words)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the oracle starts");
        let input = child.stdin.take().expect("it was asked for");
        let output = BufReader::new(child.stdout.take().expect("it was asked for"));
        Oracle { child, input, output }
    }

    fn ask(&mut self, bytes: &[u8]) -> Value {
        let length = u32::try_from(bytes.len()).expect("cases are small");
        self.input.write_all(&length.to_be_bytes()).expect("the oracle listens");
        self.input.write_all(bytes).expect("the oracle listens");
        self.input.flush().expect("the oracle listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the oracle answers");
        serde_json::from_str(&line).expect("the oracle answers with JSON")
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
