//! What components see of files.

use super::Fut;
use rustix::fs::{FileType, Statx, StatxFlags, makedev};
use std::io;

/// How to open a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenHow {
    /// Existing, for reading.
    Read,
    /// For writing; created, or cut to nothing if it exists.
    Create,
    /// For writing; created, or an error if the name is taken.
    CreateNew,
    /// For writing at any offset; created if missing, content kept.
    Write,
}

/// What the system says about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStat {
    /// Device.
    pub dev: u64,
    /// Inode.
    pub inode: u64,
    /// Size.
    pub size_bytes: u64,
    /// Last modification in milliseconds since 1970.
    pub modified_ms: i64,
    /// Birth time in nanoseconds since 1970, where the file system knows it.
    pub born_ns: Option<i64>,
    /// True for a regular file.
    pub regular: bool,
    /// True for a directory.
    pub directory: bool,
}

impl FileStat {
    pub(super) fn from_statx(of: &Statx) -> FileStat {
        let born = StatxFlags::from_bits_retain(of.stx_mask).contains(StatxFlags::BTIME);
        let born_ns =
            || of.stx_btime.tv_sec.checked_mul(1_000_000_000)?.checked_add(i64::from(of.stx_btime.tv_nsec));
        let kind = FileType::from_raw_mode(u32::from(of.stx_mode));
        FileStat {
            dev: makedev(of.stx_dev_major, of.stx_dev_minor),
            inode: of.stx_ino,
            size_bytes: of.stx_size,
            modified_ms: of.stx_mtime.tv_sec.saturating_mul(1_000)
                + i64::from(of.stx_mtime.tv_nsec / 1_000_000),
            born_ns: if born { born_ns() } else { None },
            regular: kind == FileType::RegularFile,
            directory: kind == FileType::Directory,
        }
    }
}

/// An open file. Reads and writes are positional; several may be in flight on one file.
pub trait File {
    /// Reads from `offset_bytes` into the spare capacity of `into` and appends; 0 at the end of the file.
    ///
    /// # Cancel safety
    /// A dropped read leaves nothing behind.
    fn read_at<'a>(&'a self, into: Vec<u8>, offset_bytes: u64) -> Fut<'a, (io::Result<usize>, Vec<u8>)>;
    /// Writes all of `from` at `offset_bytes`.
    ///
    /// # Cancel safety
    /// A dropped write may have written any part.
    fn write_at<'a>(&'a self, from: Vec<u8>, offset_bytes: u64) -> Fut<'a, (io::Result<()>, Vec<u8>)>;
    /// Makes what was written durable.
    fn sync_data<'a>(&'a self) -> Fut<'a, io::Result<()>>;
    /// Size and identity now.
    fn stat<'a>(&'a self) -> Fut<'a, io::Result<FileStat>>;
}
