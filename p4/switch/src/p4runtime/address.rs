//! Where a server listens.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// An address to listen on: `127.0.0.1:9559`, or `unix:/run/p4-switch.sock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// IP address and TCP port.
    Tcp(SocketAddr),
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
            None => text.parse().map(Self::Tcp).map_err(|_| {
                "an address is IP:PORT, as 127.0.0.1:9559 or [::1]:9559, or unix:PATH".to_owned()
            }),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_print() {
        for text in ["127.0.0.1:9559", "[::1]:9559", "unix:/run/p4-switch.sock"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        let uri: Address = "unix:///run/p4-switch.sock".parse().unwrap();
        assert_eq!(uri, Address::Unix("/run/p4-switch.sock".into()));
        for bad in ["localhost", "9559", "unix:", "127.0.0.1:x"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
