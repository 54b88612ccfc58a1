//! Files on the ring. What the kernel cannot do without waiting it gives to workers of its own.

use super::Ring;
use super::net::bytes;
use super::op::{Op, append};
use crate::reactor::net::no_room;
use crate::reactor::{File, FileStat, Fut, OpenHow, offload, pool_file};
use rustix::fd::OwnedFd;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

/// Opens a file, on another thread.
pub(in crate::reactor) async fn open(
    ring: Rc<Ring>,
    path: PathBuf,
    how: OpenHow,
) -> io::Result<Box<dyn File>> {
    let file = pool_file::open_elsewhere(path, how).await?;
    Ok(Box::new(RingFile { ring, fd: Rc::new(file.into()) }))
}

struct RingFile {
    ring: Rc<Ring>,
    fd: Rc<OwnedFd>,
}

impl File for RingFile {
    fn read_at<'a>(&'a self, mut into: Vec<u8>, offset_bytes: u64) -> Fut<'a, (io::Result<usize>, Vec<u8>)> {
        Box::pin(async move {
            if into.len() == into.capacity() {
                return (Err(no_room()), into);
            }
            loop {
                let (result, lent) = Op::read_at(&self.ring, &self.fd, into, offset_bytes).await;
                into = bytes(lent.room);
                match result {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    result => return (result.map(|n| append(&mut into, n)), into),
                }
            }
        })
    }

    fn write_at<'a>(&'a self, mut from: Vec<u8>, offset_bytes: u64) -> Fut<'a, (io::Result<()>, Vec<u8>)> {
        Box::pin(async move {
            let mut written = 0;
            while written < from.len() {
                let at = offset_bytes + written as u64;
                let (result, lent) = Op::write_at(&self.ring, &self.fd, from, written, at).await;
                from = bytes(lent.room);
                match result {
                    Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), from),
                    Ok(n) => written += n as usize,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return (Err(e), from),
                }
            }
            (Ok(()), from)
        })
    }

    fn sync_data<'a>(&'a self) -> Fut<'a, io::Result<()>> {
        Box::pin(async move { Op::sync_data(&self.ring, &self.fd).await.0.map(drop) })
    }

    fn stat<'a>(&'a self) -> Fut<'a, io::Result<FileStat>> {
        // Another descriptor, because the job may outlive this future and this file.
        let own = rustix::io::fcntl_dupfd_cloexec(&*self.fd, 0);
        Box::pin(async move {
            let own = own?;
            let stat = offload::run(move || pool_file::stat_now(own)).await;
            stat.unwrap_or_else(|| Err(io::Error::other("a file job panicked")))
        })
    }
}
