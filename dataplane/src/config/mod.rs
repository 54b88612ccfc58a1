//! What a configuration file says: text to typed settings, with file and line for every complaint. No I/O.

pub mod date_pattern;
mod diagnostic;
pub mod filters;
mod kind;
mod properties;
mod setting;
mod settings;
mod substitute;
pub mod units;

pub use diagnostic::{Diagnostic, Place, Severity};
pub use kind::{Kind, KindInfo, OpenPrefix, Role, RunsOn};
pub use properties::{Entry, Properties};
pub use setting::{AnySetting, BadValue, OnBad, Setting, Unit};
pub use settings::{Settings, Value};
pub use substitute::{Lookup, Lookups, Substituted, substitute};
