//! The `text` serializer: bodies only.

use super::{APPEND_NEWLINE, EventSerializer};
use crate::config::{Kind, KindInfo, RunsOn, Settings};
use crate::event::{Batch, Error};

/// What the registry lists.
pub static KIND: Kind<dyn EventSerializer> = Kind {
    info: KindInfo {
        names: &["text", "org.apache.flume.serialization.BodyTextEventSerializer$Builder"],
        summary: "Writes the body of every event, one a line; headers are left out.",
        runs_on: RunsOn::DataCore,
        settings: &[&APPEND_NEWLINE],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: None,
    },
    build: |settings| Ok(Box::new(Text::new(settings))),
};

struct Text {
    append_newline: bool,
}

impl Text {
    fn new(settings: &Settings) -> Self {
        Text { append_newline: settings.value(&APPEND_NEWLINE) }
    }
}

impl EventSerializer for Text {
    fn append(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), Error> {
        for body in batch.bodies() {
            out.extend_from_slice(body);
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
    fn bodies_stand_on_lines_of_their_own() {
        let events = batch(&[(&[("k", "v")], b"one"), (&[], b""), (&[], b"\xFF\r")]);
        assert_eq!(written("TEXT", &[], &events), b"one\n\n\xFF\r\n");
    }

    #[test]
    fn bodies_are_joined_without_newlines() {
        let events = batch(&[(&[], b"one"), (&[], b"two")]);
        assert_eq!(written("text", &[("appendNewline", "false")], &events), b"onetwo");
    }
}
