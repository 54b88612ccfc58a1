use super::*;
use crate::pipeline::Failure;
use crate::pipeline::testing::{Rig, ToAll, memory_channel, run};

fn draft(events: u32) -> Draft {
    let mut draft = Draft::default();
    for n in 0..events {
        draft.push(n.to_string().as_bytes());
    }
    draft
}

async fn refused<P>(out: &ChannelProcessor, draft: Draft, position: P) -> Refused<P> {
    match out.put(draft, position).await {
        Err(Failure::Refused(refused)) => refused,
        Err(Failure::Rejected(e, _)) => panic!("rejected: {e}"),
        Ok(_) => panic!("accepted"),
    }
}

#[test]
fn what_fits_goes_in_and_the_rest_can_be_split_again() {
    run(|core| async move {
        let rig =
            Rig::new(&core, &[("capacity", "5"), ("transactionCapacity", "5"), ("keep-alive", "0")]).await;
        let out = &rig.cx.out;
        out.put(draft(2), ()).await.unwrap().redeem();
        let all = refused(out, draft(5), "all").await;
        assert_eq!((all.fitting_events(), all.events()), (3, 5));
        let (front, back) = out.split(all, 3, "front");
        assert_eq!(out.retry(front).await.unwrap().redeem(), "front");
        assert_eq!(rig.take(1).await, ["0"]);
        let back = out.retry(back).await.unwrap_err();
        assert_eq!((back.fitting_events(), back.events()), (1, 2));
        assert_eq!(rig.take(4).await, ["1", "0", "1", "2"]);
        assert_eq!(out.retry(back).await.unwrap().redeem(), "all");
        assert_eq!(rig.take(2).await, ["3", "4"]);
    });
}

#[test]
fn a_second_split_counts_from_its_own_first_event() {
    run(|core| async move {
        let rig =
            Rig::new(&core, &[("capacity", "4"), ("transactionCapacity", "4"), ("keep-alive", "0")]).await;
        let out = &rig.cx.out;
        out.put(draft(4), ()).await.unwrap().redeem();
        let whole = refused(out, draft(4), 4).await;
        assert_eq!(whole.fitting_events(), 0);
        let (one, rest) = out.split(whole, 1, 1);
        assert_eq!(rig.take(2).await, ["0", "1"]);
        out.retry(one).await.unwrap().redeem();
        let rest = out.retry(rest).await.unwrap_err();
        assert_eq!((rest.fitting_events(), rest.events()), (1, 3));
        let (two, rest) = out.split(rest, 1, 2);
        out.retry(two).await.unwrap().redeem();
        assert_eq!(rig.take(4).await, ["2", "3", "0", "1"]);
        assert_eq!(out.retry(rest).await.unwrap().redeem(), 4);
        assert_eq!(rig.take(2).await, ["2", "3"]);
        let m = &rig.cx.metrics;
        assert_eq!((m.events_received.get(), m.events_accepted.get(), m.events_refused.get()), (8, 8, 0));
    });
}

#[test]
fn bytes_that_fit_are_counted_in_events() {
    run(|core| async move {
        // 1000 bytes less 20 % are 8 slots of 100 bytes.
        let rig = Rig::new(&core, &[("byteCapacity", "1000"), ("keep-alive", "0")]).await;
        let mut large = Draft::default();
        for length in [100, 101, 500, 1] {
            large.push(&vec![b'x'; length]);
        }
        let all = refused(&rig.cx.out, large, ()).await;
        assert_eq!(all.fitting_events(), 3);
        let text = all.cause.to_string();
        assert!(text.starts_with("Cannot commit transaction. Byte capacity allocated"), "{text}");
    });
}

/// Events with an odd number go to the second channel, the others to the first; every fifth goes nowhere.
struct ByNumber;

impl ChannelSelector for ByNumber {
    fn select(&self, draft: &Draft, _random: &mut dyn FnMut() -> u64, out: &mut Routing) {
        let to = |channel| Route { required: vec![channel], optional: Vec::new() };
        out.routes = vec![to(0), to(1), Route::default()];
        out.of_event = (0..draft.len() as u16).map(|n| if n % 5 == 4 { 2 } else { n % 2 }).collect();
    }
}

#[test]
fn the_place_to_split_is_found_among_events_of_other_channels() {
    run(|core| async move {
        let small = [("capacity", "2"), ("transactionCapacity", "2"), ("keep-alive", "0")];
        let first = memory_channel(&core, "c1", &[]).await;
        let second = memory_channel(&core, "c2", &small).await;
        let slots = vec![
            ChannelSlot { name: "c1".into(), channel: first.clone() },
            ChannelSlot { name: "c2".into(), channel: second.clone() },
        ];
        let metrics: Rc<SourceMetrics> = Rc::default();
        let out = ChannelProcessor::new(core.clone(), Vec::new(), Box::new(ByNumber), slots, metrics.clone());
        // c2 gets the events 1 and 3; that fills it.
        out.put(draft(5), ()).await.unwrap().redeem();
        assert_eq!(metrics.events_unrouted.get(), 1);
        // c1 has its part of the second batch when c2 refuses: 0 and 2 of it come before event 1, which does not fit.
        let refused = refused(&out, draft(4), ()).await;
        assert_eq!((refused.owed(), refused.fitting_events()), (1, 1));
        let (front, _back) = out.split(refused, 1, ());
        assert_eq!(front.owed(), 0);
        out.retry(front).await.unwrap().redeem();
        assert_eq!((first.stats().await.events, second.stats().await.events), (4, 2));
    });
}

#[test]
fn one_channel_of_two_that_refuses_is_asked_again_alone() {
    run(|core| async move {
        let small = [("capacity", "1"), ("transactionCapacity", "1"), ("keep-alive", "0")];
        let first = memory_channel(&core, "c1", &[]).await;
        let second = memory_channel(&core, "c2", &small).await;
        let slots = [("c1", &first), ("c2", &second)];
        let slots =
            slots.map(|(name, c)| ChannelSlot { name: name.into(), channel: c.clone() as Rc<dyn Channel> });
        let out =
            ChannelProcessor::new(core.clone(), Vec::new(), Box::new(ToAll(2)), slots.into(), Rc::default());
        out.put(draft(1), ()).await.unwrap().redeem();
        let refused = refused(&out, draft(1), "position").await;
        let mut taker = second.taker("k").unwrap();
        let want = crate::channel::Want { max_events: 1, max_bytes: 1, wait: std::time::Duration::ZERO };
        taker.take(want).await.unwrap().unwrap().commit().await.unwrap();
        assert_eq!(out.retry(refused).await.unwrap().redeem(), "position");
        assert_eq!((first.stats().await.events, second.stats().await.events), (2, 1));
    });
}
