//! `load_balancing`: each event to exactly one channel of the source.
//!
//! Flume documents this selector and its validator then drops every source that has it; here it works. There is no
//! failover: when the chosen channel refuses, the source sees the refusal.

use crate::config::{BadValue, Kind, KindInfo, RunsOn, Setting, Settings};
use crate::event::{Draft, Error};
use crate::pipeline::{ChannelSelector, Route, Routing, SelectorSpec};
use std::cell::Cell;
use std::sync::Arc;

static POLICY: Setting<Policy> = Setting::new(
    "policy",
    Policy::parse,
    "round_robin, random",
    "How the channel of the next event is chosen: one after the other in the order of the source's list, or at random.",
)
.default("ROUND_ROBIN");

/// What the registry lists.
pub static KIND: Kind<dyn SelectorSpec> = Kind {
    info: KindInfo {
        names: &["load_balancing", "org.apache.flume.channel.LoadBalancingChannelSelector"],
        summary: "Gives each event to one channel of the source, in turn or at random.",
        runs_on: RunsOn::DataCore,
        settings: &[&POLICY],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: None,
    },
    build: |settings| Ok(Box::new(LoadBalancingSpec::new(settings))),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    RoundRobin,
    Random,
}

impl Policy {
    fn parse(text: &str) -> Result<Policy, BadValue> {
        match text.trim().to_ascii_lowercase().as_str() {
            "round_robin" => Ok(Policy::RoundRobin),
            "random" => Ok(Policy::Random),
            _ => Err(BadValue::NotOneOf { text: text.to_owned(), allowed: "round_robin, random" }),
        }
    }
}

struct LoadBalancingSpec {
    policy: Policy,
}

impl LoadBalancingSpec {
    fn new(settings: &Settings) -> Self {
        LoadBalancingSpec { policy: settings.value(&POLICY) }
    }
}

impl SelectorSpec for LoadBalancingSpec {
    fn bind(self: Box<Self>, channels: &[Arc<str>]) -> Result<Box<dyn ChannelSelector>, Error> {
        let channels = u16::try_from(channels.len()).expect("a source has fewer than 65,536 channels");
        Ok(Box::new(LoadBalancing { policy: self.policy, channels, next: Cell::new(0) }))
    }
}

struct LoadBalancing {
    policy: Policy,
    channels: u16,
    /// The channel of the next event under round robin.
    next: Cell<u16>,
}

impl ChannelSelector for LoadBalancing {
    fn select(&self, draft: &Draft, random: &mut dyn FnMut() -> u64, out: &mut Routing) {
        out.routes = (0..self.channels).map(|c| Route { required: vec![c], optional: Vec::new() }).collect();
        let events = draft.len() as usize;
        match self.policy {
            Policy::RoundRobin => {
                let mut next = self.next.get();
                out.of_event.extend(
                    std::iter::repeat_with(|| {
                        let chosen = next;
                        next = if next + 1 < self.channels { next + 1 } else { 0 };
                        chosen
                    })
                    .take(events),
                );
                self.next.set(next);
            }
            Policy::Random => {
                let mut bits = random();
                out.of_event.extend(
                    std::iter::repeat_with(|| below(split_mix(&mut bits), self.channels)).take(events),
                );
            }
        }
    }
}

/// The next of a sequence of well mixed bits: splitmix64, public domain.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Random bits as a number below `end`.
fn below(bits: u64, end: u16) -> u16 {
    let scaled = (u128::from(bits) * u128::from(end)) >> 64;
    u16::try_from(scaled).expect("the product of 64 bits and `end`, shifted by 64, is below `end`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selector::testing::{bound, draft, routes};

    fn chosen(selector: &dyn ChannelSelector, events: usize) -> Vec<u16> {
        let routes = routes(selector, &draft("h", &vec![None; events]));
        assert!(routes.iter().all(|(required, optional)| required.len() == 1 && optional.is_empty()));
        routes.into_iter().map(|(required, _)| required[0]).collect()
    }

    /// Flume: TestLoadBalancingChannelSelector.testLoadBalancingSelector.
    #[test]
    fn the_default_policy_rotates_by_event_across_batches() {
        let selector = bound(&KIND, &[], 4).unwrap();
        assert_eq!(chosen(&*selector, 6), [1, 2, 3, 4, 1, 2]);
        assert_eq!(chosen(&*selector, 1), [3]);
        assert_eq!(chosen(&*selector, 2), [4, 1]);
    }

    #[test]
    fn random_uses_every_channel_about_equally() {
        let selector = bound(&KIND, &[("policy", "RANDOM")], 4).unwrap();
        let chosen = chosen(&*selector, 4_000);
        for channel in 1..=4 {
            let count = chosen.iter().filter(|c| **c == channel).count();
            assert!((850..1_150).contains(&count), "channel {channel}: {count} of 4000");
        }
    }

    #[test]
    fn other_policies_are_not_values() {
        assert_eq!(Policy::parse("Round_Robin"), Ok(Policy::RoundRobin));
        assert_eq!(
            Policy::parse("sticky").unwrap_err().to_string(),
            "\"sticky\" is not one of round_robin, random"
        );
    }
}
