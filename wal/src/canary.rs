//! Bugs planted on purpose. A harness that has not caught a planted bug has no result, so each of these must make a
//! test fail. They exist only with the feature `canaries`, which nothing but this crate's tests turns on.

/// A planted bug.
#[cfg(feature = "canaries")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// A commit counts as durable when it is submitted.
    AckBeforeSync,
    /// A frame's body is believed without its checksum.
    SkipBodyChecksum,
    /// New slots are used before their names are durable.
    ForgetDirectorySync,
    /// A failed write is tried again at the same place.
    RetryFailedWrite,
    /// A failed write counts as done.
    IgnoreFailedWrite,
    /// A slot is used again as soon as its events are acknowledged, whatever the checkpoint says.
    RecycleBeforeCheckpoint,
    /// A new use of a slot gets the epoch and salt of the use before.
    ReuseEpoch,
    /// A frame counts although it does not continue the chain.
    IgnoreChain,
    /// The parts of a put that has no end are delivered.
    DeliverOpenSpan,
    /// Frames are written before the header of their segment is durable.
    FramesBeforeHeader,
    /// Opening ends at the first bad frame and forgets what comes after.
    TruncateAtDamage,
    /// Damage found at opening is not reported.
    HideDamage,
    /// The commits after a failed one are not written again.
    DropAfterFailure,
    /// Durability is announced in the order of completion.
    AnnounceOutOfOrder,
    /// A commit begins in the block where the one before ended.
    OverlapLastBlock,
}

#[cfg(feature = "canaries")]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Planted(pub(crate) Option<Canary>);

/// Nothing is planted.
#[cfg(not(feature = "canaries"))]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Planted();

/// Whether a bug is planted: `planted!(self.planted, AckBeforeSync)`; false at compile time without the feature.
macro_rules! planted {
    ($planted:expr, $canary:ident) => {{
        #[cfg(feature = "canaries")]
        let is = $planted.0 == Some(crate::canary::Canary::$canary);
        #[cfg(not(feature = "canaries"))]
        let is = {
            let _: crate::canary::Planted = $planted;
            false
        };
        is
    }};
}
pub(crate) use planted;
