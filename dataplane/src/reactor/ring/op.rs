//! One operation in flight.

use super::Ring;
use super::slots::{Held, Key, Lent, PeerRoom, Room};
use io_uring::opcode;
use io_uring::squeue::Entry;
use io_uring::types::{Fd, FsyncFlags};
use rustix::fd::OwnedFd;
use socket2::{SockAddr, SockAddrStorage};
use std::future::Future;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use wal::disk::AlignedBuf;

/// Most bytes of one operation.
const MOST_BYTES: usize = 1 << 30;

/// A started operation; gives the kernel's answer and what was lent. Dropped before that, it is cancelled if that makes
/// sense, and what was lent stays with the ring until the kernel is done with it.
pub(super) struct Op {
    ring: Rc<Ring>,
    key: Option<Key>,
    cancels: bool,
}

impl Op {
    fn start(ring: &Rc<Ring>, lent: Lent, cancels: bool, entry: impl FnOnce(&mut Lent) -> Entry) -> Op {
        let key = ring.start(lent, entry);
        Op { ring: ring.clone(), key: Some(key), cancels }
    }

    /// Receives into the spare capacity; see [`append`].
    pub(super) fn recv(ring: &Rc<Ring>, fd: &Rc<OwnedFd>, into: Vec<u8>) -> Op {
        Op::start(ring, lend(fd, Room::Bytes(into)), true, |lent| {
            let (at, len) = spare(lent);
            opcode::Recv::new(raw(lent), at, len).build()
        })
    }

    /// Waits until a receive would not.
    pub(super) fn readable(ring: &Rc<Ring>, fd: &Rc<OwnedFd>) -> Op {
        Op::start(ring, lend(fd, Room::None), true, |lent| {
            opcode::PollAdd::new(raw(lent), libc::POLLIN as u32).build()
        })
    }

    /// Sends what follows `done_bytes`.
    pub(super) fn send(ring: &Rc<Ring>, fd: &Rc<OwnedFd>, from: Vec<u8>, done_bytes: usize) -> Op {
        Op::start(ring, lend(fd, Room::Bytes(from)), true, |lent| {
            let (at, len) = rest(lent, done_bytes);
            opcode::Send::new(raw(lent), at, len).flags(libc::MSG_NOSIGNAL | libc::MSG_WAITALL).build()
        })
    }

    pub(super) fn accept(ring: &Rc<Ring>, fd: &Rc<OwnedFd>) -> Op {
        let storage = SockAddrStorage::zeroed();
        let len = size_of::<SockAddrStorage>() as libc::socklen_t;
        let room = Room::Peer(Box::new(PeerRoom { storage, len }));
        Op::start(ring, lend(fd, room), true, |lent| {
            let fd = raw(lent);
            let Room::Peer(room) = &mut lent.room else { unreachable!("made above") };
            let (address, len) = ((&raw mut room.storage).cast(), &raw mut room.len);
            opcode::Accept::new(fd, address, len).flags(libc::SOCK_CLOEXEC).build()
        })
    }

    pub(super) fn connect(ring: &Rc<Ring>, fd: &Rc<OwnedFd>, to: SockAddr) -> Op {
        Op::start(ring, lend(fd, Room::To(Box::new(to))), true, |lent| {
            let Room::To(to) = &lent.room else { unreachable!("made above") };
            opcode::Connect::new(raw(lent), to.as_ptr().cast(), to.len()).build()
        })
    }

    /// Reads into the spare capacity; see [`append`].
    pub(super) fn read_at(ring: &Rc<Ring>, fd: &Rc<OwnedFd>, into: Vec<u8>, offset_bytes: u64) -> Op {
        Op::start(ring, lend(fd, Room::Bytes(into)), false, |lent| {
            let (at, len) = spare(lent);
            opcode::Read::new(raw(lent), at, len).offset(offset_bytes).build()
        })
    }

    /// Writes what follows `done_bytes` to `offset_bytes`.
    pub(super) fn write_at(
        ring: &Rc<Ring>,
        fd: &Rc<OwnedFd>,
        from: Vec<u8>,
        done_bytes: usize,
        offset_bytes: u64,
    ) -> Op {
        Op::start(ring, lend(fd, Room::Bytes(from)), false, |lent| {
            let (at, len) = rest(lent, done_bytes);
            opcode::Write::new(raw(lent), at, len).offset(offset_bytes).build()
        })
    }

