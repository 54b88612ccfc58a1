//! `multiplexing`: the value of a header decides which channels get an event.
//!
//! Rules, all Flume's:
//! - channel names in a list are separated by exactly one space; two spaces name a channel called "";
//! - values are compared exactly, case and blanks included;
//! - no header, a blank one, or a value without a mapping: the default channels; without those the event goes nowhere
//!   and the source is told of success (the channel processor counts such events and says so);
//! - optional channels are found by the value alone, and those that are required for it anyway are left out.

use crate::config::{Kind, KindInfo, OpenPrefix, RunsOn, Setting, Settings, units};
use crate::event::{Advice, Draft, Error, HeaderOfAll};
use crate::pipeline::{ChannelSelector, Route, Routing, SelectorSpec};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

static HEADER: Setting<String> =
    Setting::new("header", units::text, "", "Header whose value decides.").default("flume.selector.header");

static DEFAULT: Setting<String> = Setting::new(
    "default",
    units::text,
    "channels of the source, separated by one space",
    "Channels for events without the header, with a blank one, or with a value that has no mapping.",
);

const MAPPING: &str = "mapping.";
const OPTIONAL: &str = "optional.";

/// What the registry lists.
pub static KIND: Kind<dyn SelectorSpec> = Kind {
    info: KindInfo {
        names: &["multiplexing", "org.apache.flume.channel.MultiplexingChannelSelector"],
        summary: "Chooses the channels of an event by the value of one of its headers.",
        runs_on: RunsOn::DataCore,
        settings: &[&HEADER, &DEFAULT],
        open_prefixes: &[
            OpenPrefix {
                prefix: MAPPING,
                rest: "<value>",
                doc: "Channels for events with that value of the header, separated by one space.",
            },
            OpenPrefix {
                prefix: OPTIONAL,
                rest: "<value>",
                doc: "Channels for that value whose failures are logged and forgotten, separated by one space.",
            },
        ],
        unsupported: &[],
        batch_size_key: None,
    },
    build: |settings| Ok(Box::new(MultiplexingSpec::new(settings))),
};

struct MultiplexingSpec {
    header: String,
    default: Option<String>,
    mapping: BTreeMap<String, String>,
    optional: BTreeMap<String, String>,
}

impl MultiplexingSpec {
    fn new(settings: &Settings) -> Self {
        let below = |prefix| settings.below(prefix).map(|(k, v)| (k.to_owned(), v.text.clone())).collect();
        MultiplexingSpec {
            header: settings.value(&HEADER),
            default: settings.get(&DEFAULT),
            mapping: below(MAPPING),
            optional: below(OPTIONAL),
        }
    }
}

impl SelectorSpec for MultiplexingSpec {
    fn bind(self: Box<Self>, channels: &[Arc<str>]) -> Result<Box<dyn ChannelSelector>, Error> {
        let default = listed(self.default.as_deref().unwrap_or_default(), "selector.default", channels)?;
        let mut mapped = BTreeMap::new();
        for (value, list) in &self.mapping {
            let channels = listed(list, &format!("selector.{MAPPING}{value}"), channels)?;
            if channels.is_empty() {
                let what = format!("no channel configured for when header value is: {value}");
                return Err(Error::new(Advice::Stop, what));
            }
            mapped.insert(value, channels);
        }
        let mut optional = BTreeMap::new();
        for (value, list) in &self.optional {
            optional.insert(value, listed(list, &format!("selector.{OPTIONAL}{value}"), channels)?);
        }
        // Values with the same channels share a route: there are as few as there are different destinations.
        let mut routes = vec![Route { required: default.clone(), optional: Vec::new() }];
        let mut route_of = HashMap::new();
        let values: BTreeSet<&String> = mapped.keys().chain(optional.keys()).copied().collect();
        for value in values {
            // The channels that are taken off the optional list; a blank value is mapped to the default all the same.
            let configured = mapped.get(value).unwrap_or(&default);
            let mut extra = optional.remove(value).unwrap_or_default();
            extra.retain(|c| !configured.contains(c));
            let required = if is_blank(value) { default.clone() } else { configured.clone() };
            let route = Route { required, optional: extra };
            let index = routes.iter().position(|r| *r == route).unwrap_or(routes.len());
            if index == routes.len() {
                routes.push(route);
            }
            let index = u16::try_from(index).map_err(|_| {
                Error::new(
                    Advice::Stop,
                    "the selector has more than 65,535 different destinations: use fewer",
                )
            })?;
            route_of.insert(value.as_str().into(), index);
        }
        Ok(Box::new(Multiplexing { header: self.header, routes, route_of }))
    }
}

