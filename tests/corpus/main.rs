//! Goal: loading, substitution and validation give what real Flume 1.11 gave for every file of the corpus that lies
//! beside the project. Method: the verdicts were recorded with Flume's own classes; files, properties and surviving
//! components are compared one by one, and where our types exist, what runs, too. Without the corpus the test says so.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests read files and print")]

use dataplane::agent::plan::{AgentPlan, Component, ComponentKind, File, Plan, Verdict};
use dataplane::config::Lookups;
use dataplane::config::filters::NothingRuns;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const SETS: [(&str, &str, usize); 3] = [
    ("flume-conf", "verdicts.json", 238),
    ("probes", "probes-verdicts.json", 132),
    ("seeds", "seeds-verdicts.json", 26),
];

/// Files that Flume refuses as a whole and that are judged here, each with the reason.
const FLUME_REFUSES: [(&str, &str); 3] = [
    ("01-group-no-sinks.conf", "a group without sinks: only the group goes"),
    ("21-bad-unicode.conf", "a malformed \\u: only its line goes"),
    ("37-empty-file.conf", "an empty file: an error instead of a null pointer"),
];

/// Sources that Flume drops by mistake and that run here.
const SURVIVES_HERE: [(&str, &str); 1] =
    [("02-load-balancing-selector.conf", "the load_balancing selector works")];

fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let found = path.is_dir();
    if !found {
        println!("skipped: ../shared is not there");
    }
    found.then_some(path)
}

/// Every recorded verdict with the plan that we make of the same file.
fn each(mut judge: impl FnMut(&str, &str, &Value, &Plan)) -> bool {
    let Some(corpus) = corpus() else { return false };
    let now = "2026-01-01T00:00:00[UTC]".parse().expect("a time");
    let lookups = Lookups::empty(now);
    for (folder, verdicts, files) in SETS {
        let text = std::fs::read_to_string(corpus.join(verdicts)).expect("the verdicts lie beside the files");
        let verdicts: Vec<Value> = serde_json::from_str(&text).expect("verdicts are JSON");
        assert_eq!(verdicts.len(), files, "{folder}");
        for verdict in verdicts {
            let name = verdict["file"].as_str().expect("every verdict names its file");
            let bytes = std::fs::read(corpus.join(folder).join(name)).expect("every verdict has its file");
            let plan = Plan::read(&[File { name: name.to_owned(), bytes }], &lookups, &NothingRuns);
            judge(folder, name, &verdict, &plan);
        }
    }
    true
}

fn is_in(list: &[(&str, &str)], name: &str) -> bool {
    list.iter().any(|(file, _)| *file == name)
}

#[test]
fn properties_equal_those_of_flume() {
    let mut equal = 0;
    let ran = each(|folder, name, verdict, plan| {
        if is_in(&FLUME_REFUSES, name) && verdict["properties"] == json!({}) {
            return;
        }
        let ours: Map<String, Value> =
            plan.properties.iter().map(|p| (p.key.clone(), Value::from(p.text.clone()))).collect();
        let theirs = verdict["properties"].as_object().expect("properties are an object");
        assert!(&ours == theirs, "{folder}/{name}: {}", difference(&ours, theirs));
        equal += 1;
    });
    if ran {
        println!("{equal} files equal in their properties");
        assert_eq!(equal, 238 + 130 + 26);
    }
}

fn difference(ours: &Map<String, Value>, theirs: &Map<String, Value>) -> String {
    let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let differ = keys.into_iter().filter(|k| ours.get(*k) != theirs.get(*k));
    differ.map(|k| format!("{k:?}: ours {:?}, Flume {:?}; ", ours.get(k), theirs.get(k))).collect()
}

#[test]
fn what_survives_validation_equals_flume() {
    let (mut equal, mut agents) = (0, 0);
    let ran = each(|folder, name, verdict, plan| {
        if is_in(&FLUME_REFUSES, name) || is_in(&SURVIVES_HERE, name) {
            return;
        }
        let theirs = verdict["agents"].as_object().expect("agents are an object");
        let ours: BTreeSet<&str> = plan.agents.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(ours, theirs.keys().map(String::as_str).collect(), "{folder}/{name}: agents");
        for agent in &plan.agents {
            assert_eq!(validated(agent), theirs[&agent.name]["validated"], "{folder}/{name}: {}", agent.name);
            agents += 1;
        }
        equal += 1;
    });
    if ran {
        println!("{equal} files equal in what survives, {agents} agents");
        assert_eq!(equal, 238 + 128 + 26);
    }
}

