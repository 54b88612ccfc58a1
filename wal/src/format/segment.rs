//! The segment header: what one use of a slot is. It stands in the first and in the last block, each with its own
//! checksum, because the epoch in it seeds the checksum of every frame: one flipped bit must not orphan a slot.

use super::{FormatError, LogId, array_at, check_version, crc, put, u16_at, u32_at, u64_at};

/// Size of a segment header; a block must hold it.
pub const HEADER_BYTES: usize = 192;

const MAGIC: [u8; 8] = *b"PSTKSEG\0";

/// The fields of a segment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SegmentHeader {
    /// Optional-feature bits: unknown ones are ignored.
    pub optional: u64,
    /// The log it belongs to.
    pub log_id: LogId,
    /// Strictly increasing, new for each use of a slot and for each start. 0: prepared, not used yet.
    pub epoch: u64,
    /// Random, new for each start: what an earlier start wrote never validates, even if an epoch came twice.
    pub salt: u64,
    /// The slot's number.
    pub slot: u32,
    /// Multiple of which every commit begins and ends at.
    pub block_bytes: u32,
    /// The slot's size.
    pub size_bytes: u64,
    /// The first frame in it.
    pub first_frame: u64,
    /// The next event when it was begun. A put that began in an earlier segment has this number.
    pub first_event: u64,
    /// Events of the put whose parts began in an earlier segment and go on in this one; 0 for none.
    pub span_events: u32,
    /// Checksum of the last frame header before it.
    pub prev_header_crc: u32,
    /// The segment before it; 0 for none.
    pub prev_epoch: u64,
    /// Where that one ended: everything before was durable, nothing after counts.
    pub prev_end_bytes: u64,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// All events below were acknowledged when it was begun.
    pub low_watermark: u64,
}

impl SegmentHeader {
    /// Writes copy 0 (first block) or 1 (last block).
    pub fn encode(&self, copy: u8, into: &mut [u8; HEADER_BYTES]) {
        *into = [0; HEADER_BYTES];
        put(into, 0, MAGIC);
        put(into, 12, super::VERSION.to_le_bytes());
        put(into, 14, (HEADER_BYTES as u16).to_le_bytes());
        put(into, 16, 0u64.to_le_bytes()); // required features: none
        put(into, 24, self.optional.to_le_bytes());
        put(into, 32, self.log_id.0);
        put(into, 48, self.epoch.to_le_bytes());
        put(into, 56, self.salt.to_le_bytes());
        put(into, 64, self.slot.to_le_bytes());
        put(into, 68, self.block_bytes.to_le_bytes());
        put(into, 72, self.size_bytes.to_le_bytes());
        put(into, 80, self.first_frame.to_le_bytes());
        put(into, 88, self.first_event.to_le_bytes());
        put(into, 96, self.span_events.to_le_bytes());
        put(into, 100, self.prev_header_crc.to_le_bytes());
        put(into, 104, self.prev_epoch.to_le_bytes());
        put(into, 112, self.prev_end_bytes.to_le_bytes());
        put(into, 120, self.created_ms.to_le_bytes());
        put(into, 128, self.low_watermark.to_le_bytes());
        put(into, 136, [copy, 0, 0, 0]); // copy, codec, cipher, reserved; key id and its salt follow, zero
        let sum = crc(0, &into[12..]);
        put(into, 8, sum.to_le_bytes());
    }

    /// Reads copy `copy` of the header of `slot` from the beginning of `bytes`.
    ///
    /// # Errors
    /// `Magic` for a block that never held one, `Unsupported` for a later version's, else damage.
    pub fn decode(bytes: &[u8], slot: u32, copy: u8) -> Result<SegmentHeader, FormatError> {
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(FormatError::Short { have_bytes: bytes.len(), need_bytes: HEADER_BYTES });
        };
        if array_at::<8>(bytes, 0) != MAGIC {
            return Err(FormatError::Magic);
        }
        if u32_at(bytes, 8) != crc(0, &bytes[12..]) {
            return Err(FormatError::Checksum);
        }
        check_version(u16_at(bytes, 12), u64_at(bytes, 16))?;
        let header = SegmentHeader {
            optional: u64_at(bytes, 24),
            log_id: LogId(array_at(bytes, 32)),
            epoch: u64_at(bytes, 48),
            salt: u64_at(bytes, 56),
            slot: u32_at(bytes, 64),
            block_bytes: u32_at(bytes, 68),
            size_bytes: u64_at(bytes, 72),
            first_frame: u64_at(bytes, 80),
            first_event: u64_at(bytes, 88),
            span_events: u32_at(bytes, 96),
            prev_header_crc: u32_at(bytes, 100),
            prev_epoch: u64_at(bytes, 104),
            prev_end_bytes: u64_at(bytes, 112),
            created_ms: u64_at(bytes, 120),
            low_watermark: u64_at(bytes, 128),
        };
        if header.slot != slot {
            return Err(FormatError::Field { name: "slot" });
        }
        if bytes[136] != copy {
            return Err(FormatError::Field { name: "copy" });
        }
        if bytes[137..140] != [0; 3] {
            return Err(FormatError::Field { name: "codec" });
        }
        let block = u64::from(header.block_bytes);
        if !header.block_bytes.is_power_of_two() || block < HEADER_BYTES as u64 {
            return Err(FormatError::Field { name: "block size" });
        }
        if !header.size_bytes.is_multiple_of(block) || header.size_bytes < 3 * block {
            return Err(FormatError::Field { name: "size" });
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> SegmentHeader {
        SegmentHeader {
            log_id: LogId([9; 16]),
            epoch: 4,
            salt: 77,
            slot: 3,
            block_bytes: 4096,
            size_bytes: 16 << 20,
            first_frame: 10,
            first_event: 2000,
            prev_epoch: 3,
            prev_end_bytes: 8192,
            ..SegmentHeader::default()
        }
    }

    #[test]
    fn both_copies_read_back_and_are_not_taken_for_each_other() {
        let mut bytes = [0; HEADER_BYTES];
        sample().encode(1, &mut bytes);
        assert_eq!(SegmentHeader::decode(&bytes, 3, 1), Ok(sample()));
        assert_eq!(SegmentHeader::decode(&bytes, 3, 0), Err(FormatError::Field { name: "copy" }));
        assert_eq!(SegmentHeader::decode(&bytes, 4, 1), Err(FormatError::Field { name: "slot" }));
        assert_eq!(SegmentHeader::decode(&[0; 256], 3, 0), Err(FormatError::Magic));
        for bit in 0..HEADER_BYTES * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&bytes, 3, 1).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn an_unknown_required_bit_refuses_and_an_optional_one_does_not() {
        let mut bytes = [0; HEADER_BYTES];
        SegmentHeader { optional: 1 << 40, ..sample() }.encode(0, &mut bytes);
        assert!(SegmentHeader::decode(&bytes, 3, 0).is_ok());
        bytes[16] = 4;
        let sum = crc(0, &bytes[12..]);
        put(&mut bytes, 8, sum.to_le_bytes());
        let refused = SegmentHeader::decode(&bytes, 3, 0).unwrap_err();
        assert_eq!(refused, FormatError::Unsupported { version: 1, bits: 4 });
        assert_eq!(
            refused.to_string(),
            "written by a later version (format 1, required features 0x4 unknown here); \
             run that version, or drain the channel with it before going back"
        );
    }
}
