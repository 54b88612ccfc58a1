//! `${…}` in property values, as Flume 1.10 and later resolve it.
//!
//! `${env:X}`, `${sys:x}`, `${java:x}`, `${date:pattern}`, `${key}` of the same file, `${x:-default}`, `$${x}` for a
//! literal `${x}`. Inner references are resolved first, values are resolved again, what is unknown stays as it is.
//! `${key}` sees only properties that Java has walked past already, in hash order.
//!
//! # Limits
//! A value grows to at most 1 Mi characters, references nest 100 deep and the whole file may move 256 Mi characters; a
//! property beyond that stays as it was written. So does one whose references form a cycle, where Flume would refuse
//! the whole file.

use super::date_pattern;
use super::diagnostic::{Diagnostic, Severity};
use super::properties::{Entry, Properties};
use jiff::Zoned;
use std::collections::BTreeMap;

/// Everything outside the file that a reference may name. Plain data: whoever makes it decides what may be seen.
#[derive(Debug, Clone)]
pub struct Lookups {
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// JVM system properties: what `-D` set.
    pub system: BTreeMap<String, String>,
    /// Texts of `${java:…}`; there is no JVM, so what is not here stays as it is written.
    pub java: BTreeMap<String, String>,
    /// The time of `${date:…}`, in the zone to print it in.
    pub now: Zoned,
    /// Prefix in lower case → what it asks. `-Dlookups=FILE` replaces it.
    pub prefixes: BTreeMap<String, Lookup>,
    /// `-DpropertiesImplementation=org.apache.flume.node.EnvVarResolverProperties`: `${NAME}` falls back to the
    /// environment.
    pub bare_names_from_environment: bool,
}

/// What a prefix asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// `env`
    Environment,
    /// `sys`
    System,
    /// `java`
    Java,
    /// `date`
    Date,
    /// Named in a `lookups` file, and not available here.
    Unavailable(String),
}

/// A value after substitution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Substituted {
    /// The text.
    pub text: String,
    /// True when part of it came from the environment.
    pub from_environment: bool,
}

impl Lookups {
    /// Lookups with Flume's prefixes and nothing to find but the time.
    pub fn empty(now: Zoned) -> Self {
        let prefixes = [
            ("env", Lookup::Environment),
            ("sys", Lookup::System),
            ("java", Lookup::Java),
            ("date", Lookup::Date),
        ];
        Lookups {
            environment: BTreeMap::new(),
            system: BTreeMap::new(),
            java: BTreeMap::new(),
            now,
            prefixes: prefixes.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
            bare_names_from_environment: false,
        }
    }

    /// System properties that every JVM has and files refer to, as this machine would set them; what is there already
    /// stays. `directory` is the one that the process works in.
    pub fn add_jvm_properties(&mut self, directory: &str) {
        let from = |name: &str| self.environment.get(name).cloned();
        let known = [
            ("user.home", from("HOME")),
            ("user.name", from("USER").or_else(|| from("LOGNAME"))),
            ("user.dir", Some(directory.to_owned())),
            ("java.io.tmpdir", Some("/tmp".to_owned())),
            ("file.separator", Some("/".to_owned())),
            ("path.separator", Some(":".to_owned())),
            ("line.separator", Some("\n".to_owned())),
            ("file.encoding", Some("UTF-8".to_owned())),
            ("os.name", Some("Linux".to_owned())),
        ];
        for (name, value) in known {
            if let Some(value) = value {
                self.system.entry(name.to_owned()).or_insert(value);
            }
        }
    }

    /// Takes the prefix table from the file that `-Dlookups=` names. An empty file changes nothing.
    pub fn read_prefixes(&mut self, table: &Properties) {
        if table.entries().is_empty() {
            return;
        }
        self.prefixes = table
            .entries()
            .iter()
            .map(|entry| {
                let lookup =
                    match entry.value.strip_prefix("org.apache.commons.text.lookup.DefaultStringLookup.") {
                        Some("ENVIRONMENT") => Lookup::Environment,
                        Some("SYSTEM_PROPERTIES") => Lookup::System,
                        Some("JAVA") => Lookup::Java,
                        Some("DATE") => Lookup::Date,
                        _ => Lookup::Unavailable(entry.value.clone()),
                    };
                (entry.key.to_lowercase(), lookup)
            })
            .collect();
    }
}

