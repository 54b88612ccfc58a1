//! Sockets on the ring. They are blocking ones: with O_NONBLOCK the kernel would answer "not yet" instead of waiting; the
//! ring never blocks on them.

use super::op::{Op, append, peer_of};
use super::slots::Room;
use super::{Ring, accepted};
use crate::reactor::net::{no_room, socket};
use crate::reactor::{Fut, Listener, Stream};
use rustix::fd::OwnedFd;
use rustix::net::sockopt::set_tcp_nodelay;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;

/// Binds and listens.
pub(in crate::reactor) fn listen(ring: &Rc<Ring>, addr: SocketAddr) -> io::Result<Box<dyn Listener>> {
    let socket = socket::listening(addr)?;
    socket.set_nonblocking(false)?;
    let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
    let fd = Rc::new(OwnedFd::from(socket));
    Ok(Box::new(RingListener { ring: ring.clone(), fd, local, accepting: None }))
}

/// Connects.
pub(in crate::reactor) async fn connect(ring: Rc<Ring>, addr: SocketAddr) -> io::Result<Box<dyn Stream>> {
    let socket = socket::unconnected(addr)?;
    socket.set_nonblocking(false)?;
    let fd = Rc::new(OwnedFd::from(socket));
    let (connected, _) = Op::connect(&ring, &fd, addr.into()).await;
    connected?;
    set_tcp_nodelay(&fd, true)?;
    Ok(Box::new(RingStream { ring, fd, peer: addr }))
}

struct RingListener {
    ring: Rc<Ring>,
    fd: Rc<OwnedFd>,
    local: SocketAddr,
    /// Outlives the future that waits for it, so that no connection goes with a dropped future.
    accepting: Option<Op>,
}

impl Listener for RingListener {
    fn accept<'a>(&'a mut self) -> Fut<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let op = self.accepting.get_or_insert_with(|| Op::accept(&self.ring, &self.fd));
            let (result, lent) = poll_fn(|cx| Pin::new(&mut *op).poll(cx)).await;
            self.accepting = None;
            let fd = accepted(i32::try_from(result?).map_err(io::Error::other)?);
            let Room::Peer(room) = lent.room else { unreachable!("an accept lends room for an address") };
            let peer = peer_of(*room).ok_or(io::ErrorKind::ConnectionAborted)?;
            set_tcp_nodelay(&fd, true)?;
            Ok(Box::new(RingStream { ring: self.ring.clone(), fd: Rc::new(fd), peer }) as Box<dyn Stream>)
        })
    }

    fn local(&self) -> SocketAddr {
        self.local
    }
}

impl Drop for RingListener {
    fn drop(&mut self) {
        if self.accepting.take().is_some() {
            // The operation holds the socket until it has been cancelled: now, so that the port is free.
            self.ring.submit_and_reap();
        }
    }
}

struct RingStream {
    ring: Rc<Ring>,
    fd: Rc<OwnedFd>,
    peer: SocketAddr,
}

impl Stream for RingStream {
    fn read<'a>(&'a mut self, into: Vec<u8>) -> Fut<'a, (io::Result<usize>, Vec<u8>)> {
        Box::pin(async move {
            if into.len() == into.capacity() {
                return (Err(no_room()), into);
            }
            let (result, lent) = Op::recv(&self.ring, &self.fd, into).await;
            let mut into = bytes(lent.room);
            (result.map(|n| append(&mut into, n)), into)
        })
    }

    fn readable<'a>(&'a mut self) -> Fut<'a, io::Result<()>> {
        Box::pin(async move {
            let (result, _) = Op::readable(&self.ring, &self.fd).await;
            result.map(|_events| ())
        })
    }

    fn write<'a>(&'a mut self, mut from: Vec<u8>) -> Fut<'a, (io::Result<()>, Vec<u8>)> {
        Box::pin(async move {
            let mut sent = 0;
            while sent < from.len() {
                let (result, lent) = Op::send(&self.ring, &self.fd, from, sent).await;
                from = bytes(lent.room);
                match result {
                    Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), from),
                    Ok(n) => sent += n as usize,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return (Err(e), from),
                }
            }
            (Ok(()), from)
        })
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }
}

/// The buffer of an operation that was given one.
pub(super) fn bytes(room: Room) -> Vec<u8> {
    match room {
        Room::Bytes(bytes) => bytes,
        _ => unreachable!("a buffer was lent"),
    }
}
