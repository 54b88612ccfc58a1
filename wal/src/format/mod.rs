//! The bytes on disk: encode and decode only, no I/O, nothing allocated that a damaged file could size.
//!
//! `wal/README.md` draws the same bytes. All integers are little-endian, all checksums CRC-32C (Castagnoli). What a
//! length field says is compared with what is present before it is believed.

pub mod ack;
pub mod checkpoint;
pub mod frame;
pub mod segment;

/// The format version this code writes. Every version up to it is read.
pub const VERSION: u16 = 1;

/// Required-feature bits this code understands; a file with any other refuses to open.
pub const REQUIRED_KNOWN: u64 = 0;

/// Names a log: chosen at random when the log is made, in every segment and checkpoint of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LogId(pub [u8; 16]);

impl std::fmt::Display for LogId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Fewer bytes than the structure has.
    #[error("{have_bytes} bytes where at least {need_bytes} are needed")]
    Short {
        /// Present.
        have_bytes: usize,
        /// Needed.
        need_bytes: usize,
    },
    /// It does not begin as such a structure does.
    #[error("wrong magic number")]
    Magic,
    /// The checksum does not match: damaged, stale, misplaced, or never written.
    #[error("checksum does not match")]
    Checksum,
    /// The checksum matches, but a field has a value that this version never writes.
    #[error("field {name} has an impossible value")]
    Field {
        /// Which.
        name: &'static str,
    },
    /// Written by a later version in a way that this one cannot read.
    #[error(
        "written by a later version (format {version}, required features {bits:#x} unknown here); \
         run that version, or drain the channel with it before going back"
    )]
    Unsupported {
        /// Its format version.
        version: u16,
        /// The required-feature bits that are unknown here.
        bits: u64,
    },
}

/// Refuses what a later version marked as not readable by this one.
fn check_version(version: u16, required: u64) -> Result<(), FormatError> {
    let bits = required & !REQUIRED_KNOWN;
    if version == 0 || version > VERSION || bits != 0 {
        return Err(FormatError::Unsupported { version, bits });
    }
    Ok(())
}

/// CRC-32C of `bytes`, continued from `seed`: the one place that names the algorithm.
pub(crate) fn crc(seed: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(seed, bytes)
}

/// `value` rounded up to a multiple of `unit`, which is a power of two.
pub(crate) fn round_up(value: u64, unit: u64) -> u64 {
    debug_assert!(unit.is_power_of_two());
    value.saturating_add(unit - 1) & !(unit - 1)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the range has N bytes")
}

// The readers below are only called on slices whose length was compared with the structure's fixed size.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

fn put<const N: usize>(into: &mut [u8], at: usize, value: [u8; N]) {
    into[at..at + N].copy_from_slice(&value);
}
