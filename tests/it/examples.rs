//! Every example in conf/ starts and moves events through every one of its sinks. Ports are exchanged for free ones, and the
//! examples' relative paths lie in the test's own folder; nothing else is changed.

use crate::harness::{Launch, Nc, Scene, free_port};
use std::fs;
use std::path::Path;

/// What an example's log shows once a line was sent to each of its ports.
const SHOWS: &[(&str, &[&str])] = &[
    ("netcat-logger.conf", &["Event: { headers:{} body: 68 65 6C 6C 6F"]),
    ("netcat-timestamp.conf", &["Event: { headers:{timestamp="]),
    ("netcat-timestamp-host.conf", &["hostname=", "timestamp=", "team=web"]),
    ("multiplexing.conf", &["headers:{state=US}"]),
    ("replicating.conf", &["Event: { headers:{} body: 68 65 6C 6C 6F"]),
    ("quickstart.conf", &["Event: { headers:{"]),
];

#[test]
fn every_example_starts_and_moves_events() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf");
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "conf"));
    paths.sort();
    let names: Vec<String> =
        paths.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect();
    for (name, _) in SHOWS {
        assert!(names.iter().any(|n| n == name), "{name} is gone; there are {names:?}");
    }
    for (name, path) in names.iter().zip(&paths) {
        eprintln!("{name}");
        run(name, &fs::read_to_string(path).unwrap());
    }
}

fn run(name: &str, text: &str) {
    let scene = Scene::new();
    let (text, ports) = with_free_ports(text);
    let file = scene.file(name, &text);
    let agent = Launch::new(&scene, "a1").arg("-f").arg(file.to_str().unwrap()).spawn();
    agent.ready();
    assert_eq!(agent.count_log("[ERROR - "), 0, "{name}: {}", agent.log());
    // What the files tell their reader to do; a folder that an example needs it has made itself by now.
    let logs = scene.folder("quickstart-out/logs");
    fs::write(logs.join("app.log"), "a line of an application\n").unwrap();
    fs::write(logs.join("notes.txt"), "another line\n").unwrap();
    for port in ports {
        assert_eq!(Nc::connect(port).ask("hello"), "OK", "{name}");
    }
    agent.wait_status(&format!("{name}: every sink has delivered events"), |s| {
        !s.sinks.is_empty() && s.sinks.iter().all(|k| k.events_delivered > 0)
    });
    let shows = SHOWS.iter().find(|(n, _)| *n == name).map_or(&[][..], |(_, parts)| parts);
    for part in shows {
        agent.wait_log(part);
    }
    let ended = agent.stop();
    assert_eq!(ended.code, Some(0), "{name}: {}", ended.log);
}

/// The same with a free port for each `….port = N`, and those ports.
fn with_free_ports(text: &str) -> (String, Vec<u16>) {
    let mut ports = Vec::new();
    let lines = text.lines().map(|line| match line.split_once(".port = ") {
        Some((key, _)) if !line.starts_with('#') => {
            let port = free_port();
            ports.push(port);
            format!("{key}.port = {port}\n")
        }
        _ => format!("{line}\n"),
    });
    (lines.collect(), ports)
}
