//! Defaults of the command line from `flume.opts`: properties text with long option names, as Flume reads it.

use crate::config::Properties;
use std::path::{Path, PathBuf};

/// Where Flume looks first.
const SYSTEM: &str = "/etc/flume/flume.opts";

/// Puts the defaults of the option file behind the command `agent` and in front of what the user gave, so that the user's
/// own options win. Only `agent` has defaults.
pub fn with_defaults(arguments: Vec<String>) -> Vec<String> {
    if !matches!(arguments.get(1).map(String::as_str), Some("agent" | "node")) {
        return arguments;
    }
    let found = candidates(&arguments)
        .into_iter()
        .find_map(|path| std::fs::read(&path).ok().map(|text| (path, text)));
    match found {
        Some((path, text)) => merge(arguments, &path, &text),
        None => arguments,
    }
}

fn candidates(arguments: &[String]) -> Vec<PathBuf> {
    let after = |wanted: &[&str]| {
        let at = arguments.iter().position(|a| wanted.contains(&a.as_str()))?;
        arguments.get(at + 1).map(|dir| Path::new(dir).join("flume.opts"))
    };
    std::iter::once(PathBuf::from(SYSTEM)).chain(after(&["-c", "--conf"])).collect()
}

fn merge(arguments: Vec<String>, path: &Path, text: &[u8]) -> Vec<String> {
    let mut properties = Properties::default();
    properties.load(&path.display().to_string(), text);
    let given = |option: &str, short: &str| arguments.iter().any(|a| a == option || a == short);
    let mut defaults = Vec::new();
    for entry in properties.entries() {
        let (key, value) = (entry.key.trim(), entry.value.trim());
        match key {
            // A switch: true in any case sets it.
            "no-reload-conf" | "dryrun" | "allow-partial" => {
                if value.is_empty() || value.eq_ignore_ascii_case("true") {
                    defaults.push(format!("--{key}"));
                }
            }
            // These may be given several times, so the user's would be added to the file's instead of winning.
            "conf-file" if given("--conf-file", "-f") => {}
            "conf-uri" if given("--conf-uri", "-u") => {}
            _ => defaults.extend([format!("--{key}"), value.to_owned()]),
        }
    }
    let mut merged = arguments;
    merged.splice(2..2, defaults);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_users_own_options_come_last() {
        let merged = merge(
            words("penstock agent -n mine -f my.conf"),
            Path::new("flume.opts"),
            b"name = theirs\nconf-file = their.conf\npoll-interval: 5\nno-reload-conf = TRUE\ndryrun=no\n",
        );
        assert_eq!(
            merged,
            words("penstock agent --name theirs --poll-interval 5 --no-reload-conf -n mine -f my.conf")
        );
    }

    #[test]
    fn other_commands_and_missing_files_change_nothing() {
        assert_eq!(with_defaults(words("penstock version")), words("penstock version"));
        let dir = tempfile::tempdir().unwrap();
        let call = words(&format!("penstock agent -c {}", dir.path().display()));
        assert_eq!(with_defaults(call.clone()), call);
        std::fs::write(dir.path().join("flume.opts"), "name=a9").unwrap();
        assert_eq!(with_defaults(call)[2..4], ["--name", "a9"]);
    }
}
