//! `ctl` against a running agent.

use crate::harness::{Agent, Killed, Launch, Nc, Scene, wait_for};
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(output: &Output) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", out(output)))
}

/// An agent whose socket is where ctl looks for it by name.
fn named(scene: &Scene, rest: &str) -> (u16, Agent) {
    let (port, conf) = scene.netcat_conf(rest);
    let file = scene.file("a1.conf", &conf);
    let agent = Launch::by_name(scene, "a1").arg("-f").arg(file.to_str().unwrap()).spawn();
    agent.ready();
    (port, agent)
}

#[test]
fn an_agent_is_found_by_its_name_and_its_status_is_one_screen() {
    let scene = Scene::new();
    let (port, agent) = named(&scene, "a1.sinks.k1.type = logger");
    for n in 0..3 {
        assert_eq!(Nc::connect(port).ask(&n.to_string()), "OK");
    }
    agent.wait_status("delivered", |s| s.sinks[0].events_delivered == 3);
    let agents = scene.ctl(&["agents"]);
    assert!(
        out(&agents).contains("a1") && out(&agents).contains(&agent.pid().to_string()),
        "{}",
        out(&agents)
    );
    let screen = out(&scene.ctl(&["-n", "a1", "status"]));
    for part in ["a1", "r1", "c1", "k1", "netcat", "memory", "logger", &port.to_string()] {
        assert!(screen.contains(part), "{part}:\n{screen}");
    }
    assert!(screen.lines().count() <= 40, "one screen:\n{screen}");
    let status = json(&scene.ctl(&["-n", "a1", "status", "--json"]));
    for key in ["agent", "state", "generation", "uptime_ms"] {
        assert!(!status[key].is_null(), "{key}");
    }
    assert_eq!(status["state"], "running");
    assert_eq!(status["sources"][0]["events_accepted"], 3);
    assert_eq!(status["sources"][0]["type"], "netcat");
    assert_eq!(status["channels"][0]["capacity_events"], 100);
    assert_eq!(status["sinks"][0]["events_delivered"], 3);
    assert!(status["sinks"][0]["process_latency"]["p99_us"].is_u64());
    // Placement is shown: the only agent of the host's tests may find its core taken by another one.
    assert!(status["sources"][0].get("core").is_some());
}

#[test]
fn the_socket_is_private() {
    let scene = Scene::new();
    let (_, agent) = named(&scene, "a1.sinks.k1.type = null");
    let socket = scene.path("run/penstock/a1.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(agent);
}

#[test]
fn the_same_name_twice_gets_two_sockets() {
    let scene = Scene::new();
    let (_, first) = named(&scene, "a1.sinks.k1.type = null");
    let (_, second) = named(&scene, "a1.sinks.k1.type = null");
    assert!(scene.path("run/penstock/a1.sock").exists());
    assert!(scene.path(&format!("run/penstock/a1-{}.sock", second.pid())).exists());
    let listed = out(&scene.ctl(&["agents"]));
    for agent in [&first, &second] {
        assert!(listed.contains(&agent.pid().to_string()), "{listed}");
    }
    let unclear = scene.ctl(&["-n", "a1", "status"]);
    assert_ne!(unclear.status.code(), Some(0));
}

#[test]
fn no_agent_is_a_sentence_and_not_success() {
    let scene = Scene::new();
    let output = scene.ctl(&["-n", "nobody", "status"]);
    assert!(output.status.code().is_some_and(|c| c != 0));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("nobody") && !text.contains("panicked"), "{text}");
}

#[test]
fn the_running_configuration_is_shown_without_secrets() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = ${env:KIND_OF_SINK}");
    let file = scene.file("a1.conf", &conf);
    let agent = Launch::by_name(&scene, "a1")
        .arg("-f")
        .arg(file.to_str().unwrap())
        .env("KIND_OF_SINK", "logger")
        .spawn();
    agent.ready();
    let text = out(&scene.ctl(&["-n", "a1", "config"]));
    assert!(text.contains("a1.sources.r1.port") && text.contains(&port.to_string()), "{text}");
    assert!(text.contains("a1.sinks.k1.type") && text.contains("***"), "{text}");
}

