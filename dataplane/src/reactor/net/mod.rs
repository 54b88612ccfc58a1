//! What components see of sockets.

pub(super) mod socket;

use super::{Core, Fut};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// A connected byte stream.
pub trait Stream {
    /// Reads at least one byte into the spare capacity of `into` and appends it; 0 at the end of the stream. `into` must
    /// have spare capacity.
    ///
    /// # Cancel safety
    /// A dropped read may have consumed bytes: drop the stream with it.
    fn read<'a>(&'a mut self, into: Vec<u8>) -> Fut<'a, (io::Result<usize>, Vec<u8>)>;
    /// Resolves when a read would give something at once: bytes, the end, or an error. Whoever waits here needs no buffer.
    /// Back ends that cannot tell resolve at once, and the read waits.
    ///
    /// # Cancel safety
    /// May be dropped and called again.
    fn readable<'a>(&'a mut self) -> Fut<'a, io::Result<()>> {
        Box::pin(async { Ok(()) })
    }
    /// Writes all of `from`.
    ///
    /// # Cancel safety
    /// A dropped write may have sent a part: drop the stream with it.
    fn write<'a>(&'a mut self, from: Vec<u8>) -> Fut<'a, (io::Result<()>, Vec<u8>)>;
    /// The other end.
    fn peer(&self) -> SocketAddr;
}

/// A listening socket.
pub trait Listener {
    /// The next connection. Errors of one connection attempt are errors of this call only: accept again.
    ///
    /// # Cancel safety
    /// A dropped accept loses no connection that a later one could have had.
    fn accept<'a>(&'a mut self) -> Fut<'a, io::Result<Box<dyn Stream>>>;
    /// Where it listens: shows the port when 0 was asked for.
    fn local(&self) -> SocketAddr;
}

/// The addresses of a host name or of an address's text, asked on another thread; IPv4 ones first, as in Java by default.
///
/// # Errors
/// When there is none.
///
/// # Cancel safety
/// A dropped future leaves the question running.
pub async fn resolve(core: &Core, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let host = host.to_owned();
    let found = core.run_elsewhere(move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter)).await;
    let mut addresses = found?;
    addresses.sort_by_key(SocketAddr::is_ipv6);
    if addresses.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(addresses) }
}

/// The answer to a read into a full buffer: 0 bytes would look like the end.
pub(super) fn no_room() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "read into a buffer without spare capacity")
}
