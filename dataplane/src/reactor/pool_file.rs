//! Files served by the offload pool: positional reads and writes on other threads.

use super::net::no_room;
use super::{File, FileStat, Fut, OpenHow, offload};
use rustix::fs::{AtFlags, OFlags, StatxFlags, statx};
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens a file on another thread: a network file system may be slow.
pub(super) async fn open(path: PathBuf, how: OpenHow) -> io::Result<Box<dyn File>> {
    Ok(Box::new(PoolFile(Arc::new(open_elsewhere(path, how).await?))))
}

/// Opens a file on another thread, for whatever serves it then.
pub(super) async fn open_elsewhere(path: PathBuf, how: OpenHow) -> io::Result<std::fs::File> {
    elsewhere(move || open_now(&path, how)).await
}

/// Opens a file here. Never waits for the other end of a pipe that somebody put in the file's place.
pub(super) fn open_now(path: &Path, how: OpenHow) -> io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    match how {
        OpenHow::Read => options.read(true),
        OpenHow::Create => options.write(true).create(true).truncate(true),
        OpenHow::CreateNew => options.write(true).create_new(true),
        OpenHow::Write => options.write(true).create(true).truncate(false),
    };
    options.custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)
}

/// Opens a file that is there, for writing.
pub(super) fn open_existing(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().write(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)
}

/// What the system says about an open file.
pub(super) fn stat_now(file: impl AsFd) -> io::Result<FileStat> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    Ok(FileStat::from_statx(&statx(file, c"", AtFlags::EMPTY_PATH, wanted)?))
}

async fn elsewhere<T: Send + 'static>(job: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let result = offload::run(job).await;
    result.unwrap_or_else(|| Err(io::Error::other("a file job panicked")))
}

struct PoolFile(Arc<std::fs::File>);

impl File for PoolFile {
    fn read_at<'a>(&'a self, mut into: Vec<u8>, offset_bytes: u64) -> Fut<'a, (io::Result<usize>, Vec<u8>)> {
        let file = self.0.clone();
        Box::pin(async move {
            if into.len() == into.capacity() {
                return (Err(no_room()), into);
            }
            let done = offload::run(move || {
                let read = loop {
                    match rustix::io::pread(&*file, rustix::buffer::spare_capacity(&mut into), offset_bytes) {
                        Err(rustix::io::Errno::INTR) => {}
                        read => break read,
                    }
                };
                (read.map_err(io::Error::from), into)
            });
            done.await.unwrap_or_else(|| (Err(io::Error::other("a file job panicked")), Vec::new()))
        })
    }

    fn write_at<'a>(&'a self, from: Vec<u8>, offset_bytes: u64) -> Fut<'a, (io::Result<()>, Vec<u8>)> {
        let file = self.0.clone();
        Box::pin(async move {
            let done = offload::run(move || (file.write_all_at(&from, offset_bytes), from));
            done.await.unwrap_or_else(|| (Err(io::Error::other("a file job panicked")), Vec::new()))
        })
    }

    fn sync_data<'a>(&'a self) -> Fut<'a, io::Result<()>> {
        let file = self.0.clone();
        Box::pin(elsewhere(move || file.sync_data()))
    }

    fn stat<'a>(&'a self) -> Fut<'a, io::Result<FileStat>> {
        let file = self.0.clone();
        Box::pin(elsewhere(move || stat_now(&*file)))
    }
}
