//! How events become the bytes of a file: used by sinks that write files (`sink.serializer`, `serializer`).

pub mod header_and_text;
pub mod text;

use crate::config::units;
use crate::config::{Kind, Setting, Settings};
use crate::event::{Advice, Batch, Error};

/// Every serializer; the registry lists them from here, because sinks look them up, too.
pub static KINDS: &[&Kind<dyn EventSerializer>] = &[&text::KIND, &header_and_text::KIND];

/// Writes events in one format. It appends to buffers and does no I/O: whoever owns the file writes the bytes and makes
/// them durable.
pub trait EventSerializer {
    /// Appends what stands at the beginning of every file, and forgets the file before it.
    fn begin(&mut self, _out: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }

    /// Appends the events of one batch, complete: a reader of the file finds them without anything that follows.
    ///
    /// # Errors
    /// The bytes appended so far must not be used.
    fn append(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), Error>;

    /// Appends what stands at the end of every file.
    fn end(&mut self, _out: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
}

/// Builds the serializer that `name` means, from the properties below its prefix.
///
/// # Errors
/// When no serializer has this name, or its settings do not fit together.
pub fn build(name: &str, settings: &Settings) -> Result<Box<dyn EventSerializer>, Error> {
    let Some(kind) = KINDS.iter().find(|k| k.info.is_named(name)) else {
        let known: Vec<&str> = KINDS.iter().map(|k| k.info.name()).collect();
        let known = known.join(", ");
        return Err(Error::new(
            Advice::Stop,
            format!(
                "there is no serializer \"{name}\" here (Java classes cannot be loaded); known ones are {known}"
            ),
        ));
    };
    (kind.build)(settings)
}

/// Shared by the serializers that write text.
static APPEND_NEWLINE: Setting<bool> =
    Setting::new("appendNewline", units::boolean, "true, false", "Whether a line feed follows every event.")
        .default("true");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Place, Value};
    use crate::event::Draft;

    pub(super) fn batch(events: &[(&[(&str, &str)], &[u8])]) -> Batch {
        let mut draft = Draft::default();
        for (headers, body) in events {
            let event = draft.push(body);
            for (name, value) in *headers {
                draft.set_header(event, name, value);
            }
        }
        Batch::whole(&draft.seal())
    }

    pub(super) fn written(name: &str, properties: &[(&str, &str)], batch: &Batch) -> Vec<u8> {
        let value = |text: &str| Value { text: text.to_owned(), place: Place::default(), secret: false };
        let values = properties.iter().map(|(k, v)| ((*k).to_owned(), value(v))).collect();
        let settings = Settings { prefix: "a1.sinks.k1.sink.serializer".into(), values };
        let mut serializer = build(name, &settings).unwrap();
        let mut out = Vec::new();
        serializer.begin(&mut out).unwrap();
        serializer.append(batch, &mut out).unwrap();
        serializer.end(&mut out).unwrap();
        out
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = build("com.example.Json$Builder", &Settings::default()).err().unwrap();
        assert!(error.what.contains("com.example.Json$Builder"), "{}", error.what);
        assert!(error.what.ends_with("text, header_and_text"), "{}", error.what);
    }
}