/// Java's `trim().isEmpty()`.
fn is_blank(value: &str) -> bool {
    value.bytes().all(|b| b <= b' ')
}

/// A list of channel names as indices, each once, in the order of the list.
fn listed(list: &str, key: &str, channels: &[Arc<str>]) -> Result<Vec<u16>, Error> {
    let mut found = Vec::new();
    // Java's split drops empty parts at the end.
    let list = list.trim_end_matches(' ');
    for name in list.split(' ').filter(|_| !list.is_empty()) {
        let Some(index) = (0u16..).zip(channels).find(|(_, c)| ***c == *name).map(|(index, _)| index) else {
            let hint = match name.is_empty() || name.contains(|c: char| c.is_whitespace()) {
                true => "separate names by one space",
                false => "name channels of the source",
            };
            let what = format!(
                "selector channel not found: \"{name}\" in {key}: {hint}, which has {}",
                channels.join(" ")
            );
            return Err(Error::new(Advice::Stop, what));
        };
        if !found.contains(&index) {
            found.push(index);
        }
    }
    Ok(found)
}

struct Multiplexing {
    header: String,
    /// The first one is for events that no value of `route_of` fits.
    routes: Vec<Route>,
    route_of: HashMap<Box<str>, u16>,
}

impl Multiplexing {
    fn route(&self, value: Option<&str>) -> u16 {
        value.and_then(|v| self.route_of.get(v)).copied().unwrap_or(0)
    }

    fn one_route(&self, route: u16, out: &mut Routing) {
        out.of_event.clear();
        out.routes.push(self.routes[usize::from(route)].clone());
    }
}

