//! Flume's memory channel, seen from outside; time is simulated.

use super::*;
use crate::config::Value;
use crate::event::Draft;
use crate::metrics::ChannelMetrics;
use crate::reactor::Core;
use crate::reactor::sim::simulate;
use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;

struct Opened {
    core: Core,
    channel: Rc<dyn Owned>,
    metrics: Rc<ChannelMetrics>,
}

impl Opened {
    fn put(&self, batch: Batch) -> Fut<'static, Result<(), PutError>> {
        let put = self.channel.put(batch);
        Box::pin(async move { put.await.map(|_committed| ()) })
    }

    async fn take(&self, want: Want) -> Option<Take> {
        self.channel.taker("k1").unwrap().take(want).await.unwrap()
    }

    /// Events, bytes and leased events.
    async fn holds(&self) -> (u64, u64, u64) {
        let stats = self.channel.stats().await;
        (stats.events, stats.bytes, stats.leased_events)
    }
}

fn spec(settings: &[(&str, &str)]) -> Result<Box<dyn ChannelSpec>, Error> {
    let value = |text: &str| Value { text: text.to_owned(), place: Default::default(), secret: false };
    let values = settings.iter().map(|(k, v)| ((*k).to_owned(), value(v))).collect();
    (KIND.build)(&Settings { prefix: "a1.channels.c1".to_owned(), values })
}

/// Runs `steps` on a channel with these settings in a simulated world.
fn with<F: Future<Output = ()> + 'static>(
    settings: &'static [(&str, &str)],
    steps: impl FnOnce(Opened) -> F + 'static,
) {
    simulate(11, move |core| async move {
        let metrics = Rc::new(ChannelMetrics::default());
        let cx = ChannelCx {
            name: Arc::from("c1"),
            core: core.clone(),
            metrics: metrics.clone(),
            heap_bytes: 10_000_000,
        };
        let channel = spec(settings).unwrap().open(cx).await.unwrap();
        steps(Opened { core, channel, metrics }).await;
    });
}

fn batch(bodies: &[&str]) -> Batch {
    let mut draft = Draft::default();
    for body in bodies {
        draft.push(body.as_bytes());
    }
    Batch::whole(&draft.seal())
}

