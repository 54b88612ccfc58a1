//! `host`: where an event passed, as a header.
//!
//! Address and name are those that the process found when it started; when there is none, a warning says so once and no
//! event gets the header, as in Flume.

use crate::config::{Kind, KindInfo, RunsOn, Setting, Settings, units};
use crate::event::{Draft, Error};
use crate::pipeline::{InterceptCx, Interceptor};
use std::cell::Cell;

static USE_IP: Setting<bool> = Setting::new(
    "useIP",
    units::boolean,
    "true, false",
    "Whether the header gets the IP address of this host; if not, it gets its canonical name.",
)
.default("true");

static HOST_HEADER: Setting<String> =
    Setting::new("hostHeader", units::text, "", "Header that gets the address or name.").default("host");

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
        names: &["host", "org.apache.flume.interceptor.HostInterceptor$Builder"],
        summary: "Adds the address or the name of this host as a header.",
        runs_on: RunsOn::DataCore,
        settings: &[&USE_IP, &HOST_HEADER, &PRESERVE_EXISTING],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: None,
    },
    build: |settings| Ok(Box::new(Host::new(settings))),
};

struct Host {
    header: String,
    use_ip: bool,
    preserve: bool,
    warned: Cell<bool>,
}

impl Host {
    fn new(settings: &Settings) -> Self {
        Host {
            header: settings.value(&HOST_HEADER),
            use_ip: settings.value(&USE_IP),
            preserve: settings.value(&PRESERVE_EXISTING),
            warned: Cell::new(false),
        }
    }
}

impl Interceptor for Host {
    fn intercept(&self, draft: &mut Draft, cx: &mut InterceptCx<'_>) -> Result<(), Error> {
        let value = if self.use_ip { &cx.host.ip } else { &cx.host.name };
        match value {
            Some(value) if self.preserve => draft.set_all_if_absent(&self.header, value),
            Some(value) => draft.set_all(&self.header, value),
            None if !self.warned.replace(true) => tracing::warn!(
                target: "org.apache.flume.interceptor.HostInterceptor",
                "could not get local host address: events get no header {}",
                self.header
            ),
            None => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interceptor::testing::{headers, pair};
    use crate::reactor::HostNames;

    /// Flume: TestHostInterceptor.testBasic, testCustomHeader, testPreserve, testClobber, testUseIP, testUseHostname.
    #[test]
    fn the_address_or_the_name_is_set_or_kept() {
        let host = HostNames { ip: Some("192.0.2.7".into()), name: Some("box.example".into()) };
        let ip = pair("host", "192.0.2.7");
        for (pairs, own, first, second) in [
            (&[][..], ("host", "old"), vec![ip.clone()], ip.clone()),
            (&[("preserveExisting", "true")], ("host", "old"), vec![pair("host", "old")], ip.clone()),
            (
                &[("useIP", "false")],
                ("host", "old"),
                vec![pair("host", "box.example")],
                pair("host", "box.example"),
            ),
            (&[("hostHeader", "h")], ("h", "old"), vec![pair("h", "192.0.2.7")], pair("h", "192.0.2.7")),
        ] {
            assert_eq!(headers(&KIND, pairs, own, &host), [first, vec![second]]);
        }
    }

    #[test]
    fn a_host_without_a_name_adds_nothing() {
        let [first, second] = headers(&KIND, &[], ("host", "old"), &HostNames::default());
        assert_eq!((first, second), (vec![pair("host", "old")], vec![]));
    }
}
