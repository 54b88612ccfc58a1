//! A put: room, the stored form, the log, and the wait until it is durable.

use super::Shared;
use super::driver::{Answer, Inner};
use crate::channel::{Committed, PutError};
use crate::event::{Batch, Stored};
use std::cell::RefCell;
use std::io::IoSlice;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;
use wal::{AppendError, Seq};

/// How long a put waits for the log's own buffers and segments, also when the keep-alive is shorter.
const LONGEST_BUSY: Duration = Duration::from_secs(3);

/// What keeps a put from going into the log now.
enum Wait {
    /// Nothing: it is in.
    Done(Rc<Answer>),
    /// Room or space.
    For(PutError),
    /// Buffers or a segment of the log, which come back by themselves.
    Busy,
    /// For ever.
    Never(PutError),
}

pub(super) async fn put(shared: Rc<Shared>, batch: Batch) -> Result<Committed, PutError> {
    let metrics = shared.cx.metrics.clone();
    metrics.put_attempts.add(u64::from(batch.events()));
    if batch.is_empty() {
        return Ok(Committed::new());
    }
    let (channel, limit) = (shared.cx.name.clone(), shared.spec.transaction_events);
    if batch.events() > limit {
        return Err(PutError::TooLarge { channel, events: batch.events(), limit });
    }
    let answer = append(&shared, &batch).await.inspect_err(|_| metrics.full_refusals.add(1))?;
    if shared.spec.waits_for_disk {
        answer.wait().await.map_err(|()| PutError::Failed { channel })?;
    }
    metrics.put_successes.add(u64::from(batch.events()));
    Ok(Committed::new())
}

/// Gets the batch into the log, waiting for room for the keep-alive at most, in the order of coming.
async fn append(shared: &Rc<Shared>, batch: &Batch) -> Result<Rc<Answer>, PutError> {
    let ticket = shared.inner.borrow_mut().line_up();
    let place = InLine { shared: shared.clone(), ticket };
    let stored = batch.store();
    // Why it has not gone in; none: a busy log, which is no full channel. Its buffers come back within milliseconds.
    let refusal = RefCell::new(None);
    let until_in = async {
        loop {
            let change = shared.freed.wait();
            match try_append(shared, batch, &stored, ticket) {
                Wait::Done(answer) => return Ok(answer),
                Wait::Never(why) => return Err(why),
                Wait::For(why) => *refusal.borrow_mut() = Some(why),
                Wait::Busy => *refusal.borrow_mut() = None,
            }
            change.await;
        }
    };
    let mut until_in = std::pin::pin!(until_in);
    let core = &shared.cx.core;
    let mut outcome = core.timeout(shared.spec.keep_alive, &mut until_in).await;
    if outcome.is_none() && refusal.borrow().is_none() {
        outcome = core.timeout(LONGEST_BUSY, &mut until_in).await;
    }
    drop(place);
    outcome.unwrap_or_else(|| {
        let full = || PutError::Full { channel: shared.cx.name.clone(), room_events: 0 };
        Err(refusal.borrow_mut().take().unwrap_or_else(full))
    })
}

fn try_append(shared: &Rc<Shared>, batch: &Batch, stored: &Stored<'_>, ticket: u64) -> Wait {
    let channel = shared.cx.name.clone();
    let mut inner = shared.inner.borrow_mut();
    if inner.failed.is_some() {
        return Wait::Never(PutError::Failed { channel });
    }
    if inner.closing {
        return Wait::Never(PutError::Closing { channel });
    }
    if !inner.is_next(ticket) {
        return Wait::For(PutError::Full { channel, room_events: 0 });
    }
    let room = shared.spec.capacity_events.saturating_sub(inner.stored_events);
    if u64::from(batch.events()) > room {
        return Wait::For(PutError::Full { channel, room_events: u32::try_from(room).unwrap_or(u32::MAX) });
    }
    let now = shared.cx.core.now();
    let appended = if stored.len_bytes() <= inner.log.append_limit_bytes() {
        inner.log.append(&stored.slices(), batch.events(), now)
    } else {
        {
            let Inner { large, log, .. } = &mut *inner;
            append_large(large, log, stored, batch.events(), ticket, now)
        }
    };
    match appended {
        Ok(events) => {
            let answer = inner.appended(events, batch.clone(), shared.cx.core.wall_ms());
            drop(inner);
            shared.changed.notify_one();
            Wait::Done(answer)
        }
        Err(AppendError::Busy | AppendError::NoSlot) => {
            drop(inner);
            shared.changed.notify_one();
            Wait::Busy
        }
        Err(AppendError::NoSpace(full)) => {
            inner.say_full(&channel, &AppendError::NoSpace(full));
            Wait::For(PutError::NoSpace { channel, why: AppendError::NoSpace(full).to_string() })
        }
        Err(AppendError::TooLarge { bytes, limit_bytes }) => Wait::Never(PutError::TooManyBytes {
            channel,
            bytes: bytes as u64,
            limit_bytes: limit_bytes as u64,
        }),
        Err(AppendError::Failed { .. } | AppendError::NotOpen) => Wait::Never(PutError::Failed { channel }),
    }
}

/// A put larger than the log's buffers goes in piece by piece, over as many calls as it takes.
#[derive(Debug)]
pub(super) struct Large {
    ticket: u64,
    events: Range<Seq>,
    done_bytes: usize,
}

fn append_large(
    large: &mut Option<Large>,
    log: &mut super::driver::FileLog,
    stored: &Stored<'_>,
    events: u32,
    ticket: u64,
    now: wal::Tick,
) -> Result<Range<Seq>, AppendError> {
    if large.is_none() {
        let events = log.begin_large(stored.len_bytes(), events, now)?;
        *large = Some(Large { ticket, events, done_bytes: 0 });
    }
    let going = large.as_mut().expect("made above");
    assert_eq!(going.ticket, ticket, "only the first in line puts");
    let slices = stored.slices();
    while going.done_bytes < stored.len_bytes() {
        let taken = log.push_large(piece(&slices, going.done_bytes), now);
        if taken == 0 {
            return Err(AppendError::Busy);
        }
        going.done_bytes += taken;
    }
    let events = going.events.clone();
    *large = None;
    Ok(events)
}

/// What follows the first `skip` bytes, up to the end of the part it lies in.
fn piece<'a>(slices: &'a [IoSlice<'_>], mut skip: usize) -> &'a [u8] {
    for slice in slices {
        if skip < slice.len() {
            return &slice[skip..];
        }
        skip -= slice.len();
    }
    &[]
}

/// Leaves the line of waiting puts when dropped, and takes back what it had begun.
struct InLine {
    shared: Rc<Shared>,
    ticket: u64,
}

impl Drop for InLine {
    fn drop(&mut self) {
        let mut inner = self.shared.inner.borrow_mut();
        inner.leave_line(self.ticket);
        if inner.large.as_ref().is_some_and(|l| l.ticket == self.ticket) {
            inner.large = None;
            inner.log.abandon_large();
        }
        drop(inner);
        self.shared.freed.notify_all();
    }
}
