use super::*;
use crate::channel::{Channel, ChannelCx, Owned, Taker, Want, memory};
use crate::config::{Place, Value};
use crate::metrics::{ChannelMetrics, SourceMetrics};
use crate::pipeline::{ChannelProcessor, ChannelSlot};
use crate::reactor::{Core, IoChoice, Stopper, Task, block_on};
use crate::selector::replicating;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs as disk;
use std::future::Future;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::task::Poll;

mod crash;
mod rotation;

const DEADLINE: Duration = Duration::from_secs(20);

fn settings(prefix: &str, properties: &[(&str, &str)]) -> Settings {
    let value = |text: &str| Value { text: text.to_owned(), place: Place::default(), secret: false };
    let values: BTreeMap<_, _> = properties.iter().map(|(k, v)| ((*k).to_owned(), value(v))).collect();
    Settings { prefix: prefix.into(), values }
}

/// A directory with logs, a channel, and a source that can be started again and again.
struct Rig {
    core: Core,
    dir: PathBuf,
    channel: Rc<dyn Owned>,
    input: Box<dyn Taker>,
    properties: Vec<(String, String)>,
    metrics: Rc<SourceMetrics>,
}

/// A source at work.
struct Running {
    stopper: Stopper,
    task: Task,
    outcome: Rc<RefCell<Option<Result<(), Error>>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    body: String,
    headers: BTreeMap<String, String>,
}

impl Rig {
    /// Follows `logs/.*\.log` with quick looks; `properties` come last and win.
    async fn new(core: Core, dir: PathBuf, properties: &[(&str, &str)]) -> Rig {
        disk::create_dir(dir.join("logs")).unwrap();
        let pattern = format!("{}/logs/.*\\.log", dir.display());
        let positions = dir.join("positions.json");
        let mut all: Vec<(String, String)> = [
            ("filegroups", "f1"),
            ("filegroups.f1", &pattern),
            ("positionFile", positions.to_str().unwrap()),
            ("backoffSleepIncrement", "2"),
            ("maxBackoffSleep", "10"),
            ("writePosInterval", "1"),
        ]
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
        all.extend(
            properties.iter().map(|(k, v)| ((*k).to_owned(), v.replace("$DIR", dir.to_str().unwrap()))),
        );
        let channel = channel(&core, "10000").await;
        let input = channel.taker("test").unwrap();
        Rig { core, dir, channel, input, properties: all, metrics: Rc::default() }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = disk::File::options().create(true).append(true).open(self.log(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn cx(&self, stop: crate::reactor::Stop) -> SourceCx {
        let names = [Arc::from("c1")];
        let selector = (replicating::KIND.build)(&Settings::default()).unwrap().bind(&names).unwrap();
        let slot = ChannelSlot { name: "c1".into(), channel: self.channel.clone() as Rc<dyn Channel> };
        let (core, metrics) = (self.core.clone(), self.metrics.clone());
        let out = ChannelProcessor::new(core.clone(), Vec::new(), selector, vec![slot], metrics.clone());
        SourceCx { name: "r1".into(), core, out: Rc::new(out), stop, metrics }
    }

    fn build(&self) -> Result<Box<dyn Source>, Error> {
        let properties: Vec<(&str, &str)> =
            self.properties.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        (KIND.build)(&settings("a1.sources.r1", &properties))
    }

    async fn start(&self) -> Running {
        let (stopper, stop) = stop_pair();
        let cx = self.cx(stop);
        let mut source = self.build().unwrap();
        source.open(&cx).await.unwrap();
        let outcome: Rc<RefCell<Option<Result<(), Error>>>> = Rc::default();
        let told = outcome.clone();
        let task = self.core.task("r1", async move {
            let result = source.run(cx).await;
            *told.borrow_mut() = Some(result);
        });
        Running { stopper, task, outcome }
    }

    /// Exactly the next `count` lines.
    async fn take(&mut self, count: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        while lines.len() < count {
            let max_events = u32::try_from(count - lines.len()).unwrap();
            let want = Want { max_events, max_bytes: u64::MAX, wait: DEADLINE };
            let take = self.input.take(want).await.unwrap();
            let take = take.unwrap_or_else(|| panic!("{} of {count} lines: {lines:?}", lines.len()));
            for event in take.batches().iter().flat_map(|b| b.iter()) {
                let headers = event.headers.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
                lines.push(Line { body: String::from_utf8_lossy(event.body).into_owned(), headers });
            }
            take.commit().await.unwrap();
        }
        lines
    }

    async fn bodies(&mut self, count: usize) -> Vec<String> {
        self.take(count).await.into_iter().map(|line| line.body).collect()
    }

    /// What is in the channel now.
    async fn left(&mut self) -> Vec<String> {
        let count = self.channel.stats().await.events;
        self.bodies(usize::try_from(count).unwrap()).await
    }

    /// Inode → position, as the position file says.
    fn positions(&self) -> BTreeMap<u64, u64> {
        let content = disk::read(self.dir.join("positions.json")).unwrap_or_default();
        positions::parse(&content).unwrap().into_iter().map(|p| (p.inode, p.pos)).collect()
    }

    fn inode(&self, name: &str) -> u64 {
        disk::metadata(self.log(name)).unwrap().ino()
    }

    /// Waits until the condition holds.
    async fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let held = self.core.timeout(DEADLINE, async {
            while !condition() {
                self.core.sleep(Duration::from_millis(2)).await;
            }
        });
        held.await.unwrap_or_else(|| panic!("not within {DEADLINE:?}: {what}"));
    }
}

impl Running {
    async fn stop(mut self) {
        self.stopper.stop();
        self.task.join().await.unwrap();
        self.outcome.take().expect("the task has ended").unwrap();
    }
}

async fn channel(core: &Core, capacity: &str) -> Rc<dyn Owned> {
    let properties = [("capacity", capacity), ("transactionCapacity", capacity), ("keep-alive", "0")];
    let spec = (memory::KIND.build)(&settings("a1.channels.c1", &properties)).unwrap();
    let metrics: Rc<ChannelMetrics> = Rc::default();
    let cx = ChannelCx { name: "c1".into(), core: core.clone(), metrics, heap_bytes: 1 << 30 };
    spec.open(cx).await.unwrap()
}

fn run<F: Future<Output = ()> + 'static>(test: impl FnOnce(Core, PathBuf) -> F) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    block_on(IoChoice::Epoll, |core| {
        let guard = core.clone();
        let test = test(core, path);
        async move { guard.timeout(Duration::from_secs(60), test).await.expect("within 60 s") }
    })
    .unwrap();
}

