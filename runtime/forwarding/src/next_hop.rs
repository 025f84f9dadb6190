//! Next hops and what they resolve to.

use std::borrow::Borrow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a router interface, such as `core0`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct InterfaceName(Arc<str>);

impl InterfaceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for InterfaceName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for InterfaceName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<InterfaceName> for String {
    fn from(name: InterfaceName) -> Self {
        name.as_str().to_owned()
    }
}

impl Borrow<str> for InterfaceName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A 48-bit MAC address (EUI-48), in text as `02:00:0a:ff:00:01`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress(pub [u8; 6]);

/// A text that is no MAC address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no MAC address: write six octets in hexadecimal, such as 02:00:0a:ff:00:01")]
pub struct MacAddressError(pub String);

impl MacAddress {
    /// Whether the address names a group of stations (the I/G bit, IEEE 802).
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// The address to which packets of an IP multicast group are sent (RFC 1112 section 6.4, RFC
    /// 2464 section 7).
    pub const fn of_multicast_group(group: IpAddr) -> Self {
        match group {
            IpAddr::V4(group) => {
                let [_, b, c, d] = group.octets();
                Self([0x01, 0x00, 0x5E, b & 0x7F, c, d])
            }
            IpAddr::V6(group) => {
                let octets = group.octets();
                Self([0x33, 0x33, octets[12], octets[13], octets[14], octets[15]])
            }
        }
    }

    /// The address to which labelled packets are multicast (RFC 5332 section 8): with the value of
    /// one of the labels, or 0.
    pub const fn of_multicast_label(value: u32) -> Self {
        let [_, high, middle, low] = value.to_be_bytes();
        Self([0x01, 0x00, 0x5E, 0x80 | (high & 0x0F), middle, low])
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        f.pad(&format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"))
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacAddress({self})")
    }
}

impl FromStr for MacAddress {
    type Err = MacAddressError;

    fn from_str(text: &str) -> Result<Self, MacAddressError> {
        let error = || MacAddressError(text.to_owned());
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            *octet = parts
                .next()
                .filter(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()))
                .and_then(|part| u8::from_str_radix(part, 16).ok())
                .ok_or_else(error)?;
        }
        if parts.next().is_some() {
            Err(error())
        } else {
            Ok(Self(octets))
        }
    }
}

impl TryFrom<String> for MacAddress {
    type Error = MacAddressError;

    fn try_from(text: String) -> Result<Self, MacAddressError> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(address: MacAddress) -> Self {
        address.to_string()
    }
}

/// Where an NHLFE sends to: the address of a neighbour on an interface (RFC 3031 section 3.10).
///
/// A multicast address stands for all that listen on the interface. Nothing needs to be resolved
/// for it: packets without labels have the MAC address of the group, labelled ones that of RFC 5332
/// section 8.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NextHop {
    /// The interface towards the neighbour.
    pub interface: InterfaceName,
    /// The neighbour's address on that interface.
    pub address: IpAddr,
}

impl NextHop {
    /// The next hop `address` on `interface`.
    pub fn new(interface: impl Into<InterfaceName>, address: IpAddr) -> Self {
        Self {
            interface: interface.into(),
            address,
        }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.address, self.interface)
    }
}

/// Why a next hop cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NextHopProblem {
    /// The router has no interface of that name.
    NoInterface,
    /// The interface is down.
    InterfaceDown,
    /// The neighbour's MAC address is not known.
    NeighbourUnresolved,
}

/// A next hop that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnresolvedNextHop {
    /// The next hop.
    pub next_hop: NextHop,
    /// Why it cannot be used.
    pub problem: NextHopProblem,
}

impl fmt::Display for UnresolvedNextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NextHop { interface, address } = &self.next_hop;
        match self.problem {
            NextHopProblem::NoInterface => {
                write!(f, "next hop {address}: there is no interface {interface}")
            }
            NextHopProblem::InterfaceDown => {
                write!(f, "next hop {address}: interface {interface} is down")
            }
            NextHopProblem::NeighbourUnresolved => {
                write!(
                    f,
                    "next hop {address} is not resolved on interface {interface}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_addresses_read_and_write() {
        let address: MacAddress = "02:00:0A:ff:00:01".parse().unwrap();
        assert_eq!(address, MacAddress([2, 0, 10, 255, 0, 1]));
        assert_eq!(address.to_string(), "02:00:0a:ff:00:01");
        assert!(!address.is_group());
        for wrong in [
            "",
            "02:00:0a:ff:00",
            "02:00:0a:ff:00:01:02",
            "2:0:0:0:0:1",
            "+2:00:0a:ff:00:01",
        ] {
            assert!(wrong.parse::<MacAddress>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_problem_names_address_and_interface() {
        let next_hop = NextHop::new("core0", "10.0.12.2".parse().unwrap());
        let problem = NextHopProblem::NeighbourUnresolved;
        assert_eq!(
            UnresolvedNextHop { next_hop, problem }.to_string(),
            "next hop 10.0.12.2 is not resolved on interface core0"
        );
    }

    #[test]
    fn multicast_addresses_are_those_of_the_rfcs() {
        let mac = |group: &str| MacAddress::of_multicast_group(group.parse().unwrap()).to_string();
        // RFC 1112 section 6.4: the low 23 bits.
        assert_eq!(mac("239.129.2.3"), "01:00:5e:01:02:03");
        assert_eq!(mac("ff05::1:3"), "33:33:00:01:00:03");
        // RFC 5332 section 8: 01-00-5e-8v-wx-yz.
        let mac = |value| MacAddress::of_multicast_label(value).to_string();
        assert_eq!(mac(0), "01:00:5e:80:00:00");
        assert_eq!(mac(0xABCDE), "01:00:5e:8a:bc:de");
    }
}
