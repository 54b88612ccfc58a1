//! Flume's command line: `agent -n NAME -f FILE …` with the JVM's options among the program's.
//!
//! Options of the JVM and of the `flume-ng` script are taken out first ([`Jvm`]); what is left is the program's. Options
//! that mean nothing here are accepted with a note, those that cannot be honoured are refused with a sentence.

use clap::{Args, CommandFactory, Parser, Subcommand};
use std::path::PathBuf;

/// What the first argument asks for.
#[derive(Debug, Parser)]
#[command(
    name = "penstock",
    about = "A drop-in replacement for an Apache Flume 1.x agent",
    after_help = EXIT_CODES,
    disable_version_flag = true,
    args_override_self = true
)]
pub struct CommandLine {
    #[command(subcommand)]
    /// The command.
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 stopped as asked, 1 wrong command line, 2 the configuration does not run, \
                          3 the agent failed.\nA link named flume-ng to this program behaves the same.";

/// Flume's commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run an agent.
    #[command(alias = "node", disable_help_flag = false)]
    Agent(Box<AgentArgs>),
    /// Print the version.
    Version,
}

/// Which back end the data cores use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum IoArg {
    /// io_uring where the kernel allows it, else epoll.
    Auto,
    /// io_uring, or an error.
    Uring,
    /// epoll and positional writes.
    Epoll,
}

/// Options of `agent`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct AgentArgs {
    /// Name of the agent in the file.
    #[arg(short = 'n', long, value_name = "NAME")]
    pub name: Option<String>,
    /// Configuration file; may be given several times, later files override keys.
    #[arg(short = 'f', long = "conf-file", value_name = "FILE", action = clap::ArgAction::Append)]
    pub conf_file: Vec<PathBuf>,
    /// Configuration from a URI (file, classpath, http); may be given several times; -f is ignored then.
    #[arg(short = 'u', long = "conf-uri", value_name = "URI", action = clap::ArgAction::Append)]
    pub conf_uri: Vec<String>,
    /// User for HTTP Basic authentication of a URI.
    #[arg(long = "conf-user", value_name = "USER")]
    pub conf_user: Option<String>,
    /// Password for HTTP Basic authentication of a URI.
    #[arg(long = "conf-password", value_name = "PASSWORD")]
    pub conf_password: Option<String>,
    /// ZooKeeper ensemble that holds the configuration (refused for now).
    #[arg(short = 'z', long = "zkConnString", value_name = "HOSTS")]
    pub zk: Option<String>,
    /// ZooKeeper path of the configuration (refused for now).
    #[arg(short = 'p', long = "zkBasePath", value_name = "PATH")]
    pub zk_base: Option<String>,
    /// Directory with configuration; searched for classpath URIs and flume.opts. flume-env.sh in it is not run.
    #[arg(short = 'c', long = "conf", value_name = "DIR")]
    pub conf_dir: Option<PathBuf>,
    /// Do not watch the configuration file.
    #[arg(long)]
    pub no_reload_conf: bool,
    /// Seconds between looks at the configuration file (default 30; 300 with an http URI).
    #[arg(short = 'i', long, value_name = "SECONDS")]
    pub poll_interval: Option<u64>,
    /// Keep the merged, substituted configuration in this directory as .NAME.properties.
    #[arg(short = 'b', long, value_name = "DIR")]
    pub backup_directory: Option<PathBuf>,
    /// Java class for authentication (refused: there is no JVM).
    #[arg(short = 'a', long, value_name = "CLASS")]
    pub auth_provider: Option<String>,
    /// Java class that supplies the configuration (refused: there is no JVM).
    #[arg(long, value_name = "CLASS")]
    pub conf_provider: Option<String>,
    /// Say what would start and stop there.
    #[arg(short = 'd', long)]
    pub dryrun: bool,
    /// Extra class path (no meaning here).
    #[arg(short = 'C', long, value_name = "PATH", action = clap::ArgAction::Append)]
    pub classpath: Vec<String>,
    /// Plug-in directories (no meaning here).
    #[arg(long, value_name = "DIRS")]
    pub plugins_path: Option<String>,
    /// Start although some component's type cannot be had; the others run.
    #[arg(long)]
    pub allow_partial: bool,
    /// How data cores talk to the kernel.
    #[arg(long, value_enum, default_value = "auto", env = "PENSTOCK_IO")]
    pub io: IoArg,
    /// Path of the control socket.
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,
}

/// What was meant for the JVM.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Jvm {
    /// `-Dname=value`, in order.
    pub properties: Vec<(String, String)>,
    /// Largest heap, from `-Xmx`: the memory channel's byte capacity follows it.
    pub max_heap_bytes: Option<u64>,
    /// Every other option for the JVM.
    pub ignored: Vec<String>,
}