/// Resolves the references in every value. The result stands beside [`Properties::entries`], one for one.
pub fn substitute(properties: &Properties, lookups: &Lookups) -> (Vec<Substituted>, Vec<Diagnostic>) {
    let entries = properties.entries();
    let mut values = vec![Substituted::default(); entries.len()];
    let mut found = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut budget = MOST_MOVED_CHARS;
    for at in properties.java_order() {
        let entry = &entries[at];
        if entry.value.contains("${") {
            let seen = Seen { known: &known, values: &values };
            let mut run = Run::new(lookups, seen, budget);
            let value = run.resolve(entry, &mut found);
            budget = run.budget;
            values[at] = value;
        } else {
            values[at].text.clone_from(&entry.value);
        }
        known.insert(&entry.key, at);
    }
    found.sort_by(|a, b| a.place.cmp(&b.place));
    (values, found)
}

const MOST_VALUE_CHARS: usize = 1 << 20;
const MOST_MOVED_CHARS: usize = 1 << 28;
const MOST_NESTED: usize = 100;

/// The properties that Java has walked past.
struct Seen<'a> {
    known: &'a BTreeMap<&'a str, usize>,
    values: &'a [Substituted],
}

/// Why a property stays as it is written.
enum Stop {
    Cycle(String),
    TooMuch,
    BadDatePattern(String),
}

/// The substitution of one property.
struct Run<'a> {
    lookups: &'a Lookups,
    seen: Seen<'a>,
    budget: usize,
    from_environment: bool,
    unknown: Vec<String>,
}

impl<'a> Run<'a> {
    fn new(lookups: &'a Lookups, seen: Seen<'a>, budget: usize) -> Self {
        Run { lookups, seen, budget, from_environment: false, unknown: Vec::new() }
    }

    fn resolve(&mut self, entry: &Entry, found: &mut Vec<Diagnostic>) -> Substituted {
        let mut text: Vec<char> = entry.value.chars().collect();
        let length = text.len();
        let outcome = self.replace(&mut text, 0, length, &mut Vec::new(), 0);
        self.unknown.sort();
        self.unknown.dedup();
        found.extend(self.unknown.iter().filter_map(|name| unknown_name(name, entry, self.lookups)));
        match outcome {
            Ok(_) => Substituted {
                text: text.into_iter().collect(),
                from_environment: std::mem::take(&mut self.from_environment),
            },
            Err(stop) => {
                found.push(stopped(stop, entry));
                Substituted { text: entry.value.clone(), from_environment: false }
            }
        }
    }

    /// Replaces every reference in `text[offset..offset + length]`; returns by how much the text became longer.
    fn replace(
        &mut self,
        text: &mut Vec<char>,
        offset: usize,
        length: usize,
        prior: &mut Vec<String>,
        depth: usize,
    ) -> Result<isize, Stop> {
        if depth > MOST_NESTED {
            return Err(Stop::TooMuch);
        }
        let mut grown = 0isize;
        let mut end = offset + length;
        let mut at = offset;
        while at < end {
            if !opens(text, at, end) {
                at += 1;
                continue;
            }
            let escaped = at > offset && text[at - 1] == '$';
            let Some(close) = closing(text, at + 2, end) else { break };
            if escaped {
                text.remove(at - 1);
                self.spend(text.len())?;
                (grown, end) = (grown - 1, end - 1);
                // Behind the brace: references inside the escaped one are still resolved.
                at += 1;
                continue;
            }
            let (value, prior_name) = self.value_of(&text[at + 2..close], prior, depth)?;
            let Some(value) = value else {
                at = close + 1;
                continue;
            };
            let inserted = value.len();
            text.splice(at..=close, value);
            self.spend(text.len())?;
            prior.push(prior_name);
            let inner = self.replace(text, at, inserted, prior, depth + 1)?;
            prior.pop();
            let new_at = at.strict_add(inserted).strict_add_signed(inner);
            let change = new_at.cast_signed() - (close + 1).cast_signed();
            grown += change;
            end = end.strict_add_signed(change);
            at = new_at;
        }
        Ok(grown)
    }

    /// Value (or default) of what stands between the braces, and the name that was looked up.
    fn value_of(
        &mut self,
        expression: &[char],
        prior: &[String],
        depth: usize,
    ) -> Result<(Option<Vec<char>>, String), Stop> {
        let mut expression = expression.to_vec();
        let length = expression.len();
        self.replace(&mut expression, 0, length, &mut Vec::new(), depth + 1)?;
        let delimiter = expression.windows(2).position(|pair| pair == [':', '-']);
        let (name, default) = match delimiter {
            Some(at) => (&expression[..at], Some(expression[at + 2..].to_vec())),
            None => (&expression[..], None),
        };
        let name: String = name.iter().collect();
        if prior.contains(&name) {
            return Err(Stop::Cycle(name));
        }
        let value = self.look_up(&name)?.map(|text| text.chars().collect()).or(default);
        if value.is_none() {
            self.unknown.push(name.clone());
        }
        Ok((value, name))
    }