/// What survives, in the form of the recorded verdicts: names sorted.
fn validated(agent: &AgentPlan) -> Value {
    if !agent.valid {
        return Value::Null;
    }
    let left = &agent.validated;
    let type_of = |kind: ComponentKind, name: &str| {
        let row = agent.components.iter().find(|c| c.kind == kind && c.name == name);
        row.expect("every survivor has a row").type_text.clone()
    };
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    let sources = left.sources.iter().map(|(name, channels)| {
        let row = json!({"type": type_of(ComponentKind::Source, name), "channels": sorted(channels)});
        (name.clone(), row)
    });
    let channels = left
        .channels
        .iter()
        .map(|name| (name.clone(), json!({"type": type_of(ComponentKind::Channel, name)})));
    let sinks = left.sinks.iter().map(|(name, channel)| {
        (name.clone(), json!({"type": type_of(ComponentKind::Sink, name), "channel": channel}))
    });
    let groups = left.groups.iter().map(|(name, sinks)| {
        let row = json!({"sinks": sorted(sinks), "processor": type_of(ComponentKind::Sinkgroup, name)});
        (name.clone(), row)
    });
    json!({
        "sources": sources.collect::<Map<_, _>>(),
        "channels": channels.collect::<Map<_, _>>(),
        "sinks": sinks.collect::<Map<_, _>>(),
        "sinkgroups": groups.collect::<Map<_, _>>(),
    })
}

/// Components whose verdict differs from what Flume built, each with the reason.
const BETTER_HERE: [(&str, &str, &str); 2] = [
    ("02-load-balancing-selector.conf", "a1.r1", "the load_balancing selector works"),
    (
        "07-group-sink-fails.conf",
        "a1.r1",
        "a grouped sink that fails costs its group that sink, not the agent everything",
    ),
];

/// Our own verdict against what Flume's provider built. Only where our types exist: a component that is unsupported, or
/// hangs on one that is, has nothing to be compared with.
#[test]
fn what_runs_is_what_flume_builds_where_our_types_exist() {
    let (mut equal, mut skipped) = (0, 0);
    let mut different = Vec::new();
    let ran = each(|_, name, verdict, plan| {
        for agent in plan.agents.iter().filter(|a| a.valid) {
            let materialised = &verdict["agents"][&agent.name]["materialised"];
            let built = materialised.get("without_fatal").unwrap_or(materialised);
            for row in &agent.components {
                let list = match row.kind {
                    ComponentKind::Source => "sources",
                    ComponentKind::Channel => "channels",
                    ComponentKind::Sink => "sinks",
                    _ => continue,
                };
                let Some(list) = built[list].as_array() else { continue };
                if !comparable(agent, row) {
                    skipped += 1;
                    continue;
                }
                let key = format!("{}.{}", agent.name, row.name);
                let theirs = list.iter().any(|n| n == row.name.as_str());
                let ours = row.verdict == Verdict::Runs;
                let clamped = plan
                    .diagnostics
                    .iter()
                    .any(|d| d.code == "batch-size" && d.key.split('.').nth(2) == Some(row.name.as_str()));
                let known = BETTER_HERE.iter().any(|(file, component, _)| *file == name && *component == key);
                if ours == theirs || known || clamped && ours {
                    equal += 1;
                } else {
                    different.push(format!("{name} {key}: ours {ours} ({}), Flume {theirs}", row.why));
                }
            }
        }
    });
    if ran {
        println!("{equal} components equal in what runs, {skipped} of types that are not here");
        assert!(different.is_empty(), "{different:#?}");
    }
}

/// True when nothing that the component needs is of a type that is missing here.
fn comparable(agent: &AgentPlan, row: &Component) -> bool {
    let missing = |kind: ComponentKind, name: &str| {
        agent.components.iter().any(|c| {
            c.kind == kind
                && c.name == name
                && matches!(c.verdict, Verdict::Unsupported | Verdict::ThirdParty)
        })
    };
    let left = &agent.validated;
    match row.kind {
        ComponentKind::Source => {
            let own = left.sources.iter().find(|(name, _)| *name == row.name);
            let chain = agent.components.iter().filter(|c| c.kind == ComponentKind::Interceptor);
            let mut chain = chain.filter(|c| c.name.starts_with(&format!("{}.", row.name)));
            own.is_some_and(|(_, channels)| !channels.iter().any(|c| missing(ComponentKind::Channel, c)))
                && !missing(ComponentKind::Source, &row.name)
                && !missing(ComponentKind::Selector, &row.name)
                && !chain.any(|c| missing(ComponentKind::Interceptor, &c.name))
        }
        ComponentKind::Sink => {
            let own = left.sinks.iter().find(|(name, _)| *name == row.name);
            let groups = left.groups.iter().filter(|(_, sinks)| sinks.contains(&row.name));
            own.is_some_and(|(_, channel)| !missing(ComponentKind::Channel, channel))
                && !missing(ComponentKind::Sink, &row.name)
                && !groups.into_iter().any(|(group, _)| missing(ComponentKind::Sinkgroup, group))
        }
        _ => {
            let sources = left.sources.iter().filter(|(_, channels)| channels.contains(&row.name));
            let sinks = left.sinks.iter().filter(|(_, channel)| *channel == row.name);
            let of = |kind: ComponentKind, name: &str| {
                let row = agent.components.iter().find(|c| c.kind == kind && c.name == name);
                row.is_none_or(|row| comparable(agent, row))
            };
            // A sink hangs on this very channel: only its own type counts here.
            !missing(ComponentKind::Channel, &row.name)
                && sources.into_iter().all(|(name, _)| of(ComponentKind::Source, name))
                && sinks.into_iter().all(|(name, _)| !missing(ComponentKind::Sink, name))
        }
    }
}
