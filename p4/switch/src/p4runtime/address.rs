//! Where a server listens.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// An address to listen on: `127.0.0.1:9559`, `localhost:9559`, or `unix:/run/p4-switch.sock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// IP address and TCP port.
    Tcp(SocketAddr),
    /// Name of a host and TCP port.
    Host(String, u16),
    /// Path of a Unix-domain socket.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            // gRPC's URIs of absolute paths may start with two more slashes.
            Some(path) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                if path.is_empty() {
                    return Err("unix: needs a path, as in unix:/run/p4-switch.sock".to_owned());
                }
                Ok(Self::Unix(path.into()))
            }
            None => text
                .parse()
                .map(Self::Tcp)
                .ok()
                .or_else(|| host(text))
                .ok_or_else(|| {
                    "an address is IP:PORT or HOST:PORT, as 127.0.0.1:9559, [::1]:9559 or \
                     localhost:9559, or unix:PATH"
                        .to_owned()
                }),
        }
    }
}

/// The address of a host name: letters, digits and hyphens in parts (RFC 1123 section 2.1).
fn host(text: &str) -> Option<Address> {
    let (name, port) = text.rsplit_once(':')?;
    let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_part = |part: &str| !part.is_empty() && letters(part);
    // What ends in a number is meant to be an IP address.
    let last = name.rsplit('.').next()?;
    let is_name = name.split('.').all(is_part) && !last.bytes().all(|b| b.is_ascii_digit());
    is_name.then_some(Address::Host(name.to_owned(), port.parse().ok()?))
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Host(name, port) => write!(f, "{name}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_print() {
        for text in [
            "127.0.0.1:9559",
            "[::1]:9559",
            "localhost:9559",
            "switch-1.example.net:80",
            "unix:/run/p4-switch.sock",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        let uri: Address = "unix:///run/p4-switch.sock".parse().unwrap();
        assert_eq!(uri, Address::Unix("/run/p4-switch.sock".into()));
        for bad in [
            "localhost",
            "9559",
            "unix:",
            "127.0.0.1:x",
            "127.0.0.256:1",
            ":9559",
            "localhost:65536",
            "a..b:1",
            "a b:1",
            "http://a:1",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