    fn look_up(&mut self, name: &str) -> Result<Option<String>, Stop> {
        let Some((prefix, rest)) = name.split_once(':') else { return Ok(self.bare(name)) };
        let value = match self.lookups.prefixes.get(&prefix.to_lowercase()) {
            Some(Lookup::Environment) => self.environment(rest),
            Some(Lookup::System) => self.lookups.system.get(rest).cloned(),
            Some(Lookup::Java) => self.lookups.java.get(rest).cloned(),
            Some(Lookup::Date) => match date_pattern::format(rest, &self.lookups.now) {
                Ok(text) => Some(text),
                Err(bad) => return Err(Stop::BadDatePattern(bad)),
            },
            Some(Lookup::Unavailable(_)) | None => None,
        };
        Ok(value.or_else(|| self.bare(rest)))
    }

    fn environment(&mut self, name: &str) -> Option<String> {
        let value = self.lookups.environment.get(name).cloned();
        self.from_environment |= value.is_some();
        value
    }

    fn bare(&mut self, name: &str) -> Option<String> {
        if let Some(&at) = self.seen.known.get(name) {
            let value = &self.seen.values[at];
            self.from_environment |= value.from_environment;
            return Some(value.text.clone());
        }
        if self.lookups.bare_names_from_environment { self.environment(name) } else { None }
    }

    fn spend(&mut self, chars: usize) -> Result<(), Stop> {
        if chars > MOST_VALUE_CHARS || chars > self.budget {
            return Err(Stop::TooMuch);
        }
        self.budget -= chars;
        Ok(())
    }
}

fn opens(text: &[char], at: usize, end: usize) -> bool {
    at + 1 < end && text[at] == '$' && text[at + 1] == '{'
}

/// Position of the brace that closes a reference whose inside begins at `at`.
fn closing(text: &[char], mut at: usize, end: usize) -> Option<usize> {
    let mut nested = 0usize;
    while at < end {
        if opens(text, at, end) {
            nested += 1;
            at += 2;
            continue;
        }
        if text[at] == '}' {
            if nested == 0 {
                return Some(at);
            }
            nested -= 1;
        }
        at += 1;
    }
    None
}

/// A reference that stays as it is. Config filters have a syntax of their own and come later.
fn unknown_name(name: &str, entry: &Entry, lookups: &Lookups) -> Option<Diagnostic> {
    if name.ends_with(']') && name.contains('[') {
        return None;
    }
    let (prefix, rest) = name.split_once(':').unwrap_or(("", name));
    let help = match lookups.prefixes.get(&prefix.to_lowercase()) {
        Some(Lookup::Environment) => {
            format!("set the environment variable {rest}, or give a default: ${{env:{rest}:-value}}")
        }
        Some(Lookup::System) => {
            format!("start with -D{rest}=value, or give a default: ${{sys:{rest}:-value}}")
        }
        Some(Lookup::Java) => "there is no JVM here; write the text itself".to_owned(),
        Some(Lookup::Date) => String::new(),
        Some(Lookup::Unavailable(class)) => {
            format!("the lookup {class} is not available; write the text itself")
        }
        None if prefix.is_empty() => {
            format!("a bare name never reads the environment; write ${{env:{rest}}} if that is meant")
        }
        None => {
            let known: Vec<_> = lookups.prefixes.keys().map(String::as_str).collect();
            format!("known prefixes are {}; a default is written ${{{prefix}:-{rest}}}", known.join(", "))
        }
    };
    Some(Diagnostic {
        place: entry.place.clone(),
        key: entry.key.trim().to_owned(),
        severity: Severity::Warning,
        code: "unresolved-reference",
        message: format!("${{{name}}} has no value here and stays as it is written"),
        help,
    })
}

fn stopped(stop: Stop, entry: &Entry) -> Diagnostic {
    let (code, message, help) = match stop {
        Stop::Cycle(name) => (
            "reference-cycle",
            format!("${{{name}}} leads back to itself; the value stays as it is written"),
            "Flume would refuse the whole file; write the text itself",
        ),
        Stop::TooMuch => (
            "reference-too-large",
            "the references expand to too much text; the value stays as it is written".to_owned(),
            "write the text itself",
        ),
        Stop::BadDatePattern(what) => (
            "bad-date-pattern",
            format!("{what}; the value stays as it is written"),
            "use letters of Java's SimpleDateFormat, other text in single quotes: yyyy-MM-dd'T'HH:mm",
        ),
    };
    Diagnostic {
        place: entry.place.clone(),
        key: entry.key.trim().to_owned(),
        severity: Severity::Error,
        code,
        message,
        help: help.to_owned(),
    }
}

#[cfg(test)]
mod tests;
