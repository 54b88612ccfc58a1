//! Penstock's data plane: the agent as a library. The map of its rooms is in `README.md` beside this folder.

pub mod agent;
pub mod channel;
pub mod codec;
pub mod config;
pub mod control;
pub mod event;
pub mod metrics;
pub mod pipeline;
pub mod reactor;
pub mod registry;
pub mod serializer;
pub mod sink;
pub mod source;
