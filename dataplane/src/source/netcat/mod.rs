//! `netcat`: lines of text from TCP connections, and a line in return for each.
//!
//! ```text
//! accept ─► Connection ─► read ─► Input: where are the lines? ─► one Draft of many ─► put ─► replies of the batch
//! ```
//!
//! To a client every line is a transaction of its own, as in Flume: it is answered `OK` when the channels have it and
//! `FAILED: …` when they have not. Inside, the lines of a read are put together.
//!
//! # Limits
//! An idle connection holds no buffer, one that has sent half a line holds that. Reads take 2 KiB at first and up to 64 KiB
//! when they fill; of a line no more is kept than `max-line-length` characters and one read.

mod connection;
mod input;
mod kind;
mod reply;

pub use kind::KIND;

use crate::codec::charset::Charset;
use crate::config::Settings;
use crate::event::{Advice, Error};
use crate::pipeline::{Source, SourceCx};
use crate::reactor::{Either, Fut, Listener, Stream, TaskSet, race, resolve};
use connection::Connection;
use input::Pool;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// Pause after the system has refused to give us a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Flume's supervisor tries to start a source again after so long.
const RETRY: Duration = Duration::from_secs(3);

/// What all connections of a source share.
struct Options {
    /// Most UTF-16 units of a line with its line feed.
    max_line_units: usize,
    acknowledge: bool,
    charset: Charset,
    pool: Pool,
}

struct Netcat {
    bind: String,
    port: u16,
    options: Rc<Options>,
    listener: Option<Box<dyn Listener>>,
}

impl Netcat {
    fn new(settings: &Settings) -> Self {
        let units = settings.value(&kind::MAX_LINE_LENGTH).min(kind::LONGEST_LINE_UNITS);
        Netcat {
            bind: settings.value(&kind::BIND),
            port: u16::try_from(settings.value(&kind::PORT)).expect("the setting ends at 65535"),
            options: Rc::new(Options {
                max_line_units: usize::try_from(units).expect("a line is shorter than the address space"),
                acknowledge: settings.value(&kind::ACK_EVERY_EVENT),
                charset: settings.value(&kind::ENCODING),
                pool: Pool::default(),
            }),
            listener: None,
        }
    }

    async fn listen(&self, cx: &SourceCx) -> Result<Box<dyn Listener>, Error> {
        let addresses = resolve(&cx.core, &self.bind, self.port).await.map_err(|e| {
            let what = format!(
                "no address for bind = {}: give an address of this host, or 0.0.0.0 for all of them",
                self.bind
            );
            Error::caused(Advice::RetryAfter(RETRY), what, e)
        })?;
        let address = addresses[0];
        cx.core.listen(address).map_err(|e| {
            let hint = match e.kind() {
                io::ErrorKind::AddrInUse => {
                    ": address in use: stop what listens there, or choose another port"
                }
                io::ErrorKind::AddrNotAvailable => ": not an address of this host: correct bind",
                io::ErrorKind::PermissionDenied => {
                    ": ports below 1024 need the capability CAP_NET_BIND_SERVICE"
                }
                _ => "",
            };
            Error::caused(Advice::RetryAfter(RETRY), format!("cannot listen on {address}{hint}"), e)
        })
    }
}

impl Source for Netcat {
    fn open<'a>(&'a mut self, cx: &'a SourceCx) -> Fut<'a, Result<String, Error>> {
        Box::pin(async move {
            let listener = self.listen(cx).await?;
            let local = listener.local().to_string();
            self.listener = Some(listener);
            Ok(local)
        })
    }

    fn run(mut self: Box<Self>, cx: SourceCx) -> Fut<'static, Result<(), Error>> {
        Box::pin(async move {
            let mut listener = self.listener.take().expect("opened before it runs");
            let mut connections = TaskSet::new(&cx.core);
            let mut refused_before = false;
            loop {
                let next = race(cx.stop.wait(), race(listener.accept(), connections.reap())).await;
                match next {
                    Either::First(()) => break,
                    Either::Second(Either::First(Ok(stream))) => {
                        refused_before = false;
                        self.serve(&cx, stream, &mut connections);
                    }
                    Either::Second(Either::First(Err(e))) => {
                        if e.kind() == io::ErrorKind::ConnectionAborted {
                            continue;
                        }
                        if !std::mem::replace(&mut refused_before, true) {
                            tracing::error!(
                                "source {} cannot accept connections, and keeps trying: {e}; {} are open",
                                cx.name,
                                connections.len()
                            );
                        }
                        cx.stop.sleep(&cx.core, ACCEPT_PAUSE).await;
                    }
                    Either::Second(Either::Second(ended)) => note_end(&cx, ended),
                }
            }
            drop(listener);
            while !connections.is_empty() {
                note_end(&cx, connections.reap().await);
            }
            Ok(())
        })
    }
}

impl Netcat {
    fn serve(&self, cx: &SourceCx, stream: Box<dyn Stream>, connections: &mut TaskSet) {
        let connection = Connection::new(cx.clone(), self.options.clone(), stream);
        connections.start("netcat connection", connection.serve());
    }
}

fn note_end(cx: &SourceCx, ended: Result<(), String>) {
    if let Err(panic) = ended {
        cx.metrics.other_failures.add(1);
        tracing::error!("source {}: a connection ended with a defect of ours: {panic}", cx.name);
    }
}

#[cfg(test)]
mod tests;
