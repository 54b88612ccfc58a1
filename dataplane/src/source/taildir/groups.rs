//! Groups of files: a directory, a pattern for names, headers. Pure.

use super::kind::FILEGROUPS;
use crate::codec::java_regex::JavaRegex;
use crate::config::Settings;
use crate::event::{Advice, Error};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// One group.
pub(super) struct Group {
    /// Its name.
    pub(super) name: String,
    /// Where its files are; as written until the source is opened, absolute then.
    pub(super) directory: PathBuf,
    /// The whole property, for messages.
    pub(super) pattern: String,
    /// Headers of its events.
    pub(super) headers: Vec<(String, String)>,
    names: JavaRegex,
}

impl Group {
    /// The groups of a source, in the order of its list; a name without `filegroups.<name>` is left out, as Flume does.
    ///
    /// # Errors
    /// When none is left, or a pattern is not one.
    pub(super) fn all(settings: &Settings) -> Result<Vec<Group>, Error> {
        let mut groups: Vec<Group> = Vec::new();
        for name in settings.value(&FILEGROUPS) {
            let key = format!("filegroups.{name}");
            let again = groups.iter().any(|g| g.name == name);
            if let (Some(pattern), false) = (settings.text(&key), again) {
                let headers = settings.below("headers.");
                let headers = headers.filter_map(|(key, value)| {
                    let (group, header) = key.split_once('.')?;
                    (group == name).then(|| (header.to_owned(), value.text.clone()))
                });
                let headers = headers.collect();
                let group = Group::new(&name, pattern, headers);
                groups.push(group.map_err(|e| bad(settings, &key, &e))?);
            }
        }
        if groups.is_empty() {
            return Err(bad(settings, "filegroups", "none of these groups has its filegroups.<group>"));
        }
        Ok(groups)
    }

    pub(super) fn new(name: &str, pattern: &str, headers: Vec<(String, String)>) -> Result<Group, String> {
        let path = pattern.trim_end_matches('/');
        let (directory, file_name) = match path.rsplit_once('/') {
            Some((directory, name)) if directory.chars().all(|c| c == '/') => ("/", name),
            Some((directory, name)) => (directory, name),
            None => (".", path),
        };
        if file_name.is_empty() {
            return Err("there is no pattern for file names after the directory".to_owned());
        }
        let names = JavaRegex::whole(file_name).map_err(|e| e.to_string())?;
        Ok(Group {
            name: name.to_owned(),
            directory: PathBuf::from(directory),
            pattern: pattern.to_owned(),
            headers,
            names,
        })
    }

    /// Whether a file of this name in the group's directory belongs to it. A name that the pattern takes too long to
    /// decide does not.
    pub(super) fn takes(&self, name: &OsStr) -> bool {
        match self.names.is_match(&name.to_string_lossy()) {
            Ok(matches) => matches,
            Err(e) => {
                let name = Path::new(name).display();
                tracing::warn!("file group {}: {name} is left out: {e}", self.name);
                false
            }
        }
    }
}

fn bad(settings: &Settings, key: &str, why: &str) -> Error {
    Error::new(Advice::Stop, format!("{}.{key}: {why}", settings.prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Place, Value};

    fn groups(properties: &[(&str, &str)]) -> Result<Vec<Group>, Error> {
        let value = |text: &str| Value { text: text.to_owned(), place: Place::default(), secret: false };
        let values = properties.iter().map(|(k, v)| ((*k).to_owned(), value(v))).collect();
        Group::all(&Settings { prefix: "a1.sources.r1".into(), values })
    }

    #[test]
    fn a_group_has_directory_pattern_and_headers() {
        let found = groups(&[
            ("filegroups", "f1 f2 gone f1"),
            ("filegroups.f1", "/var/log/app/.*\\.log"),
            ("filegroups.f2", "./noise.log"),
            ("headers.f1.team", "web"),
            ("headers.f1.a.b", "dots"),
            ("headers.f2.team", "ops"),
        ])
        .unwrap();
        assert_eq!(found.iter().map(|g| g.name.as_str()).collect::<Vec<_>>(), ["f1", "f2"]);
        assert_eq!(found[0].directory, Path::new("/var/log/app"));
        assert_eq!(found[1].directory.as_os_str(), ".");
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(found[0].headers, [pair("a.b", "dots"), pair("team", "web")]);
        assert_eq!(found[1].headers, [pair("team", "ops")]);
    }

    /// Flume: TestTaildirMatcher.testRegexFilteringMatching and its neighbours.
    #[test]
    fn names_match_as_a_whole() {
        for (pattern, takes, leaves) in [
            ("/d/.*", &["a", "b.log", ".hidden"][..], &[][..]),
            ("/d/a.log", &["a.log", "axlog"], &["a.log.1", "ba.log"]),
            ("/d/.*\\.log$", &["x.log"], &["x.log.1", "log"]),
            ("/d/(?!.*\\.gz)app.*", &["app", "app.1"], &["app.gz", "xapp"]),
            ("/[0-9]*.log", &["12.log", "_log"], &["a.log"]),
            ("plain.log", &["plain.log"], &["plain"]),
        ] {
            let group = Group::new("f1", pattern, Vec::new()).unwrap_or_else(|e| panic!("{e}"));
            assert!(takes.iter().all(|n| group.takes(OsStr::new(n))), "{pattern}");
            assert!(!leaves.iter().any(|n| group.takes(OsStr::new(n))), "{pattern}");
        }
        assert_eq!(Group::new("f", "/x.log", Vec::new()).map(|g| g.directory).unwrap(), Path::new("/"));
        assert_eq!(Group::new("f", "//x.log", Vec::new()).map(|g| g.directory).unwrap(), Path::new("/"));
    }

    #[test]
    fn what_cannot_be_a_group_is_refused() {
        let none = groups(&[("filegroups", "f1"), ("filegroups.f2", "/x")]).err().unwrap();
        assert!(
            none.what.ends_with("a1.sources.r1.filegroups: none of these groups has its filegroups.<group>")
        );
        let bad = groups(&[("filegroups", "f1"), ("filegroups.f1", "/var/log/*.log")]).err().unwrap();
        assert!(
            bad.what.contains("a1.sources.r1.filegroups.f1: bad regular expression \"*.log\""),
            "{}",
            bad.what
        );
        let empty = groups(&[("filegroups", "f1"), ("filegroups.f1", "/")]).err().unwrap();
        assert!(empty.what.contains("no pattern for file names"), "{}", empty.what);
    }
}
