//! A checkpoint: what has been acknowledged, and from where the log must be scanned. Two copies are written in turn.
//! It saves time at opening and covers the holes that recycled slots leave; it is never the only truth.

use super::{FormatError, LogId, array_at, check_version, crc, put, u16_at, u32_at, u64_at};
use std::ops::Range;

/// Bytes before the ranges and slots.
pub const HEAD_BYTES: usize = 192;
/// Bytes of an acknowledged range.
pub const RANGE_BYTES: usize = 16;
/// Bytes of a slot's entry.
pub const SLOT_BYTES: usize = 56;

const MAGIC: [u8; 8] = *b"PSTKCKP\0";
const CLEAN: u8 = 1;

/// A place in the log between two frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The segment; 0 before the first.
    pub epoch: u64,
    /// Where in it.
    pub offset_bytes: u64,
    /// The next frame.
    pub frame: u64,
    /// The next event.
    pub event: u64,
    /// Checksum of the header before.
    pub prev_header_crc: u32,
}

/// What a checkpoint remembers of a segment, in case both copies of its header are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotEntry {
    /// The slot.
    pub slot: u32,
    /// As in the segment's header.
    pub span_events: u32,
    /// As in the segment's header.
    pub epoch: u64,
    /// As in the segment's header.
    pub salt: u64,
    /// As in the segment's header.
    pub first_frame: u64,
    /// As in the segment's header.
    pub first_event: u64,
    /// As in the segment's header.
    pub prev_header_crc: u32,
    /// Where the segment ends; 0 while it is written.
    pub end_bytes: u64,
}

/// The contents of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// The log.
    pub log_id: LogId,
    /// +1 with each write; the higher valid copy counts.
    pub generation: u64,
    /// No epoch above this one was used before.
    pub max_epoch: u64,
    /// Milliseconds since 1970.
    pub written_ms: u64,
    /// Frames from here on are not covered: scan them.
    pub scan_from: Place,
    /// Everything before this place had been durable: a hole there is damage.
    pub durable: Place,
    /// The log was closed in order after this.
    pub clean: bool,
    /// All events below are acknowledged.
    pub low_watermark: u64,
    /// Acknowledged ranges above the low watermark, ascending.
    pub ranges: Vec<Range<u64>>,
    /// The segments in use, as many as fit, newest first.
    pub slots: Vec<SlotEntry>,
}

/// How many slot entries fit beside `ranges` ranges into a copy of `copy_bytes`.
pub fn slots_beside(copy_bytes: usize, ranges: usize) -> usize {
    copy_bytes.saturating_sub(HEAD_BYTES + ranges * RANGE_BYTES) / SLOT_BYTES
}

impl Checkpoint {
    /// Bytes that [`Checkpoint::encode`] writes.
    pub fn encoded_bytes(&self) -> usize {
        HEAD_BYTES + self.ranges.len() * RANGE_BYTES + self.slots.len() * SLOT_BYTES
    }

    /// Writes copy `copy`; `into` has at least [`Checkpoint::encoded_bytes`] bytes, the rest becomes zero.
    pub fn encode(&self, copy: u8, into: &mut [u8]) {
        let used = self.encoded_bytes();
        into.fill(0);
        put(into, 0, MAGIC);
        put(into, 12, super::VERSION.to_le_bytes());
        put(into, 14, [copy, if self.clean { CLEAN } else { 0 }]);
        put(into, 16, 0u64.to_le_bytes()); // required features: none
        put(into, 24, 0u64.to_le_bytes()); // optional features: none
        put(into, 32, self.log_id.0);
        put(into, 48, self.generation.to_le_bytes());
        put(into, 56, self.max_epoch.to_le_bytes());
        put(into, 64, self.written_ms.to_le_bytes());
        put(into, 72, self.low_watermark.to_le_bytes());
        put(into, 80, (used as u32).to_le_bytes());
        put(into, 84, (self.ranges.len() as u32).to_le_bytes());
        put(into, 88, (self.slots.len() as u32).to_le_bytes());
        for (at, place) in [(96, &self.scan_from), (136, &self.durable)] {
            put(into, at, place.epoch.to_le_bytes());
            put(into, at + 8, place.offset_bytes.to_le_bytes());
            put(into, at + 16, place.frame.to_le_bytes());
            put(into, at + 24, place.event.to_le_bytes());
            put(into, at + 32, place.prev_header_crc.to_le_bytes());
        }
        let mut at = HEAD_BYTES;
        for range in &self.ranges {
            put(into, at, range.start.to_le_bytes());
            put(into, at + 8, range.end.to_le_bytes());
            at += RANGE_BYTES;
        }
        for entry in &self.slots {
            put(into, at, entry.slot.to_le_bytes());
            put(into, at + 4, entry.span_events.to_le_bytes());
            put(into, at + 8, entry.epoch.to_le_bytes());
            put(into, at + 16, entry.salt.to_le_bytes());
            put(into, at + 24, entry.first_frame.to_le_bytes());
            put(into, at + 32, entry.first_event.to_le_bytes());
            put(into, at + 40, entry.end_bytes.to_le_bytes());
            put(into, at + 48, entry.prev_header_crc.to_le_bytes());
            at += SLOT_BYTES;
        }
        let sum = crc(0, &into[12..used]);
        put(into, 8, sum.to_le_bytes());
    }

