//! Load generators: lines over TCP, and a probe that measures one line at a time.

use anyhow::Context;
use hdrhistogram::Histogram;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A block of equal lines, about 64 KiB of them.
pub(crate) struct Lines {
    block: Vec<u8>,
    pub(crate) in_block: u64,
}

impl Lines {
    /// Lines of `size` bytes, their line end included.
    pub(crate) fn new(size: usize) -> Self {
        let size = size.max(2);
        let line: Vec<u8> = (0..size - 1).map(|n| b'a' + (n % 26) as u8).chain([b'\n']).collect();
        let count = (64 << 10) / size + 1;
        Lines { block: line.repeat(count), in_block: count as u64 }
    }
}

/// Sends blocks until told to stop or the other side goes away; gives the lines sent.
pub(crate) fn send_until(mut stream: &TcpStream, lines: &Lines, stop: &AtomicBool) -> u64 {
    let mut sent = 0;
    while !stop.load(Relaxed) && stream.write_all(&lines.block).is_ok() {
        sent += lines.in_block;
    }
    stream.shutdown(std::net::Shutdown::Write).ok();
    sent
}

/// The same against a peer that answers every line: answers are read by a second thread, at most one block is unanswered.
/// Gives the lines that were answered with `OK`.
pub(crate) fn send_answered(stream: &TcpStream, lines: &Lines, stop: &AtomicBool) -> anyhow::Result<u64> {
    let mut answers = BufReader::with_capacity(64 << 10, stream);
    let (mut accepted, mut answer) = (0, String::new());
    let mut write = stream;
    while !stop.load(Relaxed) {
        write.write_all(&lines.block)?;
        for _ in 0..lines.in_block {
            answer.clear();
            answers.read_line(&mut answer)?;
            match answer.as_str() {
                "OK\n" => accepted += 1,
                other => anyhow::ensure!(other.starts_with("FAILED"), "unexpected answer {other:?}"),
            }
        }
    }
    Ok(accepted)
}

/// For durations in microseconds, up to a minute.
pub(crate) fn latencies() -> Histogram<u64> {
    Histogram::new_with_max(60_000_000, 3).expect("bounds are constants that fit")
}

/// One line every `every` and the time until its `OK`, in microseconds, until told to stop; gives the lines accepted too.
pub(crate) fn probe(port: u16, every: Duration, stop: &AtomicBool) -> anyhow::Result<(Histogram<u64>, u64)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("cannot connect the probe")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut latency = latencies();
    let mut accepted = 0;
    while !stop.load(Relaxed) {
        let began = Instant::now();
        stream.write_all(b"probe\n")?;
        let mut first = [0u8; 3];
        stream.read_exact(&mut first).context("the probe got no answer")?;
        if &first == b"OK\n" {
            accepted += 1;
            latency.saturating_record(began.elapsed().as_micros().try_into().unwrap_or(u64::MAX));
        } else {
            BufReader::new(&stream).read_line(&mut String::new())?;
        }
        std::thread::sleep(every.saturating_sub(began.elapsed()));
    }
    Ok((latency, accepted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_whole_lines_of_the_wanted_size() {
        for size in [2, 200, 4096, 100_000] {
            let lines = Lines::new(size);
            assert_eq!(lines.block.len() as u64, lines.in_block * size as u64);
            assert_eq!(lines.block.iter().filter(|b| **b == b'\n').count() as u64, lines.in_block);
            assert_eq!(lines.block.last(), Some(&b'\n'));
        }
    }
}
