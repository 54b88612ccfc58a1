//! What a log may use, and what its owner asks of it.

use crate::{Tick, format, format::LogId};

/// What to do with damaged data that was acknowledged once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCorruption {
    /// Copy it aside, name the events it held, and go on with everything that is whole.
    #[default]
    Skip,
    /// Refuse to open, change nothing; while running, fail the log.
    Stop,
}

/// How long acknowledged events stay readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retain {
    /// Not at all: their space is used again.
    #[default]
    Nothing,
    /// So many nanoseconds after the last acknowledgement in their segment.
    For(Tick),
    /// As long as they take no more than so many bytes.
    Bytes(u64),
}

/// Sizes and counts. Every buffer and table of the log has its bound here.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Every commit begins and ends at a multiple of it; a power of two.
    pub block_bytes: u32,
    /// The size of the first segment, and of all while little is written.
    pub first_segment_bytes: u64,
    /// What segments shrink to when space is short.
    pub min_segment_bytes: u64,
    /// What segments grow to when much is written.
    pub max_segment_bytes: u64,
    /// What all segments together may take.
    pub max_bytes: u64,
    /// Space of the file system that is never taken.
    pub min_free_bytes: u64,
    /// Segments kept ready at most.
    pub spare_segments: usize,
    /// The largest commit; the size of a commit buffer.
    pub commit_bytes: u32,
    /// Commit buffers: one is filled, the others are on their way to the disk.
    pub commit_buffers: usize,
    /// Commits on their way to the disk at a time.
    pub commits_in_flight: usize,
    /// What is read at a time.
    pub read_bytes: u32,
    /// Read buffers: one is delivered from while the other is filled.
    pub read_buffers: usize,
    /// The largest put.
    pub put_bytes: u32,
    /// Size of each checkpoint copy.
    pub checkpoint_bytes: u32,
    /// Acknowledged ranges above the low watermark after which [`crate::Log::may_lease`] says no.
    pub ack_ranges: usize,
}

impl Limits {
    /// For production: 4 MiB of commit buffers, segments of 16 to 256 MiB.
    pub fn standard() -> Limits {
        Limits {
            block_bytes: 4096,
            first_segment_bytes: 16 << 20,
            min_segment_bytes: 4 << 20,
            max_segment_bytes: 256 << 20,
            max_bytes: u64::MAX,
            min_free_bytes: 0,
            spare_segments: 4,
            commit_bytes: 1 << 20, // measured: from 1 MiB on, two in flight reach the device's limit
            commit_buffers: 4,
            commits_in_flight: 3,
            read_bytes: 2 << 20,
            read_buffers: 2,
            put_bytes: 256 << 20,
            checkpoint_bytes: 64 << 10,
            ack_ranges: 1024,
        }
    }

    /// For tests: segments of 4 KiB, so that every wrap-around happens in every run.
    pub fn tiny() -> Limits {
        Limits {
            block_bytes: 256,
            first_segment_bytes: 4 << 10,
            min_segment_bytes: 4 << 10,
            max_segment_bytes: 8 << 10,
            max_bytes: 40 << 10,
            min_free_bytes: 0,
            spare_segments: 2,
            commit_bytes: 1 << 10,
            commit_buffers: 4,
            commits_in_flight: 3,
            read_bytes: 2 << 10,
            read_buffers: 2,
            put_bytes: 16 << 10,
            checkpoint_bytes: 1 << 10,
            ack_ranges: 16,
        }
    }

    /// The largest payload that fits into one frame.
    pub fn frame_payload_bytes(&self) -> usize {
        // An ACK frame of one range always finds room beside it.
        let ack = format::frame::HEADER_BYTES + 64;
        self.commit_bytes as usize - format::frame::HEADER_BYTES - ack
    }