/// Flume: TestTaildirEventReader.testBasicReadFiles and testInitiallyEmptyDirAndBehaviorAfterReadingAll.
#[test]
fn lines_come_as_files_appear_and_grow() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[]).await;
        let source = rig.start().await;
        rig.append("a.log", "a1\na2\r\n");
        assert_eq!(rig.bodies(2).await, ["a1", "a2"]);
        rig.append("b.log", "b1\n\n");
        rig.append("c.txt", "not ours\n");
        assert_eq!(rig.bodies(2).await, ["b1", ""]);
        rig.append("a.log", "a3\npart");
        assert_eq!(rig.bodies(1).await, ["a3"]);
        rig.append("a.log", "ial\n");
        assert_eq!(rig.bodies(1).await, ["partial"]);
        source.stop().await;
        assert_eq!(rig.left().await, [] as [&str; 0]);
        let expected = BTreeMap::from([(rig.inode("a.log"), 18), (rig.inode("b.log"), 4)]);
        assert_eq!(rig.positions(), expected);
        let m = &rig.metrics;
        assert_eq!((m.events_received.get(), m.events_accepted.get(), m.read_failures.get()), (6, 6, 0));
    });
}

/// Flume: testLoadPositionFile, with a file that Flume wrote (no birth times beside it).
#[test]
fn flumes_position_file_is_gone_on_from() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir.clone(), &[]).await;
        rig.append("a.log", "a1\na2\na3\n");
        rig.append("b.log", "b1\nb2\n");
        let (a, b, path) = (rig.inode("a.log"), rig.inode("b.log"), rig.dir.join("logs"));
        let path = path.display();
        let flumes = format!(
            "[{{\"inode\":{a},\"pos\":3,\"file\":\"{path}/a.log\"}},{{\"inode\":{b},\"pos\":3,\"file\":\"{path}/other.log\"}},\
             {{\"inode\":1,\"pos\":3,\"file\":\"{path}/gone.log\"}}]"
        );
        disk::write(dir.join("positions.json"), flumes).unwrap();
        let source = rig.start().await;
        let mut bodies = rig.bodies(4).await;
        bodies.sort();
        // The entry of b has another path, and only inode and path together are Flume's proof.
        assert_eq!(bodies, ["a2", "a3", "b1", "b2"]);
        source.stop().await;
        assert_eq!(rig.positions(), BTreeMap::from([(a, 9), (b, 6)]));
    });
}

