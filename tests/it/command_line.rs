//! Flume's command line.

use crate::harness::{Killed, Launch, Nc, Scene, ctl, penstock, wait_for};
use std::os::unix::fs::symlink;
use std::process::Output;

fn text(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

#[test]
fn version_and_help_are_no_errors_and_anything_else_is() {
    let scene = Scene::new();
    let version = scene.penstock(&["version"]);
    assert_eq!(version.status.code(), Some(0));
    assert!(
        text(&version).contains(env!("CARGO_PKG_VERSION")) && text(&version).contains("Flume"),
        "{}",
        text(&version)
    );
    let help = scene.penstock(&["help"]);
    assert_eq!(help.status.code(), Some(0));
    for word in ["agent", "version", "Exit codes"] {
        assert!(text(&help).contains(word), "{}", text(&help));
    }
    for wrong in [&[][..], &["nonsense"], &["agent"], &["agent", "--no-such-option"]] {
        let out = scene.penstock(wrong);
        assert_eq!(out.status.code(), Some(1), "{wrong:?}: {}", text(&out));
        assert!(!text(&out).is_empty() && !text(&out).contains("panicked"), "{wrong:?}");
    }
}

#[test]
fn zookeeper_is_refused_with_a_sentence() {
    let scene = Scene::new();
    let out = scene.penstock(&["agent", "-n", "a1", "-z", "127.0.0.1:2181", "-p", "/flume"]);
    assert!(matches!(out.status.code(), Some(1 | 2)), "{}", text(&out));
    assert!(text(&out).contains("-z") || text(&out).to_lowercase().contains("zookeeper"), "{}", text(&out));
}

#[test]
fn a_link_called_flume_ng_takes_the_call_of_every_tutorial() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    scene.folder("conf");
    scene.file("conf/flume-env.sh", "export JAVA_OPTS=\"-Xms100m -Xmx200m\"\nexit 1\n");
    scene.file("x.conf", &conf);
    let link = scene.path("flume-ng");
    symlink(penstock(), &link).unwrap();
    let stderr = std::fs::File::create(scene.path("stderr")).unwrap();
    let child = scene
        .command(&link)
        .args(
            "agent --conf conf --conf-file x.conf --name a1 -Dflume.root.logger=INFO,console -Xmx100m"
                .split(' '),
        )
        .args(["--classpath", "lib/*", "-Dflume.monitoring.type=http"])
        .stderr(stderr)
        .spawn()
        .unwrap();
    let agent = Killed(child);
    assert_eq!(Nc::connect(port).ask("hello"), "OK");
    let log = wait_for("the ready line", || {
        let text = std::fs::read_to_string(scene.path("stderr")).unwrap();
        text.contains(" is ready").then_some(text)
    });
    drop(agent);
    for ignored in ["--classpath", "flume.monitoring.type"] {
        assert!(log.contains(ignored), "{ignored} is said to have no meaning: {log}");
    }
}

#[test]
fn later_files_override_earlier_ones() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = null");
    let first = scene.file("first.conf", &conf);
    let second = scene.file("second.conf", "a1.sinks.k1.type = logger\n");
    let agent = Launch::new(&scene, "a1")
        .arg("-f")
        .arg(first.to_str().unwrap())
        .arg("-f")
        .arg(second.to_str().unwrap())
        .spawn();
    agent.ready();
    assert_eq!(Nc::connect(port).ask("hello"), "OK");
    agent.wait_log("hello }");
}

#[test]
fn values_come_from_the_environment_where_the_file_says_so() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = ${env:KIND_OF_SINK}");
    let agent = scene.launch(&conf).env("KIND_OF_SINK", "logger").spawn();
    agent.ready();
    assert_eq!(Nc::connect(port).ask("hello"), "OK");
    agent.wait_log("hello }");
}

#[test]
fn several_agents_of_one_file_run_on_one_host() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let (port2, conf2) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let both = format!("{conf}{}", conf2.replace("a1.", "a2."));
    let file = scene.file("both.conf", &both);
    let start = |name| {
        let agent = Launch::new(&scene, name).arg("-f").arg(file.to_str().unwrap()).spawn();
        agent.ready();
        agent
    };
    let (a1, a2) = (start("a1"), start("a2"));
    assert_eq!(Nc::connect(port).ask("to a1"), "OK");
    assert_eq!(Nc::connect(port2).ask("to a2"), "OK");
    a1.wait_log("to a1");
    a2.wait_log("to a2");
    assert_eq!((a1.status().agent.as_str(), a2.status().agent.as_str()), ("a1", "a2"));
    assert!(a1.status().sources.len() == 1 && !a1.log().contains("to a2"));
}

#[test]
fn the_back_end_can_be_chosen_and_is_shown() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let agent = scene.launch(&conf).arg("--io").arg("epoll").spawn();
    agent.ready();
    let threads = agent.status().threads;
    assert!(!threads.is_empty() && threads.iter().all(|t| t.io == "epoll" || t.io.is_empty()), "{threads:?}");
    assert_eq!(Nc::connect(port).ask("hello"), "OK");
    agent.stop();
    if std::env::var_os("PENSTOCK_IO").is_some() {
        return; // this run is about one of them
    }
    if !rings_work() {
        eprintln!("SKIPPED: this kernel has no io_uring for us, so --io uring was not tried");
        return;
    }
    let agent = scene.launch(&conf).arg("--io").arg("uring").spawn();
    agent.ready();
    assert!(agent.status().threads.iter().any(|t| t.io == "io_uring"), "{:?}", agent.status().threads);
    assert_eq!(Nc::connect(port).ask("hello"), "OK");
}

/// Whether the kernel lets this process have a ring, as far as its settings tell.
fn rings_work() -> bool {
    let forbidden = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    forbidden.map_or(true, |text| text.trim() == "0")
}

#[test]
fn ctl_says_what_it_can_do() {
    let scene = Scene::new();
    let out = scene.command(&ctl()).arg("--help").output().unwrap();
    assert_eq!(out.status.code(), Some(0));
    for word in ["status", "stop", "check", "components", "config", "log-level", "agents"] {
        assert!(text(&out).contains(word), "{word}: {}", text(&out));
    }
}
