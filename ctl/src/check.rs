//! `ctl check`: what a configuration would start and what not. Needs no agent, executes nothing.

use crate::failure::{Failure, code};
use crate::output::Output;
use dataplane::agent::check::{self, Complaint, Options, Report};
use dataplane::agent::plan::File;
use dataplane::config::{Lookups, Properties, Severity};
use std::io::Read;
use std::path::{Path, PathBuf};

/// As much as the agent reads.
const LARGEST_BYTES: u64 = 64 << 20;

/// What `ctl check` was asked for.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    /// Files, later ones over earlier ones.
    pub(crate) files: &'a [PathBuf],
    /// The agent whose components decide the exit code.
    pub(crate) agent: Option<&'a str>,
    /// As JSON.
    pub(crate) json: bool,
    /// Warnings count.
    pub(crate) strict: bool,
    /// Values from outside the file are shown.
    pub(crate) show_secrets: bool,
    /// `NAME=VALUE` of the JVM.
    pub(crate) system: &'a [String],
}

/// Prints the report; the result is the exit code.
pub(crate) fn run(wish: &Wish<'_>, out: &mut Output) -> Result<u8, Failure> {
    let lookups = lookups(wish.system)?;
    let options = Options {
        agent: wish.agent.map(str::to_owned),
        strict: wish.strict,
        show_secrets: wish.show_secrets,
    };
    let mut files = Vec::new();
    for path in wish.files {
        match read(path) {
            Ok(bytes) => files.push(File { name: path.display().to_string(), bytes }),
            Err(why) if wish.json => {
                out.json(&unreadable(path, &why, &lookups, &options));
                return Ok(code::NOT_OK);
            }
            Err(why) => return Err(Failure::new(code::NOT_OK, why)),
        }
    }
    let report = check::check(&files, &lookups, &options);
    if wish.json {
        out.json(&report);
    } else {
        out.lines(&[report.text().trim_end()]);
    }
    Ok(report.exit_code)
}

/// The bytes of a file, or why there are none.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let cannot = |error: std::io::Error| format!("cannot read {shown}: {error}");
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(LARGEST_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > LARGEST_BYTES {
        return Err(format!("{shown} is larger than {} MiB: that is no configuration", LARGEST_BYTES >> 20));
    }
    Ok(bytes)
}

/// The report on a file that cannot be read, so that readers of JSON get JSON.
fn unreadable(path: &Path, why: &str, lookups: &Lookups, options: &Options) -> Report {
    let nothing = File { name: path.display().to_string(), bytes: Vec::new() };
    let complaint = Complaint {
        file: String::new(),
        line: 0,
        key: String::new(),
        severity: Severity::Error,
        code: "unreadable".to_owned(),
        message: why.to_owned(),
        help: String::new(),
    };
    let mut report = check::check(&[nothing], lookups, options);
    report.diagnostics = vec![complaint];
    report
}

/// What references in the file may name: this process's environment, and what `-D` sets as it would for the agent.
fn lookups(system: &[String]) -> Result<Lookups, Failure> {
    let mut lookups = Lookups::empty(jiff::Zoned::now());
    let text = |s: std::ffi::OsString| s.to_string_lossy().into_owned();
    lookups.environment = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
    lookups.system = system
        .iter()
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if let Ok(directory) = std::env::current_dir() {
        lookups.add_jvm_properties(&directory.to_string_lossy());
    }
    lookups.bare_names_from_environment = lookups
        .system
        .get("propertiesImplementation")
        .is_some_and(|class| class == "org.apache.flume.node.EnvVarResolverProperties");
    if let Some(named) = lookups.system.get("lookups") {
        let bytes = read(Path::new(named)).map_err(|why| Failure::new(code::NOT_OK, why))?;
        let mut table = Properties::default();
        // What is odd about the table is the agent's to say; here it is the configuration that is checked.
        drop(table.load(named, &bytes));
        lookups.read_prefixes(&table);
    }
    Ok(lookups)
}
