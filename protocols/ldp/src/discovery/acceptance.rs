//! Which Hellos are acceptable (RFC 5036 section 3.5.2.1, RFC 7552 sections 5 and 6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use super::Family;
use crate::LdpIdentifier;
use crate::packet::{Hello, TransportPreference};

/// All routers on this subnet, of IPv4 (RFC 5036 section 2.4.1).
pub const ALL_ROUTERS_IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 2));
/// All routers on this link, of IPv6 (RFC 7552 section 5.1).
pub const ALL_ROUTERS_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2));

/// Why a Hello is discarded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HelloDiscard {
    /// It cannot be read (RFC 5036 section 3.5.1.2.1: discarded in silence, but counted).
    #[error("it is malformed: {0}")]
    Malformed(String),
    /// The interface has no LDP for that family.
    #[error("{0} LDP is not active on the interface")]
    NotEnabled(Family),
    /// RFC 7552 section 5.1: a Link Hello to any other address is dropped.
    #[error("a Link Hello to {destination} and not to {expected}")]
    WrongDestination {
        /// The destination.
        destination: IpAddr,
        /// The group.
        expected: IpAddr,
    },
    /// RFC 7552 section 5.1: the hop limit is 255, or it may be from off the link.
    #[error("an IPv6 Link Hello with hop limit {}, not 255", hop_limit_in_words(*.0))]
    HopLimit(Option<u8>),
    /// RFC 7552 sections 5.1 and 5.2.
    #[error("an IPv6 Link Hello from {0}, which is no link-local address")]
    LinkHelloFromGlobal(IpAddr),
    /// RFC 7552 section 5.2.
    #[error("a Targeted Hello from or to a link-local address, from {0}")]
    TargetedHelloFromLinkLocal(IpAddr),
    /// No TCP connection can have this transport address.
    #[error("{0} cannot be a transport address")]
    WrongTransport(IpAddr),
    /// RFC 7552 section 6.1.1.
    #[error("transport preference: this LSR prefers {local}, the peer says {}", preference_in_words(*.peer))]
    PreferenceMismatch {
        /// What this LSR prefers.
        local: Family,
        /// What the peer says.
        peer: TransportPreference,
    },
    /// RFC 7349 section 6.2: authentication is required, or was there before from this source.
    #[error("authentication is missing")]
    NotAuthenticated,
    /// RFC 7349 section 6.2.
    #[error("authentication with the unknown security association {0}")]
    UnknownSecurityAssociation(u32),
    /// RFC 7349 section 2.2, KeyStartAccept and KeyStopAccept.
    #[error(
        "the key of security association {association} {}: the lifetimes of keys or the clocks differ",
        if *.over { "is not accepted any more" } else { "is not accepted yet" }
    )]
    KeyNotValid {
        /// The Security Association ID.
        association: u32,
        /// Its time is over; else it has not begun.
        over: bool,
    },
    /// RFC 7349 section 6.2.
    #[error("authentication failed: the keys differ, or it was forged")]
    WrongDigest,
    /// RFC 7349 section 6.2.
    #[error("replayed: cryptographic sequence number {received} after {last}")]
    Replayed {
        /// That of the Hello.
        received: u64,
        /// The last that was accepted.
        last: u64,
    },
    /// Another LSR has this LSR's Id (RFC 5036 section 2.2.2: it is globally unique).
    #[error("its LSR Id {0} is this LSR's own")]
    OwnLsrId(Ipv4Addr),
    /// An LSR Id has to be other than zero (RFC 7552 section 4).
    #[error("its LSR Id is zero")]
    ZeroLsrId,
    /// Its source has a session under another LDP Identifier: while that lasts, the Hello of a third party must not
    /// end the adjacency of the session (RFC 5036 section 5.1, point 1).
    #[error(
        "its source has an operational session as {0}, and may have another LDP Identifier after that"
    )]
    SourceHasSession(LdpIdentifier),
    /// RFC 5036 section 2.9.2.
    #[error("there is no key for the TCP connection with {0}, and keys are required")]
    NoKey(Ipv4Addr),
    /// RFC 5036 section 3.5.2.1.
    #[error("Targeted Hellos from {0} are not accepted")]
    TargetedNotAccepted(IpAddr),
    /// There are as many adjacencies as the limits allow.
    #[error("there are {0} Hello adjacencies already")]
    TooMany(usize),
}

