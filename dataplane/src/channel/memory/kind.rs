//! Every key of the `memory` channel.

use super::MemorySpec;
use crate::channel::ChannelSpec;
use crate::config::units::{self, INT, LONG};
use crate::config::{Kind, KindInfo, RunsOn, Setting, Unit};

pub(super) static CAPACITY: Setting<u64> = Setting::new(
    "capacity",
    units::count::<1, INT>,
    "1 to 2147483647",
    "Most events stored, counting those a sink has taken and not committed.",
)
.default("100")
.unit(Unit::Events)
.bad_is_default();

pub(super) static TRANSACTION_CAPACITY: Setting<u64> = Setting::new(
    "transactionCapacity",
    units::count::<1, INT>,
    "1 to capacity",
    "Most events in one put and in one take.",
)
.default("100")
.unit(Unit::Events)
.bad_is_default();

pub(super) static KEEP_ALIVE: Setting<u64> = Setting::new(
    "keep-alive",
    units::count::<0, INT>,
    "0 to 2147483647",
    "How long a put waits for room before it is refused.",
)
.default("3")
.unit(Unit::Seconds)
.bad_is_default();

pub(super) static BYTE_CAPACITY: Setting<u64> = Setting::new(
    "byteCapacity",
    units::count::<0, LONG>,
    "0 to 9223372036854775807",
    "Most bytes of event bodies stored; by default 80 % of -Xmx if one is given, else of a quarter of the memory that the \
     machine or cgroup grants; 0 means no limit.",
)
.unit(Unit::Bytes)
.bad_is_default();

pub(super) static BYTE_CAPACITY_BUFFER: Setting<u64> = Setting::new(
    "byteCapacityBufferPercentage",
    units::count::<0, 100>,
    "0 to 100",
    "Part of byteCapacity that is left for headers.",
)
.default("20")
.unit(Unit::Percent)
.bad_is_default();

/// What the registry lists.
pub static KIND: Kind<dyn ChannelSpec> = Kind {
    info: KindInfo {
        names: &["memory", "org.apache.flume.channel.MemoryChannel"],
        summary: "Keeps events in the memory of the process: fast, and lost when the process dies.",
        runs_on: RunsOn::DataCore,
        settings: &[&CAPACITY, &TRANSACTION_CAPACITY, &KEEP_ALIVE, &BYTE_CAPACITY, &BYTE_CAPACITY_BUFFER],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: None,
    },
    build: |settings| Ok(Box::new(MemorySpec::new(settings)?)),
};
