//! Options of LDP's sockets that no crate sets: the generalized TTL security mechanism (RFC 5082,
//! RFC 6720), TCP MD5 signatures (RFC 2385) and TCP-AO (RFC 5925).

use std::io;
use std::mem::size_of;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};

use socket2::SockAddr;

/// Linux's `TCP_AO_ADD_KEY` and `TCP_AO_DEL_KEY`, from version 6.7 on.
const TCP_AO_ADD_KEY: libc::c_int = 38;
const TCP_AO_DEL_KEY: libc::c_int = 39;
/// The longest key that Linux takes, of both kinds (`TCP_MD5SIG_MAXKEYLEN`, `TCP_AO_MAXKEYLEN`).
pub const MAX_KEY: usize = 80;

/// How the segments of a TCP connection are authenticated.
#[derive(Clone, PartialEq, Eq)]
pub enum TcpKey {
    /// The password of TCP MD5 signatures (RFC 2385).
    Md5(Vec<u8>),
    /// A master key tuple of TCP-AO (RFC 5925, 3.1).
    Ao(AoKey),
}

/// A master key tuple of TCP-AO.
#[derive(Clone, PartialEq, Eq)]
pub struct AoKey {
    /// SendID: the KeyID of segments that are sent.
    pub send_id: u8,
    /// RecvID: the KeyID of segments that are received.
    pub receive_id: u8,
    /// The kernel's name of the algorithm: `hmac(sha1)` or `cmac(aes128)` (RFC 5926).
    pub algorithm: &'static str,
    /// The master key.
    pub key: Vec<u8>,
}

// Secrets do not belong in logs.
impl std::fmt::Debug for TcpKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Md5(_) => "Md5(..)",
            Self::Ao(_) => "Ao(..)",
        })
    }
}

impl std::fmt::Debug for AoKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AoKey({}/{}, ..)", self.send_id, self.receive_id)
    }
}

/// `struct tcp_md5sig` of linux/tcp.h.
#[repr(C)]
struct Md5Signature {
    address: libc::sockaddr_storage,
    flags: u8,
    prefix_length: u8,
    key_length: u16,
    interface: libc::c_int,
    key: [u8; MAX_KEY],
}

/// `struct tcp_ao_add` of linux/tcp.h.
#[repr(C, align(8))]
struct AoAdd {
    address: libc::sockaddr_storage,
    algorithm: [u8; 64],
    interface: i32,
    /// Bit 0: the key is the current one at once; bit 1: the peer is asked to use it.
    set: u32,
    reserved: u16,
    prefix: u8,
    send_id: u8,
    receive_id: u8,
    mac_length: u8,
    key_flags: u8,
    key_length: u8,
    key: [u8; MAX_KEY],
}

/// `struct tcp_ao_del` of linux/tcp.h.
#[repr(C, align(8))]
struct AoDelete {
    address: libc::sockaddr_storage,
    interface: i32,
    set: u32,
    reserved: u16,
    prefix: u8,
    send_id: u8,
    receive_id: u8,
    current_key: u8,
    next_key: u8,
    key_flags: u8,
}

fn set_option<T>(
    socket: &impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
    value: &T,
) -> io::Result<()> {
    // SAFETY: the descriptor is open while it is borrowed, and `value` is a whole value of which
    // the kernel reads exactly `size_of::<T>()` octets. Each caller passes the type that Linux has
    // for the option: an int, or one of the `repr(C)` types above.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Drops segments and datagrams that arrive with a smaller TTL or hop limit (RFC 5082, 3).
///
/// # Errors
/// The kernel refuses.
pub fn set_minimum_ttl(socket: &impl AsFd, peer: IpAddr, minimum: u8) -> io::Result<()> {
    let minimum = libc::c_int::from(minimum);
    match peer {
        IpAddr::V4(_) => set_option(socket, libc::IPPROTO_IP, libc::IP_MINTTL, &minimum),
        IpAddr::V6(_) => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, &minimum),
    }
}

/// Asks for the TTL of each IPv4 datagram that arrives.
///
/// # Errors
/// The kernel refuses.
pub fn receive_ttl(socket: &impl AsFd) -> io::Result<()> {
    set_option(socket, libc::IPPROTO_IP, libc::IP_RECVTTL, &1)
}

/// Asks for the interface and the destination of each IPv4 datagram that arrives.
///
/// # Errors
/// The kernel refuses.
pub fn receive_packet_info(socket: &impl AsFd) -> io::Result<()> {
    set_option(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, &1)
}

/// As [`receive_packet_info`] and [`receive_ttl`], for IPv6.
///
/// # Errors
/// The kernel refuses.
pub fn receive_packet_info_v6(socket: &impl AsFd) -> io::Result<()> {
    set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, &1)?;
    set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, &1)
}

/// Makes segments from and to a peer carry signatures with this key: on a socket that listens as
/// well as on one that is about to connect.
///
/// # Errors
/// In words, what the kernel does not have or refuses.
pub fn add_key(socket: &impl AsFd, peer: IpAddr, key: &TcpKey) -> Result<(), String> {
    match key {
        TcpKey::Md5(password) => md5(socket, peer, password).map_err(|error| {
            no_option(&error, "TCP MD5 signatures (RFC 2385)", "CONFIG_TCP_MD5SIG")
        }),
        TcpKey::Ao(key) => add_ao_key(socket, peer, key)
            .map_err(|error| no_option(&error, "TCP-AO (RFC 5925)", "CONFIG_TCP_AO, Linux 6.7")),
    }
}

