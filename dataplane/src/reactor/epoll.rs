//! Sockets on readiness: tokio's, for kernels and containers without io_uring and for client threads.

use super::net::{no_room, socket};
use super::{Fut, Listener, Stream};
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Binds and listens.
pub(super) fn listen(addr: SocketAddr) -> io::Result<Box<dyn Listener>> {
    let listener = TcpListener::from_std(socket::listening(addr)?.into())?;
    let local = listener.local_addr()?;
    Ok(Box::new(EpollListener { listener, local }))
}

/// Connects.
pub(super) async fn connect(addr: SocketAddr) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(Box::new(EpollStream { stream, peer: addr }))
}

struct EpollListener {
    listener: TcpListener,
    local: SocketAddr,
}

impl Listener for EpollListener {
    fn accept<'a>(&'a mut self) -> Fut<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let (stream, peer) = self.listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(EpollStream { stream, peer }) as Box<dyn Stream>)
        })
    }

    fn local(&self) -> SocketAddr {
        self.local
    }
}

struct EpollStream {
    stream: TcpStream,
    peer: SocketAddr,
}

impl Stream for EpollStream {
    fn read<'a>(&'a mut self, mut into: Vec<u8>) -> Fut<'a, (io::Result<usize>, Vec<u8>)> {
        Box::pin(async move {
            if into.len() == into.capacity() {
                return (Err(no_room()), into);
            }
            (self.stream.read_buf(&mut into).await, into)
        })
    }

    fn readable<'a>(&'a mut self) -> Fut<'a, io::Result<()>> {
        // `TcpStream::readable` may be wrong once; a look at the next byte is not.
        Box::pin(async move { self.stream.peek(&mut [0]).await.map(|_| ()) })
    }

    fn write<'a>(&'a mut self, from: Vec<u8>) -> Fut<'a, (io::Result<()>, Vec<u8>)> {
        Box::pin(async move { (self.stream.write_all(&from).await, from) })
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }
}
