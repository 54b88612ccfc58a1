//! `ctl config`: what the agent runs now, as a properties file that could be started.

use crate::failure::Failure;
use crate::find;
use crate::output::Output;
use crate::text;
use dataplane::control::{Property, RunningConfig};
use std::fmt::Write as _;
use std::path::Path;

/// Prints the running configuration.
pub(crate) async fn run(
    name: Option<&str>,
    control: Option<&Path>,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let target = find::target(name, control).await?;
    let answer: Result<serde_json::Value, _> = target.client.get("/config").await;
    let value = answer.map_err(|e| e.explain(&target.name, target.client.path()))?;
    if json {
        out.json(&value);
        return Ok(());
    }
    let config: RunningConfig = serde_json::from_value(value).map_err(|error| {
        crate::client::AskError::Nonsense(error.to_string()).explain(&target.name, target.client.path())
    })?;
    out.lines(&as_properties(&config));
    Ok(())
}

/// Properties text; a comment before each run of neighbouring lines says where they stand.
fn as_properties(config: &RunningConfig) -> Vec<String> {
    let mut lines = vec![format!(
        "# {}, configuration {}, from {}",
        text::clean(&config.agent),
        config.generation,
        if config.files.is_empty() { "no file".to_owned() } else { text::listing(&config.files) },
    )];
    if config.properties.iter().any(|p| p.hidden) {
        lines.push(
            "# *** stands for values that are not shown: passwords, and what came from outside the file"
                .into(),
        );
    }
    let mut rest = config.properties.as_slice();
    while let Some(first) = rest.first() {
        let run = neighbours(rest);
        let (shown, later) = rest.split_at(run);
        lines.push(String::new());
        lines.push(origin(first, shown.last().unwrap_or(first)));
        for property in shown {
            lines.push(format!("{} = {}", escape(&property.key, true), escape(&property.value, false)));
        }
        rest = later;
    }
    lines
}

/// How many properties at the beginning stand on lines next to each other.
fn neighbours(properties: &[Property]) -> usize {
    let next = |pair: &[Property]| match pair {
        [a, b] => a.file == b.file && a.line > 0 && b.line == a.line + 1,
        _ => false,
    };
    1 + properties.windows(2).take_while(|pair| next(pair)).count()
}

fn origin(first: &Property, last: &Property) -> String {
    let file = text::clean(&first.file);
    match (first.file.is_empty(), first.line == last.line) {
        (true, _) => "# not from a file".to_owned(),
        (false, _) if first.line == 0 => format!("# {file}"),
        (false, true) => format!("# {file}:{}", first.line),
        (false, false) => format!("# {file}:{}-{}", first.line, last.line),
    }
}

/// As `java.util.Properties` writes it: what comes back from reading is the text.
fn escape(text: &str, is_key: bool) -> String {
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{c}' => out.push_str("\\f"),
            ' ' if is_key || at == 0 => out.push_str("\\ "),
            '=' | ':' | '#' | '!' if is_key => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ => {
                let mut units = [0u16; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}").expect("a String takes everything");
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataplane::config::Properties;

    fn property(key: &str, value: &str, file: &str, line: u32) -> Property {
        Property { key: key.into(), value: value.into(), file: file.into(), line, ..Property::default() }
    }

    #[test]
    fn neighbours_share_a_comment() {
        let mut hidden = property("a1.sinks.k1.password", "***", "x.conf", 9);
        hidden.hidden = true;
        let config = RunningConfig {
            agent: "a1".into(),
            generation: 1,
            files: vec!["x.conf".into(), "y.conf".into()],
            properties: vec![
                property("a1.sources", "r1", "x.conf", 3),
                property("a1.sinks", "k1", "x.conf", 4),
                hidden,
                property("a1.channels", "c1", "y.conf", 10),
            ],
        };
        let expected = [
            "# a1, configuration 1, from x.conf and y.conf",
            "# *** stands for values that are not shown: passwords, and what came from outside the file",
            "",
            "# x.conf:3-4",
            "a1.sources = r1",
            "a1.sinks = k1",
            "",
            "# x.conf:9",
            "a1.sinks.k1.password = ***",
            "",
            "# y.conf:10",
            "a1.channels = c1",
        ];
        assert_eq!(as_properties(&config), expected);
    }

    #[test]
    fn what_is_printed_is_read_back_as_it_was() {
        let pairs = [
            ("a b=c:d#!", " leading, trailing \\ "),
            ("tab\tnew\nline", "x\r\n\u{1b}[2J"),
            ("#key", "é 漢 😀"),
            ("plain.key", "a = b : c # d ! e"),
        ];
        let config = RunningConfig {
            properties: pairs.iter().map(|(k, v)| property(k, v, "f\n", 1)).collect(),
            ..RunningConfig::default()
        };
        let text = as_properties(&config).join("\n");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        let mut read = Properties::default();
        assert_eq!(read.load("x.conf", text.as_bytes()), []);
        for (key, value) in pairs {
            assert_eq!(read.get(key).map(|e| e.value.as_str()), Some(value), "{text}");
        }
    }
}
