//! The FEC TLV and its elements (RFC 5036 section 3.4.1).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use nom::IResult;
use nom::Parser as _;
use nom::combinator::map;
use nom::multi::length_data;
use nom::number::complete::{be_u16, u8};

use super::Problem;
use super::tlv::{Tlv, kind, put_tlv};
use crate::{MultiTopologyId, PrefixFec};

/// The type of the Wildcard FEC element.
const WILDCARD: u8 = 0x01;
/// The type of the Prefix FEC element.
const PREFIX: u8 = 0x02;
/// The type of the Typed Wildcard FEC element (RFC 5918 section 3).
const TYPED_WILDCARD: u8 = 0x05;

/// IANA's address family "IP (IP version 4)".
const AF_IPV4: u16 = 1;
/// IANA's address family "IP6 (IP version 6)".
const AF_IPV6: u16 = 2;
/// The address family "MT IP" (RFC 7307 section 9).
const AF_MT_IPV4: u16 = 29;
/// The address family "MT IPv6" (RFC 7307 section 9).
const AF_MT_IPV6: u16 = 30;

/// An address family of IANA's registry, as far as LDP distributes labels for prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressFamily {
    /// 1.
    Ipv4,
    /// 2.
    Ipv6,
}

impl AddressFamily {
    /// The number in IANA's registry.
    pub const fn number(self) -> u16 {
        match self {
            Self::Ipv4 => AF_IPV4,
            Self::Ipv6 => AF_IPV6,
        }
    }

    /// The family of this number.
    pub(super) const fn from_number(number: u16) -> Option<Self> {
        match number {
            AF_IPV4 => Some(Self::Ipv4),
            AF_IPV6 => Some(Self::Ipv6),
            _ => None,
        }
    }

    /// The number of the family in a topology (RFC 7307 section 3.2).
    const fn number_in(self, topology: MultiTopologyId) -> u16 {
        match (self, topology.0) {
            (_, 0) => self.number(),
            (Self::Ipv4, _) => AF_MT_IPV4,
            (Self::Ipv6, _) => AF_MT_IPV6,
        }
    }

    /// The family of this number, and whether a topology comes with it.
    const fn from_number_with_topology(number: u16) -> Option<(Self, bool)> {
        match number {
            AF_IPV4 => Some((Self::Ipv4, false)),
            AF_IPV6 => Some((Self::Ipv6, false)),
            AF_MT_IPV4 => Some((Self::Ipv4, true)),
            AF_MT_IPV6 => Some((Self::Ipv6, true)),
            _ => None,
        }
    }
}

impl fmt::Display for AddressFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// A FEC element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FecElement {
    /// The Wildcard element, 0x01: all FECs. Only in Label Withdraw and Label Release, and only as the
    /// only element.
    Wildcard,
    /// The Prefix element, 0x02, also with the address families 29 and 30 of RFC 7307.
    Prefix(PrefixFec),
    /// The Typed Wildcard element, 0x05 (RFC 5918).
    TypedWildcard(TypedWildcard),
    /// A Prefix or Typed Wildcard element of the families 29 and 30 with MT-ID 0: it "MUST be ignored on receipt so as
    /// to not cause any conflict/confusion with existing non-MT procedures" (RFC 7307 section 3.2).
    Ignored {
        /// The type.
        kind: u8,
        /// What follows the type.
        octets: Vec<u8>,
    },
    /// An element that nothing here knows, with all that follows it, for an unknown element does not
    /// say how long it is. Only in Notifications: there the FEC is beside the point, and a
    /// Notification is not answered by another. In all other messages it is an error (RFC 5036
    /// section 3.4.1.1).
    Unknown {
        /// The type.
        kind: u8,
        /// What follows the type.
        octets: Vec<u8>,
    },
}

/// All FECs of one type (RFC 5918 section 3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TypedWildcard {
    /// All prefixes of a family, in one topology: with family 29 or 30 that of RFC 7307 section 3.2.
    Prefix {
        /// The family.
        family: AddressFamily,
        /// The topology.
        topology: crate::MultiTopologyId,
    },
}

