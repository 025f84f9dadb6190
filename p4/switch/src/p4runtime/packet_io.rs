//! PacketIn and PacketOut: the fields of the controller headers in front of the packet
//! (section 16.1).
//!
//! The program's `packet_in` and `packet_out` headers have the fields of the P4Info, in its
//! order, one after the other without gaps, filled up to whole bytes at the end.

use p4runtime_proto::p4::v1::{PacketIn, PacketMetadata, PacketOut};

use super::bits::{BitWriter, bits_at};
use super::refusal::Refusal;
use super::schema::Field;

type Result<T> = std::result::Result<T, Refusal>;

/// The packet for the switch, with the header in front.
///
/// # Errors
/// `INVALID_ARGUMENT` or `OUT_OF_RANGE` when the metadata are not one value for each field.
pub(crate) fn decode_packet_out(header: Option<&[Field]>, packet: &PacketOut) -> Result<Vec<u8>> {
    let fields = header.unwrap_or_default();
    if let Some(unknown) = (packet.metadata.iter())
        .find(|metadata| fields.iter().all(|field| field.id != metadata.metadata_id))
    {
        return Err(Refusal::invalid_argument(format!(
            "the controller header packet_out has no metadata {}",
            unknown.metadata_id
        )));
    }
    let mut bits = BitWriter::default();
    for field in fields {
        let place =
            |refusal: Refusal| refusal.at(format!("metadata {} ({})", field.id, field.name));
        let mut values = (packet.metadata.iter()).filter(|value| value.metadata_id == field.id);
        let value = match (values.next(), values.next()) {
            (Some(value), None) => &value.value,
            (None, _) => return Err(place(Refusal::invalid_argument("it has no value"))),
            (Some(_), Some(_)) => {
                return Err(place(Refusal::invalid_argument("it is there twice")));
            }
        };
        bits.push(&field.decode(value).map_err(place)?, field.width);
    }
    let mut bytes = bits.into_bytes();
    bytes.extend_from_slice(&packet.payload);
    Ok(bytes)
}

/// The message of a packet from the switch.
///
/// # Errors
/// `INTERNAL` when the packet is shorter than the header.
pub(crate) fn encode_packet_in(header: Option<&[Field]>, packet: &[u8]) -> Result<PacketIn> {
    let fields = header.unwrap_or_default();
    let bits: usize = fields.iter().map(|field| field.width as usize).sum();
    let Some((header, payload)) = packet.split_at_checked(bits.div_ceil(8)) else {
        return Err(Refusal::internal(format!(
            "a packet of {} bytes for the controller is shorter than its packet_in header of \
             {bits} bits: does the program emit that header?",
            packet.len()
        )));
    };
    let mut offset = 0;
    let metadata = fields.iter().map(|field| {
        let value = bits_at(header, offset, field.width as usize);
        offset += field.width as usize;
        PacketMetadata {
            metadata_id: field.id,
            value: field.encode(&value),
        }
    });
    Ok(PacketIn {
        metadata: metadata.collect(),
        payload: payload.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Vec<Field> {
        [("port", 9), ("reason", 7), ("count", 4), ("label", 20)]
            .into_iter()
            .zip(1..)
            .map(|((name, width), id)| Field {
                id,
                name: name.into(),
                width,
                translation: None,
            })
            .collect()
    }

    fn metadata(values: &[(u32, &[u8])]) -> Vec<PacketMetadata> {
        values
            .iter()
            .map(|(metadata_id, value)| PacketMetadata {
                metadata_id: *metadata_id,
                value: value.to_vec(),
            })
            .collect()
    }

    #[test]
    fn fields_are_packed_without_gaps() {
        let packet = PacketOut {
            payload: vec![0xee],
            // In any order.
            metadata: metadata(&[
                (4, b"\x01\x00\x10"),
                (1, b"\x01\xff"),
                (3, b"\x03"),
                (2, b"\x05"),
            ]),
        };
        // 1_1111_1111 000_0101 0011 0001_0000_0000_0001_0000
        let bytes = decode_packet_out(Some(&fields()), &packet).unwrap();
        assert_eq!(bytes, [0xff, 0x85, 0x31, 0x00, 0x10, 0xee]);
        let back = encode_packet_in(Some(&fields()), &bytes).unwrap();
        assert_eq!(back.payload, [0xee]);
        assert_eq!(
            back.metadata,
            metadata(&[
                (1, b"\x01\xff"),
                (2, b"\x05"),
                (3, b"\x03"),
                (4, b"\x01\x00\x10")
            ])
        );
    }

    /// Section 16.1: precisely one metadata for each field.
    #[test]
    fn metadata_must_be_those_of_the_header() {
        let complete = [
            (1, b"\x01" as &[u8]),
            (2, b"\x05"),
            (3, b"\x03"),
            (4, b"\x10"),
        ];
        let refuse = |values: &[(u32, &[u8])]| {
            let packet = PacketOut {
                payload: vec![],
                metadata: metadata(values),
            };
            decode_packet_out(Some(&fields()), &packet)
                .unwrap_err()
                .message
        };
        assert_eq!(refuse(&complete[1..]), "metadata 1 (port): it has no value");
        let twice = [complete.as_slice(), &complete[..1]].concat();
        assert_eq!(refuse(&twice), "metadata 1 (port): it is there twice");
        let unknown = [complete.as_slice(), &[(7, b"\x01")]].concat();
        assert!(refuse(&unknown).contains("no metadata 7"));
        let mut wide = complete;
        wide[0].1 = b"\x02\x00";
        assert!(refuse(&wide).contains("does not fit 9 bits"));
    }

    #[test]
    fn without_controller_header_a_packet_is_all_payload() {
        let packet = encode_packet_in(None, &[1, 2, 3]).unwrap();
        assert_eq!((packet.payload, packet.metadata), (vec![1, 2, 3], vec![]));
    }

    #[test]
    fn a_packet_shorter_than_its_header_is_an_error() {
        assert!(encode_packet_in(Some(&fields()), &[1, 2]).is_err());
    }
}