fn sized(bytes: &[usize]) -> Batch {
    let texts: Vec<String> = bytes.iter().map(|n| "x".repeat(*n)).collect();
    batch(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

fn bodies(take: &Take) -> Vec<String> {
    let all = take.batches().iter().flat_map(Batch::bodies);
    all.map(|b| String::from_utf8(b.to_vec()).unwrap()).collect()
}

fn want(max_events: u32) -> Want {
    Want { max_events, max_bytes: u64::MAX, wait: Duration::ZERO }
}

#[test]
fn events_come_out_in_the_order_they_went_in() {
    with(&[], |c| async move {
        c.put(batch(&["a", "b", "c"])).await.unwrap();
        c.put(batch(&["d", ""])).await.unwrap();
        c.put(batch(&[])).await.unwrap();
        assert_eq!(c.holds().await, (5, 4, 0));
        let first = c.take(want(2)).await.unwrap();
        let rest = c.take(want(100)).await.unwrap();
        assert_eq!(
            (bodies(&first), bodies(&rest)),
            (vec!["a".into(), "b".into()], vec!["c".into(), "d".into(), String::new()])
        );
        assert_eq!(c.holds().await, (5, 4, 5));
        rest.commit().await.unwrap();
        first.commit().await.unwrap();
        assert_eq!(c.holds().await, (0, 0, 0));
        assert!(c.take(want(1)).await.is_none());
        assert_eq!((c.metrics.put_attempts.get(), c.metrics.put_successes.get()), (5, 5));
        assert_eq!((c.metrics.take_attempts.get(), c.metrics.take_successes.get()), (3, 5));
    });
}

#[test]
fn a_rollback_restores_the_order() {
    with(&[], |c| async move {
        c.put(batch(&["a", "b"])).await.unwrap();
        c.put(batch(&["c", "d"])).await.unwrap();
        drop(c.take(want(3)).await.unwrap());
        c.take(want(3)).await.unwrap().rollback();
        let again = c.take(want(10)).await.unwrap();
        assert_eq!(bodies(&again), ["a", "b", "c", "d"]);
        assert_eq!(c.metrics.rolled_back_events.get(), 6);
        assert_eq!(c.holds().await, (4, 4, 4));
        drop(again.commit());
        // Decided when called: the dropped future undoes nothing.
        assert_eq!(c.holds().await, (0, 0, 0));
    });
}

#[test]
fn a_take_is_bounded_by_events_bytes_and_transaction_capacity() {
    with(&[("transactionCapacity", "3")], |c| async move {
        c.put(sized(&[10, 10, 10])).await.unwrap();
        c.put(sized(&[10, 10])).await.unwrap();
        let limited = |max_events, max_bytes| Want { max_events, max_bytes, wait: Duration::ZERO };
        for (max_events, max_bytes, events) in
            [(100, u64::MAX, 3), (2, 100, 2), (100, 25, 2), (100, 20, 2), (100, 1, 1), (0, 0, 1)]
        {
            let take = c.take(limited(max_events, max_bytes)).await.unwrap();
            assert_eq!(take.events(), events, "{max_events} events, {max_bytes} bytes");
        }
        assert_eq!(c.holds().await, (5, 50, 0));
    });
}

#[test]
fn a_batch_beyond_transaction_capacity_is_refused_at_once() {
    with(&[("capacity", "10"), ("transactionCapacity", "2")], |c| async move {
        let refused = c.put(batch(&["a", "b", "c"])).await.unwrap_err();
        assert_eq!(refused, PutError::TooLarge { channel: "c1".into(), events: 3, limit: 2 });
        assert_eq!((refused.advice(), c.core.now()), (Advice::Reject, 0));
        c.put(batch(&["a", "b"])).await.unwrap();
        assert_eq!(c.channel.limits(), Limits { transaction_events: 2 });
    });
}

const FULL: &str = "Space for commit to queue couldn't be acquired. Sinks are likely not keeping up with sources, or \
                    the buffer size is too tight";
const BYTES_FULL: &str = "Cannot commit transaction. Byte capacity allocated to store event body 800.0reached. Please \
                          increase heap space/byte capacity allocated to the channel as the sinks may not be keeping \
                          up with the sources";

#[test]
fn a_full_channel_refuses_after_keep_alive_with_flumes_words() {
    with(&[("capacity", "5"), ("transactionCapacity", "5")], |c| async move {
        c.put(batch(&["a", "b", "c"])).await.unwrap();
        let refused = c.put(batch(&["d", "e", "f"])).await.unwrap_err();
        assert_eq!(refused, PutError::Full { channel: "c1".into(), room_events: 2 });
        assert_eq!((refused.to_string().as_str(), c.core.now()), (FULL, 3_000_000_000));
        assert_eq!((c.holds().await, c.metrics.full_refusals.get()), ((3, 3, 0), 1));
        // A lease holds its place until it is committed.
        let take = c.take(want(3)).await.unwrap();
        assert!(c.put(batch(&["d", "e", "f"])).await.is_err());
        take.commit().await.unwrap();
        c.put(batch(&["d", "e", "f"])).await.unwrap();
        let take = c.take(want(3)).await.unwrap();
        take.rollback();
        assert!(c.put(batch(&["g", "h", "i"])).await.is_err());
    });
}

#[test]
fn without_keep_alive_a_refusal_is_immediate() {
    with(&[("capacity", "1"), ("transactionCapacity", "1"), ("keep-alive", "0")], |c| async move {
        c.put(batch(&["a"])).await.unwrap();
        assert!(c.put(batch(&["b"])).await.is_err());
        assert_eq!(c.core.now(), 0);
    });
}

/// byteCapacity 1000 with 20 % for headers is 8 slots of 100 bytes, as in Flume's own test.
#[test]
fn bodies_cost_slots_of_a_hundred_bytes() {
    with(&[("byteCapacity", "1000"), ("keep-alive", "1")], |c| async move {
        c.put(sized(&[0, 1, 100, 101])).await.unwrap();
        c.put(sized(&[300])).await.unwrap();
        let refused = c.put(sized(&[0])).await.unwrap_err();
        assert_eq!(refused, PutError::BytesFull { channel: "c1".into(), byte_capacity: 800, room_events: 0 });
        assert_eq!((refused.to_string().as_str(), c.core.now()), (BYTES_FULL, 1_000_000_000));
        c.take(want(1)).await.unwrap().rollback();
        assert!(c.put(sized(&[0])).await.is_err());
        c.take(want(1)).await.unwrap().commit().await.unwrap();
        c.put(sized(&[100])).await.unwrap();
        assert!(c.put(sized(&[0])).await.is_err());
        // All slots come back, whatever way the batches were cut.
        let mut all = c.take(want(100)).await.unwrap();
        let rest = all.split_off(2).unwrap();
        all.commit().await.unwrap();
        rest.commit().await.unwrap();
        c.put(sized(&[800])).await.unwrap();
        assert!(c.put(sized(&[1])).await.is_err());
    });
}

#[test]
fn no_byte_slots_at_all_means_no_limit_and_the_heap_gives_the_default() {
    for settings in [&[("byteCapacity", "0")], &[("byteCapacity", "124")]] {
        with(settings, |c| async move {
            c.put(sized(&[10_000_000])).await.unwrap();
        });
    }
    // 80 % of 10 MB, less a fifth for headers.
    with(&[("keep-alive", "0")], |c| async move {
        c.put(sized(&[6_400_000])).await.unwrap();
        let refused = c.put(sized(&[1])).await.unwrap_err();
        assert_eq!(
            refused,
            PutError::BytesFull { channel: "c1".into(), byte_capacity: 6_400_000, room_events: 0 }
        );
    });
}

#[test]
fn puts_that_wait_are_served_in_the_order_they_came() {
    with(&[("capacity", "4"), ("transactionCapacity", "4"), ("keep-alive", "100")], |c| async move {
        c.put(batch(&["1", "2", "3"])).await.unwrap();
        let served = Rc::new(RefCell::new(Vec::new()));
        let mut waiting = Vec::new();
        // The large one is first; the small ones would fit, but wait behind it.
        for (name, put) in
            [("large", batch(&["a", "b", "c"])), ("small", batch(&["d"])), ("last", batch(&["e"]))]
        {
            let (put, served) = (c.put(put), served.clone());
            waiting.push(c.core.task(name, async move {
                put.await.unwrap();
                served.borrow_mut().push(name);
            }));
            c.core.sleep(Duration::from_secs(1)).await;
        }
        // Somebody who comes later does not overtake.
        assert!(c.core.timeout(Duration::from_secs(1), c.put(batch(&["x"]))).await.is_none());
        assert!(served.borrow().is_empty());
        c.take(want(2)).await.unwrap().commit().await.unwrap();
        waiting[0].join().await.unwrap();
        assert_eq!(*served.borrow(), ["large"]);
        c.take(want(4)).await.unwrap().commit().await.unwrap();
        for task in &mut waiting {
            task.join().await.unwrap();
        }
        assert_eq!(*served.borrow(), ["large", "small", "last"]);
        assert_eq!(bodies(&c.take(want(9)).await.unwrap()), ["d", "e"]);
    });
}

#[test]
fn a_put_that_gives_up_lets_the_next_one_in() {
    with(&[("capacity", "2"), ("transactionCapacity", "2"), ("keep-alive", "10")], |c| async move {
        c.put(batch(&["1"])).await.unwrap();
        let large = c.put(batch(&["a", "b"]));
        let waits = c.core.task("large", async move { assert!(large.await.is_err()) });
        c.core.sleep(Duration::from_secs(1)).await;
        let small = c.put(batch(&["c"]));
        let mut served = c.core.task("small", async move { small.await.unwrap() });
        c.core.sleep(Duration::from_secs(1)).await;
        drop(waits);
        served.join().await.unwrap();
        assert_eq!(c.core.now(), 2_000_000_000);
        assert_eq!(c.holds().await.0, 2);
        // The same when it was refused.
        let large = c.put(batch(&["a", "b"]));
        let mut refused = c.core.task("large", async move { assert!(large.await.is_err()) });
        c.core.sleep(Duration::from_secs(9)).await;
        c.take(want(1)).await.unwrap().commit().await.unwrap();
        c.put(batch(&["c"])).await.unwrap();
        assert_eq!(c.core.now(), 12_000_000_000);
        refused.join().await.unwrap();
    });
}

#[test]
fn a_put_that_was_never_polled_did_nothing() {
    with(&[], |c| async move {
        drop(c.put(batch(&["a"])));
        assert_eq!((c.holds().await.0, c.metrics.put_attempts.get()), (0, 0));
    });
}

#[test]
fn a_take_waits_for_the_first_event_and_no_longer() {
    with(&[], |c| async move {
        let patient = Want { wait: Duration::from_secs(5), ..want(10) };
        assert!(c.take(patient).await.is_none());
        assert_eq!(c.core.now(), 5_000_000_000);
        let mut taker = c.channel.taker("k1").unwrap();
        let seen = Rc::new(Cell::new(0));
        let told = seen.clone();
        let mut waiting = c.core.task("take", async move {
            let take = taker.take(patient).await.unwrap().unwrap();
            told.set(take.events());
            take.commit().await.unwrap();
        });
        c.core.sleep(Duration::from_secs(1)).await;
        c.put(batch(&["a", "b"])).await.unwrap();
        waiting.join().await.unwrap();
        assert_eq!((seen.get(), c.core.now()), (2, 6_000_000_000));
    });
}

/// Goal: no wake-up is lost between takers that come, give up and give back.
#[test]
fn every_event_finds_a_taker_though_others_give_up() {
    with(&[], |c| async move {
        let committed = Rc::new(Cell::new(0));
        let channel = c.channel.clone();
        let takers: Vec<_> = (0..4u64)
            .map(|n| {
                let (core, committed) = (c.core.clone(), committed.clone());
                let mut taker = channel.taker("k").unwrap();
                c.core.task("taker", async move {
                    loop {
                        let patient = Want { wait: Duration::from_millis(1 + n), ..want(3) };
                        let limit = Duration::from_micros(core.random() % 3_000);
                        let taken = core.timeout(limit, taker.take(patient)).await;
                        match taken {
                            Some(Ok(Some(take))) if core.random() % 3 > 0 => {
                                committed.set(committed.get() + take.events());
                                take.commit().await.unwrap();
                            }
                            _ => {}
                        }
                    }
                })
            })
            .collect();
        for n in 0..500 {
            c.put(batch(&["a", "b", "c", "d", "e"][..1 + n % 5])).await.unwrap();
        }
        while c.holds().await.0 > 0 {
            c.core.sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(u64::from(committed.get()), 1500);
        drop(takers);
        assert!(c.metrics.rolled_back_events.get() > 100);
    });
}

#[test]
fn a_take_splits_into_two_that_are_settled_apart() {
    with(&[], |c| async move {
        c.put(batch(&["a", "b"])).await.unwrap();
        c.put(batch(&["c"])).await.unwrap();
        c.put(batch(&["d", "e", "f"])).await.unwrap();
        for (at, front, back) in [(0, 0, 6), (1, 1, 5), (2, 2, 4), (3, 3, 3), (4, 4, 2), (6, 6, 0), (9, 6, 0)]
        {
            let mut head = c.take(want(6)).await.unwrap();
            let tail = head.split_off(at).unwrap();
            assert_eq!((head.events(), tail.events()), (front, back), "at {at}");
            let all: Vec<String> = bodies(&head).into_iter().chain(bodies(&tail)).collect();
            assert_eq!(all, ["a", "b", "c", "d", "e", "f"]);
            // Given back last part first, the order is the old one.
            drop(tail);
            drop(head);
        }
        let mut poison = c.take(want(6)).await.unwrap();
        let mut rest = poison.split_off(3).unwrap();
        drop(rest.split_off(1).unwrap());
        poison.commit().await.unwrap();
        rest.commit().await.unwrap();
        assert_eq!(bodies(&c.take(want(6)).await.unwrap()), ["e", "f"]);
        assert_eq!(c.holds().await, (2, 2, 0));
    });
}

#[test]
fn a_closing_channel_takes_no_puts_and_waits_for_leases() {
    with(&[("capacity", "3"), ("transactionCapacity", "3")], |c| async move {
        c.put(batch(&["a", "b"])).await.unwrap();
        let take = c.take(want(1)).await.unwrap();
        let waiting = c.put(batch(&["c", "d"]));
        let mut waiting = c.core.task("put", async move {
            assert_eq!(waiting.await, Err(PutError::Closing { channel: "c1".into() }));
        });
        c.core.sleep(Duration::from_millis(10)).await;
        let error = c.channel.close(Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.line(), "channel c1: 1 events are still with a sink");
        waiting.join().await.unwrap();
        assert_eq!(c.put(batch(&["c"])).await, Err(PutError::Closing { channel: "c1".into() }));
        assert_eq!(c.metrics.full_refusals.get(), 0);
        // What is in it can still be taken.
        let other = c.take(want(1)).await.unwrap();
        let closed = c.channel.close(Duration::from_secs(100));
        let mut closing = c.core.task("close", async move { closed.await.unwrap() });
        c.core.sleep(Duration::from_millis(10)).await;
        drop(take);
        other.commit().await.unwrap();
        closing.join().await.unwrap();
        assert_eq!((c.holds().await, c.core.now()), ((1, 1, 0), 1_020_000_000));
    });
}

#[test]
fn stats_say_how_old_the_first_event_is() {
    with(&[("capacity", "7"), ("transactionCapacity", "7")], |c| async move {
        assert_eq!(c.channel.stats().await, Stats { capacity_events: 7, ..Stats::default() });
        c.put(batch(&["a", "bc"])).await.unwrap();
        c.core.sleep(Duration::from_millis(1500)).await;
        c.put(batch(&["d"])).await.unwrap();
        let expected = Stats {
            events: 3,
            bytes: 4,
            capacity_events: 7,
            oldest_ms: 1500,
            leased_events: 0,
            would_lose_events: 3,
        };
        assert_eq!(c.channel.stats().await, expected);
    });
}

#[test]
fn settings_are_flumes() {
    let bad = spec(&[("capacity", "10"), ("transactionCapacity", "11")]).map(|_| ()).unwrap_err();
    assert_eq!(bad.line(), "transactionCapacity 11 is above capacity 10");
    // Below 1 or no number: the default, 100.
    with(&[("capacity", "-3"), ("transactionCapacity", "many"), ("keep-alive", "soon")], |c| async move {
        assert_eq!(c.channel.limits(), Limits { transaction_events: 100 });
        assert_eq!(c.channel.stats().await.capacity_events, 100);
    });
}
