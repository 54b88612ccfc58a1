//! Configurations that nobody wrote: a base with a few random changes. Everything follows from the seed.

use std::path::Path;

/// Texts to start from: our own, and the files of the corpus when it lies beside the project.
pub(super) fn bases() -> Vec<Vec<u8>> {
    let mut bases: Vec<Vec<u8>> = OWN.iter().map(|text| text.as_bytes().to_vec()).collect();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    for folder in ["flume-conf", "probes", "seeds"] {
        let Ok(entries) = std::fs::read_dir(corpus.join(folder)) else { continue };
        let mut files: Vec<_> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
        files.sort();
        bases.extend(
            files
                .iter()
                .filter(|f| f.extension().is_some_and(|e| e == "conf"))
                .filter_map(|f| std::fs::read(f).ok()),
        );
    }
    bases
}

/// The case with this number.
pub(super) fn case(seed: u64, bases: &[Vec<u8>]) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    if random.below(12) == 0 {
        return references(&mut random);
    }
    // Our own texts are small and dense: every second case begins with one of them.
    let most = if random.below(2) == 0 { OWN.len() } else { bases.len() };
    let mut lines: Vec<Vec<u8>> =
        bases[random.below(most)].split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    for _ in 0..=random.below(6) {
        change(&mut lines, &mut random);
    }
    lines.concat()
}

/// A case of types that need nothing outside the process, with odd values.
pub(super) fn buildable(seed: u64) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut lines: Vec<Vec<u8>> =
        BUILDABLE.as_bytes().split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    for _ in 0..=random.below(5) {
        let at = random.below(lines.len());
        match random.below(5) {
            0 => drop(lines.remove(at)),
            1 | 2 => odd_value(&mut lines[at], &mut random),
            3 => lines.push(line(&mut random, SETTINGS)),
            _ => {
                let mut setting = line(&mut random, SETTINGS);
                odd_value(&mut setting, &mut random);
                lines.push(setting);
            }
        }
    }
    lines.concat()
}

fn odd_value(line: &mut Vec<u8>, random: &mut Random) {
    if let Some(at) = line.iter().position(|b| *b == b'=') {
        line.truncate(at + 1);
        line.extend(random.pick(VALUES).bytes());
        line.push(b'\n');
    }
}

const VALUES: &[&str] = &[
    "0",
    "-1",
    "1",
    "5",
    "+5",
    " 7 ",
    "100",
    "101",
    "50",
    "99999",
    "2147483647",
    "2147483648",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "1k",
    "1.5",
    "0x10",
    "08",
    "1_000",
    "1,000",
    "x",
    "true",
    "TRUE",
    "yes",
    "",
    "c1",
    "c2",
    "c1 c2",
    "c9",
    "c1  c2",
    "c1\\tc2",
    "r1",
    "k1",
    "k1 k2",
    "i1",
    "i1 i2",
    "memory",
    "null",
    "logger",
    "seq",
    "utf-8",
    "TEXT",
    "header_and_text",
    "nosuch-charset",
    "timestamp",
    "host",
    "replicating",
    "multiplexing",
    "default",
    "NULL",
    "Memory",
];