/// Takes the key of a peer back from a socket that listens.
///
/// # Errors
/// The kernel refuses.
pub fn remove_key(socket: &impl AsFd, peer: IpAddr, key: &TcpKey) -> io::Result<()> {
    match key {
        // Linux: a key of no length removes the peer's.
        TcpKey::Md5(_) => md5(socket, peer, &[]),
        TcpKey::Ao(key) => {
            let delete = AoDelete {
                address: storage(peer),
                interface: 0,
                set: 0,
                reserved: 0,
                prefix: host_length(peer),
                send_id: key.send_id,
                receive_id: key.receive_id,
                current_key: 0,
                next_key: 0,
                key_flags: 0,
            };
            set_option(socket, libc::IPPROTO_TCP, TCP_AO_DEL_KEY, &delete)
        }
    }
}

fn no_option(error: &io::Error, what: &str, needs: &str) -> String {
    match error.raw_os_error() {
        Some(libc::ENOPROTOOPT | libc::EOPNOTSUPP) => {
            format!("this kernel has no {what}: it needs {needs}")
        }
        _ => format!("the kernel refuses the key of {what}: {error}"),
    }
}

fn md5(socket: &impl AsFd, peer: IpAddr, password: &[u8]) -> io::Result<()> {
    let (key, key_length) = padded(password)?;
    let signature = Md5Signature {
        address: storage(peer),
        flags: 0,
        prefix_length: 0,
        key_length: key_length.into(),
        interface: 0,
        key,
    };
    set_option(socket, libc::IPPROTO_TCP, libc::TCP_MD5SIG, &signature)
}

fn add_ao_key(socket: &impl AsFd, peer: IpAddr, given: &AoKey) -> io::Result<()> {
    let (key, key_length) = padded(&given.key)?;
    let mut algorithm = [0; 64];
    for (octet, letter) in algorithm.iter_mut().zip(given.algorithm.bytes()) {
        *octet = letter;
    }
    let add = AoAdd {
        address: storage(peer),
        algorithm,
        interface: 0,
        set: 0,
        reserved: 0,
        prefix: host_length(peer),
        send_id: given.send_id,
        receive_id: given.receive_id,
        // The kernel's default: 96 bits (RFC 5926, 2.2).
        mac_length: 0,
        key_flags: 0,
        key_length,
        key,
    };
    set_option(socket, libc::IPPROTO_TCP, TCP_AO_ADD_KEY, &add)
}

fn padded(key: &[u8]) -> io::Result<([u8; MAX_KEY], u8)> {
    let mut padded = [0; MAX_KEY];
    match padded.get_mut(..key.len()) {
        // The length is at most 80.
        Some(place) => place.copy_from_slice(key),
        None => return Err(io::ErrorKind::InvalidInput.into()),
    }
    Ok((padded, key.len() as u8))
}

fn host_length(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn storage(address: IpAddr) -> libc::sockaddr_storage {
    let address = SockAddr::from(SocketAddr::new(address, 0));
    // SAFETY: socket2's SockAddr is `repr`-independent, but gives a pointer to the sockaddr_storage
    // that it holds, which is valid and initialized while `address` lives; it is copied.
    unsafe { *address.as_ptr().cast::<libc::sockaddr_storage>() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Protocol, Socket, Type};
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    /// The sizes of linux/tcp.h on every 64-bit machine.
    #[test]
    fn structures_are_those_of_linux() {
        assert_eq!(size_of::<Md5Signature>(), 216);
        assert_eq!(size_of::<AoAdd>(), 288);
        assert_eq!(size_of::<AoDelete>(), 144);
    }

    fn connect(port: u16, key: &TcpKey) -> Result<TcpStream, String> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
        add_key(&socket, [127, 0, 0, 1].into(), key)?;
        let address: SocketAddr = ([127, 0, 0, 1], port).into();
        socket
            .connect_timeout(&address.into(), Duration::from_millis(600))
            .map_err(|error| error.to_string())?;
        Ok(socket.into())
    }

    fn exchange(right: &TcpKey, wrong: &TcpKey) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        if let Err(reason) = add_key(&listener, [127, 0, 0, 1].into(), right) {
            assert!(reason.starts_with("this kernel has no "), "{reason}");
            println!("skipped: {reason}");
            return;
        }
        let mut stream = connect(port, right).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        stream.write_all(b"ldp").unwrap();
        let mut octets = [0; 3];
        accepted.read_exact(&mut octets).unwrap();
        assert_eq!(&octets, b"ldp");
        // RFC 2385, section 2; RFC 5925, section 7.5: the segment is dropped in silence.
        assert!(connect(port, wrong).is_err());
        remove_key(&listener, [127, 0, 0, 1].into(), right).unwrap();
    }

    #[test]
    fn tcp_md5_keys_that_differ_make_no_connection() {
        exchange(&TcpKey::Md5(b"one".to_vec()), &TcpKey::Md5(b"two".to_vec()));
    }

    #[test]
    fn tcp_ao_keys_that_differ_make_no_connection() {
        let key = |key: &[u8]| {
            TcpKey::Ao(AoKey {
                send_id: 1,
                receive_id: 1,
                algorithm: "hmac(sha1)",
                key: key.to_vec(),
            })
        };
        exchange(&key(b"one"), &key(b"two"));
    }

    /// RFC 5082, section 3: what comes with a smaller TTL is dropped.
    #[test]
    fn segments_below_the_minimum_ttl_are_dropped() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        set_minimum_ttl(&listener, [127, 0, 0, 1].into(), 255).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = |ttl| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_ttl_v4(ttl).unwrap();
            socket.connect_timeout(&address.into(), Duration::from_millis(600))
        };
        connect(255).unwrap();
        assert!(connect(254).is_err());
    }
}
