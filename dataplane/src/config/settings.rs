//! The properties of one component, already checked against its kind.

use super::diagnostic::Place;
use super::setting::{OnBad, Setting};
use std::collections::BTreeMap;

/// A property's text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Trimmed, substituted text.
    pub text: String,
    /// Where the property stands.
    pub place: Place,
    /// True when the text holds something from the environment or a config filter and must not be shown.
    pub secret: bool,
}

/// Raw text and place of every property of one component, keys below the component (`batchSize`, `selector.type`).
///
/// # Limits
/// Values were checked when the plan was made: reading one through its [`Setting`] cannot fail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Full key of the component: `a1.sinks.k1`.
    pub prefix: String,
    /// Key below the component → value.
    pub values: BTreeMap<String, Value>,
}

impl Settings {
    /// The component's own name: the last part of the prefix.
    pub fn name(&self) -> &str {
        self.prefix.rsplit('.').next().unwrap_or(&self.prefix)
    }

    /// The value of a setting, else its default, else `None`.
    ///
    /// # Panics
    /// When a value is bad that the plan should have refused.
    pub fn get<T>(&self, setting: &Setting<T>) -> Option<T> {
        let default = || {
            setting
                .default
                .map(|t| (setting.parse)(t).expect("a test checks every default against its parser"))
        };
        match self.values.get(setting.key).map(|v| (setting.parse)(&v.text)) {
            Some(Ok(value)) => Some(value),
            Some(Err(_)) if setting.on_bad == OnBad::UseDefault => default(),
            Some(Err(bad)) => {
                panic!("{}.{}: {bad}: checked when the plan was made", self.prefix, setting.key)
            }
            None => default(),
        }
    }

    /// The value of a setting that is required or has a default.
    ///
    /// # Panics
    /// When it has neither: a mistake in the component's declaration, or a required key that the plan let through.
    pub fn value<T>(&self, setting: &Setting<T>) -> T {
        self.get(setting).unwrap_or_else(|| panic!("{}.{} is required", self.prefix, setting.key))
    }

    /// True when the file has this key.
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Text of a key that no [`Setting`] declares (below an open prefix).
    pub fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|v| v.text.as_str())
    }

    /// Every property below `prefix` (with its final dot), key without it.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.values.iter().filter_map(move |(k, v)| k.strip_prefix(prefix).map(|rest| (rest, v)))
    }

    /// The properties below `prefix` (with its final dot) as settings of their own: an interceptor's, a selector's.
    pub fn child(&self, prefix: &str) -> Settings {
        Settings {
            prefix: format!("{}.{}", self.prefix, prefix.trim_end_matches('.')),
            values: self.below(prefix).map(|(k, v)| (k.to_owned(), v.clone())).collect(),
        }
    }

    /// Where `key` stands, or where any property of the component does.
    pub fn place(&self, key: &str) -> Place {
        let value = self.values.get(key).or_else(|| self.values.values().next());
        value.map(|v| v.place.clone()).unwrap_or_default()
    }
}
