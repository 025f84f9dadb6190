//! Types as P4Info describes them, and the bytes of values.

use num_bigint::{BigInt, Sign};
use p4runtime_proto::p4::config::v1 as pb;
use pb::p4_bitstring_like_type_spec::TypeSpec as Bitstring;
use pb::p4_data_type_spec::TypeSpec;

use super::annotations;
use crate::hir::{Program, TranslatedType, Type, TypeId};

/// The types that a program shows to the control plane.
pub(super) struct Types<'p> {
    program: &'p Program,
    /// What was described so far; `None` until anything asked for it.
    pub(super) info: Option<pb::P4TypeInfo>,
}

impl<'p> Types<'p> {
    pub(super) fn new(program: &'p Program) -> Self {
        Types {
            program,
            info: None,
        }
    }

    fn info(&mut self) -> &mut pb::P4TypeInfo {
        self.info.get_or_insert_with(pb::P4TypeInfo::default)
    }

    /// Makes sure that P4Info has a `type_info`, if only an empty one, as p4c's has.
    pub(super) fn touch(&mut self) {
        self.info();
    }

    /// The description of a type; named types in it are described as well.
    pub(super) fn describe(&mut self, ty: TypeId) -> pb::P4DataTypeSpec {
        self.touch();
        let program = self.program;
        let named = |name: &str| pb::P4NamedType {
            name: name.to_owned(),
        };
        let spec = match program.ty(ty) {
            Type::Bool => Some(TypeSpec::Bool(pb::P4BoolType {})),
            Type::Bit(_) | Type::Signed(_) | Type::Varbit(_) => {
                self.bitstring(ty).map(TypeSpec::Bitstring)
            }
            Type::Error => {
                let members = program.errors.clone();
                self.info()
                    .error
                    .get_or_insert(pb::P4ErrorTypeSpec { members });
                Some(TypeSpec::Error(pb::P4ErrorType {}))
            }
            Type::Enum(id) => {
                let decl = &program[*id];
                self.describe_enum(decl);
                let name = annotations_name(&decl.name, &decl.annotations);
                Some(match decl.representation {
                    Some(_) => TypeSpec::SerializableEnum(named(&name)),
                    None => TypeSpec::Enum(named(&name)),
                })
            }
            Type::NewType(id) => {
                let decl = &program[*id];
                self.describe_newtype(decl);
                Some(TypeSpec::NewType(named(&annotations_name(
                    &decl.name,
                    &decl.annotations,
                ))))
            }
            Type::Struct(id) => {
                let decl = &program[*id];
                let name = decl.control_plane_name.trim_start_matches('.').to_owned();
                if !self.info().structs.contains_key(&name) {
                    let members = decl
                        .fields
                        .iter()
                        .map(|field| pb::p4_struct_type_spec::Member {
                            name: annotations_name(&field.name, &field.annotations),
                            type_spec: Some(self.describe(field.ty)),
                        })
                        .collect();
                    let spec = pb::P4StructTypeSpec {
                        members,
                        ..Default::default()
                    };
                    self.info().structs.insert(name.clone(), spec);
                }
                Some(TypeSpec::Struct(named(&name)))
            }
            Type::Header(id) => {
                let decl = &program[*id];
                let name = decl.control_plane_name.trim_start_matches('.').to_owned();
                if !self.info().headers.contains_key(&name) {
                    let mut members = Vec::new();
                    for field in &decl.fields {
                        let name = annotations_name(&field.name, &field.annotations);
                        self.header_members(&name, field.ty, &mut members);
                    }
                    let spec = pb::P4HeaderTypeSpec {
                        members,
                        ..Default::default()
                    };
                    self.info().headers.insert(name.clone(), spec);
                }
                Some(TypeSpec::Header(named(&name)))
            }
            Type::Stack { element, size } => {
                let header = match self.describe(*element).type_spec {
                    Some(TypeSpec::Header(header)) => Some(header),
                    _ => None,
                };
                let size = i32::try_from(*size).unwrap_or(i32::MAX);
                Some(TypeSpec::HeaderStack(pb::P4HeaderStackTypeSpec {
                    header,
                    size,
                }))
            }
            Type::Tuple(members) => {
                let members = members
                    .iter()
                    .map(|member| self.describe(*member))
                    .collect();
                Some(TypeSpec::Tuple(pb::P4TupleTypeSpec { members }))
            }
            Type::Void
            | Type::Int
            | Type::MatchKind
            | Type::String
            | Type::Extern { .. }
            | Type::Param { .. }
            | Type::Unknown => None,
        };
        pb::P4DataTypeSpec { type_spec: spec }
    }

    fn header_members(
        &self,
        name: &str,
        ty: TypeId,
        members: &mut Vec<pb::p4_header_type_spec::Member>,
    ) {
        if let Type::Struct(id) = self.program.ty(self.program.underlying(ty)) {
            for field in &self.program[*id].fields {
                self.header_members(&format!("{name}.{}", field.name), field.ty, members);
            }
            return;
        }
        members.push(pb::p4_header_type_spec::Member {
            name: name.to_owned(),
            type_spec: self.bitstring(self.program.underlying(ty)),
        });
    }

