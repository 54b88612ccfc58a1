//! Channels used from other threads: simulated, where every seed is another order of things, and on real threads.

use super::*;
use crate::channel::{Channel, ChannelCx, Limits, Owned, Take, memory};
use crate::config::{Settings, Value};
use crate::event::{Draft, Error};
use crate::reactor::sim::simulate;
use crate::reactor::{Core, Either, Fut, IoChoice, Role, Task, race, start_thread};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

const ADDRESS: Address = Address { node: 0, channel: 1, generation: 1 };

async fn memory(core: &Core, pairs: &[(&str, &str)]) -> Rc<dyn Owned> {
    let value = |text: &str| Value { text: text.to_owned(), place: Default::default(), secret: false };
    let values = pairs.iter().map(|(k, v)| ((*k).to_owned(), value(v))).collect();
    let settings = Settings { prefix: "a1.channels.c1".to_owned(), values };
    let cx = ChannelCx { name: "c1".into(), core: core.clone(), metrics: Rc::default(), heap_bytes: 1 << 30 };
    (memory::KIND.build)(&settings).unwrap().open(cx).await.unwrap()
}

/// A node and the task that runs it.
fn node(core: &Core, port: crate::reactor::MeshPort<Message>) -> (Rc<Node>, Task) {
    let node = Node::new(core.clone(), port);
    let runs = core.task("node", node.run());
    (node, runs)
}

/// An owner and a user of one channel, in one world.
struct Pair {
    core: Core,
    owned: Rc<dyn Owned>,
    owner: Rc<Node>,
    user: Rc<Node>,
    proxy: Rc<Proxy>,
    _run: [Task; 2],
}

impl Pair {
    async fn new(core: Core, pairs: &[(&str, &str)]) -> Pair {
        let mut ports = ports(2).into_iter();
        let (owner, owner_runs) = node(&core, ports.next().unwrap());
        let (user, user_runs) = node(&core, ports.next().unwrap());
        let owned = memory(&core, pairs).await;
        owner.serve(ADDRESS, owned.clone());
        let proxy = Rc::new(Proxy::new(user.clone(), ADDRESS, owned.limits()));
        Pair { core, owned, owner, user, proxy, _run: [owner_runs, user_runs] }
    }

    fn put(&self, batch: Batch) -> Fut<'static, Result<(), PutError>> {
        let put = self.proxy.put(batch);
        Box::pin(async move { put.await.map(|_committed| ()) })
    }

    /// Lets everything that is on its way arrive.
    async fn settle(&self) {
        self.core.sleep(Duration::from_millis(1)).await;
    }
}

fn numbers(range: std::ops::Range<u32>) -> Batch {
    let mut draft = Draft::default();
    for n in range {
        draft.push(&n.to_be_bytes());
    }
    Batch::whole(&draft.seal())
}

fn read(take: &Take) -> Vec<u32> {
    let bodies = take.batches().iter().flat_map(Batch::bodies);
    bodies.map(|b| u32::from_be_bytes(b.try_into().unwrap())).collect()
}

fn want(max_events: u32, wait: Duration) -> Want {
    Want { max_events, max_bytes: u64::MAX, wait }
}

const NOW: Duration = Duration::ZERO;

#[test]
fn a_proxy_puts_takes_commits_and_rolls_back_as_the_channel_does() {
    simulate(1, |core| async move {
        let pair = Pair::new(core, &[("capacity", "10"), ("transactionCapacity", "5")]).await;
        assert_eq!(pair.proxy.limits(), Limits { transaction_events: 5 });
        pair.put(numbers(0..5)).await.unwrap();
        pair.put(numbers(5..9)).await.unwrap();
        let too_large = pair.put(numbers(0..6)).await.unwrap_err();
        assert_eq!(too_large, PutError::TooLarge { channel: "c1".into(), events: 6, limit: 5 });
        let full = pair.put(numbers(9..12)).await.unwrap_err();
        assert_eq!(full, PutError::Full { channel: "c1".into(), room_events: 1 });
        let mut taker = pair.proxy.taker("k1").unwrap();
        let take = taker.take(want(7, NOW)).await.unwrap().unwrap();
        assert_eq!(read(&take), [0, 1, 2, 3, 4]);
        assert_eq!(pair.proxy.stats().await.leased_events, 5);
        take.rollback();
        let take = taker.take(want(3, NOW)).await.unwrap().unwrap();
        assert_eq!(read(&take), [0, 1, 2]);
        let mut whole = take;
        assert!(whole.split_off(1).is_none());
        assert_eq!(whole.events(), 3);
        whole.commit().await.unwrap();
        // A commit is decided when it is called.
        drop(taker.take(want(3, NOW)).await.unwrap().unwrap().commit());
        pair.settle().await;
        assert_eq!(pair.owned.stats().await, pair.proxy.stats().await);
        assert_eq!(pair.owned.stats().await.events, 3);
        drop(taker);
        pair.settle().await;
        assert_eq!((pair.user.in_use(), pair.owner.in_use()), (0, 0));
    });
}

