use super::*;
use crate::channel::{ChannelCx, Owned, memory};
use crate::config::{Place, Value};
use crate::event::{Batch, Draft};
use crate::metrics::{ChannelMetrics, SinkMetrics};
use crate::pipeline::EventLog;
use crate::reactor::{IoChoice, Stopper, block_on, stop_pair};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

struct Silent;

impl EventLog for Silent {
    fn info<'a>(&'a self, _logger: &'static str, _texts: Vec<String>) -> Fut<'a, io::Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

fn settings(prefix: &str, properties: &[(&str, &str)]) -> Settings {
    let value = |text: &str| Value { text: text.to_owned(), place: Place::default(), secret: false };
    let values: BTreeMap<_, _> = properties.iter().map(|(k, v)| ((*k).to_owned(), value(v))).collect();
    Settings { prefix: prefix.into(), values }
}

/// A memory channel and an open sink that writes into a directory of its own.
struct Rig {
    channel: Rc<dyn Owned>,
    input: Box<dyn Taker>,
    sink: Box<dyn Sink>,
    cx: SinkCx,
    directory: PathBuf,
    _stopper: Stopper,
}

impl Rig {
    async fn open(core: Core, directory: &Path, properties: &[(&str, &str)]) -> Rig {
        let spec = (memory::KIND.build)(&settings("a1.channels.c1", &[("capacity", "10000")])).unwrap();
        let metrics: Rc<ChannelMetrics> = Rc::default();
        let cx = ChannelCx { name: "c1".into(), core: core.clone(), metrics, heap_bytes: 1 << 30 };
        let channel = spec.open(cx).await.unwrap();
        let (stopper, stop) = stop_pair();
        let metrics: Rc<SinkMetrics> = Rc::default();
        let log = Arc::new(Silent);
        let cx = SinkCx { name: "k1".into(), core, stop, metrics, log, transaction_events: 100 };
        let text = directory.to_str().unwrap();
        let all: Vec<_> = [("sink.directory", text)].iter().chain(properties).copied().collect();
        let mut sink = (KIND.build)(&settings("a1.sinks.k1", &all)).unwrap();
        sink.open(&cx).await.unwrap();
        let input = channel.taker("k1").unwrap();
        Rig { channel, input, sink, cx, directory: directory.to_owned(), _stopper: stopper }
    }

    async fn put(&self, bodies: &[&str]) {
        let mut draft = Draft::default();
        for body in bodies {
            draft.push(body.as_bytes());
        }
        let committed = self.channel.put(Batch::whole(&draft.seal())).await;
        committed.map(|_| ()).unwrap();
    }

    async fn process(&mut self) -> Result<Status, Error> {
        self.sink.process(&mut *self.input, &self.cx).await
    }

    async fn queued(&self) -> u64 {
        self.channel.stats().await.events
    }

    /// Names and contents, in the order of the names' numbers.
    fn files(&self) -> Vec<(String, String)> {
        let mut files: Vec<(String, String)> = std::fs::read_dir(&self.directory)
            .unwrap()
            .map(|e| e.unwrap())
            .map(|e| (e.file_name().into_string().unwrap(), std::fs::read_to_string(e.path()).unwrap()))
            .collect();
        files.sort_by_key(|(name, _)| (name.len(), name.clone()));
        files
    }

    fn contents(&self) -> Vec<String> {
        self.files().into_iter().map(|(_, content)| content).collect()
    }
}

fn run<F: Future<Output = ()> + 'static>(test: impl Fn(Core, PathBuf) -> F) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    block_on(IoChoice::Epoll, |core| {
        let guard = core.clone();
        let test = test(core, path);
        async move { guard.timeout(Duration::from_secs(30), test).await.expect("within 30 s") }
    })
    .unwrap();
}

/// Flume: TestRollingFileSink.testLifecycle and testAppend2 (`rollInterval` 0).
#[test]
fn events_stand_on_lines_of_one_file_that_never_rolls() {
    run(|core, dir| async move {
        let out = dir.join("made/by/us");
        let mut rig = Rig::open(core, &out, &[("sink.rollInterval", "0"), ("sink.batchSize", "1")]).await;
        assert_eq!(rig.files(), [], "no file before the first event");
        for n in 0..10 {
            rig.put(&[&format!("Test event {n}")]).await;
            assert_eq!(rig.process().await.unwrap(), Status::Ready);
        }
        let lines: String = (0..10).map(|n| format!("Test event {n}\n")).collect();
        assert_eq!(rig.contents(), [lines]);
        assert_eq!(rig.queued().await, 0);
        let m = rig.cx.metrics.clone();
        rig.sink.close(Duration::from_secs(1)).await.unwrap();
        assert_eq!((m.connections_created.get(), m.connections_closed.get()), (1, 1));
        assert_eq!((m.events_taken.get(), m.events_delivered.get(), m.bytes.get()), (10, 10, 120));
        assert_eq!((m.batches_complete.get(), m.batches_underflow.get()), (10, 0));
    });
}

