//! exec and taildir into file_roll, and what survives kill -9.

use crate::harness::{Scene, wait_until};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// The text of every file in a folder, in the order of names.
pub(crate) fn all_text(dir: &Path) -> String {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort_by_key(|f| (f.file_name().map(|n| n.len()), f.clone()));
    files.iter().map(|f| fs::read_to_string(f).unwrap()).collect()
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn to_file_roll(scene: &Scene, source: &str) -> String {
    format!(
        "a1.sources = r1\na1.channels = c1\na1.sinks = k1\na1.sources.r1.channels = c1\n{source}\n\
         a1.channels.c1.type = memory\na1.channels.c1.capacity = 10000\na1.channels.c1.transactionCapacity = 1000\n\
         a1.sinks.k1.type = file_roll\na1.sinks.k1.channel = c1\na1.sinks.k1.sink.rollInterval = 0\n\
         a1.sinks.k1.sink.directory = {}\n",
        scene.path("out").display()
    )
}

#[test]
fn what_a_command_prints_lands_in_a_file() {
    let scene = Scene::new();
    let conf = to_file_roll(
        &scene,
        "a1.sources.r1.type = exec\na1.sources.r1.shell = /bin/sh -c\n\
         a1.sources.r1.command = for i in 1 2 3; do echo \"line $i\"; done; printf 'no newline'",
    );
    let agent = scene.start(&conf);
    agent.wait_status("four lines", |s| s.sinks[0].events_delivered == 4);
    assert_eq!(all_text(&scene.path("out")), "line 1\nline 2\nline 3\nno newline\n");
    assert_eq!(agent.stop().code, Some(0));
}

#[test]
fn a_command_that_dies_is_said_and_started_again_when_told_so() {
    let scene = Scene::new();
    let conf = to_file_roll(
        &scene,
        "a1.sources.r1.type = exec\na1.sources.r1.shell = /bin/sh -c\na1.sources.r1.command = echo once; exit 3\n\
         a1.sources.r1.restart = true\na1.sources.r1.restartThrottle = 50\na1.sources.r1.batchTimeout = 50",
    );
    let mut agent = scene.start(&conf);
    wait_until("it ran three times", || {
        fs::exists(scene.path("out")).unwrap() && all_text(&scene.path("out")).lines().count() >= 3
    });
    let line = agent.wait_log("code 3");
    assert!(line.contains("exit"), "{line}");
    assert!(agent.is_running());
}

#[test]
fn a_command_that_does_not_exist_leaves_the_rest_running() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf(
        "a1.sinks.k1.type = logger\na1.sources = r1 r2\na1.sources.r2.type = exec\na1.sources.r2.channels = c1\n\
         a1.sources.r2.command = /no/such/program -x",
    );
    let agent = scene.start(&conf);
    let line = agent.wait_log("/no/such/program");
    assert!(line.contains("WARN") || line.contains("ERROR"), "{line}");
    assert_eq!(crate::harness::Nc::connect(port).ask("hello"), "OK");
    agent.wait_log("hello }");
}

#[test]
fn children_end_with_the_agent() {
    let scene = Scene::new();
    let conf = to_file_roll(
        &scene,
        "a1.sources.r1.type = exec\na1.sources.r1.shell = /bin/sh -c\na1.sources.r1.batchTimeout = 50\n\
         a1.sources.r1.command = echo $$; exec tail -f /dev/null",
    );
    let agent = scene.start(&conf);
    agent.wait_status("its pid arrived", |s| s.sinks[0].events_delivered == 1);
    let pid: i32 = all_text(&scene.path("out")).trim().parse().unwrap();
    let alive = || fs::exists(format!("/proc/{pid}")).unwrap();
    assert!(alive());
    assert_eq!(agent.stop().code, Some(0));
    wait_until("the child is gone", || !alive());
}

fn taildir(scene: &Scene) -> String {
    format!(
        "a1.sources.r1.type = TAILDIR\na1.sources.r1.filegroups = f1\n\
         a1.sources.r1.filegroups.f1 = {}/.*log\na1.sources.r1.positionFile = {}\n\
         a1.sources.r1.writePosInterval = 100",
        scene.path("in").display(),
        scene.path("pos/taildir.json").display()
    )
}

#[test]
fn files_are_followed_and_the_position_is_flumes() {
    let scene = Scene::new();
    let input = scene.folder("in");
    fs::write(input.join("a.log"), "one\r\ntwo\nhalf").unwrap();
    fs::write(input.join("other.txt"), "not ours\n").unwrap();
    let agent = scene.start(&to_file_roll(&scene, &taildir(&scene)));
    agent.wait_status("two lines", |s| s.sinks[0].events_delivered == 2);
    append(&input.join("a.log"), " done\nthree\n");
    agent.wait_status("four lines", |s| s.sinks[0].events_delivered == 4);
    assert_eq!(all_text(&scene.path("out")), "one\ntwo\nhalf done\nthree\n");
    let ended = agent.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let text = fs::read_to_string(scene.path("pos/taildir.json")).unwrap();
    let positions: serde_json::Value = serde_json::from_str(&text).unwrap();
    let only = &positions.as_array().unwrap()[0];
    assert_eq!(only["pos"], 25, "{text}");
    assert_eq!(only["file"], input.join("a.log").to_str().unwrap());
    assert!(only["inode"].is_u64());
    // The next start goes on from there.
    append(&input.join("a.log"), "four\n");
    let agent = scene.start(&to_file_roll(&scene, &taildir(&scene)));
    agent.wait_status("one more", |s| s.sinks[0].events_delivered == 1);
    assert_eq!(all_text(&scene.path("out")), "one\ntwo\nhalf done\nthree\nfour\n");
}

/// The channel is memory: what it holds at kill -9 is gone with it, as with Flume. What the sink has written and synced is
/// not, and every line that was not yet read when the process died is read afterwards. So: kill only when the channel is
/// empty, and no line may be missing.
#[test]
fn kill_9_loses_no_line_that_was_not_yet_taken() {
    let scene = Scene::new();
    let input = scene.folder("in");
    let conf = to_file_roll(&scene, &taildir(&scene));
    let mut lines = 0;
    for round in 0..4 {
        let agent = scene.start(&conf);
        let text: String = (0..500).map(|n| format!("line {:05}\n", lines + n)).collect();
        lines += 500;
        append(&input.join("a.log"), &text);
        let out = scene.path("out");
        wait_until("all lines of this round arrived", || {
            all_text(&out).contains(&format!("line {:05}\n", lines - 1))
        });
        // Between two writes of the position file: some lines will come again, none may be missing.
        append(&input.join("a.log"), &format!("late {round}\n"));
        wait_until("the late line arrived", || all_text(&out).contains(&format!("late {round}\n")));
        agent.kill();
    }
    let agent = scene.start(&conf);
    append(&input.join("a.log"), "end\n");
    wait_until("the end arrived", || all_text(&scene.path("out")).contains("end\n"));
    drop(agent);
    let text = all_text(&scene.path("out"));
    for n in 0..lines {
        assert!(text.contains(&format!("line {n:05}\n")), "line {n} is missing");
    }
}