#[test]
fn an_empty_take_waits_at_the_owner_and_gives_nothing() {
    simulate(2, |core| async move {
        let pair = Pair::new(core, &[]).await;
        let mut taker = pair.proxy.taker("k1").unwrap();
        assert!(taker.take(want(1, Duration::from_secs(4))).await.unwrap().is_none());
        assert_eq!(pair.core.now(), 4_000_000_000);
        pair.settle().await;
        assert_eq!(pair.user.in_use(), 0);
    });
}

/// Goal: takes that are given up one after the other, before the owner has seen any of them, keep nobody busy.
#[test]
fn takes_that_were_given_up_do_not_hold_up_the_next_one() {
    for seed in 0..20 {
        simulate(seed, |core| async move {
            let pair = Pair::new(core, &[]).await;
            let mut taker = pair.proxy.taker("k1").unwrap();
            let long = want(1, Duration::from_secs(3_600));
            for _ in 0..10 {
                // Polled once: asked for, and given up before the owner has run.
                let given_up = race(taker.take(long), std::future::ready(())).await;
                assert!(matches!(given_up, Either::Second(())));
            }
            assert!(taker.take(want(1, NOW)).await.unwrap().is_none());
            assert!(pair.core.now() < 1_000_000_000, "waited for takes that nobody wants");
            pair.put(numbers(0..1)).await.unwrap();
            let take = taker.take(long).await.unwrap().unwrap();
            take.commit().await.unwrap();
            pair.settle().await;
            assert_eq!(pair.user.in_use(), 0);
        });
    }
}

#[test]
fn a_lease_whose_taker_gave_up_goes_back() {
    for seed in 0..50 {
        simulate(seed, |core| async move {
            let pair = Pair::new(core, &[]).await;
            pair.put(numbers(0..3)).await.unwrap();
            let mut taker = pair.proxy.taker("k1").unwrap();
            drop(pair.core.timeout(NOW, taker.take(want(3, NOW))).await);
            drop(taker);
            pair.settle().await;
            let stats = pair.owned.stats().await;
            assert_eq!((stats.events, stats.leased_events, pair.user.in_use()), (3, 0, 0));
        });
    }
}

#[test]
fn a_channel_that_is_gone_refuses_and_its_leases_stay_until_settled() {
    simulate(5, |core| async move {
        let pair = Pair::new(core, &[]).await;
        pair.put(numbers(0..4)).await.unwrap();
        let mut taker = pair.proxy.taker("k1").unwrap();
        let take = taker.take(want(2, NOW)).await.unwrap().unwrap();
        pair.owner.withdraw(ADDRESS);
        assert!(matches!(pair.put(numbers(0..1)).await, Err(PutError::Closing { .. })));
        let Err(error) = pair.proxy.taker("k2").unwrap().take(want(1, NOW)).await else {
            panic!("a take from a channel that is gone")
        };
        assert_eq!(error.advice, crate::event::Advice::Stop);
        assert_eq!(pair.proxy.stats().await, Stats::default());
        take.commit().await.unwrap();
        assert_eq!(pair.owned.stats().await.events, 2);
    });
}

