//! What can be seen in a single value: a comment behind it, a second property in it, quotes around it, commas in a list.

use super::hierarchy::{Hierarchy, List};
use crate::config::{Diagnostic, Entry, Severity};

/// Everything that is odd about one value.
pub(super) fn hints(entry: &Entry, hierarchy: &Hierarchy) -> Vec<Diagnostic> {
    let (key, value) = (entry.key.trim(), entry.value.trim());
    let seen = Seen { entry, key, value, below: below_component(key) };
    [
        seen.two_properties(hierarchy).or_else(|| seen.comment()),
        seen.quotes(),
        seen.list(),
        seen.tail(),
        seen.path(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

struct Seen<'a> {
    entry: &'a Entry,
    key: &'a str,
    value: &'a str,
    /// The key below its component; empty for lists.
    below: &'a str,
}

/// What follows `agent.list.name.` in a key.
fn below_component(key: &str) -> &str {
    key.splitn(4, '.').nth(3).unwrap_or_default()
}

impl Seen<'_> {
    fn say(
        &self,
        severity: Severity,
        code: &'static str,
        message: String,
        help: String,
    ) -> Option<Diagnostic> {
        let place = self.entry.place.clone();
        Some(Diagnostic { place, key: self.key.to_owned(), severity, code, message, help })
    }

    /// True for texts in which quotes and # may well be meant: commands and patterns.
    fn is_free_text(&self) -> bool {
        let last = self.below.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        ["command", "shell"].contains(&last.as_str())
            || ["regex", "pattern", "replacestring"].iter().any(|w| last.contains(w))
    }

    /// A later word of the value that is a property of an agent in this file.
    fn two_properties(&self, hierarchy: &Hierarchy) -> Option<Diagnostic> {
        let own = self.key.split('.').next().unwrap_or_default();
        let words: Vec<&str> = self.value.split_whitespace().collect();
        let second = words.iter().enumerate().skip(1).find_map(|(at, word)| {
            let (agent, rest) = word.split_once('.')?;
            let known = agent == own || hierarchy.agents.contains_key(agent);
            let name = rest.split(['=', ':']).next().unwrap_or_default();
            let list = name.split('.').next().unwrap_or_default();
            let is_list = List::ALL.into_iter().any(|l| l.key() == list);
            let separated =
                name.len() < rest.len() || words.get(at + 1).is_some_and(|next| next.starts_with(['=', ':']));
            (known && is_list && separated).then(|| format!("{agent}.{name}"))
        })?;
        self.say(
            Severity::Error,
            "two-properties",
            format!("a second property stands in this line and became part of the value: {second}"),
            format!("put {second} on a line of its own"),
        )
    }

    /// A comment that was meant to stand behind the value.
    fn comment(&self) -> Option<Diagnostic> {
        if self.is_free_text() {
            return None;
        }
        let number = self.value.starts_with(|c: char| c.is_ascii_digit());
        let marks: &[&str] = if number { &["#", "//", "--", ";"] } else { &["#", "//"] };
        let behind_blank = |mark: &&str| {
            let mut found = self.value.match_indices(*mark);
            found.find(|(at, _)| self.value[..*at].ends_with([' ', '\t'])).map(|(at, _)| at)
        };
        let at = marks.iter().filter_map(behind_blank).min()?;
        self.say(
            Severity::Warning,
            "comment-in-value",
            format!("there are no comments behind a value: \"{}\" is part of it", &self.value[at..]),
            "put the comment on a line of its own, beginning with #".to_owned(),
        )
    }

    fn quotes(&self) -> Option<Diagnostic> {
        let quoted = ['"', '\'']
            .into_iter()
            .find(|q| self.value.len() > 2 && self.value.starts_with(*q) && self.value.ends_with(*q));
        let quote = quoted.filter(|_| !self.is_free_text())?;
        self.say(
            Severity::Warning,
            "quotes",
            "the quotation marks are part of the value".to_owned(),
            format!("write {} = {}", self.key, self.value.trim_matches(quote)),
        )
    }

    fn list(&self) -> Option<Diagnostic> {
        let segments: Vec<&str> = self.key.split('.').collect();
        let is_list = match segments[..] {
            [_, list] => List::ALL.into_iter().any(|l| l.key() == list),
            [_, "sources", _, last] => matches!(last, "channels" | "interceptors" | "filegroups"),
            [_, "sinkgroups", _, last] => last == "sinks",
            _ => false,
        };
        if !is_list {
            return None;
        }
        if COMMAS.iter().any(|comma| self.value.contains(comma)) {
            let fixed = COMMAS.iter().fold(self.value.to_owned(), |text, comma| text.replace(comma, " "));
            let fixed: Vec<&str> = fixed.split_whitespace().collect();
            return self.say(
                Severity::Warning,
                "comma-in-list",
                "names in a list are separated by blanks; a comma becomes part of a name".to_owned(),
                format!("write {} = {}", self.key, fixed.join(" ")),
            );
        }
        if segments[1] == "sinkgroups" && segments.len() == 2 && self.value.contains('\t') {
            return self.say(
                Severity::Warning,
                "tab-in-list",
                "the list of sink groups is split at spaces only, not at tabs".to_owned(),
                "put single spaces between the names".to_owned(),
            );
        }
        None
    }

    fn tail(&self) -> Option<Diagnostic> {
        let tail = self.below == "command" && self.value.split_whitespace().take(2).eq(["tail", "-F"]);
        tail.then(|| {
            self.say(
                Severity::Hint,
                "tail-in-exec",
                "what tail -F has read is lost when the agent stops or its channel is full".to_owned(),
                "a taildir source remembers its position in the file".to_owned(),
            )
        })?
    }

    fn path(&self) -> Option<Diagnostic> {
        let paths = [
            "sink.directory",
            "spoolDir",
            "positionFile",
            "checkpointDir",
            "backupCheckpointDir",
            "dataDirs",
        ];
        if !paths.contains(&self.below) && !self.below.starts_with("filegroups.") {
            return None;
        }
        if self.value.starts_with('~') {
            return self.say(
                Severity::Warning,
                "tilde",
                "~ is not expanded here: it is read as a name".to_owned(),
                "write the directory in full".to_owned(),
            );
        }
        if self.value.starts_with(['/', '$']) || self.value.contains(':') {
            return None;
        }
        self.say(
            Severity::Hint,
            "relative-path",
            "a relative path depends on the directory in which the agent is started".to_owned(),
            "write the path from / on".to_owned(),
        )
    }
}

/// The comma, and what UTF-8 makes of the full-width and the enumeration comma when it is read as ISO-8859-1.
const COMMAS: [&str; 3] = [",", "\u{ef}\u{bc}\u{8c}", "\u{e3}\u{80}\u{81}"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Properties;

    /// The code and help of what is said about one line, after a line that makes a1 an agent.
    fn said(line: &str) -> Vec<(&'static str, String)> {
        let mut properties = Properties::default();
        properties.load("x.conf", format!("a1.sources = r1\n{line}\n").as_bytes());
        let values: Vec<_> = properties
            .entries()
            .iter()
            .map(|e| crate::config::Substituted { text: e.value.clone(), from_environment: false })
            .collect();
        let hierarchy = Hierarchy::new(&properties, &values);
        let last = properties.entries().last().unwrap();
        hints(last, &hierarchy).into_iter().map(|d| (d.code, d.help)).collect()
    }

    #[test]
    fn odd_values_are_named() {
        for (line, code, help) in [
            (
                "a1.sinks.k1.type = hdfs a1.sinks.k1.hdfs.path = /x",
                "two-properties",
                "put a1.sinks.k1.hdfs.path on",
            ),
            (
                "a1.sources.r1.command = tail x a1.sources.r1.channels=c1",
                "two-properties",
                "put a1.sources.r1.channels",
            ),
            ("b9.sources.r1.type = seq a1.channels: c1", "two-properties", "put a1.channels"),
            ("a1.channels.c1.capacity = 100 # events", "comment-in-value", "put the comment"),
            ("a1.channels.c1.capacity = 100 -- events", "comment-in-value", "put the comment"),
            ("a1.sources.r1.bind = \"localhost\"", "quotes", "write a1.sources.r1.bind = localhost"),
            ("a1.channels = c1,c2 , c3", "comma-in-list", "write a1.channels = c1 c2 c3"),
            (
                "a1.sources.r1.channels = c1，c2、c3",
                "comma-in-list",
                "write a1.sources.r1.channels = c1 c2 c3",
            ),
            ("a1.sinkgroups.g1.sinks = k1, k2", "comma-in-list", "write a1.sinkgroups.g1.sinks = k1 k2"),
            ("a1.sinkgroups = g1\tg2", "tab-in-list", "put single spaces"),
            ("a1.sources.r1.command = tail  -F /x", "tail-in-exec", "a taildir source"),
            ("a1.sources.r1.filegroups.f1 = ~/x.log", "tilde", "write the directory"),
            ("a1.sinks.k1.sink.directory = out", "relative-path", "write the path"),
        ] {
            let found = said(line);
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert!(found[0].0 == code && found[0].1.starts_with(help), "{line}: {found:?}");
        }
    }

    #[test]
    fn ordinary_values_are_not() {
        for line in [
            "a1.sinks.k1.hdfs.path = hdfs://h:8020/%Y-%m-%d",
            "a1.sources.r1.command = bash a1.sources.sh",
            "a1.sources.r1.command = grep '#' x # y",
            "a1.sources.r1.interceptors.i1.regex = \"a\"",
            "a1.sources.r1.interceptors.i1.value = a,b",
            "a1.sources.r1.channels = c1 c2",
            "a1.sinks.k1.color = a#b",
            "a1.channels.c1.checkpointDir = /x",
        ] {
            assert_eq!(said(line), [], "{line}");
        }
    }
}
