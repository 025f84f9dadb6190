//! Where a switch listens.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use tonic::transport::Endpoint;

/// The address of a P4Runtime server: `http://host:port` or `unix:///path`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// TCP; the host and the port.
    Tcp(String),
    /// A Unix socket; its absolute path.
    Unix(PathBuf),
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no switch address: write http://127.0.0.1:9559 or unix:///run/switch.sock")]
pub struct AddressError(pub String);

impl Address {
    /// What the switch would be told to listen on: `host:port`, or the path of the socket.
    pub fn listen(&self) -> String {
        match self {
            Self::Tcp(authority) => authority.clone(),
            Self::Unix(path) => path.display().to_string(),
        }
    }

    /// The gRPC endpoint.
    ///
    /// # Errors
    /// The host or the path is none that a URI may have.
    pub fn endpoint(&self) -> Result<Endpoint, tonic::transport::Error> {
        Endpoint::from_shared(self.to_string())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => write!(f, "http://{authority}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError(text.to_owned());
        let address = match text.split_once("://") {
            Some(("http", authority)) => {
                let authority = authority.strip_suffix('/').unwrap_or(authority);
                let (host, port) = authority.rsplit_once(':').ok_or_else(error)?;
                if host.is_empty() || !port.parse::<u16>().is_ok_and(|port| port != 0) {
                    return Err(error());
                }
                Self::Tcp(authority.to_owned())
            }
            Some(("unix", path)) if path.starts_with('/') => Self::Unix(path.into()),
            _ => return Err(error()),
        };
        address.endpoint().map_err(|_| error())?;
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_write() {
        for text in [
            "http://127.0.0.1:9559",
            "http://[::1]:50051",
            "unix:///run/a b.sock",
        ] {
            if let Ok(address) = text.parse::<Address>() {
                assert_eq!(address.to_string(), text);
            }
        }
        assert_eq!("http://a:1/".parse(), Ok(Address::Tcp("a:1".into())));
        assert_eq!("unix:///run/x".parse(), Ok(Address::Unix("/run/x".into())));
        for wrong in [
            "",
            "127.0.0.1:9559",
            "http://a",
            "http://:1",
            "http://a:0",
            "unix://x",
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
