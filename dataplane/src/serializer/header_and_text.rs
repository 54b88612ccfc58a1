//! The `header_and_text` serializer: headers as Java prints a map, a space, the body.

use super::{APPEND_NEWLINE, EventSerializer};
use crate::config::{Kind, KindInfo, RunsOn, Settings};
use crate::event::java_map::MapText;
use crate::event::{Batch, Error};
use std::io::Write;

/// What the registry lists.
pub static KIND: Kind<dyn EventSerializer> = Kind {
    info: KindInfo {
        names: &[
            "header_and_text",
            "org.apache.flume.serialization.HeaderAndBodyTextEventSerializer$Builder",
        ],
        summary: "Writes the headers of every event as {name=value, name=value}, a space and its body, one a line.",
        runs_on: RunsOn::DataCore,
        settings: &[&APPEND_NEWLINE],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: None,
    },
    build: |settings| Ok(Box::new(HeaderAndText::new(settings))),
};

struct HeaderAndText {
    append_newline: bool,
}

impl HeaderAndText {
    fn new(settings: &Settings) -> Self {
        HeaderAndText { append_newline: settings.value(&APPEND_NEWLINE) }
    }
}

impl EventSerializer for HeaderAndText {
    fn append(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), Error> {
        for event in batch.iter() {
            write!(out, "{} ", MapText(event.headers)).expect("a Vec takes everything");
            out.extend_from_slice(event.body);
            if self.append_newline {
                out.push(b'\n');
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{batch, written};

    #[test]
    fn headers_stand_before_the_body() {
        let events = batch(&[
            (&[("header1", "value1"), ("header2", "value2")], b"event 1"),
            (&[], b""),
            (&[("sink5", "a"), ("sink4", "b")], b"order of a Java map"),
        ]);
        let lines = "{header2=value2, header1=value1} event 1\n{} \n{sink4=b, sink5=a} order of a Java map\n";
        assert_eq!(written("HEADER_AND_TEXT", &[], &events), lines.as_bytes());
    }

    #[test]
    fn no_newline_when_it_is_not_wanted() {
        let events = batch(&[(&[("k", "v")], b"a"), (&[], b"b")]);
        let class = "org.apache.flume.serialization.HeaderAndBodyTextEventSerializer$Builder";
        assert_eq!(written(class, &[("appendNewline", "false")], &events), b"{k=v} a{} b");
    }
}