/// Flume: TestRollingFileSink.testAppend (`rollInterval` 1), and no empty files on an idle channel.
#[test]
fn a_new_file_is_begun_at_each_interval_that_has_events() {
    run(|core, dir| async move {
        let mut rig = Rig::open(core, &dir, &[("sink.rollInterval", "1")]).await;
        rig.put(&["one"]).await;
        rig.process().await.unwrap();
        // Waits as long as the file may be written, then for the next event.
        assert_eq!(rig.process().await.unwrap(), Status::Idle);
        assert_eq!(rig.contents(), ["one\n"]);
        rig.put(&["two"]).await;
        rig.process().await.unwrap();
        assert_eq!(rig.cx.metrics.connections_closed.get(), 1);
        assert_eq!(rig.contents(), ["one\n", "two\n"]);
        let first = rig.files()[0].0.clone();
        let (stem, number) = first.split_once('-').unwrap();
        assert_eq!((number, rig.files()[1].0.as_str()), ("1", format!("{stem}-2").as_str()));
    });
}

/// Flume: TestRollingFileSink.testAppend3 and testRollTime.
#[test]
fn names_have_prefix_extension_and_time() {
    run(|core, dir| async move {
        let roll = [
            ("sink.pathManager", "rolltime"),
            ("sink.pathManager.prefix", "test3-"),
            ("sink.pathManager.extension", "txt"),
            ("sink.serializer", "header_and_text"),
            ("sink.serializer.appendNewline", "false"),
        ];
        let mut rig = Rig::open(core, &dir, &roll).await;
        rig.put(&["x"]).await;
        rig.process().await.unwrap();
        let (name, content) = rig.files().remove(0);
        let second = name.strip_prefix("test3-").unwrap().strip_suffix("-1.txt").unwrap();
        assert!(second.len() == 14 && second.bytes().all(|b| b.is_ascii_digit()), "{name}");
        assert_eq!(content, "{} x");
    });
}

#[test]
fn a_name_that_is_taken_is_not_written_over() {
    run(|core, dir| async move {
        let mut rig = Rig::open(core, &dir, &[("sink.rollInterval", "0")]).await;
        rig.put(&["first"]).await;
        rig.process().await.unwrap();
        let taken = rig.files()[0].0.replace("-1", "-2");
        std::fs::write(dir.join(taken), "not ours").unwrap();
        // Somebody removes directory and all: the next file brings it back.
        rig.sink.close(Duration::from_secs(1)).await.unwrap();
        let mut names = Names::new(&dir, Naming::Default, String::new(), "", 7, TimeZone::UTC);
        std::fs::write(dir.join("7-1"), "not ours").unwrap();
        let made = create(&rig.cx.core, &mut names).await.map_err(|(_, e)| e).unwrap();
        assert_eq!(made.path(), dir.join("7-2"));
        std::fs::remove_dir_all(&dir).unwrap();
        let made = create(&rig.cx.core, &mut names).await.map_err(|(_, e)| e).unwrap();
        assert_eq!(made.path(), dir.join("7-3"));
        assert!(dir.join("7-3").exists());
    });
}

