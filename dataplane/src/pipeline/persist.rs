//! Putting a batch that must not be lost: again and again until the channels have it.

use super::backoff::Backoff;
use super::component::SourceCx;
use super::receipt::{Failure, Receipt};
use crate::channel::PutError;
use crate::event::{Advice, Draft, Error};

/// Why a batch that must not be lost was given up all the same; each with its position.
#[derive(Debug)]
pub enum GaveUp<P> {
    /// The source shall end, and the channels still refuse.
    Stopped(P),
    /// An interceptor failed, or no channel can ever take such a batch: trying again would not help.
    Rejected(Error, P),
    /// A channel can keep no promise any more.
    Failed(PutError, P),
}

/// Puts the draft, and what a channel refuses again after a pause, until every required channel has it. A refusal is
/// logged once, and its end too.
///
/// # Cancel safety
/// As [`super::ChannelProcessor::put`].
///
/// # Errors
/// See [`GaveUp`]. After the stop one refusal is enough.
pub async fn put_persistently<P>(
    cx: &SourceCx,
    backoff: &mut Backoff,
    draft: Draft,
    position: P,
) -> Result<Receipt<P>, GaveUp<P>> {
    let mut refused = match cx.out.put(draft, position).await {
        Ok(receipt) => return Ok(receipt),
        Err(Failure::Rejected(e, position)) => return Err(GaveUp::Rejected(e, position)),
        Err(Failure::Refused(refused)) => refused,
    };
    let mut told = false;
    loop {
        match refused.cause.advice() {
            Advice::Stop => {
                let (position, cause) = refused.abandon();
                return Err(GaveUp::Failed(cause, position));
            }
            Advice::Reject => {
                let (position, cause) = refused.abandon();
                let what = "the channel can never take this batch";
                return Err(GaveUp::Rejected(Error::caused(Advice::Reject, what, cause), position));
            }
            Advice::RetryAfter(_) | Advice::Reconnect => {}
        }
        if !std::mem::replace(&mut told, true) {
            tracing::error!(
                "source {} could not write to channel, and keeps trying: {}",
                cx.name,
                refused.cause
            );
        }
        if cx.stop.sleep(&cx.core, backoff.next_pause()).await {
            return Err(GaveUp::Stopped(refused.abandon().0));
        }
        match cx.out.retry(refused).await {
            Ok(receipt) => {
                backoff.reset();
                tracing::info!("source {} writes to its channel again", cx.name);
                return Ok(receipt);
            }
            Err(again) => refused = again,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing::{Rig, run};

    fn draft(events: u32) -> Draft {
        let mut draft = Draft::default();
        for _ in 0..events {
            draft.push(b"x");
        }
        draft
    }

    #[test]
    fn a_batch_goes_in_when_there_is_room_and_stays_out_when_there_never_will_be() {
        run(|core| async move {
            let small = [("capacity", "2"), ("transactionCapacity", "2"), ("keep-alive", "0")];
            let rig = Rig::new(&core, &small).await;
            let mut backoff = Backoff::of_ms(1, 1);
            put_persistently(&rig.cx, &mut backoff, draft(2), ()).await.unwrap().redeem();
            let (cx, mut patient) = (rig.cx.clone(), Backoff::of_ms(1, 1));
            let mut waiting = core.task("put", async move {
                put_persistently(&cx, &mut patient, draft(1), ()).await.unwrap().redeem();
                assert!(patient.is_reset());
            });
            while rig.cx.metrics.channel_failures.get() < 2 {
                core.sleep(std::time::Duration::from_millis(1)).await;
            }
            rig.take(2).await;
            waiting.join().await.unwrap();
            assert_eq!(rig.queued().await, 1);

            let too_large = put_persistently(&rig.cx, &mut backoff, draft(3), "position").await;
            assert!(matches!(too_large, Err(GaveUp::Rejected(_, "position"))), "{too_large:?}");
            rig.stopper.stop();
            let stopped = put_persistently(&rig.cx, &mut backoff, draft(2), "position").await;
            assert!(matches!(stopped, Err(GaveUp::Stopped("position"))), "{stopped:?}");
        });
    }
}