#[test]
fn puts_wait_for_credits_and_takes_have_their_own() {
    simulate(6, |core| async move {
        let settings = [("capacity", "2"), ("transactionCapacity", "1"), ("keep-alive", "1000")];
        let pair = Pair::new(core, &settings).await;
        let stored = Rc::new(Cell::new(0));
        let puts: Vec<Task> = (0..3 * CREDITS)
            .map(|n| {
                let (put, stored) = (pair.put(numbers(n..n + 1)), stored.clone());
                pair.core.task("put", async move {
                    put.await.unwrap();
                    stored.set(stored.get() + 1);
                })
            })
            .collect();
        pair.settle().await;
        assert_eq!((stored.get(), pair.user.in_use()), (2, 2 * CREDITS as usize));
        let mut taker = pair.proxy.taker("k1").unwrap();
        let mut seen = Vec::new();
        while seen.len() < 3 * CREDITS as usize {
            let take = taker.take(want(1, Duration::from_secs(10))).await.unwrap().unwrap();
            seen.extend(read(&take));
            take.commit().await.unwrap();
        }
        for mut put in puts {
            put.join().await.unwrap();
        }
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..3 * CREDITS));
        assert_eq!(pair.user.in_use(), 0);
    });
}

/// What happened to events, by number.
#[derive(Default)]
struct Books {
    /// Acknowledged to the source.
    acknowledged: Vec<u32>,
    /// Refused to the source, whole.
    refused: Vec<u32>,
    /// Committed by a sink.
    delivered: Vec<u32>,
}

/// Puts numbers as `core`'s chance has it, gives up some of the puts, and writes down what it was told.
async fn produce(
    core: Core,
    channel: Rc<dyn Channel>,
    numbers_of: std::ops::Range<u32>,
    books: Rc<RefCell<Books>>,
) {
    let mut next = numbers_of.start;
    while next < numbers_of.end {
        let end = numbers_of.end.min(next + 1 + (core.random() % 20) as u32);
        let put = channel.put(numbers(next..end));
        let outcome = match core.random() % 4 {
            0 => core.timeout(Duration::from_micros(core.random() % 300), put).await,
            _ => Some(put.await),
        };
        match outcome {
            Some(Ok(_)) => books.borrow_mut().acknowledged.extend(next..end),
            Some(Err(_)) => books.borrow_mut().refused.extend(next..end),
            None => {}
        }
        next = end;
    }
}

/// Takes, gives up, rolls back and commits as `core`'s chance has it.
async fn consume(core: Core, channel: Rc<dyn Channel>, books: Rc<RefCell<Books>>) {
    let mut taker = channel.taker("k").unwrap();
    loop {
        let wanted = want(1 + (core.random() % 30) as u32, Duration::from_micros(core.random() % 2_000));
        let taken: Option<Result<Option<Take>, Error>> = match core.random() % 4 {
            0 => core.timeout(Duration::from_micros(core.random() % 500), taker.take(wanted)).await,
            _ => Some(taker.take(wanted).await),
        };
        let Some(Some(mut take)) = taken.map(Result::unwrap) else { continue };
        if core.random().is_multiple_of(8) {
            taker = channel.taker("k").unwrap();
        }
        match core.random() % 4 {
            0 => drop(take),
            1 => {
                let rest = take.split_off(core.random() as u32 % take.events());
                books.borrow_mut().delivered.extend(read(&take));
                take.commit().await.unwrap();
                drop(rest);
            }
            2 => {
                books.borrow_mut().delivered.extend(read(&take));
                drop(take.commit());
            }
            _ => {
                books.borrow_mut().delivered.extend(read(&take));
                take.commit().await.unwrap();
            }
        }
    }
}

/// Every event was delivered once at most, each acknowledged one exactly once, a refused one never.
fn audit(books: &Books, seed: u64) {
    let mut delivered: BTreeMap<u32, u32> = BTreeMap::new();
    for n in &books.delivered {
        *delivered.entry(*n).or_default() += 1;
    }
    if let Some((n, times)) = delivered.iter().find(|(_, times)| **times > 1) {
        panic!("seed {seed}: event {n} was delivered {times} times");
    }
    let lost: Vec<_> = books.acknowledged.iter().filter(|n| !delivered.contains_key(n)).collect();
    assert!(lost.is_empty(), "seed {seed}: acknowledged and never delivered: {lost:?}");
    let against: Vec<_> = books.refused.iter().filter(|n| delivered.contains_key(n)).collect();
    assert!(against.is_empty(), "seed {seed}: refused and delivered all the same: {against:?}");
}

