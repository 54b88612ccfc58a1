//! From the text after `type =` to a kind, a verdict and checked settings.

use super::similar;
use crate::config::{AnySetting, Diagnostic, Kind, KindInfo, OnBad, Place, Role, Settings, Severity};
use crate::registry::flume;
use serde::Serialize;
use std::collections::BTreeSet;

/// What a row of the verdict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ComponentKind {
    /// A source.
    Source,
    /// A channel.
    Channel,
    /// A sink.
    Sink,
    /// A sink group.
    Sinkgroup,
    /// An interceptor, named `source.interceptor`.
    Interceptor,
    /// A channel selector, named as its source.
    Selector,
}

impl ComponentKind {
    /// The word for one.
    pub fn word(self) -> &'static str {
        match self {
            ComponentKind::Source => "source",
            ComponentKind::Channel => "channel",
            ComponentKind::Sink => "sink",
            ComponentKind::Sinkgroup => "sink group",
            ComponentKind::Interceptor => "interceptor",
            ComponentKind::Selector => "selector",
        }
    }
}

/// What becomes of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It runs.
    Runs,
    /// Flume's validation removes it.
    Dropped,
    /// It passes Flume's validation and cannot be built.
    Fails,
    /// Its type is a Java class that is not Flume's.
    ThirdParty,
    /// Its type is Flume's and not here yet.
    Unsupported,
}

impl Verdict {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Runs => "runs",
            Verdict::Dropped => "dropped",
            Verdict::Fails => "fails",
            Verdict::ThirdParty => "third-party",
            Verdict::Unsupported => "unsupported",
        }
    }
}

/// The verdict on one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// What it is.
    pub kind: ComponentKind,
    /// Its name: `r1`, or `r1.i1` for an interceptor.
    pub name: String,
    /// The text after `type =`.
    pub type_text: Option<String>,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why, unless it runs.
    pub why: String,
    /// What to do; may be empty.
    pub help: String,
    /// Where the cause stands.
    pub place: Place,
}

/// A kind and settings that it was built from once, without an error.
pub struct Part<C: ?Sized + 'static> {
    /// The kind.
    pub kind: &'static Kind<C>,
    /// Its settings, checked.
    pub settings: Settings,
}

impl<C: ?Sized> Clone for Part<C> {
    fn clone(&self) -> Self {
        Part { kind: self.kind, settings: self.settings.clone() }
    }
}

/// Why a component does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) verdict: Verdict,
    pub(super) code: &'static str,
    /// The key at fault, below the component; empty: the component as a whole.
    pub(super) key: String,
    pub(super) why: String,
    pub(super) help: String,
}

impl Fault {
    pub(super) fn fails(code: &'static str, key: &str, why: String, help: &str) -> Self {
        Fault { verdict: Verdict::Fails, code, key: key.to_owned(), why, help: help.to_owned() }
    }
}

/// The kind that `text` names.
pub(super) fn resolve<C: ?Sized>(
    kinds: &'static [&'static Kind<C>],
    role: Role,
    text: &str,
) -> Result<&'static Kind<C>, Fault> {
    let named = |kind: &&&'static Kind<C>| {
        kind.info
            .names
            .iter()
            .any(|n| if n.contains('.') { *n == text } else { n.eq_ignore_ascii_case(text) })
    };
    if let Some(kind) = kinds.iter().find(named) {
        return Ok(kind);
    }
    let word = role.word();
    if let Some(known) = flume::find(role, text) {
        return Err(Fault {
            verdict: Verdict::Unsupported,
            code: "unsupported",
            key: "type".to_owned(),
            why: format!("Flume's {word} {} is not available here", known.name()),
            help: known.advice().to_owned(),
        });
    }
    let ours = kinds.iter().flat_map(|k| k.info.names).copied();
    let classes: Vec<&str> =
        flume::all(role).map(|t| t.class).chain(ours).filter(|c| c.contains('.')).collect();
    if let Some(class) = classes.iter().find(|c| c.eq_ignore_ascii_case(text)) {
        let why = format!("{text} is not a class: upper and lower case matter in class names");
        return Err(Fault::fails("unknown-type", "type", why, &format!("write {class}")));
    }
    if let Some(class) = classes.iter().find(|c| c.strip_suffix("$Builder") == Some(text)) {
        let why = format!("{text} is not a class that builds an interceptor or serializer");
        return Err(Fault::fails("unknown-type", "type", why, &format!("write {class}")));
    }
    if is_class_name(text) {
        let near = similar::closest(text, classes.into_iter());
        return Err(Fault {
            verdict: Verdict::ThirdParty,
            code: "third-party",
            key: "type".to_owned(),
            why: format!("{text} is a Java class that is not Flume's; Java code cannot be loaded"),
            help: near.map_or_else(|| instead_of_java(role).to_owned(), |n| format!("did you mean {n}?")),
        });
    }
    let aliases = flume::all(role).map(|t| t.alias).filter(|a| !a.is_empty());
    let names = aliases.chain(kinds.iter().map(|k| k.info.name())).collect();
    let help = unknown_type_help(role, text, names);
    Err(Fault::fails("unknown-type", "type", format!("there is no {word} type \"{text}\""), &help))
}

fn unknown_type_help(role: Role, text: &str, mut names: Vec<&str>) -> String {
    if let Some(first) = text.split_whitespace().next().filter(|f| *f != text)
        && names.iter().any(|n| n.eq_ignore_ascii_case(first))
    {
        return format!(
            "the value reaches to the end of the line; write {first} alone, comments on a line of their own"
        );
    }
    let class = flume::all(role).find(|t| {
        let simple = t.class.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        t.alias.is_empty() && simple == format!("{}{}", text.to_ascii_lowercase(), role.word())
    });
    if let Some(class) = class {
        return format!("it has no short name; write {}", class.class);
    }
    if let Some(near) = similar::closest(text, names.iter().copied()) {
        return format!("did you mean {near}?");
    }
    names.sort_unstable();
    names.dedup();
    format!("the types are {}", names.join(", "))
}

