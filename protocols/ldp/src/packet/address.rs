//! Address and Address Withdraw messages (RFC 5036 sections 3.5.5 and 3.5.6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nom::combinator::map;
use nom::multi::many0;
use nom::number::complete::{be_u16, be_u32, be_u128};

use super::pdu::{MESSAGE_HEADER_LENGTH, PDU_HEADER_LENGTH};
use super::tlv::{TLV_HEADER_LENGTH, Tlv, Tlvs, kind, mandatory, put_tlv};
use super::{AddressFamily, Problem, UnknownTlv};

/// The addresses of interfaces of an LSR, added or taken back.
///
/// The Address List TLV has one address family (RFC 5036 section 3.4.3): addresses of both go in two
/// messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressMessage {
    /// The addresses, all of one family.
    pub addresses: Vec<IpAddr>,
}

fn family_of(address: &IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Ipv4,
        IpAddr::V6(_) => AddressFamily::Ipv6,
    }
}

impl AddressMessage {
    /// The messages that tell of these addresses: those of each family in as few messages as fit the
    /// PDUs of a session.
    pub fn split(addresses: &[IpAddr], max_pdu_length: u16) -> Vec<Self> {
        let room = usize::from(max_pdu_length)
            .saturating_sub(PDU_HEADER_LENGTH + MESSAGE_HEADER_LENGTH + TLV_HEADER_LENGTH + 2);
        let mut messages = Vec::new();
        for (family, size) in [(AddressFamily::Ipv4, 4), (AddressFamily::Ipv6, 16)] {
            let of_family: Vec<IpAddr> = addresses
                .iter()
                .copied()
                .filter(|address| family_of(address) == family)
                .collect();
            let at_once = (room / size).max(1);
            messages.extend(of_family.chunks(at_once).map(|addresses| Self {
                addresses: addresses.to_vec(),
            }));
        }
        messages
    }

    pub(super) fn decode(tlvs: Tlvs<'_>, unknown: &mut Vec<UnknownTlv>) -> Result<Self, Problem> {
        let mut addresses: Option<Vec<IpAddr>> = None;
        for tlv in tlvs {
            let tlv = tlv?;
            match tlv.kind {
                kind::ADDRESS_LIST => {
                    let list = decode_list(&tlv)?;
                    match &mut addresses {
                        Some(addresses) => addresses.extend(list),
                        None => addresses = Some(list),
                    }
                }
                _ => tlv.unknown(unknown)?,
            }
        }
        let addresses = mandatory(addresses, "Address List")?;
        Ok(Self { addresses })
    }

    /// Appends the Address List TLV. A list of mixed families makes several TLVs, so that no address
    /// is lost; [`Self::split`] makes no such lists.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut rest = self.addresses.as_slice();
        loop {
            let family = rest.first().map_or(AddressFamily::Ipv4, family_of);
            let count = rest
                .iter()
                .take_while(|address| family_of(address) == family)
                .count();
            let (list, behind) = rest.split_at(count);
            put_tlv(out, kind::ADDRESS_LIST, |out| {
                out.extend_from_slice(&family.number().to_be_bytes());
                for address in list {
                    match address {
                        IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
                        IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
                    }
                }
            });
            if behind.is_empty() {
                break;
            }
            rest = behind;
        }
    }
}

/// The addresses of an Address List TLV (RFC 5036 section 3.4.3).
fn decode_list(tlv: &Tlv<'_>) -> Result<Vec<IpAddr>, Problem> {
    const EXPECTED: &str = "an address family and whole addresses of it";
    let &[high, low, ..] = tlv.value else {
        return Err(tlv.malformed(EXPECTED));
    };
    let number = u16::from_be_bytes([high, low]);
    match AddressFamily::from_number(number) {
        Some(AddressFamily::Ipv4) => {
            let address = map(be_u32, |bits| IpAddr::V4(Ipv4Addr::from(bits)));
            Ok(tlv.parse((be_u16, many0(address)), EXPECTED)?.1)
        }
        Some(AddressFamily::Ipv6) => {
            let address = map(be_u128, |bits| IpAddr::V6(Ipv6Addr::from(bits)));
            Ok(tlv.parse((be_u16, many0(address)), EXPECTED)?.1)
        }
        None => Err(Problem::UnsupportedAddressFamily(number)),
    }
}
