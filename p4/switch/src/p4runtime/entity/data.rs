//! Values of P4 types: P4Data (section 8.4).
//!
//! The switch holds a register cell as one integer, and gives a digest as the list of its scalar
//! fields. P4Data has the structure of the P4 type.

use p4runtime_proto::bytestring;
use p4runtime_proto::p4::config::v1::{
    P4DataTypeSpec, p4_bitstring_like_type_spec::TypeSpec as Bitstring,
    p4_data_type_spec::TypeSpec, p4_new_type_spec::Representation,
};
use p4runtime_proto::p4::v1::{P4Data, P4StructLike, p4_data::Data};

use super::Result;
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::schema::Schema;
use crate::p4runtime::translation::Translation;

/// A type that one integer holds.
enum Scalar<'a> {
    Bit(u32),
    Int(u32),
    Bool,
    /// A serializable enum on this many bits.
    Enum(u32),
    /// Of another type for the controller (section 8.4.6).
    Translated(&'a Translation),
}

/// The scalar of a type, if it is one.
fn scalar<'a>(schema: &'a Schema, spec: &P4DataTypeSpec) -> Result<Option<Scalar<'a>>> {
    let types = &schema.types;
    let unknown =
        |name: &str| Refusal::invalid_argument(format!("type {name} is not in the P4Info"));
    let width = |bits: i32| u32::try_from(bits).unwrap_or(0);
    Ok(Some(match &spec.type_spec {
        Some(TypeSpec::Bitstring(bitstring)) => match &bitstring.type_spec {
            Some(Bitstring::Bit(bit)) => Scalar::Bit(width(bit.bitwidth)),
            Some(Bitstring::Int(int)) => Scalar::Int(width(int.bitwidth)),
            _ => return Ok(None),
        },
        Some(TypeSpec::Bool(_)) => Scalar::Bool,
        Some(TypeSpec::SerializableEnum(named)) => {
            let spec = types.serializable_enums.get(&named.name);
            let underlying = spec.ok_or_else(|| unknown(&named.name))?.underlying_type;
            Scalar::Enum(width(underlying.unwrap_or_default().bitwidth))
        }
        Some(TypeSpec::NewType(named)) => {
            let spec = types
                .new_types
                .get(&named.name)
                .ok_or_else(|| unknown(&named.name))?;
            return match &spec.representation {
                Some(Representation::OriginalType(original)) => scalar(schema, original),
                Some(Representation::TranslatedType(_)) => {
                    Ok(schema.translation(&named.name).map(Scalar::Translated))
                }
                None => Ok(None),
            };
        }
        _ => return Ok(None),
    }))
}

/// Reads the value of a register cell of `bits` bits.
pub(super) fn decode_scalar(
    schema: &Schema,
    spec: &P4DataTypeSpec,
    bits: u32,
    given: &P4Data,
) -> Result<Vec<u8>> {
    let scalar = scalar(schema, spec)?.ok_or_else(not_scalar)?;
    match (scalar, &given.data) {
        (Scalar::Bit(width), Some(Data::Bitstring(value)))
        | (Scalar::Enum(width), Some(Data::EnumValue(value))) => {
            Ok(bytestring::check(value, width)?.to_vec())
        }
        (Scalar::Int(width), Some(Data::Bitstring(value))) => {
            let short = bytestring::check_signed(value, width)?;
            Ok(sign_extended(short, width))
        }
        (Scalar::Bool, Some(Data::Bool(value))) => Ok(vec![u8::from(*value)]),
        (Scalar::Translated(translation), Some(Data::Bitstring(value))) => {
            translation.decode(value, bits)
        }
        _ => Err(Refusal::invalid_argument(
            "the data is not of the type that the P4Info gives",
        )),
    }
}

