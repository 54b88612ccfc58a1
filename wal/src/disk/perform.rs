//! Performs one operation, waiting for the disk: what every back end without a ring does on its threads, and what a ring
//! leaves to others.

#![allow(clippy::disallowed_methods, reason = "a back end of the log is a door to the disk itself")]

use super::files::{Name, SlotFiles};
use super::{AlignedBuf, Fault, Op};
use rustix::io::Errno;
use std::io;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, OwnedFd};

/// How a log's files are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Past the page cache, each write durable by itself (`O_DIRECT`, `RWF_DSYNC`).
    Direct,
    /// Through the page cache, each write durable by itself (`RWF_DSYNC`).
    Buffered,
    /// Stored through a shared mapping, then synced; read through the page cache, never through the mapping, where a bad
    /// block would be a signal.
    Mapped,
}

impl Access {
    /// True when buffers, offsets and lengths must be aligned.
    pub fn is_direct(self) -> bool {
        self == Access::Direct
    }
}

/// Zeros are written in pieces of this size, so that preparing a segment does not hold up commits behind it.
const ZERO_PIECE_BYTES: usize = 128 << 10;

/// What is copied at a time into quarantine.
const COPY_BYTES: usize = 64 << 10;

/// Performs `op` and gives back what its completion carries.
pub fn perform(files: &SlotFiles, op: Op<AlignedBuf>) -> (Result<u32, Fault>, Option<AlignedBuf>) {
    match op {
        Op::Write { slot, offset_bytes, len_bytes, buf } => {
            let done = write(files, Name::Slot(slot), &buf.as_ref()[..len_bytes as usize], offset_bytes);
            (fault(done), Some(buf))
        }
        Op::Checkpoint { copy, len_bytes, buf } => {
            let done = write(files, Name::Checkpoint(copy), &buf.as_ref()[..len_bytes as usize], 0);
            (fault(done), Some(buf))
        }
        Op::Read { slot, offset_bytes, at_bytes, len_bytes, mut buf } => {
            let into = &mut buf.as_mut()[at_bytes as usize..(at_bytes + len_bytes) as usize];
            let done = read(files, Name::Slot(slot), into, offset_bytes);
            (fault(done), Some(buf))
        }
        Op::ReadCheckpoint { copy, len_bytes, mut buf } => {
            let done = read(files, Name::Checkpoint(copy), &mut buf.as_mut()[..len_bytes as usize], 0);
            (fault(done), Some(buf))
        }
        Op::Prepare { slot, size_bytes } => (fault(prepare(files, slot, size_bytes).map(|()| 0)), None),
        Op::SyncDir => (fault(files.sync_dirs().map(|()| 0)), None),
        Op::Remove { slot } => (fault(files.remove(slot).map(|()| 0)), None),
        Op::Quarantine { slot, from_bytes, to_bytes, why } => {
            (fault(quarantine(files, slot, from_bytes, to_bytes, &why).map(|()| 0)), None)
        }
    }
}

/// The system's error number; what has none is an I/O error.
pub fn fault(result: io::Result<usize>) -> Result<u32, Fault> {
    match result {
        Ok(n) => Ok(u32::try_from(n).expect("an operation is smaller than 4 GiB")),
        Err(e) => Err(e.raw_os_error().map_or(Fault::EIO, |errno| Fault { errno })),
    }
}

fn write(files: &SlotFiles, name: Name, bytes: &[u8], offset_bytes: u64) -> io::Result<usize> {
    let fd = files.get(name)?;
    if files.access() == Access::Mapped && matches!(name, Name::Slot(_)) {
        return store_mapped(&fd, bytes, offset_bytes);
    }
    write_durably(&fd, bytes, offset_bytes)
}

/// One write that is durable when it returns. A short one is continued: the kernel has taken the first part.
fn write_durably(fd: &OwnedFd, bytes: &[u8], offset_bytes: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        let part = [IoSlice::new(&bytes[done..])];
        let at = offset_bytes + done as u64;
        match rustix::io::pwritev2(fd, &part, at, rustix::io::ReadWriteFlags::DSYNC) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => done += n,
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(done)
}

fn store_mapped(fd: &OwnedFd, bytes: &[u8], offset_bytes: u64) -> io::Result<usize> {
    // A mapping begins at a page; blocks may be smaller.
    let lead = offset_bytes % 4096;
    let mut options = memmap2::MmapOptions::new();
    options.offset(offset_bytes - lead).len(bytes.len() + lead as usize);
    // SAFETY: the file is a slot of ours, locked against other processes and written by its log only; slots are never cut
    // while they are in use, so the mapped range lies in the file.
    #[allow(unsafe_code)]
    let mut map = unsafe { options.map_mut(fd) }?;
    map[lead as usize..].copy_from_slice(bytes);
    map.flush()?;
    Ok(bytes.len())
}

fn read(files: &SlotFiles, name: Name, into: &mut [u8], offset_bytes: u64) -> io::Result<usize> {
    let fd = files.get(name)?;
    let mut done = 0;
    while done < into.len() {
        let mut part = [IoSliceMut::new(&mut into[done..])];
        match rustix::io::preadv(&fd, &mut part, offset_bytes + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        if files.access().is_direct() && done % 512 != 0 {
            // The end of a file that is no multiple of a sector: a further direct read would be refused.
            break;
        }
    }
    Ok(done)
}

/// Every byte is written once with zeros: a later write then needs no new extents and no journal, one flush only.
fn prepare(files: &SlotFiles, slot: u32, size_bytes: u64) -> io::Result<()> {
    let fd = files.create(slot)?;
    let zeros = AlignedBuf::new(ZERO_PIECE_BYTES);
    let mut at = 0;
    while at < size_bytes {
        let n = (size_bytes - at).min(ZERO_PIECE_BYTES as u64) as usize;
        match rustix::io::pwrite(&fd, &zeros.as_ref()[..n], at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => at += n as u64,
            Err(Errno::INTR) => {}
            Err(e) => {
                // Half a slot is of no use, and its space may be what is missing.
                files.remove(slot).ok();
                return Err(e.into());
            }
        }
    }
    Ok(rustix::fs::fdatasync(fd.as_fd())?)
}

fn quarantine(files: &SlotFiles, slot: u32, from_bytes: u64, to_bytes: u64, why: &str) -> io::Result<()> {
    let dir = files.quarantine_dir(slot)?;
    let stem = format!("seg-{slot:08}-{from_bytes}-{to_bytes}");
    let mut copy = std::fs::File::create(dir.join(&stem))?;
    let mut piece = AlignedBuf::new(COPY_BYTES);
    let mut at = from_bytes;
    while at < to_bytes {
        let n = (to_bytes - at).min(COPY_BYTES as u64) as usize;
        let got = read(files, Name::Slot(slot), &mut piece.as_mut()[..n], at).unwrap_or(0);
        // What cannot be read is zeros, so that offsets in the copy are offsets in the slot.
        piece.as_mut()[got..n].fill(0);
        io::Write::write_all(&mut copy, &piece.as_ref()[..n])?;
        at += n as u64;
    }
    copy.sync_all()?;
    std::fs::write(
        dir.join(stem + ".txt"),
        format!("{why}\nbytes {from_bytes} to {to_bytes} of segment {slot}\n"),
    )
}