    /// What does not fit together, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        let block = u64::from(self.block_bytes);
        let multiple = |name: &str, value: u64| match value % block {
            0 => Ok(()),
            _ => Err(format!("{name} is {value}, which is not a multiple of the block size {block}")),
        };
        if !self.block_bytes.is_power_of_two() || block < format::segment::HEADER_BYTES as u64 {
            return Err(format!("the block size {block} is not a power of two of at least 256"));
        }
        multiple("the first segment size", self.first_segment_bytes)?;
        multiple("the smallest segment size", self.min_segment_bytes)?;
        multiple("the largest segment size", self.max_segment_bytes)?;
        multiple("the commit size", u64::from(self.commit_bytes))?;
        multiple("the read size", u64::from(self.read_bytes))?;
        multiple("the checkpoint size", u64::from(self.checkpoint_bytes))?;
        if self.min_segment_bytes > self.first_segment_bytes
            || self.first_segment_bytes > self.max_segment_bytes
        {
            return Err("segment sizes must satisfy smallest <= first <= largest".to_owned());
        }
        if u64::from(self.commit_bytes) + 2 * block > self.min_segment_bytes {
            return Err(format!(
                "a commit of {} bytes does not fit into a segment of {} bytes",
                self.commit_bytes, self.min_segment_bytes
            ));
        }
        if u64::from(self.commit_bytes) < 4 * format::frame::HEADER_BYTES as u64 {
            return Err(format!("a commit of {} bytes is too small", self.commit_bytes));
        }
        if self.read_bytes < self.commit_bytes {
            return Err("the read size is below the commit size".to_owned());
        }
        if self.commit_buffers < 2 || self.commits_in_flight < 1 || self.read_buffers < 1 {
            return Err(
                "at least two commit buffers, one in flight, and one read buffer are needed".to_owned()
            );
        }
        let ranges = self.ack_ranges * format::checkpoint::RANGE_BYTES;
        if (self.checkpoint_bytes as usize) < format::checkpoint::HEAD_BYTES + ranges {
            return Err(format!("{} ranges do not fit into a checkpoint", self.ack_ranges));
        }
        Ok(())
    }
}

/// How a log behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// Sizes.
    pub limits: Limits,
    /// The name of the log if it is made now: 16 random bytes.
    pub new_log_id: LogId,
    /// Random, new for each start.
    pub salt: u64,
    /// Milliseconds since 1970, now.
    pub wall_ms: u64,
    /// Data directories: slot `n` is in directory `n % directories`.
    pub directories: u32,
    /// Damaged data.
    pub on_corruption: OnCorruption,
    /// Acknowledgements are made durable at once, not at the next occasion.
    pub ack_sync: bool,
    /// How long a commit waits for more when nothing is on its way. 0: it goes at once.
    pub linger: Tick,
    /// How long acknowledgements wait for a commit to ride on before they go to the checkpoint.
    pub ack_interval: Tick,
    /// Checkpoints are at most so far apart while anything changes.
    pub checkpoint_interval: Tick,
    /// Checkpoints are at most so many bytes of log apart: what opening scans at most.
    pub checkpoint_log_bytes: u64,
    /// After so long without a new segment, spare ones are given back.
    pub idle_after: Tick,
    /// How long acknowledged events stay.
    pub retain: Retain,
    /// A planted bug, for the tests of the tests.
    #[cfg(feature = "canaries")]
    pub canary: Option<crate::canary::Canary>,
}

impl Config {
    /// The defaults around these limits.
    pub fn new(limits: Limits, new_log_id: LogId, salt: u64, wall_ms: u64) -> Config {
        const MS: Tick = 1_000_000;
        Config {
            limits,
            new_log_id,
            salt,
            wall_ms,
            directories: 1,
            on_corruption: OnCorruption::Skip,
            ack_sync: false,
            linger: 0,
            ack_interval: 10 * MS,
            checkpoint_interval: 30_000 * MS,
            checkpoint_log_bytes: 256 << 20,
            idle_after: 60_000 * MS,
            retain: Retain::Nothing,
            #[cfg(feature = "canaries")]
            canary: None,
        }
    }

    pub(crate) fn planted(&self) -> crate::canary::Planted {
        #[cfg(feature = "canaries")]
        return crate::canary::Planted(self.canary);
        #[cfg(not(feature = "canaries"))]
        crate::canary::Planted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_of_limits_we_ship_fit_together() {
        assert_eq!(Limits::standard().check(), Ok(()));
        assert_eq!(Limits::tiny().check(), Ok(()));
        let odd = Limits { commit_bytes: 8 << 10, read_bytes: 8 << 10, ..Limits::tiny() };
        assert_eq!(
            odd.check(),
            Err("a commit of 8192 bytes does not fit into a segment of 4096 bytes".to_owned())
        );
    }
}