/// The P4Data of a register cell.
pub(super) fn encode_scalar(
    schema: &Schema,
    spec: &P4DataTypeSpec,
    value: &[u8],
) -> Result<P4Data> {
    let scalar = scalar(schema, spec)?.ok_or_else(not_scalar)?;
    Ok(encode(&scalar, value))
}

fn encode(scalar: &Scalar<'_>, value: &[u8]) -> P4Data {
    let short = || bytestring::canonical(value).to_vec();
    let data = match scalar {
        Scalar::Bit(_) => Data::Bitstring(short()),
        Scalar::Enum(_) => Data::EnumValue(short()),
        Scalar::Bool => Data::Bool(value.iter().any(|byte| *byte != 0)),
        Scalar::Int(width) => Data::Bitstring(signed(value, *width)),
        Scalar::Translated(translation) => Data::Bitstring(translation.encode(value)),
    };
    P4Data { data: Some(data) }
}

/// The P4Data of a digest, made of its scalar fields in order.
pub(crate) fn encode_digest(
    schema: &Schema,
    spec: &P4DataTypeSpec,
    fields: &[Vec<u8>],
) -> Result<P4Data> {
    let mut fields = fields.iter();
    let data = encode_parts(schema, spec, &mut fields)?;
    match fields.next() {
        None => Ok(data),
        Some(_) => Err(Refusal::internal(
            "the digest has more fields than its type",
        )),
    }
}

fn encode_parts<'a>(
    schema: &Schema,
    spec: &P4DataTypeSpec,
    fields: &mut impl Iterator<Item = &'a Vec<u8>>,
) -> Result<P4Data> {
    if let Some(scalar) = scalar(schema, spec)? {
        let value = fields
            .next()
            .ok_or_else(|| Refusal::internal("the digest has fewer fields than its type"))?;
        return Ok(encode(&scalar, value));
    }
    let (data, members): (fn(P4StructLike) -> Data, Vec<&P4DataTypeSpec>) = match &spec.type_spec {
        Some(TypeSpec::Struct(named)) => {
            let spec = schema
                .types
                .structs
                .get(&named.name)
                .ok_or_else(not_digest)?;
            let members = spec.members.iter().map(|member| member.type_spec.as_ref());
            (
                Data::Struct,
                members.collect::<Option<_>>().ok_or_else(not_digest)?,
            )
        }
        Some(TypeSpec::Tuple(tuple)) => (Data::Tuple, tuple.members.iter().collect()),
        _ => return Err(not_digest()),
    };
    let members = members
        .into_iter()
        .map(|member| encode_parts(schema, member, fields));
    Ok(P4Data {
        data: Some(data(P4StructLike {
            members: members.collect::<Result<_>>()?,
        })),
    })
}

/// Whether digests of this type can be reported.
pub(super) fn check_digest(schema: &Schema, spec: &P4DataTypeSpec) -> Result<()> {
    // One with too few fields fails for that alone, unless its type is beyond us.
    let mut endless = std::iter::repeat(const { &Vec::new() });
    encode_parts(schema, spec, &mut endless).map(drop)
}

fn not_scalar() -> Refusal {
    // The BMv2 JSON has registers of numbers only.
    Refusal::unimplemented("this switch reads and writes registers of bit, int, bool and enum only")
}

fn not_digest() -> Refusal {
    // The BMv2 JSON has digests of fields only: it does not say whether a header is valid.
    Refusal::unimplemented(
        "this switch reports digests of structs and tuples of bit, int, bool and enum only",
    )
}

/// A shortest two's complement on the bytes of `width`, bits above the width cleared.
fn sign_extended(short: &[u8], width: u32) -> Vec<u8> {
    let fill = if short[0] & 0x80 == 0 { 0 } else { 0xff };
    let bytes = width.div_ceil(8) as usize;
    let mut value = vec![fill; bytes.saturating_sub(short.len())];
    value.extend_from_slice(&short[short.len().saturating_sub(bytes)..]);
    if let (Some(first), spare @ 1..) = (value.first_mut(), width.wrapping_neg() % 8) {
        *first &= 0xff >> spare;
    }
    value
}