const SETTINGS: &[&str] = &[
    "a1.sources.r1.batchSize=1\n",
    "a1.sources.r1.totalEvents=5\n",
    "a1.sources.r2.max-line-length=80\n",
    "a1.sources.r2.ack-every-event=true\n",
    "a1.sources.r2.encoding=utf-8\n",
    "a1.sources.r3.batchSize=20\n",
    "a1.sources.r3.batchTimeout=3000\n",
    "a1.sources.r3.restart=true\n",
    "a1.sources.r3.restartThrottle=1\n",
    "a1.sources.r3.charset=UTF-8\n",
    "a1.sources.r3.shell=/bin/sh -c\n",
    "a1.sources.r3.logStdErr=true\n",
    "a1.sources.r4.batchSize=1\n",
    "a1.sources.r4.maxTotalEvents=10\n",
    "a1.sources.r4.maxSuccessfulEvents=10\n",
    "a1.sources.r4.maxEventsPerSecond=10\n",
    "a1.sources.r1.backoffSleepIncrement=10\n",
    "a1.sources.r1.maxBackoffSleep=10\n",
    "a1.channels.c1.capacity=1000\n",
    "a1.channels.c1.transactionCapacity=10\n",
    "a1.channels.c1.keep-alive=1\n",
    "a1.channels.c1.byteCapacity=1000\n",
    "a1.channels.c1.byteCapacityBufferPercentage=10\n",
    "a1.sinks.k1.batchSize=10\n",
    "a1.sinks.k1.logEveryNEvents=10\n",
    "a1.sinks.k2.maxBytesToLog=10\n",
    "a1.sinks.k3.sink.rollInterval=10\n",
    "a1.sinks.k3.sink.batchSize=10\n",
    "a1.sinks.k3.sink.serializer=text\n",
    "a1.sinks.k3.sink.pathManager=DEFAULT\n",
    "a1.sinks.k3.sink.pathManager.prefix=x\n",
    "a1.sources.r1.interceptors=i1\n",
    "a1.sources.r1.interceptors.i1.type=timestamp\n",
    "a1.sources.r1.interceptors.i1.preserveExisting=true\n",
    "a1.sources.r1.interceptors.i1.key=x\n",
    "a1.sources.r2.selector.type=multiplexing\n",
    "a1.sources.r2.selector.header=h\n",
    "a1.sources.r2.selector.mapping.x=c1\n",
    "a1.sources.r2.selector.default=c2\n",
    "a1.sources.r2.selector.optional.x=c2\n",
    "a1.sources.r2.selector.optional=c2\n",
    "a1.sinkgroups=g1\n",
    "a1.sinkgroups.g1.sinks=k1\n",
    "a1.sinkgroups.g1.processor.type=default\n",
];

const BUILDABLE: &str = "a1.sources=r1 r2 r3 r4\na1.channels=c1 c2\na1.sinks=k1 k2 k3\na1.sources.r1.type=seq\n\
    a1.sources.r1.channels=c1\na1.sources.r2.type=netcat\na1.sources.r2.channels=c1 c2\na1.sources.r2.bind=localhost\n\
    a1.sources.r2.port=44444\na1.sources.r3.type=exec\na1.sources.r3.channels=c2\na1.sources.r3.command=date\n\
    a1.sources.r4.type=org.apache.flume.source.StressSource\na1.sources.r4.channels=c2\na1.channels.c1.type=memory\n\
    a1.channels.c2.type=memory\na1.sinks.k1.type=null\na1.sinks.k1.channel=c1\na1.sinks.k2.type=logger\n\
    a1.sinks.k2.channel=c2\na1.sinks.k3.type=file_roll\na1.sinks.k3.channel=c2\na1.sinks.k3.sink.directory=/tmp\n";

struct Random(u64);

