//! `timestamp`: when an event passed, as a header.
//!
//! One value a batch, taken when the batch passes.

use crate::config::{Kind, KindInfo, RunsOn, Setting, Settings, units};
use crate::event::{Draft, Error};
use crate::pipeline::{InterceptCx, Interceptor};

static HEADER_NAME: Setting<String> =
    Setting::new("headerName", units::text, "", "Header that gets the time.").default("timestamp");

static PRESERVE_EXISTING: Setting<bool> = Setting::new(
    "preserveExisting",
    units::boolean,
    "true, false",
    "Whether events that have the header already keep theirs.",
)
.default("false");

/// What the registry lists.
pub static KIND: Kind<dyn Interceptor> = Kind {
    info: KindInfo {
        names: &["timestamp", "org.apache.flume.interceptor.TimestampInterceptor$Builder"],
        summary: "Adds the time in milliseconds since 1970 as a header.",
        runs_on: RunsOn::DataCore,
        settings: &[&HEADER_NAME, &PRESERVE_EXISTING],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: None,
    },
    build: |settings| Ok(Box::new(Timestamp::new(settings))),
};

struct Timestamp {
    header: String,
    preserve: bool,
}

impl Timestamp {
    fn new(settings: &Settings) -> Self {
        Timestamp { header: settings.value(&HEADER_NAME), preserve: settings.value(&PRESERVE_EXISTING) }
    }
}

impl Interceptor for Timestamp {
    fn intercept(&self, draft: &mut Draft, cx: &mut InterceptCx<'_>) -> Result<(), Error> {
        let now = cx.now_ms.to_string();
        match self.preserve {
            true => draft.set_all_if_absent(&self.header, &now),
            false => draft.set_all(&self.header, &now),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interceptor::testing::{headers, pair};

    /// Flume: TestTimestampInterceptor.testBasic, testClobber, testPreserve, testCustomHeader.
    #[test]
    fn the_time_is_set_or_kept() {
        let now = pair("timestamp", "42");
        for (pairs, own, first, second) in [
            (&[][..], ("timestamp", "1"), vec![now.clone()], now.clone()),
            (&[("preserveExisting", "true")], ("timestamp", "1"), vec![pair("timestamp", "1")], now.clone()),
            (&[("headerName", "t")], ("x", "1"), vec![pair("t", "42"), pair("x", "1")], pair("t", "42")),
            // A property called header means nothing, as in Flume 1.11.
            (&[("header", "t")], ("x", "1"), vec![now.clone(), pair("x", "1")], now.clone()),
        ] {
            assert_eq!(headers(&KIND, pairs, own, &Default::default()), [first, vec![second]]);
        }
    }
}
