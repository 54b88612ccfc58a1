//! The durable log: frames of bytes with event counts; never events, sources or sinks.
//!
//! The promise: *a batch is acknowledged only after it is durable; the log always opens; damaged data is named, never
//! delivered, and never hides what is whole.*
//!
//! This crate is sans-I/O: a [`Log`] is a state machine. It is asked for things, emits disk operations through
//! [`disk::Disk`], is told their completions, and answers with [`Notice`]s. So the same code runs on a real ring, on
//! threads, and on a simulated disk with a seed. Time is passed in as a [`Tick`]. It depends on no other room and on no
//! runtime.
//!
//! ```text
//!            append ─┐                      ┌─► Notice::Durable      (events below this are safe: acknowledge them)
//!   owner    ack    ─┤   ┌─────┐            ├─► Notice::Readable     (then take_read)
//!            read   ─┼─► │ Log │ ───────────┼─► Notice::Damage       (these events are lost, exactly these)
//!            tick   ─┤   └─────┘            ├─► Notice::Writable     (an append that was refused would be taken)
//!            close  ─┘    ▲   │             └─► Notice::Refused …
//!                complete │   │ next_op
//!                        Disk ▼
//! ```
//!
//! # Words
//! An *event number* ([`Seq`]) counts events from 0 over the life of the log. A *put* is a payload with so many events,
//! durable and delivered whole or not at all. A *frame* is one put or a part of one, a *commit* one padded durable write
//! of frames, a *segment* one use of a *slot*, which is a file.
//!
//! # The order of calls
//! 1. [`Log::open`] with the slots that the back end found; [`pump`] until [`Notice::Opened`].
//! 2. [`Log::append`] copies a payload and returns its event numbers; answer the sender when [`Notice::Durable`] has
//!    passed them. On [`AppendError::Busy`] and [`AppendError::NoSpace`] wait for [`Notice::Writable`].
//! 3. What is durable may be handed to consumers from the owner's own memory. What is not in memory is asked for with
//!    [`Log::read`] and delivered by [`Log::take_read`].
//! 4. [`Log::ack`] takes ranges of event numbers in any order. While [`Log::may_lease`] says no, hand out nothing new.
//! 5. After every call, [`pump`]; call [`Log::tick`] at [`Log::deadline`]; tell [`Log::set_free_bytes`] now and then.
//! 6. [`Log::close`], then [`pump`] until [`Notice::Closed`]. Dropping the log instead is as safe as a power cut.
//!
//! ```
//! use std::io::IoSlice;
//! use wal::{Config, Limits, Log, Notice, disk::sim::{SimConfig, SimDisk}, format::LogId, pump};
//!
//! let mut disk = SimDisk::new(SimConfig { checkpoint_bytes: 1 << 10, ..SimConfig::default() });
//! // A random name for a new log, a random number for this start, and the wall clock: the log draws and reads none.
//! let config = Config::new(Limits { block_bytes: 512, ..Limits::tiny() }, LogId([1; 16]), 42, 1_790_000_000_000);
//! let mut log = Log::open(config, disk.slots(), 0);
//! pump(&mut log, &mut disk, 0);
//! assert!(matches!(log.notice(), Some(Notice::Opened(report)) if report.is_new));
//!
//! let events = log.append(&[IoSlice::new(b"three "), IoSlice::new(b"events")], 3, 1).unwrap();
//! assert_eq!(events, 0..3);
//! pump(&mut log, &mut disk, 1);
//! assert!(matches!(log.notice(), Some(Notice::Durable { before: 3, .. }))); // now the sender may be answered
//!
//! log.read(0, 64 << 10);
//! pump(&mut log, &mut disk, 2);
//! assert_eq!(log.notice(), Some(Notice::Readable));
//! let next = log.take_read(|frame| assert_eq!((frame.events, frame.payload), (0..3, &b"three events"[..])));
//! assert_eq!(next, Some(3)); // ask for this one next
//!
//! log.ack(0..3, 3);
//! log.close(4);
//! pump(&mut log, &mut disk, 4);
//! let notices: Vec<_> = std::iter::from_fn(|| log.notice()).collect();
//! assert!(notices.contains(&Notice::Closed));
//! ```
//!
//! # Where things are
//! `format` the bytes · `scan` walks over them · `log` the running state machine · `recover` opening · `disk` back ends,
//! the simulated one among them · `verify` looks at files offline · `README.md` the format byte by byte, the rules of recovery, the decisions.

mod acks;
pub mod canary;
mod config;
pub mod disk;
pub mod format;
mod log;
mod notice;
mod recover;
pub mod scan;
pub mod verify;

pub use acks::AckSet;
pub use config::{Config, Limits, OnCorruption, Retain};
pub use log::{Full, Log, Pool, ReadFrame, State, Stats, pump};
pub use notice::{AppendError, Damage, Notice, OpenError, Report, Seq};

/// Monotonic time in nanoseconds since an arbitrary start; always passed in, never read.
pub type Tick = u64;
