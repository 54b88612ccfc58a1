//! What a configuration file says: text to typed settings, with file and line for every complaint. No I/O.

mod diagnostic;
mod kind;
mod setting;
mod settings;
pub mod units;

pub use diagnostic::{Diagnostic, Place, Severity};
pub use kind::{Kind, KindInfo, OpenPrefix, RunsOn};
pub use setting::{AnySetting, BadValue, OnBad, Setting, Unit};
pub use settings::{Settings, Value};