    /// Writes the first `len_bytes` of a log's buffer, durably; on completion they have survived power loss.
    pub(super) fn write_durable(
        ring: &Rc<Ring>,
        fd: Arc<OwnedFd>,
        from: AlignedBuf,
        len_bytes: u32,
        offset_bytes: u64,
    ) -> Op {
        let lent = Lent { fd: Held::Shared(fd), room: Room::Block(from) };
        Op::start(ring, lent, false, |lent| {
            let fd = raw(lent);
            let at = block(lent)[..len_bytes as usize].as_ptr();
            opcode::Write::new(fd, at, len_bytes).offset(offset_bytes).rw_flags(libc::RWF_DSYNC).build()
        })
    }

    /// Reads `len_bytes` into a log's buffer, from `at_bytes` of it on.
    pub(super) fn read_block(
        ring: &Rc<Ring>,
        fd: Arc<OwnedFd>,
        into: AlignedBuf,
        (at_bytes, len_bytes): (u32, u32),
        offset_bytes: u64,
    ) -> Op {
        let lent = Lent { fd: Held::Shared(fd), room: Room::Block(into) };
        Op::start(ring, lent, false, |lent| {
            let fd = raw(lent);
            let at = block(lent)[at_bytes as usize..(at_bytes + len_bytes) as usize].as_mut_ptr();
            opcode::Read::new(fd, at, len_bytes).offset(offset_bytes).build()
        })
    }

    pub(super) fn sync_data(ring: &Rc<Ring>, fd: &Rc<OwnedFd>) -> Op {
        Op::start(ring, lend(fd, Room::None), false, |lent| {
            opcode::Fsync::new(raw(lent)).flags(FsyncFlags::DATASYNC).build()
        })
    }
}

impl Future for Op {
    type Output = (io::Result<u32>, Lent);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let key = self.key.expect("an operation is not polled after its end");
        let (lent, result) = std::task::ready!(self.ring.poll_result(key, cx));
        self.key = None;
        let result = match u32::try_from(result) {
            Ok(n) => Ok(n),
            Err(_) => Err(io::Error::from_raw_os_error(-result)),
        };
        Poll::Ready((result, lent))
    }
}

impl Drop for Op {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.ring.abandon(key, self.cancels);
        }
    }
}

/// Makes the `n` bytes that a read has put behind the buffer's end part of it.
pub(super) fn append(into: &mut Vec<u8>, n: u32) -> usize {
    let n = n as usize;
    let len = into.len() + n;
    assert!(len <= into.capacity(), "the kernel filled more than it was given");
    // SAFETY: the kernel has written `n` bytes from the buffer's old length on (`spare`), which lies within its
    // capacity; nobody touched the buffer while it was lent.
    #[allow(unsafe_code)]
    unsafe {
        into.set_len(len);
    }
    n
}

/// The address that an accept has filled in.
pub(super) fn peer_of(room: PeerRoom) -> Option<std::net::SocketAddr> {
    // SAFETY: the storage was zeroed at first and then filled by the kernel with an address of `len` bytes.
    #[allow(unsafe_code)]
    let address = unsafe { SockAddr::new(room.storage, room.len) };
    address.as_socket()
}

fn lend(fd: &Rc<OwnedFd>, room: Room) -> Lent {
    Lent { fd: Held::Own(fd.clone()), room }
}

fn raw(lent: &Lent) -> Fd {
    let fd: RawFd = lent.fd.as_raw_fd();
    Fd(fd)
}

/// Where a buffer's spare capacity begins, and its size. The buffer is in its slot already: moving a `Vec` moves its
/// bytes nowhere, and nothing grows it there.
fn spare(lent: &mut Lent) -> (*mut u8, u32) {
    let Room::Bytes(bytes) = &mut lent.room else { unreachable!("reads lend bytes") };
    let spare = bytes.spare_capacity_mut();
    (spare.as_mut_ptr().cast(), spare.len().min(MOST_BYTES) as u32)
}

/// A log's buffer. It is in its slot already: moving it moves its bytes nowhere.
fn block(lent: &mut Lent) -> &mut [u8] {
    let Room::Block(buf) = &mut lent.room else { unreachable!("operations of a log lend blocks") };
    buf.as_mut()
}

fn rest(lent: &Lent, done_bytes: usize) -> (*const u8, u32) {
    let Room::Bytes(bytes) = &lent.room else { unreachable!("writes lend bytes") };
    let rest = &bytes[done_bytes..];
    (rest.as_ptr(), rest.len().min(MOST_BYTES) as u32)
}