/// Which FEC elements a message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FecUse {
    /// Label Mapping: prefixes only. RFC 5918 section 4 has no typed wildcards there.
    Mapping,
    /// Label Request and Label Abort Request: typed wildcards, too.
    Request,
    /// Label Withdraw and Label Release: the Wildcard, too.
    Withdraw,
    /// Notifications: what cannot be decoded is kept.
    Notification,
}

fn topology(input: &[u8]) -> IResult<&[u8], MultiTopologyId> {
    map((be_u16, be_u16), |(_reserved, id)| MultiTopologyId(id)).parse(input)
}

/// The octets of a prefix, as the front of an address.
#[inline]
fn prefix_octets<const SIZE: usize>(length: u8, input: &[u8]) -> Option<(&[u8], [u8; SIZE])> {
    let (octets, rest) = input.split_at_checked(usize::from(length).div_ceil(8))?;
    let mut address = [0; SIZE];
    for (to, from) in address.iter_mut().zip(octets) {
        *to = *from;
    }
    Some((rest, address))
}

const PREFIX_EXPECTED: &str = "a prefix of at most 32 or 128 bits with all of its octets";

/// What follows the type of a Prefix element. Bits behind the prefix are ignored: the RFC has them as
/// padding.
#[inline]
fn decode_prefix<'a>(tlv: &Tlv<'_>, input: &'a [u8]) -> Result<(&'a [u8], PrefixFec), Problem> {
    let malformed = || tlv.malformed(PREFIX_EXPECTED);
    let Some((&[high, low, length], rest)) = input.split_first_chunk() else {
        return Err(malformed());
    };
    let number = u16::from_be_bytes([high, low]);
    let (family, has_topology) = AddressFamily::from_number_with_topology(number)
        .ok_or(Problem::UnsupportedAddressFamily(number))?;
    // A length that the family does not have is refused by the prefix.
    let (rest, prefix) = match family {
        AddressFamily::Ipv4 => {
            let (rest, octets) = prefix_octets::<4>(length, rest).ok_or_else(malformed)?;
            let prefix = Ipv4Net::new(Ipv4Addr::from(octets), length).map_err(|_| malformed())?;
            (rest, IpNet::V4(prefix.trunc()))
        }
        AddressFamily::Ipv6 => {
            let (rest, octets) = prefix_octets::<16>(length, rest).ok_or_else(malformed)?;
            let prefix = Ipv6Net::new(Ipv6Addr::from(octets), length).map_err(|_| malformed())?;
            (rest, IpNet::V6(prefix.trunc()))
        }
    };
    let (rest, topology) = if has_topology {
        topology(rest).map_err(|_| malformed())?
    } else {
        (rest, MultiTopologyId::DEFAULT)
    };
    Ok((rest, PrefixFec { topology, prefix }))
}

impl TypedWildcard {
    /// Whether it stands for the prefixes of a family in a topology. That of Wildcard Topology is of all topologies,
    /// the default one among them (RFC 7307 section 4.1).
    pub fn includes(&self, of_family: AddressFamily, in_topology: MultiTopologyId) -> bool {
        let Self::Prefix { family, topology } = self;
        *family == of_family && (*topology == MultiTopologyId::WILDCARD || *topology == in_topology)
    }

    /// Whether it stands for all that another one does.
    pub fn covers(&self, other: &Self) -> bool {
        let Self::Prefix { family, topology } = other;
        self.includes(*family, *topology)
    }

