//! Config filters: `${f['key']}` in a component's property is replaced by what the filter named `f` answers.
//!
//! Pure: the environment is an argument, and running a command belongs to whoever passes [`ExternalCommand`]. Lists and
//! the filters' own properties are not filtered. A filter that cannot answer leaves the text as it is.

use std::collections::BTreeMap;

/// What a filter says to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The value.
    Value(String),
    /// No value, and why: lower case, no full stop.
    Nothing(String),
    /// The filter was not asked: a check executes nothing.
    NotAsked,
}

/// Runs the command of an `external` filter.
pub trait ExternalCommand {
    /// The first line that `command` prints when `key` is its last argument.
    fn first_line(&self, command: &[String], charset: &str, key: &str) -> Answer;
}

/// Runs nothing: for checks.
pub struct NothingRuns;

impl ExternalCommand for NothingRuns {
    fn first_line(&self, _: &[String], _: &str, _: &str) -> Answer {
        Answer::NotAsked
    }
}

/// One filter of an agent.
pub struct Filter<'a> {
    name: String,
    source: Source<'a>,
}

enum Source<'a> {
    Environment(&'a BTreeMap<String, String>),
    External { command: Vec<String>, charset: String, run: &'a dyn ExternalCommand },
}

/// A value after the filters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filtered {
    /// The text.
    pub text: String,
    /// True when part of it came from a filter.
    pub from_filter: bool,
    /// True when a filter was not asked, so that the real value is known at the start only.
    pub unknown: bool,
    /// Filter, key and reason of every question without an answer.
    pub unanswered: Vec<(String, String, String)>,
}

impl<'a> Filter<'a> {
    /// Makes the filter that `settings` describe (keys below the filter).
    ///
    /// # Errors
    /// A sentence with what to do, for a type that does not exist here or a setting that is missing or bad.
    pub fn new(
        name: &str,
        settings: &BTreeMap<String, String>,
        environment: &'a BTreeMap<String, String>,
        run: &'a dyn ExternalCommand,
    ) -> Result<Self, String> {
        let kind = settings.get("type").map(String::as_str).unwrap_or_default();
        let source = match FilterKind::named(kind) {
            Some(FilterKind::Environment) => Source::Environment(environment),
            Some(FilterKind::External) => {
                let command = settings.get("command").ok_or("an external filter needs the key command")?;
                let charset = settings.get("charset").map_or("UTF-8", String::as_str);
                if encoding_rs::Encoding::for_label(charset.as_bytes()).is_none() {
                    return Err(format!("\"{charset}\" is not a known charset"));
                }
                let command = command.split_ascii_whitespace().map(str::to_owned).collect();
                Source::External { command, charset: charset.to_owned(), run }
            }
            Some(FilterKind::Hadoop) => {
                return Err("the Hadoop credential store can only be read by Java; \
                            put the secret into the environment and use a filter of type env"
                    .to_owned());
            }
            None => {
                return Err(format!("there is no filter of type \"{kind}\"; the types are env and external"));
            }
        };
        Ok(Filter { name: name.to_owned(), source })
    }

    fn ask(&self, key: &str) -> Answer {
        match &self.source {
            Source::Environment(variables) => match variables.get(key) {
                Some(value) => Answer::Value(value.clone()),
                None => Answer::Nothing(format!("the environment variable {key} is not set")),
            },
            Source::External { command, charset, run } => run.first_line(command, charset, key),
        }
    }
}

/// Flume's filter types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterKind {
    /// `env`
    Environment,
    /// `external`
    External,
    /// `hadoop`
    Hadoop,
}

impl FilterKind {
    /// The type that an alias (any case) or class name stands for.
    pub fn named(text: &str) -> Option<Self> {
        let class = |name: &str| text.strip_prefix("org.apache.flume.configfilter.") == Some(name);
        if text.eq_ignore_ascii_case("env") || class("EnvironmentVariableConfigFilter") {
            Some(FilterKind::Environment)
        } else if text.eq_ignore_ascii_case("external") || class("ExternalProcessConfigFilter") {
            Some(FilterKind::External)
        } else if text.eq_ignore_ascii_case("hadoop") || class("HadoopCredentialStoreConfigFilter") {
            Some(FilterKind::Hadoop)
        } else {
            None
        }
    }
}

