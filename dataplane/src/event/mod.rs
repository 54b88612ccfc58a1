//! Events in batches: a mutable [`Draft`], an immutable [`Frame`], and a [`Batch`] of some of a frame's events.
//!
//! There is no owned single event on the data path. A source fills a draft, interceptors change it, sealing it makes a
//! frame; channels and sinks pass batches, which share the frame and copy nothing.
//!
//! Headers of an event are, in this order and each name once: the batch's *overrides*, the event's *own*, the batch's
//! *defaults*. A name in the batch's *removed* list hides the event's own header of that name. So an interceptor that
//! does the same to every event costs O(1) a batch.

mod advice;
mod draft;
mod frame;
mod headers;
pub mod java_map;
mod stored;

pub use advice::{Advice, Error};
pub use draft::Draft;
pub use frame::{Batch, EventRef, Frame};
pub use headers::{Common, HeaderOfAll, Headers, Name};
pub use stored::{Stored, StoredError};