#[test]
fn the_log_level_changes_while_it_runs() {
    let scene = Scene::new();
    let (port, agent) = named(&scene, "a1.sinks.k1.type = logger");
    assert_eq!(Nc::connect(port).ask("seen"), "OK");
    agent.wait_log("seen }");
    let set = scene.ctl(&["-n", "a1", "log-level", "WARN"]);
    assert_eq!(set.status.code(), Some(0), "{set:?}");
    assert_eq!(Nc::connect(port).ask("hidden"), "OK");
    agent.wait_status("delivered silently", |s| s.sinks[0].events_delivered == 2);
    assert_eq!(agent.count_log("hidden }"), 0);
    let wrong = scene.ctl(&["-n", "a1", "log-level", "LOUD"]);
    assert!(wrong.status.code().is_some_and(|c| c != 0));
    let reset = scene.ctl(&["-n", "a1", "log-level", "INFO"]);
    assert_eq!(reset.status.code(), Some(0));
    assert_eq!(Nc::connect(port).ask("again"), "OK");
    agent.wait_log("again }");
}

#[test]
fn stop_waits_for_the_end_and_says_how_it_went() {
    let scene = Scene::new();
    let (_, agent) = named(&scene, "a1.sinks.k1.type = null");
    let output = scene.ctl(&["-n", "a1", "stop"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(agent.wait_for_end().code, Some(0));
    let gone = scene.ctl(&["-n", "a1", "status"]);
    assert!(gone.status.code().is_some_and(|c| c != 0));
}

#[test]
fn components_lists_what_exists_and_explains_each() {
    let scene = Scene::new();
    let list = out(&scene.ctl(&["components"]));
    for name in [
        "netcat",
        "exec",
        "seq",
        "taildir",
        "memory",
        "logger",
        "null",
        "file_roll",
        "timestamp",
        "multiplexing",
    ] {
        assert!(list.to_lowercase().contains(name), "{name}:\n{list}");
    }
    let one = out(&scene.ctl(&["components", "netcat"]));
    for part in ["max-line-length", "512", "ack-every-event", "bind", "port"] {
        assert!(one.contains(part), "{part}:\n{one}");
    }
    let unknown = scene.ctl(&["components", "netcta"]);
    assert!(unknown.status.code().is_some_and(|c| c != 0));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("netcat"), "{unknown:?}");
}

#[test]
fn check_tells_what_would_run_and_what_to_do_about_the_rest() {
    let scene = Scene::new();
    let (_, good) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let file = scene.file("good.conf", &good);
    let output = scene.ctl(&["check", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let bad = good
        .replace("a1.sinks.k1.type = logger", "a1.sinks.k1.type = loger")
        .replace("a1.sources.r1.port", "a1.sources.r1.prot");
    let file = scene.file("bad.conf", &bad);
    let output = scene.ctl(&["check", file.to_str().unwrap(), "-n", "a1"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = out(&output) + &String::from_utf8_lossy(&output.stderr);
    for (key, hint) in [("loger", "logger"), ("prot", "port")] {
        let line = 1 + bad.lines().position(|l| l.contains(key)).unwrap();
        assert!(
            text.contains(&format!("bad.conf:{line}")) && text.contains(hint),
            "{key}, {hint}, {line}:\n{text}"
        );
    }
    let output = scene.ctl(&["check", file.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let components = report["agents"][0]["components"].as_array().unwrap();
    let k1 = components.iter().find(|c| c["name"] == "k1").unwrap();
    assert_eq!(k1["kind"], "sink");
    assert_ne!(k1["verdict"], "runs");
    assert!(report["diagnostics"].as_array().is_some_and(|d| !d.is_empty()));
    assert_eq!(report["properties"]["a1.sinks.k1.type"], "loger");
}

#[test]
fn check_strict_turns_warnings_into_a_code() {
    let scene = Scene::new();
    let (_, conf) = scene.netcat_conf("a1.sinks.k1.type = logger\na1.sources.r1.no-such-key = 1");
    let file = scene.file("x.conf", &conf);
    let path = file.to_str().unwrap();
    assert_eq!(scene.ctl(&["check", path]).status.code(), Some(0));
    assert_eq!(scene.ctl(&["check", path, "--strict"]).status.code(), Some(1));
}

#[test]
fn watch_repeats_the_screen_until_it_is_ended() {
    let scene = Scene::new();
    let (_, agent) = named(&scene, "a1.sinks.k1.type = null");
    let child = scene
        .command(&crate::harness::ctl())
        .args(["-n", "a1", "status", "--watch"])
        .stdout(std::process::Stdio::from(std::fs::File::create(scene.path("screen")).unwrap()))
        .spawn()
        .unwrap();
    let watcher = Killed(child);
    wait_for("two screens", || {
        let text = std::fs::read_to_string(scene.path("screen")).unwrap();
        (text.matches("netcat").count() >= 2).then_some(())
    });
    drop((watcher, agent));
}
