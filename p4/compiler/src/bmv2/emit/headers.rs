//! Header types, headers, stacks and the scalars.

use bmv2_json::{FieldWidth, Header, HeaderField, HeaderStack, HeaderType};

use super::super::ir::{self, ScalarType};
use super::Emitter;
use super::expr::{SCALARS, VARBIT_FIELD};

/// The type of the scalars, as p4c names it.
const SCALARS_TYPE: &str = "scalars_0";

impl Emitter<'_> {
    /// Emits all storage.
    pub(super) fn headers(&mut self) {
        self.scalars();
        // Ids follow on those of the types and headers for scalars.
        let first_type = self.document.header_types.len() as u32;
        let first_header = self.document.headers.len() as u32;
        for (header_type, id) in self.program.header_types.iter().zip(first_type..) {
            let mut fields: Vec<HeaderField> = header_type.fields.iter().map(field).collect();
            let bits: u32 = header_type
                .fields
                .iter()
                .map(|field| field.ty.width())
                .sum();
            pad(&mut fields, bits, "_padding");
            let variable = fields
                .iter()
                .any(|field| field.width == FieldWidth::Variable);
            self.document.header_types.push(HeaderType {
                name: header_type.name.clone(),
                id,
                fields,
                length_exp: None,
                max_length: variable.then_some(bits.div_ceil(8)),
            });
        }
        for (header, id) in self.program.headers.iter().zip(first_header..) {
            let header_type = self.program.header_types[header.ty.0].name.clone();
            self.add_header(&header.name, id, header_type, header.metadata);
        }
        for (stack, id) in self.program.stacks.iter().zip(0u32..) {
            self.document.header_stacks.push(HeaderStack {
                name: stack.name.clone(),
                id,
                header_type: self.program.header_types[stack.ty.0].name.clone(),
                size: Some(stack.elements.len() as u32),
                header_ids: stack
                    .elements
                    .iter()
                    .map(|element| element.0 as u32 + first_header)
                    .collect(),
            });
        }
        for (alias, field) in &self.program.aliases {
            if let Some(field) = self.values().named_field(field) {
                self.document.field_aliases.push((alias.clone(), field));
            }
        }
    }

    fn add_header(&mut self, name: &str, id: u32, header_type: String, metadata: bool) {
        self.document.headers.push(Header {
            name: name.to_owned(),
            id,
            header_type,
            metadata,
            pi_omit: Some(true),
        });
    }

    /// The header of all scalars, and one header for each varbit variable.
    fn scalars(&mut self) {
        let program = self.program;
        let varbit = |ty| matches!(ty, ScalarType::Varbit(_));
        let scalars = program.scalars.iter().filter(|scalar| !varbit(scalar.ty));
        let mut fields: Vec<HeaderField> = scalars
            .clone()
            .map(|scalar| {
                field(&ir::HeaderField {
                    name: scalar.name.clone(),
                    ty: scalar.ty,
                })
            })
            .collect();
        pad(
            &mut fields,
            scalars.map(|scalar| scalar.ty.width()).sum(),
            "_padding_0",
        );
        let name = SCALARS_TYPE.to_owned();
        self.document.header_types.push(HeaderType {
            name,
            id: 0,
            fields,
            length_exp: None,
            max_length: None,
        });
        self.add_header(SCALARS, 0, SCALARS_TYPE.to_owned(), true);
        for scalar in program.scalars.iter().filter(|scalar| varbit(scalar.ty)) {
            let width = scalar.ty.width();
            let type_name = format!("$varbit{width}");
            if !self
                .document
                .header_types
                .iter()
                .any(|known| known.name == type_name)
            {
                let own = ir::HeaderField {
                    name: VARBIT_FIELD.to_owned(),
                    ty: scalar.ty,
                };
                self.document.header_types.push(HeaderType {
                    name: type_name.clone(),
                    id: self.document.header_types.len() as u32,
                    fields: vec![field(&own)],
                    length_exp: None,
                    max_length: Some(width.div_ceil(8)),
                });
            }
            let id = self.document.headers.len() as u32;
            self.add_header(&scalar.name, id, type_name, true);
        }
    }
}

fn field(field: &ir::HeaderField) -> HeaderField {
    let (width, signed) = match field.ty {
        ScalarType::Varbit(_) => (FieldWidth::Variable, None),
        ty => (FieldWidth::Bits(ty.width()), Some(ty.signed())),
    };
    HeaderField {
        name: field.name.clone(),
        width,
        signed,
    }
}

/// Fills up to whole bytes.
fn pad(fields: &mut Vec<HeaderField>, bits: u32, name: &str) {
    let missing = bits.next_multiple_of(8) - bits;
    if missing > 0 {
        fields.push(HeaderField {
            name: name.to_owned(),
            width: FieldWidth::Bits(missing),
            signed: Some(false),
        });
    }
}
