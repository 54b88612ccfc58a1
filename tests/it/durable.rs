//! Goal: what was answered OK by a source in front of a file channel is delivered, whatever kills the agent. Method: a client
//! keeps a ledger of what it sent and what was answered; the agent is killed again and again under load, at moments drawn
//! from a seed; at the end every answered line stands in the sink's files, in order but for repeats.

use crate::harness::{Nc, Scene, free_port, wait_for};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

const KILLS: u32 = 12;
const SEED: u64 = 20_261_121;

fn conf(scene: &Scene, port: u16) -> String {
    let dir = scene.dir().display();
    format!(
        "a1.sources = r1\na1.channels = c1\na1.sinks = k1\na1.sources.r1.type = netcat\n\
         a1.sources.r1.bind = 127.0.0.1\na1.sources.r1.port = {port}\na1.sources.r1.channels = c1\n\
         a1.channels.c1.type = file\na1.channels.c1.checkpointDir = {dir}/checkpoint\n\
         a1.channels.c1.dataDirs = {dir}/data-1,{dir}/data-2\na1.channels.c1.minimumRequiredSpace = 1048576\n\
         a1.channels.c1.checkpointInterval = 1000\na1.sinks.k1.type = file_roll\n\
         a1.sinks.k1.sink.directory = {dir}/out\na1.sinks.k1.channel = c1\n"
    )
}

/// Sends numbered lines in blocks until the connection breaks; gives the first number that was not answered.
fn send_until_killed(port: u16, mut next: u64) -> u64 {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else { return next };
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut replies = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let block: String = (next..next + 50).map(|n| format!("line {n}\n")).collect();
        if stream.write_all(block.as_bytes()).is_err() {
            return next;
        }
        for _ in 0..50 {
            let mut reply = String::new();
            match replies.read_line(&mut reply) {
                Ok(3) if reply == "OK\n" => next += 1,
                _ => return next,
            }
        }
    }
}

#[test]
fn kills_under_load_lose_nothing_that_was_answered() {
    let scene = Scene::new();
    let port = free_port();
    let conf = conf(&scene, port);
    let (mut random, mut answered, mut sent_at_most) = (SEED, 0, 0);
    let mut kills = 0;
    while kills < KILLS {
        let agent = scene.start(&conf);
        let client = std::thread::spawn(move || send_until_killed(port, answered));
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The moment of the kill is what the test varies: time itself is waited for.
        std::thread::sleep(Duration::from_millis(20 + (random >> 33) % 180));
        agent.kill();
        kills += 1;
        answered = client.join().unwrap();
        sent_at_most = sent_at_most.max(answered + 50);
    }
    let agent = scene.start(&conf);
    assert_eq!(Nc::connect(port).ask("line last"), "OK");
    let out = scene.path("out");
    wait_for("the last line is delivered", || {
        crate::files::all_text(&out).contains("line last\n").then_some(())
    });
    assert_eq!(agent.stop().code, Some(0));
    check(&crate::files::all_text(&out), answered, sent_at_most);
    println!("{KILLS} kills, seed {SEED}: {answered} lines answered, 0 lost");
}

fn check(text: &str, answered: u64, sent_at_most: u64) {
    assert!(answered > 1_000, "only {answered} lines were answered: the test shows nothing");
    let mut seen = BTreeSet::new();
    let mut repeats = 0u64;
    for line in text.lines().filter(|l| *l != "line last") {
        let number: u64 =
            line.strip_prefix("line ").and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{line:?}"));
        assert!(number < sent_at_most, "line {number} was never sent");
        repeats += u64::from(!seen.insert(number));
    }
    let lost: Vec<u64> = (0..answered).filter(|n| !seen.contains(n)).collect();
    assert!(
        lost.is_empty(),
        "{} answered lines are lost, the first: {:?}",
        lost.len(),
        &lost[..lost.len().min(5)]
    );
    println!("{repeats} lines came more than once");
}

#[test]
fn two_channels_on_the_default_directory_are_told_what_to_write() {
    let scene = Scene::new();
    let (_, rest) = scene.netcat_conf("a1.sinks.k1.type = null");
    let conf = rest
        .replace("a1.channels = c1", "a1.channels = c1 c2")
        .replace("a1.sources.r1.channels = c1", "a1.sources.r1.channels = c1 c2")
        .replace("a1.channels.c1.type = memory", "a1.channels.c1.type = file\na1.channels.c2.type = file");
    let conf = format!("{conf}\na1.sinks = k1 k2\na1.sinks.k2.type = null\na1.sinks.k2.channel = c2\n");
    let home = scene.folder("home");
    let agent = scene.launch(&conf).env("HOME", home.to_str().unwrap()).spawn();
    agent.ready();
    agent.wait_log("in use by channel c1 of agent a1");
    agent.wait_log("a1.channels.c2.checkpointDir = ");
    let status = agent.status();
    let states: Vec<_> = status.channels.iter().map(|c| (c.name.as_str(), c.why.is_empty())).collect();
    assert_eq!(states, [("c1", true), ("c2", false)]);
    assert_eq!(agent.stop().code, Some(0));
}