fn hop_limit_in_words(hop_limit: Option<u8>) -> String {
    hop_limit.map_or_else(|| "unknown".to_owned(), |limit| limit.to_string())
}

fn preference_in_words(preference: TransportPreference) -> String {
    match preference {
        TransportPreference::Ipv4 => "IPv4".to_owned(),
        TransportPreference::Ipv6 => "IPv6".to_owned(),
        TransportPreference::Other(value) => format!("{value}, which nobody knows"),
    }
}

/// Checks how a Link Hello came, before anything of LDP is read (RFC 7552 section 5.1).
pub fn check_link_datagram(
    source: IpAddr,
    destination: IpAddr,
    hop_limit: Option<u8>,
) -> Result<(), HelloDiscard> {
    match source {
        IpAddr::V4(_) if destination != ALL_ROUTERS_IPV4 => Err(HelloDiscard::WrongDestination {
            destination,
            expected: ALL_ROUTERS_IPV4,
        }),
        IpAddr::V4(_) => Ok(()),
        IpAddr::V6(_) if hop_limit != Some(255) => Err(HelloDiscard::HopLimit(hop_limit)),
        IpAddr::V6(_) if destination != ALL_ROUTERS_IPV6 => Err(HelloDiscard::WrongDestination {
            destination,
            expected: ALL_ROUTERS_IPV6,
        }),
        IpAddr::V6(address) if !address.is_unicast_link_local() => {
            Err(HelloDiscard::LinkHelloFromGlobal(source))
        }
        IpAddr::V6(_) => Ok(()),
    }
}

/// Checks how a Targeted Hello came (RFC 7552 section 5.2).
pub fn check_targeted_datagram(source: IpAddr, destination: IpAddr) -> Result<(), HelloDiscard> {
    let link_local = |address| match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => Ipv6Addr::is_unicast_link_local(&address),
    };
    if link_local(source) || link_local(destination) || destination.is_multicast() {
        Err(HelloDiscard::TargetedHelloFromLinkLocal(source))
    } else {
        Ok(())
    }
}

/// The transport address of the sender: that of the Hello of the packet's family, or else its source
/// (RFC 5036 section 2.5.2, RFC 7552 section 6.1).
pub fn transport_address(source: IpAddr, hello: &Hello) -> Result<IpAddr, HelloDiscard> {
    let address = match source {
        IpAddr::V4(_) => hello.ipv4_transport.map_or(source, IpAddr::V4),
        IpAddr::V6(_) => hello.ipv6_transport.map_or(source, IpAddr::V6),
    };
    let possible = match address {
        IpAddr::V4(address) => {
            !(address.is_unspecified()
                || address.is_multicast()
                || address.is_broadcast()
                || address.is_loopback())
        }
        IpAddr::V6(address) => {
            !(address.is_unspecified()
                || address.is_multicast()
                || address.is_loopback()
                || address.to_ipv4_mapped().is_some()
                // Section 6.1, rule 4: a targeted peer's is a global address.
                || (hello.targeted && address.is_unicast_link_local()))
        }
    };
    if possible {
        Ok(address)
    } else {
        Err(HelloDiscard::WrongTransport(address))
    }
}