const NARROW: &[(&str, &str)] = &[("capacity", "60"), ("transactionCapacity", "20"), ("keep-alive", "0")];

/// Goal: nothing is lost or doubled in any order of things. Method: many seeds, each a run of its own.
#[test]
fn nothing_is_lost_or_doubled_whoever_gives_up_when() {
    for seed in 0..150 {
        let outcome = simulate(seed, |core| async move {
            let pair = Pair::new(core.clone(), NARROW).await;
            let books = Rc::new(RefCell::new(Books::default()));
            let remote: Rc<dyn Channel> = pair.proxy.clone();
            let local: Rc<dyn Channel> =
                Rc::new(Proxy::new(pair.owner.clone(), ADDRESS, pair.owned.limits()));
            let sinks: Vec<Task> = [&remote, &remote, &local]
                .map(|channel| core.task("sink", consume(core.clone(), channel.clone(), books.clone())))
                .into();
            let sources: Vec<Task> = [(&remote, 0..300), (&remote, 300..600), (&local, 600..900)]
                .map(|(channel, range)| {
                    core.task("source", produce(core.clone(), channel.clone(), range, books.clone()))
                })
                .into();
            for mut source in sources {
                source.join().await.unwrap();
            }
            while pair.owned.stats().await.events > 0 {
                pair.core.sleep(Duration::from_millis(1)).await;
            }
            drop(sinks);
            pair.settle().await;
            assert_eq!(pair.owned.stats().await, Stats { capacity_events: 60, ..Stats::default() });
            assert_eq!((pair.user.in_use(), pair.owner.in_use()), (0, 0));
            drop(pair);
            books.take()
        });
        audit(&outcome.value, seed);
        assert!(outcome.value.acknowledged.len() > 300, "seed {seed}");
    }
}

/// Goal: the same between real threads, whose orders no simulation draws. 100,000 events.
#[test]
fn nothing_is_lost_or_doubled_between_real_threads() {
    let mut ports = ports(2).into_iter();
    let (owner_port, user_port) = (ports.next().unwrap(), ports.next().unwrap());
    let (stopper, stop) = crate::reactor::stop_pair();
    let (opened, limits) = mpsc::channel();
    let owner = start_thread("owner", Role::DataCore { cpu: None }, IoChoice::Auto, move |core| {
        Box::pin(async move {
            let (node, _runs) = node(&core, owner_port);
            let settings = [("capacity", "2000"), ("transactionCapacity", "100"), ("keep-alive", "1")];
            let channel = memory(&core, &settings).await;
            node.serve(ADDRESS, channel.clone());
            opened.send(channel.limits()).unwrap();
            stop.wait().await;
        })
    })
    .unwrap();
    let limits = limits.recv().unwrap();
    let (told, result) = mpsc::channel();
    let user = start_thread("user", Role::Client, IoChoice::Auto, move |core| {
        Box::pin(async move {
            let (node, _runs) = node(&core, user_port);
            let proxy: Rc<dyn Channel> = Rc::new(Proxy::new(node.clone(), ADDRESS, limits));
            let books = Rc::new(RefCell::new(Books::default()));
            let sinks: Vec<Task> = (0..3)
                .map(|_| core.task("sink", consume(core.clone(), proxy.clone(), books.clone())))
                .collect();
            let sources: Vec<Task> = (0..4)
                .map(|n| {
                    let range = n * 25_000..(n + 1) * 25_000;
                    core.task("source", produce(core.clone(), proxy.clone(), range, books.clone()))
                })
                .collect();
            for mut source in sources {
                source.join().await.unwrap();
            }
            while proxy.stats().await.events > 0 {
                core.sleep(Duration::from_millis(1)).await;
            }
            drop(sinks);
            while node.in_use() > 0 {
                core.sleep(Duration::from_millis(1)).await;
            }
            told.send((books.take(), proxy.stats().await)).unwrap();
        })
    })
    .unwrap();
    let (books, stats) = result.recv_timeout(Duration::from_secs(120)).unwrap();
    user.join().unwrap();
    stopper.stop();
    owner.join().unwrap();
    audit(&books, 0);
    assert_eq!((stats.events, stats.bytes, stats.leased_events), (0, 0, 0));
    assert!(books.acknowledged.len() > 70_000, "{} of 100000 acknowledged", books.acknowledged.len());
}
