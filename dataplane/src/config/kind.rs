//! What the registry lists about one type of component: plain static data.

use super::setting::AnySetting;
use super::settings::Settings;
use crate::event::Error;

/// Which kind of thread runs a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsOn {
    /// A pinned data core: never busy for more than 1 ms.
    DataCore,
    /// An unpinned thread for files.
    File,
    /// An unpinned thread for what brings a runtime of its own, or waits for processes.
    Client,
}

/// What a type of component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Brings events in.
    Source,
    /// Keeps them.
    Channel,
    /// Takes them out.
    Sink,
    /// Changes or drops them on the way in.
    Interceptor,
    /// Chooses channels for them.
    Selector,
    /// Chooses the sink of a group that works.
    Processor,
    /// Turns them into bytes.
    Serializer,
}

impl Role {
    /// Every role, in the order of the registry.
    pub const ALL: [Role; 7] = [
        Role::Source,
        Role::Channel,
        Role::Sink,
        Role::Interceptor,
        Role::Selector,
        Role::Processor,
        Role::Serializer,
    ];

    /// The word for one.
    pub fn word(self) -> &'static str {
        match self {
            Role::Source => "source",
            Role::Channel => "channel",
            Role::Sink => "sink",
            Role::Interceptor => "interceptor",
            Role::Selector => "selector",
            Role::Processor => "processor",
            Role::Serializer => "serializer",
        }
    }
}

/// Keys below a prefix that the component takes as they come: `headers.<group>.<key>`.
#[derive(Debug, Clone, Copy)]
pub struct OpenPrefix {
    /// With its final dot.
    pub prefix: &'static str,
    /// How the rest is named, for people: `<group>.<name>`.
    pub rest: &'static str,
    /// One sentence, ending in a full stop.
    pub doc: &'static str,
}

/// One type of component: its names, settings and how to build it. `C` is the trait object it builds.
pub struct Kind<C: ?Sized + 'static> {
    /// What can be said about it without building it.
    pub info: KindInfo,
    /// Makes one from checked settings. No I/O: what can fail at start is in the component's `open`.
    pub build: fn(&Settings) -> Result<Box<C>, Error>,
}

/// The part of a [`Kind`] that does not depend on what it builds.
pub struct KindInfo {
    /// Flume's alias first (matched in any case), then class names (aliases of known classes match in any case too).
    pub names: &'static [&'static str],
    /// One sentence, ending in a full stop.
    pub summary: &'static str,
    /// Which thread runs it.
    pub runs_on: RunsOn,
    /// Every key it knows.
    pub settings: &'static [&'static dyn AnySetting],
    /// Prefixes below which any key is taken.
    pub open_prefixes: &'static [OpenPrefix],
    /// Keys of Flume's that are known and not supported, each with a sentence that says what to do.
    pub unsupported: &'static [(&'static str, &'static str)],
    /// The setting that is compared with the channel's `transactionCapacity`, for components that batch by themselves.
    pub batch_size_key: Option<&'static str>,
}

impl KindInfo {
    /// Whether `text` names this type. Aliases and Flume's own class names match in any case.
    pub fn is_named(&self, text: &str) -> bool {
        self.names.iter().any(|n| n.eq_ignore_ascii_case(text))
    }

    /// The name used in messages: Flume's alias where there is one.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }

    /// The setting with exactly this key.
    pub fn setting(&self, key: &str) -> Option<&'static dyn AnySetting> {
        self.settings.iter().copied().find(|s| s.key() == key)
    }
}
