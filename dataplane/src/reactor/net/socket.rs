//! How sockets are made, whatever serves them then.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;

/// Connections that the kernel completes before we accept them; more are turned away.
const BACKLOG: i32 = 1024;

/// A non-blocking, listening socket that can take over a port whose old connections linger in TIME_WAIT.
pub(in crate::reactor) fn listening(addr: SocketAddr) -> io::Result<Socket> {
    let socket = unconnected(addr)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// A non-blocking socket of the address's family. Closed in child processes.
pub(in crate::reactor) fn unconnected(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
