//! The agent: from a configuration to running components and back to a clean stop.

mod api;
mod catalogue;
pub mod check;
pub mod command_line;
mod launch;
mod load;
pub mod log;
mod memory;
mod notify;
pub mod option_file;
mod order;
mod origin;
mod placement;
pub mod plan;
mod providers;
mod run;
mod running;
mod state;
mod supervise;
mod thread;
mod watch;

pub use run::{EXIT_CONFIG, EXIT_FAILED, EXIT_USAGE, run};