impl ChannelSelector for Multiplexing {
    fn select(&self, draft: &Draft, _random: &mut dyn FnMut() -> u64, out: &mut Routing) {
        if let HeaderOfAll::Same(value) = draft.header_of_all(&self.header) {
            return self.one_route(self.route(value), out);
        }
        // Neighbours often agree: a value is looked up once a run.
        let mut last: (Option<&str>, u16) = (None, self.route(None));
        out.of_event.reserve(draft.len() as usize);
        for event in 0..draft.len() {
            let value = draft.headers(event).get(&self.header);
            if value != last.0 {
                last = (value, self.route(value));
            }
            out.of_event.push(last.1);
        }
        match out.of_event.first() {
            Some(&first) if out.of_event.iter().all(|&r| r == first) => self.one_route(first, out),
            _ => out.routes.clone_from(&self.routes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selector::testing::{bound, draft, refusal, routes};

    type Routed = (Vec<u16>, Vec<u16>);

    fn one(pairs: &[(&str, &str)], channels: usize, value: Option<&str>) -> Routed {
        let mut all = vec![("header", "myheader")];
        all.extend_from_slice(pairs);
        let selector = bound(&KIND, &all, channels).unwrap();
        routes(&*selector, &draft("myheader", &[value])).remove(0)
    }

    /// Flume: TestMultiplexingChannelSelector.testSelection.
    #[test]
    fn values_choose_required_and_optional_channels() {
        let pairs = [
            ("mapping.foo", "ch1 ch2"),
            ("mapping.bar", "ch2 ch3"),
            ("mapping.xyz", "ch1 ch2 ch3"),
            ("default", "ch1 ch3"),
            ("optional.foo", "ch2 ch3"),
            ("optional.zebra", "ch2"),
        ];
        for (value, routed) in [
            (Some("foo"), (vec![0, 1], vec![2])),
            (Some("bar"), (vec![1, 2], vec![])),
            (Some("xyz"), (vec![0, 1, 2], vec![])),
            (Some("zebra"), (vec![0, 2], vec![1])),
            (Some("none of them"), (vec![0, 2], vec![])),
            (None, (vec![0, 2], vec![])),
        ] {
            let from_one = |list: Vec<u16>| list.into_iter().map(|c| c + 1).collect::<Vec<_>>();
            assert_eq!(one(&pairs, 3, value), (from_one(routed.0), from_one(routed.1)), "{value:?}");
        }
    }

    /// Flume: testNoSelection (nothing but the default), testNoDefault, testNoMandatory, testOnlyOptional.
    #[test]
    fn parts_of_the_configuration_may_be_missing() {
        let no_selection = [("default", "ch1 ch3")];
        assert_eq!(one(&no_selection, 3, Some("foo")), (vec![1, 3], vec![]));
        let no_default =
            [("mapping.foo", "ch1 ch2"), ("optional.foo", "ch1 ch3"), ("optional.zebra", "ch2 ch3")];
        assert_eq!(one(&no_default, 3, Some("foo")), (vec![1, 2], vec![3]));
        assert_eq!(one(&no_default, 3, Some("zebra")), (vec![], vec![2, 3]));
        assert_eq!(one(&no_default, 3, None), (vec![], vec![]));
        let no_mandatory = [("default", "ch3"), ("optional.foo", "ch2 ch3")];
        assert_eq!(one(&no_mandatory, 3, Some("foo")), (vec![3], vec![2]));
        let only_optional = [("optional.foo", "ch2 ch3")];
        assert_eq!(one(&only_optional, 3, Some("foo")), (vec![], vec![2, 3]));
        assert_eq!(one(&only_optional, 3, Some("bar")), (vec![], vec![]));
    }

    #[test]
    fn values_are_compared_exactly_and_blank_ones_take_the_default() {
        let pairs = [("mapping.a.b", "ch1"), ("default", "ch2"), ("mapping. ", "ch1"), ("optional. ", "ch3")];
        for (value, required) in [("a.b", 1), ("A.B", 2), (" a.b", 2), ("a.b ", 2), ("", 2), ("\t", 2)] {
            assert_eq!(one(&pairs, 3, Some(value)), (vec![required], vec![]), "{value:?}");
        }
        assert_eq!(one(&pairs, 3, Some(" ")), (vec![2], vec![3]), "optional channels go by the raw value");
    }

    #[test]
    fn lists_are_split_on_single_spaces_and_name_known_channels() {
        for (list, wrong) in [("ch1  ch2", "\"\""), ("ch1\tch2", "\"ch1\tch2\""), ("ch1 ch9", "\"ch9\"")] {
            for key in ["mapping.x", "optional.x", "default"] {
                let text = refusal(&KIND, &[(key, list)], 2);
                assert!(
                    text.starts_with(&format!("selector channel not found: {wrong} in selector.{key}")),
                    "{text}"
                );
            }
        }
        let text = refusal(&KIND, &[("mapping.foo", "")], 2);
        assert_eq!(text, "no channel configured for when header value is: foo");
        assert_eq!(one(&[("default", "ch1 ch1")], 2, None), (vec![1], vec![]), "a repeated name counts once");
    }

    #[test]
    fn each_event_of_a_batch_is_routed_on_its_own_and_uniform_batches_at_once() {
        let pairs = [("header", "s"), ("mapping.CZ", "ch1"), ("mapping.US", "ch2"), ("default", "ch3")];
        let selector = bound(&KIND, &pairs, 3).unwrap();
        let mixed = draft("s", &[Some("CZ"), Some("US"), Some("US"), None, Some("DE"), Some("CZ")]);
        let required: Vec<u16> = routes(&*selector, &mixed).iter().map(|(required, _)| required[0]).collect();
        assert_eq!(required, [1, 2, 2, 3, 3, 1]);

        let mut batch_wide = draft("s", &[Some("US"), Some("CZ")]);
        batch_wide.set_all("s", "CZ");
        for uniform in [batch_wide, draft("s", &[Some("CZ"), Some("CZ")])] {
            let mut routing = Routing::default();
            selector.select(&uniform, &mut || 0, &mut routing);
            assert!(routing.of_event.is_empty());
            assert_eq!(routing.routes, [Route { required: vec![0], optional: vec![] }]);
        }
    }
}