impl Random {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("below a usize")
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

fn change(lines: &mut Vec<Vec<u8>>, random: &mut Random) {
    if lines.is_empty() {
        lines.push(b"a1.sources = r1\n".to_vec());
    }
    let at = random.below(lines.len());
    let other = random.below(lines.len());
    match random.below(17) {
        0 => lines.swap(at, other),
        1 => drop(lines.remove(at)),
        2 => lines.insert(other, lines[at].clone()),
        3 => lines.insert(at, line(random, INSERTED)),
        4 => replace_letter(&mut lines[at], random, b"=", SEPARATORS),
        5 => replace_letter(&mut lines[at], random, b" ", BLANKS),
        6 => insert(&mut lines[at], random, PIECES),
        7 => insert(&mut lines[at], random, BLANKS),
        8 => insert(&mut lines[at], random, REFERENCES),
        9 => reference_to(lines, at, other),
        10 => swap_values(lines, at, other),
        11 => other_case(&mut lines[at], random),
        12 => drop_letter(&mut lines[at], random),
        13 => line_end(&mut lines[at], random),
        14 => extend_list(&mut lines[at], random),
        15 => lines.insert(at, soup(random)),
        _ => lines.insert(at, group_or_selector(random)),
    }
}

const SEPARATORS: &[&str] = &[":", " ", "\t", " = ", "==", ":=", " : ", "\\=", "", "\u{c}"];
const BLANKS: &[&str] =
    &["  ", "\t", "\\ ", "\u{c}", "\\t", "", ",", ", ", "\\u0020", "\\u000b", "\\u00a0", " \\\n  "];
const PIECES: &[&str] = &[
    "\\",
    "\\\\",
    "\\\n",
    "\\\r\n   ",
    "\n",
    "\r",
    "#",
    "!",
    " # x",
    ".",
    "..",
    "=",
    ":",
    "\\:",
    "\\u0041",
    "\\u00e9",
    "é",
    "\\ud83d\\ude00",
    "\\q",
    "\\\n#",
    "\\\n\n",
    "\u{b}",
    "\u{1}",
    "$",
    "{",
    "}",
    "\\u0130",
    "\\u017f",
    "\\u",
];
const REFERENCES: &[&str] = &[
    "${x}",
    "${env:X}",
    "$${env:X}",
    "${x:-c1}",
    "${x:-}",
    "${${x}}",
    "${x",
    "}",
    "${env:X:-k1 k2}",
    "${a:b:-c}",
    "$${",
    "${:-memory}",
    "${x:-${y:-netcat}}",
    "${f['k']}",
    "${nosuch:a1.sinks}",
    "$$${x}",
    "${x:-$${y}}",
    "${ENV:a1.sources}",
];
const INSERTED: &[&str] = &[
    "a1.sources.r1.config = netcat\n",
    "a1.sources.r1.config = nosuch\n",
    "a1.sinks.k1.config = org.apache.flume.conf.sink.SinkConfiguration\n",
    "a1.channels.c1.config = other\n",
    "a1.sources.r1.type = other\n",
    "a1.sinks.k1.type = Other\n",
    "a1.channels.c1.type = com.example.C\n",
    "a1.sources.r1.type = com.example.S\n",
    "a1.sinks.k1.channel = c1 c2\n",
    "a1.sources.r1.channels = c2\tc1 c3\n",
    "a1.sources.r1.channels =\n",
    "a1.channels = c1,c2\n",
    "a1.sinks =\n",
    "a1.sources\\  = r9\n",
    "a1.sources.r1.type\\  = seq\n",
    "a1.sources. r1.type = seq\n",
    "a1.channels.c1 .type = file\n",
    "a1..sources = r1\n",
    ".sources = r1\n",
    "a1.sources..r1.type = seq\n",
    "a1.sinks.k1. = x\n",
    "nodot = x\n",
    "a2.sources = r1\n",
    "a2.channels = c1\na2.channels.c1.type = memory\na2.sinks = k\na2.sinks.k.type = null\na2.sinks.k.channel = c1\n",
    "# comment \\\n",
    "\\\n",
    "\n",
    "a1.configfilters = f\na1.configfilters.f.type = env\n",
    "a1.configfilters = f f2\na1.configfilters.f.config = x\n",
];

fn line(random: &mut Random, from: &[&str]) -> Vec<u8> {
    random.pick(from).as_bytes().to_vec()
}

fn group_or_selector(random: &mut Random) -> Vec<u8> {
    let names = ["g1", "g2", "g1 g2", "g1\tg2", "group one", "k1", "g1 ", "g2 g1 g3"];
    let sinks = ["k1", "k1 k2", "k2 k1 k3", "k1  k2", "k9", "k1,k2", "k2\\tk1", "k1 k1"];
    let processors = ["failover", "default", "Load_Balance", "other", "OTHER", "com.example.P", ""];
    let selectors = [
        "replicating",
        "MULTIPLEXING",
        "other",
        "com.example.S",
        "org.apache.flume.channel.MultiplexingChannelSelector",
    ];
    let group = random.pick(&["g1", "g2", "g3"]);
    match random.below(6) {
        0 => format!("a1.sinkgroups = {}\n", random.pick(&names)),
        1 => format!("a1.sinkgroups.{group}.sinks = {}\n", random.pick(&sinks)),
        2 => format!("a1.sinkgroups.{group}.processor.type = {}\n", random.pick(&processors)),
        3 => format!("a1.sources.r1.selector.type = {}\n", random.pick(&selectors)),
        4 => {
            format!("a1.sources.r1.selector.config = {}\n", random.pick(&["multiplexing", "nosuch", "Other"]))
        }
        _ => format!(
            "a1.sources.r1.selector.type = com.example.S\na1.sources.r1.selector.{}\n",
            random.pick(&["config = x", " = y", "header = z"])
        ),
    }
    .into_bytes()
}

/// Letters that mean something to the reader, in any order.
fn soup(random: &mut Random) -> Vec<u8> {
    let letters = b"a1.sources=c k:\\\n\r#!${}-u0041\t\x0c\xe9x";
    let length = random.below(60);
    (0..length).map(|_| random.pick(letters)).chain([b'\n']).collect()
}

/// Many keys that name each other: which of them resolve shows the order in which Java walks.
fn references(random: &mut Random) -> Vec<u8> {
    let most = 10 + random.below(120);
    let keys = 2 + random.below(most);
    let name = |n: usize| match n % 4 {
        0 => format!("a1.sources.r{n}.port"),
        1 => format!("key{n}"),
        2 => format!("a{}.channels", n / 4),
        _ => format!(
            "{}{}",
            if n.is_multiple_of(3) { "Aa" } else { "BB" },
            if n.is_multiple_of(5) { "BB" } else { "Aa" }.repeat(n % 7)
        ),
    };
    let mut text = String::new();
    for n in 0..keys {
        let value = match random.below(3) {
            0 => format!("v{n}"),
            1 => format!("<${{{}}}>", name(random.below(keys))),
            _ => format!("${{{}:-${{{}}}}}", name(random.below(keys)), name(random.below(keys))),
        };
        text.push_str(&format!("{} = {value}\n", name(n)));
    }
    text.into_bytes()
}

fn insert(line: &mut Vec<u8>, random: &mut Random, pieces: &[&str]) {
    let at = random.below(line.len() + 1);
    let piece = random.pick(pieces);
    line.splice(at..at, piece.bytes());
}

fn replace_letter(line: &mut Vec<u8>, random: &mut Random, letter: &[u8], with: &[&str]) {
    let all: Vec<usize> = (0..line.len()).filter(|at| line[*at] == letter[0]).collect();
    if !all.is_empty() {
        let at = all[random.below(all.len())];
        line.splice(at..=at, random.pick(with).bytes());
    }
}

/// `${key}` of another line at the end of this one.
fn reference_to(lines: &mut [Vec<u8>], at: usize, other: usize) {
    let key: Vec<u8> = lines[other].iter().copied().take_while(|b| !b" =:\t\r\n\\".contains(b)).collect();
    let line = &mut lines[at];
    let end = line.iter().rposition(|b| !b"\r\n".contains(b)).map_or(0, |at| at + 1);
    let reference = [b"${".as_slice(), &key, b"}"].concat();
    line.splice(end..end, reference);
}

fn swap_values(lines: &mut [Vec<u8>], at: usize, other: usize) {
    let split = |line: &[u8]| line.iter().position(|b| *b == b'=').map(|at| at + 1);
    let (Some(a), Some(b)) = (split(&lines[at]), split(&lines[other])) else { return };
    let value = lines[other][b..].to_vec();
    lines[at].truncate(a);
    lines[at].extend(value);
}

fn other_case(line: &mut [u8], random: &mut Random) {
    let at = random.below(line.len().max(1));
    for byte in line.iter_mut().skip(at).take_while(|b| b.is_ascii_alphanumeric()) {
        *byte = if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
    }
}

fn drop_letter(line: &mut Vec<u8>, random: &mut Random) {
    if !line.is_empty() {
        line.remove(random.below(line.len()));
    }
}

fn line_end(line: &mut Vec<u8>, random: &mut Random) {
    if line.last() == Some(&b'\n') {
        line.pop();
        line.extend(random.pick(&["\r\n", "\r", "", " \n", "\\\n", "\n\n", "\\\\\n", "\\"]).bytes());
    }
}

/// More names at the end of a value, so that Java's tables grow.
fn extend_list(line: &mut Vec<u8>, random: &mut Random) {
    let end = line.iter().rposition(|b| !b"\r\n".contains(b)).map_or(0, |at| at + 1);
    let mut more = String::new();
    for _ in 0..random.below(16) {
        more.push_str(&format!(
            " {}{}",
            random.pick(&["c", "k", "r", "sink", "ch_", "Aa", "BB"]),
            random.below(14)
        ));
    }
    line.splice(end..end, more.bytes());
}

const OWN: &[&str] = &[
    "a1.sources = r1\na1.channels = c1\na1.sinks = k1\na1.sources.r1.type = netcat\na1.sources.r1.bind = localhost\n\
     a1.sources.r1.port = 44444\na1.sources.r1.channels = c1\na1.channels.c1.type = memory\na1.sinks.k1.type = logger\n\
     a1.sinks.k1.channel = c1\n",
    "a1.sources=r1 r2\na1.channels=c1 c2 c3\na1.sinks=k1 k2 k3\na1.sources.r1.type=seq\na1.sources.r1.channels=c1 c2 c3\n\
     a1.sources.r1.selector.type=multiplexing\na1.sources.r1.selector.header=h\na1.sources.r1.selector.mapping.x=c1\n\
     a1.sources.r1.selector.default=c2\na1.sources.r2.type=exec\na1.sources.r2.command=date\na1.sources.r2.channels=c3\n\
     a1.channels.c1.type=memory\na1.channels.c2.type=file\na1.channels.c3.type=com.example.Chan\na1.sinks.k1.type=null\n\
     a1.sinks.k1.channel=c1\na1.sinks.k2.type=avro\na1.sinks.k2.channel=c2\na1.sinks.k3.type=com.example.Sink\n\
     a1.sinks.k3.channel=c3\na1.sinkgroups=g1 g2\na1.sinkgroups.g1.sinks=k1 k2\na1.sinkgroups.g1.processor.type=failover\n\
     a1.sinkgroups.g2.sinks=k3 k1\na1.sinkgroups.g2.processor.type=load_balance\n",
    "x.y = c1\nhost = localhost\na1.channels = ${x.y}\na1.channels.c1.type = ${t:-memory}\na1.sources = r1\n\
     a1.sources.r1.type = ${env:T:-netcat}\na1.sources.r1.bind = ${host}\na1.sources.r1.channels = ${a1.channels}\n\
     a1.sinks = ${a1.sources} k1\na1.sinks.k1.type = logger\na1.sinks.k1.channel = ${a1.channels} \n",
    "a1.sources = source1 source2 source3 source4 source5 source6 source7 source8 source9 source10 source11 source12 s13\n\
     a1.channels = ch1 ch2 ch3 ch4 ch5 ch6 ch7 ch8 ch9 ch10 ch11 ch12 ch13\na1.channels.ch1.type = memory\n\
     a1.channels.ch2.type = memory\na1.channels.ch3.type = memory\na1.channels.ch4.type = memory\n\
     a1.channels.ch5.type = memory\na1.channels.ch6.type = memory\na1.channels.ch7.type = memory\n\
     a1.channels.ch8.type = memory\na1.channels.ch9.type = memory\na1.channels.ch10.type = memory\n\
     a1.channels.ch11.type = memory\na1.channels.ch12.type = memory\na1.channels.ch13.type = memory\n\
     a1.sources.source1.type = seq\na1.sources.source5.type = SEQ\na1.sources.source12.type = Seq\n\
     a1.sources.source1.channels = ch1 ch3 ch5 ch7 ch9 ch11 ch13 ch2 ch4 ch6 ch8 ch10 ch12\n\
     a1.sources.source5.channels = ch13 ch12 ch11\na1.sources.source12.channels = ch1\n",
];
