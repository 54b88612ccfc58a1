//! Goal: the channel keeps its promises on real files, on every way of writing. Method: puts, takes, drops and new openings
//! of the same directories; what was answered must come, once, in order.

use super::kind::KIND;
use crate::channel::{ChannelCx, Owned, PutError, Take, Want};
use crate::config::{Settings, Value};
use crate::event::{Batch, Draft};
use crate::reactor::{Core, IoChoice, block_on, probe_io_uring};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

fn settings(dir: &Path, more: &[(&str, &str)]) -> Settings {
    let value = |text: &str| Value { text: text.to_owned(), place: Default::default(), secret: false };
    let mut values = std::collections::BTreeMap::new();
    values.insert("checkpointDir".to_owned(), value(&dir.join("checkpoint").display().to_string()));
    let data = format!("{},{}", dir.join("data-1").display(), dir.join("data-2").display());
    values.insert("dataDirs".to_owned(), value(&data));
    values.insert("minimumRequiredSpace".to_owned(), value("1048576"));
    for (key, text) in more {
        values.insert((*key).to_owned(), value(text));
    }
    Settings { prefix: "a1.channels.c1".to_owned(), values }
}

async fn open(core: &Core, dir: &Path, more: &[(&str, &str)]) -> Result<Rc<dyn Owned>, String> {
    let spec = (KIND.build)(&settings(dir, more)).map_err(|e| e.line())?;
    let cx = ChannelCx { name: "c1".into(), core: core.clone(), metrics: Rc::default(), heap_bytes: 0 };
    spec.open(cx).await.map_err(|e| e.line())
}

/// Opens what was just dropped: its driver lets go of the locks at the next turn of the loop.
async fn reopen(core: &Core, dir: &Path, more: &[(&str, &str)]) -> Rc<dyn Owned> {
    loop {
        match open(core, dir, more).await {
            Ok(channel) => return channel,
            Err(e) if e.contains("is in use by") => core.sleep(Duration::from_millis(1)).await,
            Err(e) => panic!("{e}"),
        }
    }
}

fn batch(from: u32, to: u32) -> Batch {
    let mut draft = Draft::default();
    for n in from..to {
        let event = draft.push(format!("event {n}").as_bytes());
        draft.set_header(event, "n", &n.to_string());
    }
    draft.set_all("host", "h");
    Batch::whole(&draft.seal())
}

fn want(max_events: u32) -> Want {
    Want { max_events, max_bytes: u64::MAX, wait: Duration::from_secs(5) }
}

fn numbers(take: &Take) -> Vec<u32> {
    let number = |e: crate::event::EventRef<'_>| {
        assert_eq!(e.headers.get("host"), Some("h"));
        let n: u32 = e.headers.get("n").unwrap().parse().unwrap();
        assert_eq!(e.body, format!("event {n}").as_bytes());
        n
    };
    take.batches().iter().flat_map(|b| b.iter().map(number).collect::<Vec<_>>()).collect()
}

/// Runs `test` once for each back end and way of writing.
fn on_every_way<F: Future<Output = ()> + 'static>(
    test: impl Fn(Core, std::path::PathBuf, &'static str) -> F + Copy + 'static,
) {
    for io in [IoChoice::Uring, IoChoice::Epoll] {
        if io == IoChoice::Uring && probe_io_uring().is_err() {
            continue;
        }
        for way in ["auto", "posix", "buffered", "mmap"] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().to_owned();
            block_on(io, move |core| async move {
                let ended = core.timeout(Duration::from_secs(60), test(core.clone(), path, way)).await;
                assert!(ended.is_some(), "{io:?} {way}: nothing moves");
            })
            .unwrap();
        }
    }
}

#[test]
fn what_was_answered_comes_once_in_order_and_not_again_after_a_clean_stop() {
    on_every_way(|core, dir, way| async move {
        let more = [("io", way)];
        let channel = open(&core, &dir, &more).await.unwrap();
        for n in 0..5 {
            drop(channel.put(batch(n * 10, n * 10 + 10)).await.unwrap());
        }
        let mut taker = channel.taker("k1").unwrap();
        let take = taker.take(want(25)).await.unwrap().unwrap();
        assert_eq!(numbers(&take), (0..25).collect::<Vec<_>>());
        take.commit().await.unwrap();
        drop(taker.take(want(5)).await.unwrap().unwrap());
        assert_eq!(channel.stats().await.events, 25);
        drop(taker);
        channel.close(Duration::from_secs(5)).await.unwrap();
        drop(channel);
        let channel = reopen(&core, &dir, &more).await;
        assert_eq!(channel.stats().await.events, 25);
        let mut taker = channel.taker("k1").unwrap();
        let mut seen = Vec::new();
        while seen.len() < 25 {
            let take = taker.take(want(100)).await.unwrap().unwrap();
            seen.extend(numbers(&take));
            take.commit().await.unwrap();
        }
        assert_eq!(seen, (25..50).collect::<Vec<_>>());
        assert_eq!(channel.stats().await.events, 0);
    });
}

