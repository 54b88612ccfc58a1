//! What this host is called, as Java's `InetAddress.getLocalHost()` answers it.

use super::HostNames;
use super::offload;
use std::ffi::CStr;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};

static NAMES: OnceLock<HostNames> = OnceLock::new();

/// Asks now, on another thread, so that [`names`] finds the answer. A slow name server costs no core its time then.
pub(super) fn look_up_early() {
    static ASKED: OnceLock<()> = OnceLock::new();
    ASKED.get_or_init(|| {
        offload::start(Box::new(|| {
            names();
        }));
    });
}

/// The names; waits for the first look-up of the process.
pub(super) fn names() -> HostNames {
    NAMES.get_or_init(look_up).clone()
}

fn look_up() -> HostNames {
    let own = rustix::system::uname();
    let Some(ip) = own.nodename().to_str().ok().and_then(first_address) else {
        return HostNames::default();
    };
    let text: Arc<str> = Arc::from(ip.to_string());
    let canonical = reverse(ip).filter(|name| addresses(name).any(|found| found == ip));
    // Java falls back to the address when there is no name, or one that does not lead back to it.
    let name = canonical.map_or_else(|| text.clone(), Arc::from);
    HostNames { ip: Some(text), name: Some(name) }
}

fn addresses(name: &str) -> impl Iterator<Item = IpAddr> + use<> {
    (name, 0).to_socket_addrs().into_iter().flatten().map(|found| found.ip())
}

/// IPv4 goes first, as in Java by default.
fn first_address(name: &str) -> Option<IpAddr> {
    let found: Vec<IpAddr> = addresses(name).collect();
    found.iter().find(|ip| ip.is_ipv4()).or(found.first()).copied()
}

/// The name that belongs to an address.
fn reverse(ip: IpAddr) -> Option<String> {
    let address = socket2::SockAddr::from(SocketAddr::new(ip, 0));
    let mut name = [0u8; libc::NI_MAXHOST as usize];
    // SAFETY: `address` is a socket address of the length that it states, `name` is writable for the length given, and no
    // service name is asked for. Both outlive the call, which keeps neither.
    #[allow(unsafe_code)]
    let failed = unsafe {
        libc::getnameinfo(
            address.as_ptr().cast(),
            address.len(),
            name.as_mut_ptr().cast(),
            libc::NI_MAXHOST,
            std::ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    if failed != 0 {
        return None;
    }
    CStr::from_bytes_until_nul(&name).ok()?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_a_name_where_the_hosts_file_says_so() {
        // Every system that these tests run on lists localhost; the name is the first of the line.
        let name = reverse(IpAddr::from([127, 0, 0, 1]));
        assert!(name.is_none_or(|n| !n.is_empty()));
        assert_eq!(first_address("localhost"), Some(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(first_address("no such host.invalid"), None);
    }

    #[test]
    fn a_known_address_always_has_a_name_beside_it() {
        let names = names();
        assert_eq!(names.ip.is_some(), names.name.is_some());
    }
}
