//! What components see of sockets.

pub(super) mod socket;

use super::Fut;
use std::io;
use std::net::SocketAddr;

/// A connected byte stream.
pub trait Stream {
    /// Reads at least one byte into the spare capacity of `into` and appends it; 0 at the end of the stream. `into` must
    /// have spare capacity.
    ///
    /// # Cancel safety
    /// A dropped read may have consumed bytes: drop the stream with it.
    fn read<'a>(&'a mut self, into: Vec<u8>) -> Fut<'a, (io::Result<usize>, Vec<u8>)>;
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

/// The answer to a read into a full buffer: 0 bytes would look like the end.
pub(super) fn no_room() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "read into a buffer without spare capacity")
}
