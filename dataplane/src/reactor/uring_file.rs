//! Files by tokio-uring, on file threads.

use super::net::no_room;
use super::{File, FileStat, Fut, OpenHow, offload, pool_file};
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_uring::buf::BoundedBuf;

/// Opens a file, on another thread.
pub(super) async fn open(path: PathBuf, how: OpenHow) -> io::Result<Box<dyn File>> {
    let file = pool_file::open_elsewhere(path, how).await?;
    let own = Arc::new(file.try_clone()?);
    Ok(Box::new(UringFile { file: tokio_uring::fs::File::from_std(file), own }))
}

struct UringFile {
    file: tokio_uring::fs::File,
    /// Another descriptor of the same file, for jobs on other threads.
    own: Arc<std::fs::File>,
}

impl File for UringFile {
    fn read_at<'a>(&'a self, into: Vec<u8>, offset_bytes: u64) -> Fut<'a, (io::Result<usize>, Vec<u8>)> {
        Box::pin(async move {
            let (len, capacity) = (into.len(), into.capacity());
            if len == capacity {
                return (Err(no_room()), into);
            }
            // tokio-uring fills a slice from its begin and moves the buffer's end there.
            let (result, slice) = self.file.read_at(into.slice(len..capacity), offset_bytes).await;
            (result, slice.into_inner())
        })
    }

    fn write_at<'a>(&'a self, mut from: Vec<u8>, offset_bytes: u64) -> Fut<'a, (io::Result<()>, Vec<u8>)> {
        Box::pin(async move {
            let mut written = 0;
            while written < from.len() {
                let rest = from.slice(written..);
                let (result, rest) = self.file.write_at(rest, offset_bytes + written as u64).submit().await;
                from = rest.into_inner();
                match result {
                    Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), from),
                    Ok(n) => written += n,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return (Err(e), from),
                }
            }
            (Ok(()), from)
        })
    }

    fn sync_data<'a>(&'a self) -> Fut<'a, io::Result<()>> {
        Box::pin(self.file.sync_data())
    }

    fn stat<'a>(&'a self) -> Fut<'a, io::Result<FileStat>> {
        let own = self.own.clone();
        Box::pin(async move {
            let stat = offload::run(move || pool_file::stat_now(own.as_fd())).await;
            stat.unwrap_or_else(|| Err(io::Error::other("a file job panicked")))
        })
    }
}
