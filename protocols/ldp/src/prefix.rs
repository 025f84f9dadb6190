//! Address prefixes as FECs.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use ipnet::IpNet;

/// A routing topology (RFC 7307 section 3.4). 0 is the default topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MultiTopologyId(pub u16);

impl MultiTopologyId {
    /// The default topology, 0.
    pub const DEFAULT: Self = Self(0);

    /// Wildcard Topology, 65535: all topologies, in typed wildcards (RFC 7307 sections 4.1 and 9).
    pub const WILDCARD: Self = Self(u16::MAX);
}

impl fmt::Display for MultiTopologyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A text that is no FEC as [`PrefixFec`] is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParsePrefixFecError {
    /// It does not begin with prefix/length.
    #[error("`{0}` is not prefix/length")]
    Prefix(String),
    /// The number behind `topology` is no MT-ID.
    #[error("`{0}` is not the number of a topology: {1}")]
    Topology(String, ParseIntError),
}

/// The FEC of an address prefix (RFC 5036 section 3.4.1), in a topology (RFC 7307 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrefixFec {
    /// The topology; the default one for the FEC elements of RFC 5036.
    pub topology: MultiTopologyId,
    /// The prefix; its host bits are zero.
    pub prefix: IpNet,
}

impl From<IpNet> for PrefixFec {
    /// The FEC of a prefix in the default topology; host bits of the prefix are ignored.
    fn from(prefix: IpNet) -> Self {
        Self {
            topology: MultiTopologyId::DEFAULT,
            prefix: prefix.trunc(),
        }
    }
}

impl fmt::Display for PrefixFec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.topology == MultiTopologyId::DEFAULT {
            fmt::Display::fmt(&self.prefix, f)
        } else {
            write!(f, "{} topology {}", self.prefix, self.topology)
        }
    }
}

impl FromStr for PrefixFec {
    type Err = ParsePrefixFecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (prefix, topology) = match text.split_once(" topology ") {
            None => (text, MultiTopologyId::DEFAULT),
            Some((prefix, number)) => {
                let id = number.parse();
                let id =
                    id.map_err(|error| ParsePrefixFecError::Topology(number.to_owned(), error))?;
                (prefix, MultiTopologyId(id))
            }
        };
        let parsed: Result<IpNet, _> = prefix.parse();
        let prefix = parsed.map_err(|_| ParsePrefixFecError::Prefix(prefix.to_owned()))?;
        Ok(Self {
            topology,
            prefix: prefix.trunc(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fec_is_read_as_it_is_written() {
        for text in [
            "10.2.0.0/24",
            "2001:db8::/64 topology 2",
            "0.0.0.0/0 topology 65534",
        ] {
            assert_eq!(text.parse::<PrefixFec>().unwrap().to_string(), text);
        }
        for (text, told) in [
            ("10.2.0.0", "`10.2.0.0` is not prefix/length"),
            (" topology 2", "`` is not prefix/length"),
            (
                "10.2.0.0/24 topology 65536",
                "`65536` is not the number of a topology",
            ),
        ] {
            let error = text.parse::<PrefixFec>().unwrap_err();
            assert!(error.to_string().starts_with(told), "{error}");
        }
    }
}