/// Sends a value through all filters, one after the other; each looks at what the one before left.
pub fn apply(value: &str, filters: &[Filter<'_>]) -> Filtered {
    let mut result = Filtered { text: value.to_owned(), ..Filtered::default() };
    for filter in filters {
        let before = result.text.clone();
        for (expression, key) in expressions(&before, &filter.name) {
            match filter.ask(key) {
                Answer::Value(value) => {
                    result.text = result.text.replace(expression, &value);
                    result.from_filter = true;
                }
                Answer::NotAsked => result.unknown = true,
                Answer::Nothing(why) => {
                    result.unanswered.push((filter.name.clone(), key.to_owned(), why));
                }
            }
        }
    }
    result
}

/// Every `${name['key']}`, `${name["key"]}` and `${name[key]}` in a text: the whole expression and its key.
fn expressions<'t>(text: &'t str, name: &str) -> Vec<(&'t str, &'t str)> {
    let opening = format!("${{{name}[");
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(&opening) {
        let inside = &rest[at + opening.len()..];
        let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let inside = &inside[quote.map_or(0, char::len_utf8)..];
        let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let end = inside.find(|c| !is_key(c)).unwrap_or(inside.len());
        let (key, after) = inside.split_at(end);
        let closing = quote.map_or("]}".to_owned(), |q| format!("{q}]}}"));
        if !key.is_empty() && after.starts_with(&closing) {
            let behind = &after[closing.len()..];
            found.push((&rest[at..rest.len() - behind.len()], key));
            rest = behind;
        } else {
            rest = &rest[at + 1..];
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo;

    impl ExternalCommand for Echo {
        fn first_line(&self, command: &[String], charset: &str, key: &str) -> Answer {
            match key {
                "none" => Answer::Nothing("it ended with status 1".to_owned()),
                _ => Answer::Value(format!("{}/{charset}/{key}", command.join("+"))),
            }
        }
    }

    fn settings(text: &str) -> BTreeMap<String, String> {
        text.split(';').filter_map(|p| p.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
    }

    fn check(run: &dyn ExternalCommand, value: &str) -> Filtered {
        let environment = settings("KEY=secret;my-key=x;chain=${e['k']}");
        let filters = [
            Filter::new("f", &settings("type=ENV"), &environment, run).unwrap(),
            Filter::new("e", &settings("type=external;command=get  it"), &environment, run).unwrap(),
        ];
        apply(value, &filters)
    }

    #[test]
    fn all_three_quotings_and_several_in_a_value() {
        let value = check(&Echo, "${f['KEY']} ${f[\"my-key\"]} ${f[KEY]} ${e[k]}");
        assert_eq!(value.text, "secret x secret get+it/UTF-8/k");
        assert!(value.from_filter && !value.unknown && value.unanswered.is_empty());
        assert_eq!(check(&Echo, "${f['chain']}").text, "get+it/UTF-8/k");
    }

    #[test]
    fn what_is_no_expression_stays() {
        for text in ["${f['KEY]}", "${f[]}", "${f['a b']}", "${g['KEY']}", "${f['KEY']", "${f", "$ {f[KEY]}"]
        {
            assert_eq!(check(&Echo, text), Filtered { text: text.to_owned(), ..Filtered::default() });
        }
        assert_eq!(check(&Echo, "${f[${f[KEY]}]}").text, "${f[secret]}");
    }

    #[test]
    fn a_filter_without_an_answer_leaves_the_text_and_says_why() {
        let value = check(&Echo, "${f[NONE]} ${e[none]}");
        assert_eq!(value.text, "${f[NONE]} ${e[none]}");
        assert_eq!(value.unanswered.len(), 2);
        assert!(value.unanswered[0].2.contains("NONE is not set"));
    }

    #[test]
    fn a_check_asks_no_command() {
        let value = check(&NothingRuns, "${e[k]}");
        assert!(value.unknown && !value.from_filter);
        assert_eq!(value.text, "${e[k]}");
    }

    #[test]
    fn filters_that_cannot_be_made_say_why() {
        let none = BTreeMap::new();
        for (text, why) in [
            ("type=external", "command"),
            ("type=external;command=x;charset=klingon", "klingon"),
            ("type=hadoop", "Java"),
            ("type=org.apache.flume.configfilter.HadoopCredentialStoreConfigFilter", "Java"),
            ("type=vault", "vault"),
        ] {
            let sentence = Filter::new("f", &settings(text), &none, &NothingRuns).err().unwrap();
            assert!(sentence.contains(why), "{sentence}");
        }
    }
}
