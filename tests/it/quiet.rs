//! What an agent costs that has nothing to do.

use crate::harness::{Nc, Scene};

#[test]
fn an_idle_agent_uses_no_cpu_and_little_memory() {
    let scene = Scene::new();
    let conf = "a1.sources = r1 r2\na1.channels = c1 c2\na1.sinks = k1 k2\n";
    let (port, rest) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let tail = scene.folder("in");
    let rest = format!(
        "{rest}a1.channels.c2.type = memory\na1.sources.r2.type = TAILDIR\na1.sources.r2.channels = c2\n\
         a1.sources.r2.filegroups = f1\na1.sources.r2.filegroups.f1 = {}/.*log\na1.sources.r2.positionFile = {}\n\
         a1.sinks.k2.type = null\na1.sinks.k2.channel = c2\n",
        tail.display(),
        scene.path("pos.json").display()
    );
    let skip = rest.lines().skip(3).fold(conf.to_owned(), |text, line| text + line + "\n");
    let agent = scene.start(&skip);
    assert_eq!(Nc::connect(port).ask("awake"), "OK");
    let before = agent.wait_status("it has settled", |s| s.uptime_ms > 500 && s.sinks[0].events_taken > 0);
    // Nobody asks anything meanwhile: answering would be most of what is used. Here time itself is what is waited for.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let after = agent.wait_status("two seconds have passed", |s| s.uptime_ms > before.uptime_ms + 2_000);
    let per_second = (after.cpu_ms - before.cpu_ms) * 1_000 / (after.uptime_ms - before.uptime_ms);
    assert!(per_second < 100, "{per_second} ms of CPU a second");
    assert!(after.memory_bytes < 20 << 20, "{} bytes", after.memory_bytes);
}
