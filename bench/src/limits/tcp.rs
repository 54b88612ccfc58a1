//! Bytes through loopback TCP when nobody looks at them.

use crate::load::{Lines, send_until};
use anyhow::Context;
use serde::Serialize;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What was received.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Received {
    pub(crate) connections: usize,
    pub(crate) mb_per_s: f64,
}

/// Lines of 200 bytes over `connections`, each with a receiving thread of its own, after a warm-up of a tenth of `time`.
pub(crate) fn receive(connections: usize, time: Duration) -> anyhow::Result<Received> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen on loopback")?;
    let port = listener.local_addr()?.port();
    let (bytes, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let lines = Lines::new(200);
    let mb_per_s = std::thread::scope(|scope| -> anyhow::Result<f64> {
        for _ in 0..connections {
            let stream = TcpStream::connect(("127.0.0.1", port))?;
            let (mut peer, _) = listener.accept()?;
            let bytes = &bytes;
            scope.spawn(move || {
                let mut block = vec![0u8; 64 << 10];
                while let Ok(n @ 1..) = peer.read(&mut block) {
                    bytes.fetch_add(n as u64, Relaxed);
                }
            });
            let (stop, lines) = (&stop, &lines);
            scope.spawn(move || send_until(&stream, lines, stop));
        }
        std::thread::sleep(time / 10);
        let (from, began) = (bytes.load(Relaxed), Instant::now());
        std::thread::sleep(time);
        let (moved, took) = (bytes.load(Relaxed) - from, began.elapsed());
        stop.store(true, Relaxed);
        Ok(moved as f64 / 1e6 / took.as_secs_f64())
    })?;
    Ok(Received { connections, mb_per_s })
}
