//! Descriptors that become readable: process descriptors and the ring's event counter.

use std::io;
use std::os::fd::OwnedFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Has this thread's runtime watch a descriptor. Only inside the runtime.
pub(super) fn readable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` owns an open descriptor, always gives the same one, and is not replaced or closed while the
    // `AsyncFd` holds it: nobody here takes a mutable reference out of one.
    #[allow(unsafe_code)]
    let watched = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    watched.map_err(io::Error::from)
}