    /// What follows the type of a Typed Wildcard element.
    ///
    /// RFC 7307 section 3.3 draws the element of a topology with family and topology, four octets, and
    /// gives their length as 6. Taken is either: a length of 4, and a length of 6 with two reserved
    /// octets before the topology as the Prefix element has them, or with four octets only where the
    /// TLV has no more.
    fn decode<'a>(tlv: &Tlv<'_>, input: &'a [u8]) -> Result<(&'a [u8], Self), Problem> {
        const EXPECTED: &str = "a typed wildcard with its address family";
        let parsed: IResult<&[u8], (u8, &[u8])> = (u8, length_data(u8)).parse(input);
        let (rest, kind, information) = match parsed {
            Ok((rest, (kind, information))) => (rest, kind, information),
            Err(_) => match input {
                [PREFIX, 6, information @ ..] if information.len() == 4 => {
                    (&[][..], PREFIX, information)
                }
                _ => return Err(tlv.malformed(EXPECTED)),
            },
        };
        if kind != PREFIX {
            return Err(Problem::UnknownFec(TYPED_WILDCARD));
        }
        let family: IResult<&[u8], u16> = be_u16.parse(information);
        let (information, number) = family.map_err(|_| tlv.malformed(EXPECTED))?;
        let (family, has_topology) = AddressFamily::from_number_with_topology(number)
            .ok_or(Problem::UnsupportedAddressFamily(number))?;
        let topology = match (has_topology, information) {
            (false, []) => MultiTopologyId::DEFAULT,
            (true, &[high, low] | &[_, _, high, low]) => {
                MultiTopologyId(u16::from_be_bytes([high, low]))
            }
            _ => return Err(tlv.malformed(EXPECTED)),
        };
        Ok((rest, Self::Prefix { family, topology }))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let Self::Prefix { family, topology } = self;
        let number = family.number_in(*topology).to_be_bytes();
        if *topology == MultiTopologyId::DEFAULT {
            out.extend_from_slice(&[TYPED_WILDCARD, PREFIX, 2]);
            out.extend_from_slice(&number);
        } else {
            out.extend_from_slice(&[TYPED_WILDCARD, PREFIX, 4]);
            out.extend_from_slice(&number);
            out.extend_from_slice(&topology.0.to_be_bytes());
        }
    }

    /// The typed wildcards of a capability (RFC 7307 section 3.5). Those of FEC types and families
    /// that nothing here knows say nothing to this LSR, and are left out.
    pub(super) fn decode_all(tlv: &Tlv<'_>, mut input: &[u8]) -> Result<Vec<Self>, Problem> {
        let mut wildcards = Vec::new();
        while let [TYPED_WILDCARD, element @ ..] = input {
            match Self::decode(tlv, element) {
                Ok((rest, wildcard)) => {
                    wildcards.push(wildcard);
                    input = rest;
                }
                Err(Problem::UnknownFec(_) | Problem::UnsupportedAddressFamily(_)) => {
                    let skipped: IResult<&[u8], (u8, &[u8])> = (u8, length_data(u8)).parse(element);
                    let (rest, _) =
                        skipped.map_err(|_| tlv.malformed("typed wildcard FEC elements"))?;
                    input = rest;
                }
                Err(problem) => return Err(problem),
            }
        }
        if input.is_empty() {
            Ok(wildcards)
        } else {
            Err(tlv.malformed("typed wildcard FEC elements"))
        }
    }
}

impl FecElement {
    #[inline]
    fn decode<'a>(tlv: &Tlv<'_>, kind: u8, input: &'a [u8]) -> Result<(&'a [u8], Self), Problem> {
        match kind {
            WILDCARD => Ok((input, Self::Wildcard)),
            PREFIX => {
                let (rest, prefix) = decode_prefix(tlv, input)?;
                Ok((rest, Self::Prefix(prefix)))
            }
            TYPED_WILDCARD => {
                let (rest, wildcard) = TypedWildcard::decode(tlv, input)?;
                Ok((rest, Self::TypedWildcard(wildcard)))
            }
            _ => Err(Problem::UnknownFec(kind)),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Wildcard => out.push(WILDCARD),
            Self::Prefix(fec) => encode_prefix(fec, out),
            Self::TypedWildcard(wildcard) => wildcard.encode(out),
            Self::Ignored { kind, octets } | Self::Unknown { kind, octets } => {
                out.push(*kind);
                out.extend_from_slice(octets);
            }
        }
    }
}

#[inline]
fn encode_prefix(fec: &PrefixFec, out: &mut Vec<u8>) {
    let length = fec.prefix.prefix_len();
    let used = usize::from(length).div_ceil(8);
    let family = match fec.prefix {
        IpNet::V4(_) => AddressFamily::Ipv4,
        IpNet::V6(_) => AddressFamily::Ipv6,
    };
    let [high, low] = family.number_in(fec.topology).to_be_bytes();
    out.extend_from_slice(&[PREFIX, high, low, length]);
    match fec.prefix.network() {
        std::net::IpAddr::V4(address) => {
            out.extend(address.octets().iter().take(used));
        }
        std::net::IpAddr::V6(address) => {
            out.extend(address.octets().iter().take(used));
        }
    }
    if fec.topology != MultiTopologyId::DEFAULT {
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&fec.topology.0.to_be_bytes());
    }
}