#[test]
fn waiting_takes_share_one_write_in_order() {
    run(|core, dir| async move {
        let mut rig =
            Rig::open(core, &dir, &[("sink.rollInterval", "0"), ("sink.batchSize", "100000")]).await;
        for batch in 0..5 {
            let bodies: Vec<String> = (0..100).map(|n| format!("{batch}-{n}")).collect();
            rig.put(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
        }
        rig.put(&["last"]).await;
        rig.process().await.unwrap();
        assert_eq!(rig.queued().await, 0, "one call took all");
        let expected: String = (0..5)
            .flat_map(|b| (0..100).map(move |n| format!("{b}-{n}\n")))
            .chain(["last\n".into()])
            .collect();
        assert_eq!(rig.contents(), [expected]);
        let m = &rig.cx.metrics;
        assert_eq!((m.batches_complete.get(), m.batches_underflow.get()), (5, 1));
    });
}

/// Flume: TestRollingFileSink.testChannelException, from the other side: what is not on the disk is not taken.
#[test]
fn events_go_back_in_order_when_the_file_cannot_be_made_and_come_when_it_can() {
    run(|core, dir| async move {
        let out = dir.join("out");
        let mut rig = Rig::open(core, &out, &[("sink.rollInterval", "0"), ("sink.batchSize", "2")]).await;
        std::fs::remove_dir(&out).unwrap();
        std::fs::write(&out, "a file in the way").unwrap();
        rig.put(&["a", "b", "c", "d", "e"]).await;
        let error = rig.process().await.unwrap_err();
        assert!(error.what.starts_with("cannot make file "), "{}", error.line());
        assert_eq!(error.advice, Advice::RetryAfter(PAUSE));
        assert_eq!(rig.queued().await, 5);
        assert_eq!(rig.cx.metrics.connections_failed.get(), 1);
        std::fs::remove_file(&out).unwrap();
        rig.process().await.unwrap();
        assert_eq!(rig.contents(), ["a\nb\nc\nd\ne\n"]);
        assert_eq!(rig.queued().await, 0);
    });
}

#[test]
fn what_a_failed_append_left_is_taken_back() {
    run(|core, dir| async move {
        let path = dir.join("f");
        let mut file = RollFile::create(&core, path.clone()).await.unwrap();
        file.append(b"good\n".to_vec()).await.unwrap();
        std::fs::write(&path, "good\nhalf a li").unwrap();
        let full = AppendError::Write(io::Error::from(io::ErrorKind::StorageFull));
        let Repaired::Usable(mut file) = file.repair(&core, &full).await else { panic!("it can go on") };
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "good\n");
        file.append(b"more\n".to_vec()).await.unwrap();
        std::fs::write(&path, "good\nmore\nlines that were never sy").unwrap();
        let unsynced = AppendError::Sync(io::Error::from_raw_os_error(5));
        assert!(matches!(file.repair(&core, &unsynced).await, Repaired::GivenUp));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "good\nmore\n");
    });
}

#[test]
fn a_file_that_was_moved_away_is_given_up_and_its_successor_not_cut() {
    run(|core, dir| async move {
        let path = dir.join("f");
        let mut file = RollFile::create(&core, path.clone()).await.unwrap();
        file.append(b"good\n".to_vec()).await.unwrap();
        std::fs::rename(&path, dir.join("moved")).unwrap();
        std::fs::write(&path, "somebody else's").unwrap();
        let full = AppendError::Write(io::Error::from(io::ErrorKind::StorageFull));
        assert!(matches!(file.repair(&core, &full).await, Repaired::GivenUp));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody else's");
    });
}

#[test]
fn an_empty_file_is_removed_when_its_first_write_fails() {
    run(|core, dir| async move {
        let path = dir.join("f");
        let file = RollFile::create(&core, path.clone()).await.unwrap();
        let full = AppendError::Write(io::Error::from(io::ErrorKind::StorageFull));
        assert!(matches!(file.repair(&core, &full).await, Repaired::GivenUp));
        assert!(!path.exists());
    });
}

#[test]
fn a_dropped_call_gives_its_events_back_and_the_next_one_begins_a_new_file() {
    run(|core, dir| async move {
        let mut rig = Rig::open(core, &dir, &[("sink.rollInterval", "0")]).await;
        rig.put(&["a"]).await;
        rig.process().await.unwrap();
        // Dropped at its first wait, which is the write; another thread may be so quick that there is none.
        loop {
            rig.put(&["b", "c"]).await;
            let mut call = Box::pin(rig.process());
            if std::future::poll_fn(|task| Poll::Ready(call.as_mut().poll(task).is_pending())).await {
                break;
            }
        }
        assert_eq!(rig.queued().await, 2);
        rig.process().await.unwrap();
        assert_eq!(rig.queued().await, 0);
        let files = rig.contents();
        assert!(files[0].starts_with("a\n"), "{files:?}");
        assert_eq!(files[1..], ["b\nc\n"]);
    });
}

#[test]
fn an_unknown_serializer_or_path_manager_is_refused() {
    let refused = (KIND.build)(&settings(
        "a1.sinks.k1",
        &[("sink.directory", "/d"), ("sink.serializer", "com.example.Builder")],
    ));
    assert!(refused.err().unwrap().what.contains("com.example.Builder"));
    assert!((kind::PATH_MANAGER.parse)("com.example.Builder").is_err());
    assert!((kind::PATH_MANAGER.parse)("RollTime").is_ok());
}
