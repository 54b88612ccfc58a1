//! The control socket: how `ctl` and the agent talk. Small JSON bodies over HTTP/1 on a Unix socket.
//!
//! `status`, `catalogue` and `messages` are the protocol and are shared with `ctl`; [`AgentApi`] is what the server
//! needs from the agent. Every type reads bodies of an older or newer agent: unknown fields are skipped, missing ones
//! take their defaults.

pub use crate::config::Role;

mod agent_api;
mod catalogue;
mod messages;
mod place;
mod reference;
mod routes;
mod server;
mod socket;
mod status;

pub use agent_api::{AgentApi, Reply};
pub use catalogue::{ComponentInfo, PrefixInfo, SettingInfo, UnsupportedInfo};
pub use messages::{
    ErrorBody, LogLevelRequest, LogLevels, Property, RunningConfig, StopOutcome, StopRequest, Version,
};
pub use place::{Surroundings, file_stem, socket_path};
pub use reference::reference;
pub use server::Server;
pub use socket::{BindError, ControlSocket};
pub use status::{
    AgentState, ChannelStatus, ComponentState, ProblemStatus, SinkStatus, SourceStatus, Status, ThreadRole,
    ThreadStatus,
};
