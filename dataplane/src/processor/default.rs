//! `default`: one sink, called as it is. What every sink without a group runs under.

use crate::config::{Kind, KindInfo, RunsOn};
use crate::event::{Advice, Error};
use crate::pipeline::{Member, SinkProcessor, Status};
use crate::reactor::Fut;

/// What the registry lists.
pub static KIND: Kind<dyn SinkProcessor> = Kind {
    info: KindInfo {
        names: &["default", "org.apache.flume.sink.DefaultSinkProcessor"],
        summary: "Runs a single sink; a group with several needs failover or load_balance.",
        runs_on: RunsOn::DataCore,
        settings: &[],
        open_prefixes: &[],
        unsupported: &[],
        batch_size_key: None,
    },
    build: |_settings| Ok(Box::new(DefaultProcessor)),
};

struct DefaultProcessor;

impl SinkProcessor for DefaultProcessor {
    fn process<'a>(&'a mut self, members: &'a mut [Member]) -> Fut<'a, Result<Status, Error>> {
        match members {
            [one] => one.sink.process(&mut *one.input, &one.cx),
            several => {
                let what = format!("the default sink processor runs exactly one sink, not {}", several.len());
                Box::pin(async move { Err(Error::new(Advice::Stop, what)) })
            }
        }
    }
}
