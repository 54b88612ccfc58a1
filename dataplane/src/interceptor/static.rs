//! `static`: one header with one value for every event.

use crate::config::{Kind, KindInfo, RunsOn, Setting, Settings, units};
use crate::event::{Draft, Error};
use crate::pipeline::{InterceptCx, Interceptor};

static KEY: Setting<String> = Setting::new("key", units::text, "", "Name of the header.").default("key");

static VALUE: Setting<String> =
    Setting::new("value", units::text, "", "Value of the header.").default("value");

static PRESERVE_EXISTING: Setting<bool> = Setting::new(
    "preserveExisting",
    units::boolean,
    "true, false",
    "Whether events that have the header already keep theirs; unlike for timestamp and host they do by default.",
)
.default("true");

/// What the registry lists.
pub static KIND: Kind<dyn Interceptor> = Kind {
    info: KindInfo {
        names: &["static", "org.apache.flume.interceptor.StaticInterceptor$Builder"],
        summary: "Adds one header with a fixed value; chain several for several headers.",
        runs_on: RunsOn::DataCore,
        settings: &[&KEY, &VALUE, &PRESERVE_EXISTING],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: None,
    },
    build: |settings| Ok(Box::new(Static::new(settings))),
};

struct Static {
    key: String,
    value: String,
    preserve: bool,
}

impl Static {
    fn new(settings: &Settings) -> Self {
        Static {
            key: settings.value(&KEY),
            value: settings.value(&VALUE),
            preserve: settings.value(&PRESERVE_EXISTING),
        }
    }
}

impl Interceptor for Static {
    fn intercept(&self, draft: &mut Draft, _cx: &mut InterceptCx<'_>) -> Result<(), Error> {
        match self.preserve {
            true => draft.set_all_if_absent(&self.key, &self.value),
            false => draft.set_all(&self.key, &self.value),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interceptor::testing::{headers, pair};

    /// Flume: TestStaticInterceptor.testDefaultKeyValue, testCustomKeyValue, testReplace, testPreserve.
    #[test]
    fn the_header_is_added_and_existing_ones_stay_by_default() {
        let ours = pair("myKey", "myVal");
        let custom = [("key", "myKey"), ("value", "myVal")];
        let replace = [custom[0], custom[1], ("preserveExisting", "false")];
        for (pairs, own, first, second) in [
            (&[][..], ("x", "1"), vec![pair("x", "1"), pair("key", "value")], pair("key", "value")),
            (&custom, ("myKey", "old"), vec![pair("myKey", "old")], ours.clone()),
            (&replace, ("myKey", "old"), vec![ours.clone()], ours.clone()),
        ] {
            assert_eq!(headers(&KIND, pairs, own, &Default::default()), [first, vec![second]]);
        }
    }
}
