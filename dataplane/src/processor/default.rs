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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Taker;
    use crate::pipeline::testing::{Recorder, memory_channel, run, settings, sink_cx};
    use crate::pipeline::{Sink, SinkCx};
    use crate::reactor::stop_pair;
    use std::sync::Arc;
    use std::time::Duration;

    /// Gives these results, the last first.
    struct Scripted(Vec<Result<Status, Error>>);

    impl Sink for Scripted {
        fn open<'a>(&'a mut self, _cx: &'a SinkCx) -> Fut<'a, Result<(), Error>> {
            Box::pin(async { Ok(()) })
        }
        fn process<'a>(
            &'a mut self,
            _input: &'a mut dyn Taker,
            _cx: &'a SinkCx,
        ) -> Fut<'a, Result<Status, Error>> {
            let next = self.0.pop().expect("called no more often than scripted");
            Box::pin(async { next })
        }
        fn close(self: Box<Self>, _deadline: Duration) -> Fut<'static, Result<(), Error>> {
            Box::pin(async { Ok(()) })
        }
    }

    #[test]
    fn it_passes_on_what_its_one_sink_says_and_takes_no_second_one() {
        run(|core| async move {
            let channel = memory_channel(&core, "c1", &[]).await;
            let (_stopper, stop) = stop_pair();
            let cx = sink_cx(&core, Arc::new(Recorder::default()), 100, stop);
            let member = |script| Member {
                name: "k1".into(),
                sink: Box::new(Scripted(script)),
                input: channel.taker("k1").unwrap(),
                cx: cx.clone(),
            };
            let mut processor = (KIND.build)(&settings("a1.sinkgroups.g1.processor", &[])).unwrap();
            let script = vec![
                Err(Error::new(Advice::Reconnect, "as planned")),
                Ok(Status::Backoff),
                Ok(Status::Ready),
            ];
            let mut one = [member(script)];
            assert_eq!(processor.process(&mut one).await.unwrap(), Status::Ready);
            assert_eq!(processor.process(&mut one).await.unwrap(), Status::Backoff);
            assert_eq!(processor.process(&mut one).await.unwrap_err().what, "as planned");
            let mut two = [member(Vec::new()), member(Vec::new())];
            assert_eq!(processor.process(&mut two).await.unwrap_err().advice, Advice::Stop);
        });
    }
}
