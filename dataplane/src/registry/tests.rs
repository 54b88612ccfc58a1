//! Rules that every declaration keeps, walked over the whole registry.

use super::*;
use crate::config::{AnySetting, Unit};
use std::collections::BTreeMap;

/// Every setting with the words to name it in a failure.
fn settings() -> impl Iterator<Item = (String, &'static dyn AnySetting)> {
    every().flat_map(|(role, info)| {
        info.settings.iter().map(move |&s| (format!("{} {}: {}", role.word(), info.name(), s.key()), s))
    })
}

fn is_sentence(text: &str) -> bool {
    text.ends_with('.') && text.starts_with(|c: char| !c.is_whitespace()) && !text.contains('\n')
}

#[test]
fn everything_is_explained_in_a_sentence() {
    for (role, info) in every() {
        let name = format!("{} {}", role.word(), info.name());
        assert!(is_sentence(info.summary), "{name}: {:?}", info.summary);
        for (key, doc) in info.unsupported {
            assert!(is_sentence(doc), "{name}: {key}: {doc:?}");
        }
        for prefix in info.open_prefixes {
            assert!(is_sentence(prefix.doc), "{name}: {}: {:?}", prefix.prefix, prefix.doc);
            assert!(prefix.prefix.ends_with('.'), "{name}: {}", prefix.prefix);
        }
    }
    for (name, setting) in settings() {
        assert!(is_sentence(setting.doc()), "{name}: {:?}", setting.doc());
    }
}

#[test]
fn every_default_is_a_value_of_its_own_setting() {
    for (name, setting) in settings() {
        if let Some(text) = setting.default_text() {
            assert_eq!(setting.check(text), Ok(()), "{name}: default {text:?}");
            assert!(!setting.is_required(), "{name}: required, yet it has a default");
        }
    }
}

/// Whole numbers whose unit the key says, or that count nothing.
const NUMBERS_WITHOUT_UNIT: &[&str] = &["maxBatchCount", "port"];

#[test]
fn a_number_has_a_unit() {
    for (name, setting) in settings() {
        let is_number =
            setting.check("1").is_ok() && setting.check("x").is_err() && setting.check("2").is_ok();
        let has_unit = setting.unit() != Unit::None || NUMBERS_WITHOUT_UNIT.contains(&setting.key());
        assert!(!is_number || has_unit, "{name}: a number of what?");
        assert!(is_number || setting.unit() == Unit::None, "{name}: a unit, and no number");
    }
}

#[test]
fn no_two_kinds_claim_a_name_and_no_key_stands_twice() {
    let mut owners: BTreeMap<(Role, String), &str> = BTreeMap::new();
    for (role, info) in every() {
        for name in info.names {
            let other = owners.insert((role, name.to_ascii_lowercase()), info.name());
            assert_eq!(other, None, "{} {name}: claimed twice", role.word());
        }
        let keys = info.settings.iter().map(|s| s.key()).chain(info.unsupported.iter().map(|u| u.0));
        let mut seen = std::collections::BTreeSet::new();
        for key in keys {
            assert!(seen.insert(key), "{} {}: {key} is declared twice", role.word(), info.name());
        }
        if let Some(key) = info.batch_size_key {
            assert!(info.setting(key).is_some(), "{} {}: {key} is no setting", role.word(), info.name());
        }
    }
}