#[test]
fn a_channel_dropped_without_closing_opens_with_everything_that_was_answered() {
    on_every_way(|core, dir, way| async move {
        let more = [("io", way), ("ackSync", "true")];
        let mut next = 0;
        let mut acked = 0;
        for round in 0..4u32 {
            let channel = reopen(&core, &dir, &more).await;
            for _ in 0..3 {
                drop(channel.put(batch(next, next + 7)).await.unwrap());
                next += 7;
            }
            let mut taker = channel.taker("k1").unwrap();
            let take = taker.take(want(5 + round)).await.unwrap().unwrap();
            let seen = numbers(&take);
            assert_eq!(seen[0], acked, "nothing is lost, nothing acknowledged comes again");
            acked += seen.len() as u32;
            take.commit().await.unwrap();
            // As a kill does: no close, commits and reads may be in flight.
        }
        let channel = reopen(&core, &dir, &more).await;
        assert_eq!(channel.stats().await.events, u64::from(next - acked));
    });
}

#[test]
fn a_backlog_larger_than_memory_is_read_back_while_it_grows() {
    on_every_way(|core, dir, way| async move {
        let channel = open(&core, &dir, &[("io", way), ("capacity", "100000000")]).await.unwrap();
        let big = || {
            let mut draft = Draft::default();
            for _ in 0..8 {
                draft.push(&vec![b'x'; 64 << 10]);
            }
            Batch::whole(&draft.seal())
        };
        // 40 MiB: more than the cache keeps.
        for _ in 0..80 {
            drop(channel.put(big()).await.unwrap());
        }
        let mut taker = channel.taker("k1").unwrap();
        let mut events = 0;
        while events < 80 * 8 {
            let take = taker.take(want(100)).await.unwrap().expect("there is more");
            events += take.events();
            assert!(take.batches().iter().all(|b| b.bodies().all(|x| x.len() == 64 << 10)));
            take.commit().await.unwrap();
        }
        assert_eq!((events, channel.stats().await.events), (640, 0));
    });
}

#[test]
fn a_put_larger_than_the_logs_buffers_is_whole() {
    on_every_way(|core, dir, way| async move {
        let channel = open(&core, &dir, &[("io", way)]).await.unwrap();
        let mut draft = Draft::default();
        draft.push(&vec![b'y'; 9 << 20]);
        drop(channel.put(Batch::whole(&draft.seal())).await.unwrap());
        drop(channel.put(batch(0, 3)).await.unwrap());
        let mut taker = channel.taker("k1").unwrap();
        let take = taker.take(want(1)).await.unwrap().unwrap();
        assert_eq!(take.body_bytes(), 9 << 20);
        take.commit().await.unwrap();
        assert_eq!(numbers(&taker.take(want(9)).await.unwrap().unwrap()), [0, 1, 2]);
    });
}

#[test]
fn a_full_channel_refuses_after_the_keep_alive_and_takes_again() {
    on_every_way(|core, dir, way| async move {
        let more = [("io", way), ("capacity", "10"), ("transactionCapacity", "10"), ("keep-alive", "0")];
        let channel = open(&core, &dir, &more).await.unwrap();
        drop(channel.put(batch(0, 8)).await.unwrap());
        match channel.put(batch(8, 12)).await {
            Err(PutError::Full { room_events, .. }) => assert_eq!(room_events, 2),
            other => panic!("{other:?}"),
        }
        assert!(matches!(channel.put(batch(0, 11)).await, Err(PutError::TooLarge { .. })));
        let mut taker = channel.taker("k1").unwrap();
        taker.take(want(8)).await.unwrap().unwrap().commit().await.unwrap();
        drop(channel.put(batch(8, 12)).await.unwrap());
        assert_eq!(numbers(&taker.take(want(9)).await.unwrap().unwrap()), [8, 9, 10, 11]);
    });
}

#[test]
fn two_channels_on_one_directory_learn_of_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    block_on(IoChoice::Epoll, move |core| async move {
        let _first = open(&core, &path, &[]).await.unwrap();
        let Err(sentence) = open(&core, &path, &[]).await else { panic!("opened twice") };
        assert!(sentence.contains("in use by channel c1 of agent a1"), "{sentence}");
        assert!(sentence.contains("a1.channels.c1.dataDirs = "), "{sentence}");
    })
    .unwrap();
}

#[test]
fn flumes_own_files_are_respected_and_settings_that_contradict_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    block_on(IoChoice::Epoll, move |core| async move {
        std::fs::create_dir_all(path.join("data-2")).unwrap();
        std::fs::write(path.join("data-2/log-3"), "events").unwrap();
        let Err(sentence) = open(&core, &path, &[]).await else { panic!("opened over Flume's files") };
        assert!(sentence.contains("log files of a Flume file channel"), "{sentence}");
        assert_eq!(std::fs::read_to_string(path.join("data-2/log-3")).unwrap(), "events");
        for (more, word) in [
            (vec![("transactionCapacity", "11"), ("capacity", "10")], "is above capacity"),
            (vec![("encryption.activeKey", "k")], "cannot be encrypted yet"),
            (vec![("useDualCheckpoints", "true")], "needs backupCheckpointDir"),
        ] {
            let Err(sentence) = open(&core, &path, &more).await else { panic!("{more:?} was accepted") };
            assert!(sentence.contains(word), "{sentence}");
        }
    })
    .unwrap();
}