/// Checks the Dual-Stack capability of a Hello, if this LSR is a dual-stack one that prefers `local`
/// (RFC 7552 section 6.1.1). A single-stack LSR ignores it.
pub fn check_preference(local: Option<Family>, hello: &Hello) -> Result<(), HelloDiscard> {
    let (Some(local), Some(dual_stack)) = (local, hello.dual_stack) else {
        return Ok(());
    };
    let peer = dual_stack.preference;
    match (local, peer) {
        (Family::Ipv4, TransportPreference::Ipv4) | (Family::Ipv6, TransportPreference::Ipv6) => {
            Ok(())
        }
        _ => Err(HelloDiscard::PreferenceMismatch { local, peer }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::DualStack;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// RFC 7552 section 5.1: hop limit 255, to ff02::2, from a link-local address.
    #[test]
    fn an_ipv6_link_hello_has_hop_limit_255_a_link_local_source_and_goes_to_ff02_2() {
        let check = |source, destination, hop_limit| {
            check_link_datagram(address(source), address(destination), hop_limit)
        };
        assert_eq!(check("fe80::1", "ff02::2", Some(255)), Ok(()));
        assert_eq!(
            check("fe80::1", "ff02::2", Some(254)),
            Err(HelloDiscard::HopLimit(Some(254)))
        );
        assert_eq!(
            check("fe80::1", "ff02::2", None),
            Err(HelloDiscard::HopLimit(None))
        );
        assert_eq!(
            check("2001:db8::1", "ff02::2", Some(255)),
            Err(HelloDiscard::LinkHelloFromGlobal(address("2001:db8::1")))
        );
        for group in ["ff01::2", "ff05::2", "fe80::2"] {
            assert_eq!(
                check("fe80::1", group, Some(255)),
                Err(HelloDiscard::WrongDestination {
                    destination: address(group),
                    expected: ALL_ROUTERS_IPV6
                })
            );
        }
    }

    /// RFC 7552 section 6.1, rule 2: only the transport address of the packet's family is used.
    #[test]
    fn only_the_transport_address_of_the_packets_family_is_used() {
        let hello = Hello {
            ipv4_transport: Some(Ipv4Addr::new(192, 0, 2, 1)),
            ipv6_transport: "2001:db8::1".parse().ok(),
            ..Hello::default()
        };
        assert_eq!(
            transport_address(address("10.0.0.1"), &hello),
            Ok(address("192.0.2.1"))
        );
        assert_eq!(
            transport_address(address("fe80::1"), &hello),
            Ok(address("2001:db8::1"))
        );
        assert_eq!(
            transport_address(address("10.0.0.1"), &Hello::default()),
            Ok(address("10.0.0.1"))
        );
    }

    /// RFC 7552 section 6.1, rule 4: the transport address of a targeted Hello is a global one.
    #[test]
    fn a_targeted_hello_with_a_link_local_transport_address_is_discarded() {
        let mut hello = Hello {
            ipv6_transport: "fe80::1".parse().ok(),
            ..Hello::default()
        };
        assert_eq!(
            transport_address(address("fe80::9"), &hello),
            Ok(address("fe80::1"))
        );
        hello.targeted = true;
        assert_eq!(
            transport_address(address("2001:db8::9"), &hello),
            Err(HelloDiscard::WrongTransport(address("fe80::1")))
        );
    }

    /// RFC 7552 section 6.1.1: a preference that does not match, or is not recognized, discards the
    /// Hello; a single-stack LSR ignores it.
    #[test]
    fn another_or_an_unknown_transport_preference_discards_the_hello() {
        let hello = |preference| Hello {
            dual_stack: Some(DualStack { preference }),
            ..Hello::default()
        };
        let v6 = hello(TransportPreference::Ipv6);
        let v4 = hello(TransportPreference::Ipv4);
        let other = hello(TransportPreference::Other(5));
        assert_eq!(check_preference(Some(Family::Ipv6), &v6), Ok(()));
        assert_eq!(check_preference(None, &v4), Ok(()));
        for hello in [v4, other] {
            assert!(matches!(
                check_preference(Some(Family::Ipv6), &hello),
                Err(HelloDiscard::PreferenceMismatch {
                    local: Family::Ipv6,
                    ..
                })
            ));
        }
    }
}