    /// Reads copy `copy` from the beginning of `bytes`.
    ///
    /// # Limits
    /// Allocates no more than `bytes` holds.
    ///
    /// # Errors
    /// As the segment header.
    pub fn decode(bytes: &[u8], copy: u8) -> Result<Checkpoint, FormatError> {
        if bytes.len() < HEAD_BYTES {
            return Err(FormatError::Short { have_bytes: bytes.len(), need_bytes: HEAD_BYTES });
        }
        if array_at::<8>(bytes, 0) != MAGIC {
            return Err(FormatError::Magic);
        }
        let used = u32_at(bytes, 80) as usize;
        if used < HEAD_BYTES || used > bytes.len() || u32_at(bytes, 8) != crc(0, &bytes[12..used]) {
            return Err(FormatError::Checksum);
        }
        check_version(u16_at(bytes, 12), u64_at(bytes, 16))?;
        if bytes[14] != copy {
            return Err(FormatError::Field { name: "copy" });
        }
        let (ranges, slots) = (u32_at(bytes, 84) as usize, u32_at(bytes, 88) as usize);
        let sized = ranges.checked_mul(RANGE_BYTES).zip(slots.checked_mul(SLOT_BYTES));
        if sized.and_then(|(a, b)| a.checked_add(b)).is_none_or(|tables| HEAD_BYTES + tables != used) {
            return Err(FormatError::Field { name: "size" });
        }
        let (range_bytes, slot_bytes) = bytes[HEAD_BYTES..used].split_at(ranges * RANGE_BYTES);
        Ok(Checkpoint {
            log_id: LogId(array_at(bytes, 32)),
            generation: u64_at(bytes, 48),
            max_epoch: u64_at(bytes, 56),
            written_ms: u64_at(bytes, 64),
            scan_from: place_at(bytes, 96),
            durable: place_at(bytes, 136),
            clean: bytes[15] & CLEAN != 0,
            low_watermark: u64_at(bytes, 72),
            ranges: range_bytes.chunks_exact(RANGE_BYTES).map(|at| u64_at(at, 0)..u64_at(at, 8)).collect(),
            slots: slot_bytes.chunks_exact(SLOT_BYTES).map(slot_at).collect(),
        })
    }
}

fn place_at(bytes: &[u8], at: usize) -> Place {
    Place {
        epoch: u64_at(bytes, at),
        offset_bytes: u64_at(bytes, at + 8),
        frame: u64_at(bytes, at + 16),
        event: u64_at(bytes, at + 24),
        prev_header_crc: u32_at(bytes, at + 32),
    }
}

fn slot_at(bytes: &[u8]) -> SlotEntry {
    SlotEntry {
        slot: u32_at(bytes, 0),
        span_events: u32_at(bytes, 4),
        epoch: u64_at(bytes, 8),
        salt: u64_at(bytes, 16),
        first_frame: u64_at(bytes, 24),
        first_event: u64_at(bytes, 32),
        end_bytes: u64_at(bytes, 40),
        prev_header_crc: u32_at(bytes, 48),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_and_no_flipped_bit_passes() {
        let place = Place { epoch: 4, offset_bytes: 8192, frame: 12, event: 400, prev_header_crc: 99 };
        let written = Checkpoint {
            log_id: LogId([3; 16]),
            generation: 8,
            max_epoch: 4,
            written_ms: 1,
            scan_from: place,
            durable: Place { frame: 13, ..place },
            clean: true,
            low_watermark: 100,
            ranges: vec![120..130, 200..201],
            slots: vec![SlotEntry { slot: 2, epoch: 4, salt: 5, end_bytes: 77, ..SlotEntry::default() }],
        };
        let mut bytes = vec![0; 512];
        written.encode(1, &mut bytes);
        assert_eq!(Checkpoint::decode(&bytes, 1), Ok(written.clone()));
        assert_eq!(Checkpoint::decode(&bytes, 0), Err(FormatError::Field { name: "copy" }));
        assert_eq!(slots_beside(512, 2), (512 - 192 - 32) / 56);
        for bit in 0..written.encoded_bytes() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Checkpoint::decode(&bytes, 1).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
