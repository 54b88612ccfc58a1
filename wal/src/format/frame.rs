//! A frame: one put, or a part of one, with a 64-byte header.
//!
//! The header's checksum is seeded with the epoch, salt and slot of its segment and with its own position, so a stale
//! or misplaced header never validates. The body has its own checksum in the header.

use super::{FormatError, crc, put, round_up, u32_at, u64_at};

/// Size of a frame header; frames begin at multiples of it.
pub const HEADER_BYTES: usize = 64;

const MAGIC: u32 = u32::from_le_bytes(*b"PSFr");

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A put, or a part of one.
    Data,
    /// Ranges of acknowledged events.
    Ack,
    /// Zeros up to the next block.
    Pad,
    /// The end of a log that was closed: confirms everything before it.
    Seal,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Kind::Data => 1,
            Kind::Ack => 2,
            Kind::Pad => 3,
            Kind::Seal => 4,
        }
    }

    fn from_code(code: u8) -> Option<Kind> {
        [Kind::Data, Kind::Ack, Kind::Pad, Kind::Seal].into_iter().find(|kind| kind.code() == code)
    }
}

/// This frame begins a put.
pub const FIRST: u8 = 1;
/// This frame ends a put.
pub const LAST: u8 = 2;

/// What makes a header belong to one use of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(u32);

impl Seed {
    /// The seed of the segment with this epoch and salt in this slot.
    pub fn new(epoch: u64, salt: u64, slot: u32) -> Seed {
        let mut bytes = [0; 20];
        put(&mut bytes, 0, epoch.to_le_bytes());
        put(&mut bytes, 8, salt.to_le_bytes());
        put(&mut bytes, 16, slot.to_le_bytes());
        Seed(crc(0, &bytes))
    }

    fn header(self, offset_bytes: u64, header: &[u8]) -> u32 {
        crc(crc(self.0, &offset_bytes.to_le_bytes()), &header[8..HEADER_BYTES])
    }
}

/// The fields of a frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// +1 for each frame of the log, of any kind, across segments. The first is 1.
    pub frame_seq: u64,
    /// The first event of the put; in other kinds the next event to come.
    pub first_event: u64,
    /// The last frame known to be durable when this one was sealed; 0 for none.
    pub durable_frame: u64,
    /// Bytes of the body as stored.
    pub stored_bytes: u32,
    /// Bytes of the body before compression.
    pub raw_bytes: u32,
    /// Events of the whole put, also in each part of it.
    pub event_count: u32,
    /// Where this part begins in its put; 0 in a put of one frame.
    pub part_offset: u32,
    /// CRC-32C of the stored body.
    pub body_crc: u32,
    /// Checksum of the header before this one in the log: continuity.
    pub prev_header_crc: u32,
    /// What it holds.
    pub kind: Kind,
    /// [`FIRST`] and [`LAST`]; both in a put of one frame.
    pub flags: u8,
    /// Seconds since 1970 when it was appended.
    pub wall_s: u32,
}

