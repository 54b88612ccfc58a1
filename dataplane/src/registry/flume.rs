//! Every type of Apache Flume 1.11 (and what older releases had), as data: so that a type which is not here yet is told
//! from a Java class and from a misspelt word, and so that its keys are not called unknown.
//!
//! A type that this program has stays in the table: the lists of [`crate::registry`] are asked first.

mod others;
mod sinks;
mod sources;

use crate::config::Role;

/// One type of Flume's.
#[derive(Debug, Clone, Copy)]
pub struct FlumeType {
    /// What it is.
    pub role: Role,
    /// The short name that is matched in any case; empty when only the class name works.
    pub alias: &'static str,
    /// The class, exactly as it must be written.
    pub class: &'static str,
    /// Keys below the component, several in a text; a key that ends in a dot stands for all below it.
    keys: &'static [&'static str],
    /// Keys without which Flume does not build it, separated by blanks.
    needs: &'static str,
    /// Key and default of the batch size that is compared with the channel's transaction capacity.
    pub batch: Option<(&'static str, u64)>,
    /// What to do, as a sentence; empty: it comes with a later release.
    pub instead: &'static str,
}

impl FlumeType {
    /// The name for messages: the alias where there is one.
    pub fn name(&self) -> &'static str {
        if self.alias.is_empty() { self.class } else { self.alias }
    }

    /// What to do when a file names it and it is not here.
    pub fn advice(&self) -> &'static str {
        if self.instead.is_empty() {
            "it comes with a later release; until then keep this agent on Flume"
        } else {
            self.instead
        }
    }

    /// Every key; one that ends in a dot stands for all below it.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().flat_map(|text| text.split_ascii_whitespace())
    }

    /// Keys without which Flume does not build it.
    pub fn required(&self) -> impl Iterator<Item = &'static str> {
        self.needs.split_ascii_whitespace()
    }

    /// Whether `key` belongs to the type.
    pub fn has_key(&self, key: &str) -> bool {
        self.keys().any(|known| match known.ends_with('.') {
            true => key.starts_with(known),
            false => key == known,
        })
    }
}

/// The type that `text` names: an alias in any case, a class name exactly.
pub fn find(role: Role, text: &str) -> Option<&'static FlumeType> {
    all(role).find(|t| t.class == text || (!t.alias.is_empty() && t.alias.eq_ignore_ascii_case(text)))
}

/// Every type of one role.
pub fn all(role: Role) -> impl Iterator<Item = &'static FlumeType> {
    [sources::SOURCES, sinks::SINKS, others::OTHERS].into_iter().flatten().filter(move |t| t.role == role)
}

const fn kind(
    role: Role,
    alias: &'static str,
    class: &'static str,
    keys: &'static [&'static str],
) -> FlumeType {
    FlumeType { role, alias, class, keys, needs: "", batch: None, instead: "" }
}

impl FlumeType {
    const fn batch(mut self, key: &'static str, default: u64) -> Self {
        self.batch = Some((key, default));
        self
    }

    const fn needs(mut self, keys: &'static str) -> Self {
        self.needs = keys;
        self
    }

    const fn instead(mut self, sentence: &'static str) -> Self {
        self.instead = sentence;
        self
    }
}

const NEEDS_JVM: &str = "it needs a Java virtual machine and will not come; keep this agent on Flume";
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_match_in_any_case_and_classes_exactly() {
        assert_eq!(find(Role::Source, "NetCat").unwrap().name(), "netcat");
        assert_eq!(find(Role::Sink, "org.apache.flume.sink.LoggerSink").unwrap().name(), "logger");
        assert!(find(Role::Sink, "org.apache.flume.sink.loggersink").is_none());
        assert!(find(Role::Source, "").is_none());
        assert!(find(Role::Source, "logger").is_none());
    }

    #[test]
    fn keys_and_prefixes_are_known() {
        let kafka = find(Role::Sink, "org.apache.flume.sink.kafka.KafkaSink").unwrap();
        assert!(kafka.has_key("kafka.producer.acks") && kafka.has_key("flumeBatchSize"));
        assert!(!kafka.has_key("kafkatopic"));
    }

    #[test]
    fn nothing_is_listed_twice_and_batch_keys_are_keys() {
        let types: Vec<_> = Role::ALL.into_iter().flat_map(all).collect();
        for (at, one) in types.iter().enumerate() {
            for other in &types[..at] {
                assert!(one.role != other.role || one.class != other.class, "{}", one.class);
            }
            assert!(one.batch.is_none_or(|(key, _)| one.has_key(key)), "{}", one.class);
            assert!(one.required().all(|key| one.has_key(key)), "{}", one.class);
        }
    }
}
