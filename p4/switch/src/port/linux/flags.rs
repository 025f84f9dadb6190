//! The flags of an interface (netdevice(7)).

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// Takes an interface up or down, as `ip link set` does. Needs the capability CAP_NET_ADMIN.
pub(super) fn set_up(name: &str, up: bool) -> io::Result<()> {
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // SAFETY: all zeros is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    if name.len() >= request.ifr_name.len() {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    ask(&socket, libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: SIOCGIFFLAGS has filled this member of the union in.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    let flag = libc::IFF_UP as libc::c_short;
    request.ifr_ifru.ifru_flags = if up { flags | flag } else { flags & !flag };
    ask(&socket, libc::SIOCSIFFLAGS, &mut request)
}

fn ask(socket: &OwnedFd, request: libc::Ioctl, argument: &mut libc::ifreq) -> io::Result<()> {
    // SAFETY: the requests that this is called with take a pointer to an `ifreq`, which is valid
    // for the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), request, std::ptr::from_mut(argument)) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