/// Whether an element of the families of RFC 7307 has MT-ID 0.
#[inline]
fn is_ignored(element: &FecElement, behind: &[u8]) -> bool {
    let (topology, number) = match (element, behind) {
        (FecElement::Prefix(fec), &[high, low, ..]) => (fec.topology, [high, low]),
        (
            FecElement::TypedWildcard(TypedWildcard::Prefix { topology, .. }),
            &[_, _, high, low, ..],
        ) => (*topology, [high, low]),
        _ => return false,
    };
    let number = u16::from_be_bytes(number);
    topology == MultiTopologyId::DEFAULT && matches!(number, AF_MT_IPV4 | AF_MT_IPV6)
}

/// The elements of a FEC TLV: at least one.
#[inline]
pub(super) fn decode_fec(tlv: &Tlv<'_>, used_in: FecUse) -> Result<Vec<FecElement>, Problem> {
    let mut input = tlv.value;
    // One is what there nearly always is, and many of these are kept.
    let mut elements = Vec::with_capacity(1);
    while let &[kind, ref behind @ ..] = input {
        // A Wildcard has to be alone (RFC 5036 section 3.4.1), wherever it is.
        if kind == WILDCARD && !(elements.is_empty() && behind.is_empty()) {
            return Err(tlv.malformed("a wildcard FEC element alone"));
        }
        let (rest, element) = match FecElement::decode(tlv, kind, behind) {
            Ok(decoded) => decoded,
            Err(Problem::UnknownFec(_) | Problem::UnsupportedAddressFamily(_))
                if used_in == FecUse::Notification =>
            {
                let octets = behind.to_vec();
                (&[][..], FecElement::Unknown { kind, octets })
            }
            Err(problem) => return Err(problem),
        };
        let allowed = match element {
            FecElement::Wildcard => used_in == FecUse::Withdraw || used_in == FecUse::Notification,
            FecElement::TypedWildcard(_) => used_in != FecUse::Mapping,
            FecElement::Prefix(_) | FecElement::Ignored { .. } | FecElement::Unknown { .. } => true,
        };
        if !allowed {
            return Err(Problem::UnknownFec(kind));
        }
        if is_ignored(&element, behind) {
            let octets = behind[..behind.len() - rest.len()].to_vec();
            elements.push(FecElement::Ignored { kind, octets });
            input = rest;
            continue;
        }
        if matches!(element, FecElement::TypedWildcard(_)) {
            // Other elements are ignored, as if it were alone (RFC 5918 section 4).
            return Ok(vec![element]);
        }
        elements.push(element);
        input = rest;
    }
    if elements.is_empty() {
        return Err(tlv.malformed("one FEC element or more"));
    }
    Ok(elements)
}

/// Appends a FEC TLV.
#[inline]
pub(super) fn encode_fec(elements: &[FecElement], out: &mut Vec<u8>) {
    put_tlv(out, kind::FEC, |out| {
        for element in elements {
            element.encode(out);
        }
    });
}

impl fmt::Display for FecElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wildcard => f.write_str("wildcard"),
            Self::Prefix(prefix) => fmt::Display::fmt(prefix, f),
            Self::TypedWildcard(wildcard) => fmt::Display::fmt(wildcard, f),
            Self::Ignored { kind, .. } => write!(f, "element of type {kind:#04x} with MT-ID 0"),
            Self::Unknown { kind, octets } => {
                write!(f, "element of type {kind:#04x}, {} octets", octets.len())
            }
        }
    }
}

impl fmt::Display for TypedWildcard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Prefix { family, topology } = self;
        write!(f, "all {family} prefixes")?;
        match *topology {
            MultiTopologyId::DEFAULT => Ok(()),
            MultiTopologyId::WILDCARD => f.write_str(" of all topologies"),
            topology => write!(f, " of topology {topology}"),
        }
    }
}
