//! Values that came from the environment or a config filter, kept out of sentences.

use crate::agent::plan::Property;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What a hidden value looks like.
pub(super) const HIDDEN: &str = "***";

/// A value this short is hidden only in sentences about its own component: elsewhere `1` or `c1` is something else.
const TELLING_CHARS: usize = 4;

/// The values to hide.
pub(in crate::agent) struct Secrets<'a> {
    keys: BTreeSet<&'a str>,
    /// Component → values of its own, the longest first: a value may hold another one.
    near: BTreeMap<&'a str, BTreeSet<Longest<'a>>>,
    /// Values that tell something wherever they stand.
    far: BTreeSet<Longest<'a>>,
}

type Longest<'a> = (Reverse<usize>, &'a str);

impl<'a> Secrets<'a> {
    /// Those of `properties`; none when they may be shown.
    pub(in crate::agent) fn of(properties: &'a [Property], may_show: bool) -> Self {
        let mut secrets = Secrets { keys: BTreeSet::new(), near: BTreeMap::new(), far: BTreeSet::new() };
        for property in properties.iter().filter(|p| p.secret && !may_show) {
            secrets.keys.insert(&property.key);
            let value = property.text.trim();
            let longest = (Reverse(value.len()), value);
            if !value.is_empty() {
                secrets.near.entry(scope(&property.key)).or_default().insert(longest);
            }
            if value.chars().count() >= TELLING_CHARS {
                secrets.far.insert(longest);
            }
        }
        secrets
    }

    /// Whether the value of `key` is hidden.
    pub(super) fn hides(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// A sentence about `key`, or about the component with that key, without the values.
    pub(in crate::agent) fn hide(&self, key: &str, sentence: &str) -> String {
        let near = self.near.get(scope(key)).into_iter().flatten();
        near.chain(&self.far).fold(sentence.to_owned(), |text, (_, value)| replace_words(&text, value))
    }
}

/// `a1.sinks.k1` of `a1.sinks.k1.hdfs.path`.
fn scope(key: &str) -> &str {
    match key.match_indices('.').nth(2) {
        Some((end, _)) => key.get(..end).unwrap_or(key),
        None => key,
    }
}

/// Replaces `value` where it is not a part of a longer word.
fn replace_words(text: &str, value: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(value) {
        let (before, found) = rest.split_at(at);
        let after = found.get(value.len()..).unwrap_or_default();
        let last = before.chars().next_back().or_else(|| out.chars().next_back());
        let joined = is_word(last) && is_word(value.chars().next())
            || is_word(value.chars().next_back()) && is_word(after.chars().next());
        out.push_str(before);
        out.push_str(if joined { value } else { HIDDEN });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Place;

    fn property(key: &str, text: &str, secret: bool) -> Property {
        Property { key: key.into(), text: text.into(), place: Place::default(), secret }
    }

    #[test]
    fn a_value_from_outside_is_in_no_sentence() {
        let properties = [
            property("a1.sinks.k1.type", "hunter2", true),
            property("a1.channels.c1.capacity", "12", true),
            property("a1.sinks.k1.channel", "c1", false),
        ];
        let secrets = Secrets::of(&properties, false);
        for (key, sentence, shown) in [
            ("a1.sinks.k1.type", "there is no type \"hunter2\"", "there is no type \"***\""),
            ("a1.sources.r1.x", "hunter2 is not hunter22 or xhunter2", "*** is not hunter22 or xhunter2"),
            ("a1.channels.c1.capacity", "12 is above 10 but 120 is not", "*** is above 10 but 120 is not"),
            ("a1.sinks.k1.batch", "12 of 120", "12 of 120"),
            ("a1.sinks.k1.channel", "channel c1 is full", "channel c1 is full"),
            ("", "hunter2hunter2", "hunter2hunter2"),
        ] {
            assert_eq!(secrets.hide(key, sentence), shown);
        }
        assert!(secrets.hides("a1.sinks.k1.type") && !secrets.hides("a1.sinks.k1.channel"));
        assert_eq!(Secrets::of(&properties, true).hide("a1.sinks.k1.type", "hunter2"), "hunter2");
    }
}
