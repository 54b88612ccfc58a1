//! `replicating`: every event to every channel of the source; what sources have unless told otherwise.

use crate::config::{Kind, KindInfo, RunsOn, Setting, Settings, units};
use crate::event::{Advice, Draft, Error};
use crate::pipeline::{ChannelSelector, Route, Routing, SelectorSpec};
use std::sync::Arc;

static OPTIONAL: Setting<Vec<String>> = Setting::new(
    "optional",
    units::names,
    "channels of the source, separated by white space",
    "Channels whose failures are logged and forgotten: the source is told of success when the others have the events.",
);

/// What the registry lists.
pub static KIND: Kind<dyn SelectorSpec> = Kind {
    info: KindInfo {
        names: &["replicating", "org.apache.flume.channel.ReplicatingChannelSelector"],
        summary: "Gives every event to every channel of the source.",
        runs_on: RunsOn::DataCore,
        settings: &[&OPTIONAL],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: None,
    },
    build: |settings| Ok(Box::new(ReplicatingSpec::new(settings))),
};

struct ReplicatingSpec {
    optional: Vec<String>,
}

impl ReplicatingSpec {
    fn new(settings: &Settings) -> Self {
        ReplicatingSpec { optional: settings.get(&OPTIONAL).unwrap_or_default() }
    }
}

impl SelectorSpec for ReplicatingSpec {
    /// Flume takes an unknown optional channel and fails every event with it; here it is an error at once.
    fn bind(self: Box<Self>, channels: &[Arc<str>]) -> Result<Box<dyn ChannelSelector>, Error> {
        if let Some(unknown) = self.optional.iter().find(|name| !channels.iter().any(|c| **c == **name)) {
            let what = format!(
                "optional channel {unknown} is not a channel of the source, which has {}: name one of those in selector.optional",
                channels.join(" ")
            );
            return Err(Error::new(Advice::Stop, what));
        }
        let mut route = Route::default();
        for (index, name) in (0u16..).zip(channels) {
            let optional = self.optional.iter().any(|o| **o == **name);
            if optional { &mut route.optional } else { &mut route.required }.push(index);
        }
        Ok(Box::new(Replicating { route }))
    }
}

struct Replicating {
    route: Route,
}

impl ChannelSelector for Replicating {
    fn select(&self, _draft: &Draft, _random: &mut dyn FnMut() -> u64, out: &mut Routing) {
        out.routes.push(self.route.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selector::testing::{bound, draft, refusal, routes};

    /// Flume: TestReplicatingChannelSelector, all four tests.
    #[test]
    fn every_channel_is_required_unless_it_is_optional() {
        for (optional, expected) in [
            (None, (vec![1, 2, 3, 4], vec![])),
            (Some("ch4"), (vec![1, 2, 3], vec![4])),
            (Some("ch2 ch4"), (vec![1, 3], vec![2, 4])),
            (Some("ch4\tch4"), (vec![1, 2, 3], vec![4])),
            (Some("ch1 ch2 ch3 ch4"), (vec![], vec![1, 2, 3, 4])),
        ] {
            let pairs: Vec<_> = optional.map(|o| ("optional", o)).into_iter().collect();
            let selector = bound(&KIND, &pairs, 4).unwrap();
            assert_eq!(routes(&*selector, &draft("h", &[None, None])), [expected.clone(), expected]);
        }
    }

    #[test]
    fn an_unknown_optional_channel_is_refused_by_name() {
        let text = refusal(&KIND, &[("optional", "ch2 c9")], 2);
        assert!(text.contains("c9") && text.contains("ch1 ch2"), "{text}");
    }
}
