//! What a source gets for a batch: a receipt, or what is still owed.

use crate::channel::PutError;
use crate::event::{Batch, Error};
use std::rc::Rc;

/// Every required channel has the batch. The position that went in with it comes out here and nowhere else, so neither an
/// early nor a mismatched acknowledgement compiles.
#[must_use]
#[derive(Debug)]
pub struct Receipt<P>(P);

impl<P> Receipt<P> {
    pub(super) fn new(position: P) -> Self {
        Receipt(position)
    }

    /// The position of the batch that is safe now.
    pub fn redeem(self) -> P {
        self.0
    }
}

/// A required channel refused. Holds, after interceptors and selection, only what is still owed: a retry neither
/// intercepts twice nor puts anything twice.
#[derive(Debug)]
pub struct Refused<P> {
    /// Why the first refusing channel refused.
    pub cause: PutError,
    pub(super) owed: Vec<(usize, Batch)>,
    pub(super) optional: Vec<(usize, Batch)>,
    pub(super) position: P,
    /// The first event of the sealed frame that this refusal covers.
    pub(super) first: u32,
    /// How many events of the frame it covers.
    pub(super) events: u32,
    /// For each event of the frame its number in the draft, when interceptors have dropped some.
    pub(super) kept: Option<Rc<[u32]>>,
}

impl<P> Refused<P> {
    /// Gives up: the position and the cause.
    pub fn abandon(self) -> (P, PutError) {
        (self.position, self.cause)
    }

    /// Number of required channels that do not have the batch yet.
    pub fn owed(&self) -> usize {
        self.owed.len()
    }

    /// Number of events refused.
    pub fn events(&self) -> u32 {
        self.events
    }

    /// The refused events by their number in the draft that the source put, which interceptors may have made smaller.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        let number = |event: u32| self.kept.as_ref().map_or(event, |kept| kept[event as usize]);
        (self.first..self.first + self.events).map(number)
    }

    /// How many of the refused events, from the first on, the channel that refused would have taken: where to split.
    pub fn fitting_events(&self) -> u32 {
        let room = self.cause.room_events();
        let refusing = self.owed.first().and_then(|(_, batch)| batch.frame_index(room));
        refusing.map_or(self.events, |index| index.saturating_sub(self.first).min(self.events))
    }
}

/// Why there is no receipt.
#[derive(Debug)]
pub enum Failure<P> {
    /// A channel refused: retry later what is owed, or abandon it.
    Refused(Refused<P>),
    /// An interceptor failed: nothing was put, there is nothing to retry.
    Rejected(Error, P),
}