impl FrameHeader {
    /// Bytes from this header to the next one, the body's rounding included.
    pub fn extent_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + round_up(u64::from(self.stored_bytes), HEADER_BYTES as u64)
    }

    /// Writes what is known before the frame has a place: everything but the fields that [`seal`] sets.
    pub fn encode(&self, into: &mut [u8; HEADER_BYTES]) {
        put(into, 0, MAGIC.to_le_bytes());
        put(into, 4, [0; 4]);
        put(into, 8, self.frame_seq.to_le_bytes());
        put(into, 16, self.first_event.to_le_bytes());
        put(into, 24, self.durable_frame.to_le_bytes());
        put(into, 32, self.stored_bytes.to_le_bytes());
        put(into, 36, self.raw_bytes.to_le_bytes());
        put(into, 40, self.event_count.to_le_bytes());
        put(into, 44, self.part_offset.to_le_bytes());
        put(into, 48, self.body_crc.to_le_bytes());
        put(into, 52, self.prev_header_crc.to_le_bytes());
        put(into, 56, [self.kind.code(), 0, self.flags, 0]); // codec 0 and reserved 0: not compressed
        put(into, 60, self.wall_s.to_le_bytes());
    }

    /// Reads the header at `offset_bytes` of its segment, of which `bytes` is the beginning. The second value is its
    /// checksum, which the next header names.
    ///
    /// # Errors
    /// Anything that this segment did not get written at this place.
    pub fn decode(seed: Seed, offset_bytes: u64, bytes: &[u8]) -> Result<(FrameHeader, u32), FormatError> {
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(FormatError::Short { have_bytes: bytes.len(), need_bytes: HEADER_BYTES });
        };
        if u32_at(bytes, 0) != MAGIC {
            return Err(FormatError::Magic);
        }
        let sum = u32_at(bytes, 4);
        if sum != seed.header(offset_bytes, bytes) {
            return Err(FormatError::Checksum);
        }
        if bytes[57] != 0 || bytes[59] != 0 {
            return Err(FormatError::Field { name: "codec" });
        }
        let kind = Kind::from_code(bytes[56]).ok_or(FormatError::Field { name: "kind" })?;
        let header = FrameHeader {
            frame_seq: u64_at(bytes, 8),
            first_event: u64_at(bytes, 16),
            durable_frame: u64_at(bytes, 24),
            stored_bytes: u32_at(bytes, 32),
            raw_bytes: u32_at(bytes, 36),
            event_count: u32_at(bytes, 40),
            part_offset: u32_at(bytes, 44),
            body_crc: u32_at(bytes, 48),
            prev_header_crc: u32_at(bytes, 52),
            kind,
            flags: bytes[58],
            wall_s: u32_at(bytes, 60),
        };
        Ok((header, sum))
    }

    /// Whether `body` is what was stored. Padding has no checksum: nothing of it is used.
    pub fn body_matches(&self, body: &[u8]) -> bool {
        self.kind == Kind::Pad || crc(0, body) == self.body_crc
    }
}

/// Gives the encoded header at the beginning of `frame` its place: what is known to be durable, the header before it,
/// and the checksum, which is returned because the next header must name it. Can be done again for another place.
pub fn seal(
    seed: Seed,
    offset_bytes: u64,
    durable_frame: u64,
    prev_header_crc: u32,
    frame: &mut [u8],
) -> u32 {
    put(frame, 24, durable_frame.to_le_bytes());
    put(frame, 52, prev_header_crc.to_le_bytes());
    let sum = seed.header(offset_bytes, frame);
    put(frame, 4, sum.to_le_bytes());
    sum
}

/// Bytes from an encoded header that this process wrote to the next one.
pub fn extent_of(frame: &[u8]) -> u64 {
    HEADER_BYTES as u64 + round_up(u64::from(u32_at(frame, 32)), HEADER_BYTES as u64)
}

/// The checksum of a body that is given in pieces.
pub fn body_crc<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> u32 {
    pieces.fold(0, crc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> FrameHeader {
        FrameHeader {
            frame_seq: 7,
            first_event: 1000,
            durable_frame: 5,
            stored_bytes: 65,
            raw_bytes: 65,
            event_count: 3,
            part_offset: 40,
            body_crc: 0xdead_beef,
            prev_header_crc: 0x0102_0304,
            kind: Kind::Data,
            flags: FIRST | LAST,
            wall_s: 1_790_000_000,
        }
    }

    #[test]
    fn a_header_validates_only_in_its_segment_at_its_place() {
        let seed = Seed::new(3, 9, 1);
        let mut bytes = [0; HEADER_BYTES];
        sample().encode(&mut bytes);
        let sum = seal(seed, 4096, 5, 0x0102_0304, &mut bytes);
        assert_eq!(FrameHeader::decode(seed, 4096, &bytes), Ok((sample(), sum)));
        assert_eq!(sample().extent_bytes(), 64 + 128);
        for (other, offset) in
            [(Seed::new(4, 9, 1), 4096), (Seed::new(3, 8, 1), 4096), (Seed::new(3, 9, 2), 4096), (seed, 8192)]
        {
            assert_eq!(FrameHeader::decode(other, offset, &bytes), Err(FormatError::Checksum));
        }
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_seen() {
        let seed = Seed::new(3, 9, 1);
        let mut bytes = [0; HEADER_BYTES];
        sample().encode(&mut bytes);
        seal(seed, 4096, 5, 0x0102_0304, &mut bytes);
        for bit in 0..HEADER_BYTES * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(FrameHeader::decode(seed, 4096, &bytes).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(matches!(FrameHeader::decode(seed, 4096, &bytes[..63]), Err(FormatError::Short { .. })));
    }
}