/// Flume: testSkipToEndPosition.
#[test]
fn skip_to_end_concerns_what_is_unknown_at_the_start() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[("skipToEnd", "true")]).await;
        rig.append("old.log", "old\n");
        let source = rig.start().await;
        let old = rig.inode("old.log");
        rig.until("the old file is noted", || rig.positions().contains_key(&old)).await;
        rig.append("new.log", "new\n");
        rig.append("old.log", "more\n");
        let mut bodies = rig.bodies(2).await;
        bodies.sort();
        assert_eq!(bodies, ["more", "new"]);
        source.stop().await;
        rig.append("old.log", "while stopped\n");
        let source = rig.start().await;
        assert_eq!(rig.bodies(1).await, ["while stopped"]);
        source.stop().await;
    });
}

/// Flume: testByteOffsetHeader; TestTaildirSource.testHeaderMapping and testPutFilenameHeader.
#[test]
fn headers_are_those_of_group_file_and_offset() {
    run(|core, dir| async move {
        let properties = [
            ("filegroups", "f1 f2"),
            ("filegroups.f2", "$DIR/logs/.*\\.txt"),
            ("headers.f1.team", "web"),
            ("headers.f1.a.b", "dots"),
            ("fileHeader", "true"),
            ("fileHeaderKey", "path"),
            ("byteOffsetHeader", "true"),
        ];
        let mut rig = Rig::new(core, dir, &properties).await;
        rig.append("a.log", "a1\na22\n");
        let source = rig.start().await;
        let first = rig.take(2).await;
        let path = rig.log("a.log").to_str().unwrap().to_owned();
        for (line, offset) in first.iter().zip(["0", "3"]) {
            let pairs = [("team", "web"), ("a.b", "dots"), ("path", path.as_str()), ("byteoffset", offset)];
            let expected: BTreeMap<String, String> =
                pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            assert_eq!(line.headers, expected);
        }
        rig.append("b.txt", "b\n");
        let other = rig.take(1).await;
        assert_eq!(other[0].headers.keys().map(String::as_str).collect::<Vec<_>>(), ["byteoffset", "path"]);
        source.stop().await;
    });
}

/// Flume: TestTaildirSource.testFileConsumeOrder.
#[test]
fn the_file_changed_least_recently_comes_first() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[]).await;
        for (name, seconds) in [("c.log", 10), ("a.log", 30), ("b.log", 20)] {
            rig.append(name, &format!("{name}\n"));
            let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
            disk::File::options().append(true).open(rig.log(name)).unwrap().set_modified(time).unwrap();
        }
        let source = rig.start().await;
        assert_eq!(rig.bodies(3).await, ["c.log", "b.log", "a.log"]);
        source.stop().await;
    });
}

/// Flume: TestTaildirSource.testMaxBatchCount: after so many batches the next file gets its turn.
#[test]
fn a_long_file_gives_way_to_the_others() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[("batchSize", "2"), ("maxBatchCount", "1")]).await;
        for (name, seconds) in [("a.log", 10), ("b.log", 20)] {
            let lines: String = (0..4).map(|n| format!("{name}{n}\n")).collect();
            rig.append(name, &lines);
            let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
            disk::File::options().append(true).open(rig.log(name)).unwrap().set_modified(time).unwrap();
        }
        let source = rig.start().await;
        let expected = ["a.log0", "a.log1", "b.log0", "b.log1", "a.log2", "a.log3", "b.log2", "b.log3"];
        assert_eq!(rig.bodies(8).await, expected);
        source.stop().await;
        assert_eq!(rig.metrics.batches_accepted.get(), 4);
    });
}

/// Flume: testBackoffWithoutNewLine, and the idle timeout as seen on a real agent.
#[test]
fn a_last_line_without_line_feed_comes_when_the_file_is_idle() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[("idleTimeout", "60")]).await;
        rig.append("a.log", "whole\npart");
        let source = rig.start().await;
        assert_eq!(rig.bodies(2).await, ["whole", "part"]);
        rig.append("a.log", "ial\nnext\n");
        assert_eq!(rig.bodies(2).await, ["ial", "next"]);
        source.stop().await;
        rig.append("a.log", "never");
        let patient = Rig { properties: idle_for_ever(&rig.properties), ..rig };
        let mut rig = patient;
        let source = rig.start().await;
        let inode = rig.inode("a.log");
        rig.until("the position is written", || rig.positions().get(&inode) == Some(&19)).await;
        source.stop().await;
        assert_eq!(rig.left().await, [] as [&str; 0]);
        assert_eq!(rig.positions()[&inode], 19, "the held back part is before no position");
    });
}

fn idle_for_ever(properties: &[(String, String)]) -> Vec<(String, String)> {
    let mut all = properties.to_vec();
    all.push(("idleTimeout".to_owned(), "2147483647".to_owned()));
    all
}

