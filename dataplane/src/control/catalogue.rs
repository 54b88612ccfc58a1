//! What exists: types of components and their settings as data, for `ctl components` and the reference page.

use crate::config::{AnySetting, KindInfo, OnBad, Role, RunsOn};
use serde::{Deserialize, Serialize};

/// One type of component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentInfo {
    /// What it is.
    pub kind: Role,
    /// The name to write after `type =`.
    pub name: String,
    /// Other names that mean the same.
    pub other_names: Vec<String>,
    /// One sentence.
    pub summary: String,
    /// Which thread runs it: `data core`, `file thread` or `client thread`. See [`ComponentInfo::has_own_thread`].
    pub runs_on: String,
    /// Every key it knows.
    pub settings: Vec<SettingInfo>,
    /// Prefixes below which any key is taken.
    pub open_prefixes: Vec<PrefixInfo>,
    /// Keys of Flume's that are known and not supported.
    pub unsupported: Vec<UnsupportedInfo>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingInfo {
    /// As Flume spells it.
    pub key: String,
    /// Its default as text; none when it is required, or off without it.
    pub default: Option<String>,
    /// True when the component cannot run without it.
    pub required: bool,
    /// What a number counts; empty when it is none or has no unit.
    pub unit: String,
    /// Values allowed, for people; empty when any text is.
    pub allowed: String,
    /// True when the value is never shown.
    pub secret: bool,
    /// True when a bad value is replaced by the default with a warning; otherwise the component does not run.
    pub bad_value_is_default: bool,
    /// One sentence.
    pub doc: String,
}

/// Keys that the component takes as they come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixInfo {
    /// With its final dot.
    pub prefix: String,
    /// How the rest is named, for people.
    pub rest: String,
    /// One sentence.
    pub doc: String,
}

/// A key that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsupportedInfo {
    /// As Flume spells it.
    pub key: String,
    /// What to do instead.
    pub doc: String,
}

impl ComponentInfo {
    /// The kind's static data as a message.
    pub fn new(kind: Role, info: &KindInfo) -> Self {
        ComponentInfo {
            kind,
            name: info.name().to_owned(),
            other_names: info.names.iter().skip(1).map(|&n| n.to_owned()).collect(),
            summary: info.summary.to_owned(),
            runs_on: match info.runs_on {
                RunsOn::DataCore => "data core",
                RunsOn::File => "file thread",
                RunsOn::Client => "client thread",
            }
            .to_owned(),
            settings: info.settings.iter().map(|&s| SettingInfo::new(s)).collect(),
            open_prefixes: info
                .open_prefixes
                .iter()
                .map(|p| PrefixInfo { prefix: p.prefix.into(), rest: p.rest.into(), doc: p.doc.into() })
                .collect(),
            unsupported: info
                .unsupported
                .iter()
                .map(|&(key, doc)| UnsupportedInfo { key: key.into(), doc: doc.into() })
                .collect(),
        }
    }

    /// Whether it runs by itself: the others run where their source or sink does.
    pub fn has_own_thread(&self) -> bool {
        matches!(self.kind, Role::Source | Role::Channel | Role::Sink)
    }

    /// Whether `text` names this type, in any case.
    pub fn is_named(&self, text: &str) -> bool {
        std::iter::once(&self.name).chain(&self.other_names).any(|n| n.eq_ignore_ascii_case(text))
    }
}

impl SettingInfo {
    fn new(s: &dyn AnySetting) -> Self {
        SettingInfo {
            key: s.key().to_owned(),
            default: s.default_text().map(str::to_owned),
            required: s.is_required(),
            unit: s.unit().name().to_owned(),
            allowed: s.allowed().to_owned(),
            secret: s.is_secret(),
            bad_value_is_default: s.on_bad() == OnBad::UseDefault,
            doc: s.doc().to_owned(),
        }
    }
}
