//! The payload of an ACK frame: the low watermark and the ranges acknowledged since the ACK frame before.

use super::{FormatError, put, u32_at, u64_at};
use std::ops::Range;

const HEAD_BYTES: usize = 16;
const RANGE_BYTES: usize = 16;

/// Bytes of a payload with this many ranges.
pub fn payload_bytes(ranges: usize) -> usize {
    HEAD_BYTES + ranges * RANGE_BYTES
}

/// How many ranges fit into a payload of this size.
pub fn ranges_in(bytes: usize) -> usize {
    bytes.saturating_sub(HEAD_BYTES) / RANGE_BYTES
}

/// Writes a payload; `into` has [`payload_bytes`] bytes.
pub fn encode(low_watermark: u64, ranges: &[Range<u64>], into: &mut [u8]) {
    debug_assert_eq!(into.len(), payload_bytes(ranges.len()));
    put(into, 0, low_watermark.to_le_bytes());
    put(into, 8, (ranges.len() as u32).to_le_bytes());
    put(into, 12, [0; 4]);
    for (range, into) in ranges.iter().zip(into[HEAD_BYTES..].chunks_exact_mut(RANGE_BYTES)) {
        put(into, 0, range.start.to_le_bytes());
        put(into, 8, range.end.to_le_bytes());
    }
}

/// Reads a payload: the low watermark, and the ranges one by one.
///
/// # Errors
/// A count that is not the payload's size, or a range that ends before it begins.
pub fn decode(payload: &[u8]) -> Result<(u64, impl Iterator<Item = Range<u64>> + '_), FormatError> {
    let count = if payload.len() < HEAD_BYTES { 0 } else { u32_at(payload, 8) as usize };
    let need_bytes = count.saturating_mul(RANGE_BYTES).saturating_add(HEAD_BYTES);
    if payload.len() != need_bytes {
        return Err(FormatError::Short { have_bytes: payload.len(), need_bytes });
    }
    let ranges = || payload[HEAD_BYTES..].chunks_exact(RANGE_BYTES).map(|at| u64_at(at, 0)..u64_at(at, 8));
    if ranges().any(|range| range.start >= range.end) {
        return Err(FormatError::Field { name: "range" });
    }
    Ok((u64_at(payload, 0), ranges()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_back_and_a_wrong_count_does_not() {
        let ranges = [5..9, 20..21];
        let mut bytes = vec![0; payload_bytes(2)];
        encode(3, &ranges, &mut bytes);
        let (low, read) = decode(&bytes).unwrap();
        assert_eq!((low, read.collect::<Vec<_>>()), (3, ranges.to_vec()));
        assert_eq!(ranges_in(bytes.len()), 2);
        bytes[8] = 0xff;
        bytes[11] = 0xff;
        assert!(decode(&bytes).is_err());
        assert!(decode(&bytes[..7]).is_err());
    }
}