/// Flume: testBasicCommitFailure and TestTaildirSource's channel failures: the same lines again, once.
#[test]
fn a_full_channel_holds_everything_back_and_nothing_is_lost() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core.clone(), dir, &[("batchSize", "5")]).await;
        rig.channel = channel(&core, "8").await;
        rig.input = rig.channel.taker("test").unwrap();
        let lines: Vec<String> = (0..40).map(|n| format!("line {n}")).collect();
        rig.append("a.log", &(lines.join("\n") + "\n"));
        let source = rig.start().await;
        rig.until("the channel refuses", || rig.metrics.channel_failures.get() > 1).await;
        assert_eq!(rig.channel.stats().await.events, 5);
        assert_eq!(rig.bodies(40).await, lines);
        source.stop().await;
        assert_eq!(rig.left().await, [] as [&str; 0]);
        let m = &rig.metrics;
        assert_eq!((m.events_received.get(), m.events_accepted.get(), m.events_refused.get()), (40, 40, 0));
    });
}

#[test]
fn a_stop_ends_the_wait_for_a_full_channel_and_the_rest_comes_later() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core.clone(), dir, &[("batchSize", "5"), ("maxBackoffSleep", "100000")]).await;
        rig.channel = channel(&core, "8").await;
        rig.input = rig.channel.taker("test").unwrap();
        rig.append("a.log", &"x\n".repeat(20));
        let source = rig.start().await;
        rig.until("the channel refuses", || rig.metrics.channel_failures.get() > 0).await;
        source.stop().await;
        assert_eq!(rig.positions()[&rig.inode("a.log")], 10, "five lines are in the channel");
        let source = rig.start().await;
        assert_eq!(rig.bodies(20).await.len(), 20);
        source.stop().await;
        assert_eq!(rig.left().await, [] as [&str; 0]);
    });
}

/// Flume: testIncludeEmptyFile, testBatchedReadsAcrossFileBoundary and testLargeNumberOfFiles.
#[test]
fn a_thousand_files_give_a_thousand_lines() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[]).await;
        rig.append("empty.log", "");
        let mut expected: Vec<String> = (0..1000).map(|n| format!("data{n}")).collect();
        for line in &expected {
            rig.append(&format!("{line}.log"), &format!("{line}\n"));
        }
        let source = rig.start().await;
        let mut bodies = rig.bodies(1000).await;
        source.stop().await;
        bodies.sort();
        expected.sort();
        assert_eq!(bodies, expected);
        assert_eq!(rig.positions().len(), 1001);
    });
}

#[test]
fn a_file_that_cannot_be_read_does_not_stop_the_others() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[]).await;
        // A directory that matches, a link to nowhere, and a file that other groups would trip over.
        disk::create_dir(rig.log("d.log")).unwrap();
        std::os::unix::fs::symlink("/nowhere", rig.log("l.log")).unwrap();
        std::os::unix::fs::symlink("/proc/self/mem", rig.log("m.log")).unwrap();
        rig.append("a.log", "a\n");
        let source = rig.start().await;
        assert_eq!(rig.bodies(1).await, ["a"]);
        source.stop().await;
    });
}

#[test]
fn a_missing_directory_is_named_and_one_of_two_is_waited_for() {
    run(|core, dir| async move {
        let both =
            [("filegroups", "f1 f2"), ("filegroups.f2", "$DIR/later/.*"), ("filegroups.f1", "$DIR/none/.*")];
        let mut rig = Rig::new(core, dir.clone(), &both).await;
        let (_stopper, stop) = stop_pair();
        let cx = rig.cx(stop);
        let error = rig.build().unwrap().open(&cx).await.unwrap_err();
        let text = dir.display();
        let expected =
            format!("Directory does not exist: {text}/none (file group f1), {text}/later (file group f2)");
        assert_eq!(error.what, expected);
        disk::create_dir(dir.join("none")).unwrap();
        let source = rig.start().await;
        disk::create_dir(dir.join("later")).unwrap();
        disk::write(dir.join("later/x"), "x\n").unwrap();
        assert_eq!(rig.bodies(1).await, ["x"]);
        source.stop().await;
    });
}

#[test]
fn a_very_long_line_comes_in_pieces_that_join() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[]).await;
        let long = "0123456789abcdef".repeat((16 << 20) / 16) + "tail";
        rig.append("a.log", &format!("before\n{long}\nafter\n"));
        let source = rig.start().await;
        let bodies = rig.bodies(4).await;
        source.stop().await;
        assert_eq!((bodies[0].as_str(), bodies[3].as_str()), ("before", "after"));
        assert!(bodies[1].len() == lines::LONGEST_LINE_BYTES && bodies[1].clone() + &bodies[2] == long);
        assert_eq!(rig.metrics.read_failures.get(), 1);
    });
}