    fn bitstring(&self, ty: TypeId) -> Option<pb::P4BitstringLikeTypeSpec> {
        let width = |width: u32| i32::try_from(width).unwrap_or(i32::MAX);
        let spec = match *self.program.ty(ty) {
            Type::Bit(bits) => Bitstring::Bit(pb::P4BitTypeSpec {
                bitwidth: width(bits),
            }),
            Type::Signed(bits) => Bitstring::Int(pb::P4IntTypeSpec {
                bitwidth: width(bits),
            }),
            Type::Varbit(bits) => Bitstring::Varbit(pb::P4VarbitTypeSpec {
                max_bitwidth: width(bits),
            }),
            Type::Bool => Bitstring::Bit(pb::P4BitTypeSpec { bitwidth: 1 }),
            _ => return None,
        };
        Some(pb::P4BitstringLikeTypeSpec {
            type_spec: Some(spec),
            ..Default::default()
        })
    }

    fn describe_enum(&mut self, decl: &crate::hir::EnumDecl) {
        let name = annotations_name(&decl.name, &decl.annotations);
        let Some(representation) = decl.representation else {
            let members = decl
                .members
                .iter()
                .map(|member| pb::p4_enum_type_spec::Member {
                    name: annotations_name(&member.name, &member.annotations),
                    ..Default::default()
                })
                .collect();
            let spec = pb::P4EnumTypeSpec {
                members,
                ..Default::default()
            };
            self.info().enums.entry(name).or_insert(spec);
            return;
        };
        let width = self.width(representation);
        let members = decl
            .members
            .iter()
            .map(|member| pb::p4_serializable_enum_type_spec::Member {
                name: annotations_name(&member.name, &member.annotations),
                value: member
                    .value
                    .as_ref()
                    .map(|value| bytes(value, width))
                    .unwrap_or_default(),
                ..Default::default()
            })
            .collect();
        let spec = pb::P4SerializableEnumTypeSpec {
            underlying_type: Some(pb::P4BitTypeSpec {
                bitwidth: i32::try_from(width).unwrap_or(i32::MAX),
            }),
            members,
            ..Default::default()
        };
        self.info().serializable_enums.entry(name).or_insert(spec);
    }

    fn describe_newtype(&mut self, decl: &crate::hir::NewTypeDecl) {
        use pb::p4_new_type_spec::Representation;
        use pb::p4_new_type_translation::{SdnString, SdnType};
        let name = annotations_name(&decl.name, &decl.annotations);
        if self.info().new_types.contains_key(&name) {
            return;
        }
        let mut base = decl.base;
        while let Type::NewType(inner) = *self.program.ty(base) {
            base = self.program[inner].base;
        }
        let original = self.describe(base);
        let representation = match &decl.annotations.translation {
            None => Representation::OriginalType(original),
            Some(translation) => Representation::TranslatedType(pb::P4NewTypeTranslation {
                uri: translation.uri.clone(),
                sdn_type: Some(match translation.controller_type {
                    TranslatedType::Bits(width) => {
                        SdnType::SdnBitwidth(i32::try_from(width).unwrap_or(i32::MAX))
                    }
                    TranslatedType::String => SdnType::SdnString(SdnString {}),
                }),
            }),
        };
        let spec = pb::P4NewTypeSpec {
            representation: Some(representation),
            annotations: annotations::unstructured(&decl.annotations, &["p4runtime_translation"]),
            structured_annotations: annotations::structured(&decl.annotations),
            ..Default::default()
        };
        self.info().new_types.insert(name, spec);
    }

    /// The width that the control plane uses for values of a type: that of the controller's type
    /// if it is translated; 0 if it is a string.
    pub(super) fn width(&self, ty: TypeId) -> u32 {
        if let Type::NewType(id) = *self.program.ty(ty)
            && let Some(translation) = &self.program[id].annotations.translation
        {
            return match translation.controller_type {
                TranslatedType::Bits(width) => width,
                TranslatedType::String => 0,
            };
        }
        self.program
            .width(ty)
            .and_then(|width| u32::try_from(width).ok())
            .unwrap_or(0)
    }

    /// The width as P4Info's fields carry it.
    pub(super) fn bitwidth(&self, ty: TypeId) -> i32 {
        i32::try_from(self.width(ty)).unwrap_or(i32::MAX)
    }

    /// The name of a newtype; its description is added.
    pub(super) fn type_name(&mut self, ty: TypeId) -> Option<pb::P4NamedType> {
        self.describe(ty);
        match *self.program.ty(ty) {
            Type::NewType(id) => Some(pb::P4NamedType {
                name: self.program[id].name.clone(),
            }),
            _ => None,
        }
    }
}

/// The name that the control plane sees: `@name`, or that of the source.
pub(super) fn annotations_name(name: &str, annotations: &crate::hir::Annotations) -> String {
    let name = annotations.name.as_deref().unwrap_or(name);
    name.trim_start_matches('.').to_owned()
}

/// A value in as many bytes as its width needs, in two's complement if it is negative.
pub(super) fn bytes(value: &BigInt, width: u32) -> Vec<u8> {
    let size = width.div_ceil(8).max(1) as usize;
    let unsigned = match value.sign() {
        Sign::Minus => value + (BigInt::from(1) << width),
        _ => value.clone(),
    };
    let (_, significant) = unsigned.to_bytes_be();
    let mut padded = vec![0; size.saturating_sub(significant.len())];
    padded.extend_from_slice(&significant[significant.len().saturating_sub(size)..]);
    padded
}