/// The shortest two's complement of a value on `width` bits.
fn signed(value: &[u8], width: u32) -> Vec<u8> {
    let bytes = width.div_ceil(8) as usize;
    let mut padded = vec![0; bytes.saturating_sub(value.len())];
    padded.extend_from_slice(value);
    if let (Some(first), spare) = (padded.first_mut(), width.wrapping_neg() % 8) {
        let sign = 0x80_u8 >> spare;
        if *first & sign != 0 {
            // The bits from the sign upwards.
            *first |= !(sign - 1);
        }
    }
    bytestring::canonical_signed(&padded).to_vec()
}

#[cfg(test)]
mod tests {
    use p4runtime_proto::p4::config::v1::{
        P4BitTypeSpec, P4BitstringLikeTypeSpec, P4IntTypeSpec, P4NamedType, P4StructTypeSpec,
        p4_struct_type_spec,
    };

    use super::*;

    fn bit(bitwidth: i32) -> P4DataTypeSpec {
        bitstring(Bitstring::Bit(P4BitTypeSpec { bitwidth }))
    }

    fn int(bitwidth: i32) -> P4DataTypeSpec {
        bitstring(Bitstring::Int(P4IntTypeSpec { bitwidth }))
    }

    fn bitstring(type_spec: Bitstring) -> P4DataTypeSpec {
        P4DataTypeSpec {
            type_spec: Some(TypeSpec::Bitstring(P4BitstringLikeTypeSpec {
                type_spec: Some(type_spec),
                ..Default::default()
            })),
        }
    }

    #[test]
    fn a_signed_register_reads_back_as_it_was_written() {
        let schema = Schema::default();
        for (width, value, held) in [
            (12, vec![0xfd, 0x1d], vec![0x0d, 0x1d]),
            (8, vec![0x9d], vec![0x9d]),
            (16, vec![0xff], vec![0xff, 0xff]),
            (16, vec![0x7f], vec![0x00, 0x7f]),
        ] {
            let data = P4Data {
                data: Some(Data::Bitstring(value.clone())),
            };
            let got = decode_scalar(&schema, &int(width), width as u32, &data).unwrap();
            assert_eq!(got, held, "int<{width}>");
            assert_eq!(encode_scalar(&schema, &int(width), &got).unwrap(), data);
        }
    }

    #[test]
    fn a_register_refuses_data_of_another_type() {
        let data = P4Data {
            data: Some(Data::Bool(true)),
        };
        assert!(decode_scalar(&Schema::default(), &bit(8), 8, &data).is_err());
    }

    #[test]
    fn a_digest_takes_the_structure_of_its_type() {
        let member = |name: &str, spec| p4_struct_type_spec::Member {
            name: name.into(),
            type_spec: Some(spec),
        };
        let mut schema = Schema::default();
        schema.types.structs.insert(
            "mac_learn_t".into(),
            P4StructTypeSpec {
                members: vec![member("mac", bit(48)), member("port", bit(9))],
                ..Default::default()
            },
        );
        let spec = P4DataTypeSpec {
            type_spec: Some(TypeSpec::Struct(P4NamedType {
                name: "mac_learn_t".into(),
            })),
        };
        check_digest(&schema, &spec).unwrap();
        let fields = [vec![0, 0, 0, 0, 0, 7], vec![0, 3]];
        let Some(Data::Struct(members)) = encode_digest(&schema, &spec, &fields).unwrap().data
        else {
            panic!("not a struct");
        };
        let values: Vec<_> = members
            .members
            .into_iter()
            .map(|m| m.data.unwrap())
            .collect();
        assert_eq!(values, [Data::Bitstring(vec![7]), Data::Bitstring(vec![3])]);
        assert!(encode_digest(&schema, &spec, &fields[..1]).is_err());
    }
}