impl Jvm {
    /// The last value of a system property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn take(&mut self, option: &str) -> bool {
        if let Some(property) = option.strip_prefix("-D") {
            let (name, value) = property.split_once('=').unwrap_or((property, ""));
            self.properties.push((name.to_owned(), value.to_owned()));
        } else if let Some(size) = option.strip_prefix("-Xmx") {
            match heap_bytes(size) {
                Some(bytes) => self.max_heap_bytes = Some(bytes),
                None => self.ignored.push(option.to_owned()),
            }
        } else if ["-X", "-agentlib", "-agentpath", "-javaagent", "-verbose:"]
            .iter()
            .any(|p| option.starts_with(p))
        {
            self.ignored.push(option.to_owned());
        } else {
            return false;
        }
        true
    }

    /// Looks into the text of `JAVA_OPTS` or `FLUME_JAVA_OPTS`: only the heap size means something here, and the command
    /// line wins.
    pub fn add_environment(&mut self, text: &str) {
        let mut theirs = Jvm::default();
        for option in text.split_whitespace() {
            theirs.take(option);
        }
        self.max_heap_bytes = self.max_heap_bytes.or(theirs.max_heap_bytes);
    }
}

/// `20m`, `2G`, `1048576`: as the JVM reads sizes.
fn heap_bytes(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1 << 10),
        b'm' | b'M' => (&text[..text.len() - 1], 1 << 20),
        b'g' | b'G' => (&text[..text.len() - 1], 1 << 30),
        b't' | b'T' => (&text[..text.len() - 1], 1 << 40),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// Splits the JVM's options from the program's, and writes Flume's one-dash long options with two.
///
/// `-D name=value` (with a blank) is taken too; it is common in tutorials and Flume's script accepts it.
pub fn split(arguments: impl IntoIterator<Item = String>) -> (Jvm, Vec<String>) {
    let (mut jvm, mut rest) = (Jvm::default(), Vec::new());
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        if argument == "-D" {
            if let Some(property) = arguments.next() {
                jvm.take(&format!("-D{property}"));
            }
        } else if !jvm.take(&argument) {
            rest.push(match argument.as_str() {
                "-user" => "--conf-user".to_owned(),
                "-pwd" => "--conf-password".to_owned(),
                "-prov" => "--conf-provider".to_owned(),
                "-conf" => "--conf".to_owned(),
                "-name" => "--name".to_owned(),
                _ => argument,
            });
        }
    }
    (jvm, rest)
}

/// What `version` prints.
pub fn version() -> String {
    format!(
        "Penstock {}\nRuns Apache Flume 1.x configurations; behaves as Flume 1.11.0 where it does not say otherwise.",
        env!("CARGO_PKG_VERSION")
    )
}

/// The help text of the whole program.
pub fn help() -> String {
    CommandLine::command().render_long_help().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_usual_call_is_understood() {
        let (jvm, rest) = split(words(
            "flume-ng agent --conf conf --conf-file a.conf -f b.conf --name a1 -Dflume.root.logger=INFO,console -Xmx2g \
             -XX:+UseG1GC -D x=1 -user me",
        ));
        assert_eq!(jvm.property("flume.root.logger"), Some("INFO,console"));
        assert_eq!((jvm.property("x"), jvm.max_heap_bytes), (Some("1"), Some(2 << 30)));
        assert_eq!(jvm.ignored, ["-XX:+UseG1GC"]);
        let Command::Agent(args) = CommandLine::try_parse_from(rest).unwrap().command else {
            panic!("agent")
        };
        assert_eq!(args.conf_file, [PathBuf::from("a.conf"), PathBuf::from("b.conf")]);
        assert_eq!((args.name.as_deref(), args.conf_user.as_deref()), (Some("a1"), Some("me")));
    }

    #[test]
    fn the_command_line_wins_over_the_environment() {
        let mut jvm = Jvm::default();
        jvm.add_environment("-Xmx1g -Dfoo=bar");
        assert_eq!(jvm.max_heap_bytes, Some(1 << 30));
        jvm.add_environment("-Xmx2g");
        assert_eq!(jvm.max_heap_bytes, Some(1 << 30));
        assert_eq!(
            [heap_bytes("20m"), heap_bytes(""), heap_bytes("x"), heap_bytes("99999999999t")],
            [Some(20 << 20), None, None, None]
        );
    }

    #[test]
    fn an_option_given_twice_keeps_the_last_value() {
        let parsed = CommandLine::try_parse_from(words("penstock node -n a -n b --io epoll")).unwrap();
        let Command::Agent(args) = parsed.command else { panic!("agent") };
        assert_eq!((args.name.as_deref(), args.io), (Some("b"), IoArg::Epoll));
    }
}
