//! Penstock's data plane: the agent as a library. The map of its rooms is in `README.md` beside this folder.

// Outside the rooms marked here, .clippy.toml bans clocks, files, sockets and threads: they come through the reactor.
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may look around")
)]

#[allow(clippy::disallowed_methods, reason = "the agent reads its files and the clock")]
pub mod agent;
pub mod channel;
pub mod codec;
pub mod config;
#[allow(clippy::disallowed_methods, reason = "the control socket has a thread of its own")]
pub mod control;
pub mod event;
pub mod interceptor;
pub mod metrics;
pub mod pipeline;
pub mod processor;
#[allow(clippy::disallowed_methods, reason = "the reactor is the door")]
pub mod reactor;
pub mod registry;
pub mod selector;
pub mod serializer;
pub mod sink;
pub mod source;
