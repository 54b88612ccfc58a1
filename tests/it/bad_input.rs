//! What is wrong in the file or on the machine gets a sentence; the rest runs.

use crate::harness::{Launch, Nc, Scene, channel, free_port, sink, source};
use dataplane::control::ComponentState;
use std::net::TcpListener;

#[test]
fn a_port_in_use_is_retried_and_shown() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let other = free_port();
    let conf = format!(
        "{conf}a1.sources = r1 r2\na1.sources.r2.type = netcat\na1.sources.r2.bind = 127.0.0.1\n\
         a1.sources.r2.port = {other}\na1.sources.r2.channels = c1\n"
    );
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let agent = scene.start(&conf);
    assert_eq!(Nc::connect(other).ask("the rest runs"), "OK");
    let s = agent.wait_status("r1 is retried", |s| source(s, "r1").state == ComponentState::Retrying);
    let why = &source(&s, "r1").why;
    assert!(why.contains(&port.to_string()) && why.contains("in use"), "{why}");
    let line = agent.wait_log(&port.to_string());
    assert!(line.contains("WARN") || line.contains("ERROR"), "{line}");
    drop(taken);
    assert_eq!(Nc::connect(port).ask("now it is free"), "OK");
    agent.wait_status("r1 runs", |s| source(s, "r1").state == ComponentState::Running);
    agent.wait_log("now it is free }");
}

#[test]
fn a_folder_that_cannot_be_made_leaves_the_rest_running() {
    let scene = Scene::new();
    let file = scene.file("in-the-way", "");
    let (port, conf) = scene.netcat_conf(&format!(
        "a1.sinks.k1.type = logger\na1.sinks = k1 k2\na1.channels = c1 c2\na1.sources.r1.channels = c1 c2\n\
         a1.channels.c2.type = memory\na1.sinks.k2.type = file_roll\na1.sinks.k2.channel = c2\n\
         a1.sinks.k2.sink.directory = {}/out",
        file.display()
    ));
    let agent = scene.start(&conf);
    assert_eq!(Nc::connect(port).ask("hello"), "OK");
    agent.wait_log("hello }");
    let s = agent.wait_status("k2 is retried", |s| sink(s, "k2").state == ComponentState::Retrying);
    let why = &sink(&s, "k2").why;
    assert!(why.contains("in-the-way"), "{why}");
    // What it cannot write waits in its channel.
    assert_eq!(channel(&s, "c2").events, 1);
}

#[test]
fn a_taildir_folder_that_is_missing_is_named() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf(&format!(
        "a1.sinks.k1.type = logger\na1.sources = r1 r2\na1.sources.r2.type = TAILDIR\na1.sources.r2.channels = c1\n\
         a1.sources.r2.filegroups = f1\na1.sources.r2.filegroups.f1 = {}/.*log\na1.sources.r2.positionFile = {}",
        scene.path("nowhere").display(),
        scene.path("pos.json").display()
    ));
    let agent = scene.start(&conf);
    let line = agent.wait_log("nowhere");
    assert!(line.contains("WARN") || line.contains("ERROR"), "{line}");
    assert_eq!(Nc::connect(port).ask("hello"), "OK");
}

#[test]
fn a_wrong_agent_name_lists_the_agents_of_the_file() {
    let scene = Scene::new();
    let (_, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let conf = format!("{conf}\ncollector.sources = r1\ncollector.sources.r1.type = seq\n");
    let file = scene.file("x.conf", &conf);
    let ended = Launch::new(&scene, "a2").arg("-f").arg(file.to_str().unwrap()).run();
    assert!(ended.code.is_some_and(|c| c != 0), "{ended:?}");
    assert!(ended.log.contains("a2") && ended.log.contains("a1"), "{}", ended.log);
}

#[test]
fn a_java_class_of_somebody_elses_ends_the_start_and_is_named() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let conf = format!(
        "{conf}a1.sinks = k1 k2\na1.channels = c1 c2\na1.channels.c2.type = memory\na1.sources.r1.channels = c1 c2\n\
         a1.sinks.k2.channel = c2\na1.sinks.k2.type = com.example.flume.MySink\n"
    );
    let ended = scene.launch(&conf).run();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    let line_number = 1 + conf.lines().position(|l| l.contains("MySink")).unwrap();
    for part in ["k2", "com.example.flume.MySink", &format!("a1.conf:{line_number}"), "--allow-partial"] {
        assert!(ended.log.contains(part), "{part}: {}", ended.log);
    }
    let agent = scene.launch(&conf).arg("--allow-partial").spawn();
    agent.ready();
    assert_eq!(Nc::connect(port).ask("hello"), "OK");
    agent.wait_log("hello }");
}

#[test]
fn a_bad_value_costs_its_component_and_names_the_line() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let conf = format!(
        "{conf}a1.sources = r1 r2\na1.sources.r2.type = netcat\na1.sources.r2.bind = 127.0.0.1\n\
         a1.sources.r2.channels = c1\na1.sources.r2.port = many\n"
    );
    let agent = scene.start(&conf);
    let line = agent.wait_log("many");
    let at = format!("a1.conf:{}", conf.lines().count());
    assert!(line.contains(&at) && line.contains("r2"), "{at} in {line}");
    assert_eq!(Nc::connect(port).ask("hello"), "OK");
    let s = agent.status();
    let r2 = s.sources.iter().find(|r| r.name == "r2");
    assert!(r2.is_none_or(|r| r.state == ComponentState::Dropped), "{r2:?}");
}

#[test]
fn a_file_that_is_missing_empty_or_binary_ends_the_start_with_a_sentence() {
    let scene = Scene::new();
    let missing = Launch::new(&scene, "a1").arg("-f").arg("nowhere.conf").run();
    assert!(missing.code.is_some_and(|c| c != 0) && missing.log.contains("nowhere.conf"), "{missing:?}");
    let junk: String = (0..2000u32).map(|n| char::from_u32(n * 7 % 251).unwrap()).collect();
    for text in ["", "# nothing\n", "a1.sources\n", &junk] {
        let ended = scene.launch(text).run();
        assert!(ended.code.is_some_and(|c| c != 0), "{text:?}: {ended:?}");
        assert!(ended.log.contains("a1") && !ended.log.contains("panicked"), "{text:?}: {}", ended.log);
    }
}

#[test]
fn a_changed_file_is_announced_and_not_applied() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let agent = scene.launch(&conf).arg("-i").arg("1").spawn();
    agent.ready();
    let changed = conf.replace(&port.to_string(), &free_port().to_string());
    // Written anew: another time of change, even on file systems that count seconds.
    let file = std::fs::File::options().write(true).truncate(true).open(scene.path("a1.conf")).unwrap();
    std::io::Write::write_all(&mut &file, changed.as_bytes()).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    file.set_modified(later).unwrap();
    let line = agent.wait_log("has changed");
    assert!(line.contains("a1.conf"), "{line}");
    assert_eq!(Nc::connect(port).ask("as before"), "OK");
    assert_eq!(agent.status().generation, 1);
}