fn instead_of_java(role: Role) -> &'static str {
    match role {
        Role::Source => {
            "use a source that is here, and feed it: netcat, syslog, http, exec with a command, taildir on a file"
        }
        Role::Sink => "use a sink that is here: file_roll, avro to another agent, or an http or Kafka sink",
        Role::Channel => "use type memory or file",
        Role::Interceptor => {
            "use interceptors that are here: static, timestamp, host, regex_filter, regex_extractor, search_replace"
        }
        Role::Selector => "use replicating or multiplexing",
        Role::Processor => "use default, failover or load_balance",
        Role::Serializer => "use text or header_and_text",
    }
}

/// Java identifiers joined by dots; a single one when it is written as Java writes class names: `MySource`.
fn is_class_name(text: &str) -> bool {
    let identifier = |part: &str| {
        let mut letters = part.chars();
        letters.next().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '$'))
            && letters.all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
    };
    let camel = text.starts_with(char::is_uppercase)
        && text.chars().skip(1).any(char::is_uppercase)
        && text.chars().any(char::is_lowercase);
    (text.contains('.') || camel) && text.split('.').all(identifier)
}

/// Checks every value against the kind, then builds it once and lets it go.
pub(super) fn check<C: ?Sized>(
    kind: &'static Kind<C>,
    settings: Settings,
    unknown: &BTreeSet<String>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Part<C>, Fault> {
    for setting in kind.info.settings.iter().copied() {
        let key = setting.key();
        match settings.values.get(key) {
            _ if unknown.contains(key) => {}
            None if setting.is_required() => {
                let why = format!("{} needs the key {key}", kind.info.name());
                return Err(Fault::fails("missing-key", "", why, &missing_help(setting, &settings)));
            }
            None => {}
            Some(value) => {
                value_of(setting, &value.text, &value.place, &settings.prefix, diagnostics)?;
            }
        }
    }
    // A value that only the start will know cannot be built from yet.
    if unknown.is_empty() {
        drop((kind.build)(&settings).map_err(|error| Fault::fails("cannot-build", "", error.line(), ""))?);
    }
    Ok(Part { kind, settings })
}

fn missing_help(setting: &dyn AnySetting, settings: &Settings) -> String {
    let key = setting.key();
    match similar::closest(key, settings.values.keys().map(String::as_str)) {
        Some(near) => format!("did you mean {key} by {near}?"),
        None => format!("add {}.{key} = …: {}", settings.prefix, lower_first(setting.doc())),
    }
}

fn lower_first(sentence: &str) -> String {
    let mut letters = sentence.trim_end_matches('.').chars();
    letters.next().map(|c| c.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn value_of(
    setting: &dyn AnySetting,
    text: &str,
    place: &Place,
    prefix: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), Fault> {
    let key = setting.key();
    let mut warn = |code, message, help| {
        let key = format!("{prefix}.{key}");
        diagnostics.push(Diagnostic {
            place: place.clone(),
            key,
            severity: Severity::Warning,
            code,
            message,
            help,
        });
    };
    if setting.allowed() == "true, false"
        && !text.eq_ignore_ascii_case("true")
        && !text.eq_ignore_ascii_case("false")
    {
        let help = "write true or false".to_owned();
        warn("not-a-boolean", format!("\"{text}\" means false: only true, in any case, means true"), help);
    }
    let Err(bad) = setting.check(text) else { return Ok(()) };
    let help = match similar::plain_number(text) {
        _ if text.contains("${") => "the reference in it has no value".to_owned(),
        Some(plain) => format!("write the plain number, without unit or comment: {plain}"),
        None if setting.allowed().is_empty() => String::new(),
        None => format!("allowed: {}", setting.allowed()),
    };
    match setting.on_bad() {
        OnBad::DropComponent => Err(Fault::fails("bad-value", key, format!("{key}: {bad}"), &help)),
        OnBad::UseDefault => {
            let instead = setting.default_text().map_or("ignored".to_owned(), |d| format!("replaced by {d}"));
            warn("bad-value", format!("{bad}; it is {instead}"), help);
            Ok(())
        }
    }
}

/// Keys that a component has and its kind does not know. `frame` are keys that every component of its sort has.
pub(super) fn unknown_keys(
    info: &KindInfo,
    settings: &Settings,
    frame: &[&str],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let known = || info.settings.iter().map(|s| s.key()).chain(frame.iter().copied());
    let below = |key: &str, prefix: &str| prefix.ends_with('.') && key.starts_with(prefix);
    for (key, value) in &settings.values {
        let open = info.open_prefixes.iter().any(|p| key.starts_with(p.prefix));
        if open || known().any(|k| k == key || below(key, k)) {
            continue;
        }
        let refused = info.unsupported.iter().find(|(k, _)| k == key || below(key, k));
        let (code, message, help) = match refused {
            Some((_, sentence)) => {
                ("unsupported-key", format!("{key} has no effect here"), (*sentence).to_owned())
            }
            None => {
                let near = similar::closest(key, known().filter(|k| !k.ends_with('.')));
                let help = near.map(|n| format!("did you mean {n}?")).unwrap_or_default();
                ("unknown-key", format!("{} has no key {key}; it has no effect", info.name()), help)
            }
        };
        diagnostics.push(Diagnostic {
            place: value.place.clone(),
            key: format!("{}.{key}", settings.prefix),
            severity: Severity::Warning,
            code,
            message,
            help,
        });
    }
}
