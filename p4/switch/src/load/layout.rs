//! Headers, stacks and unions: the layout of the packet header vector.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use bmv2_json::{Document, FieldRef, FieldWidth, HeaderType};

use super::error::{At, LoadError};
use crate::number::words_for;
use crate::program::{
    Field, HeaderField, HeaderId, HeaderLayout, Layout, StackId, StackLayout, Union, UnionId,
    UnionStack, UnionStackId,
};

/// The widest field, in bits.
const MAX_FIELD_WIDTH: u32 = 1 << 16;
/// The largest packet header vector, in words.
const MAX_WORDS: usize = 1 << 20;

/// The layout, with the names that it is made of.
#[derive(Debug, Default)]
pub(super) struct Names<'d> {
    pub(super) layout: Layout,
    headers: HashMap<&'d str, HeaderId>,
    header_ids: HashMap<u32, HeaderId>,
    stacks: HashMap<&'d str, StackId>,
    unions: HashMap<&'d str, UnionId>,
    union_stacks: HashMap<&'d str, UnionStackId>,
    /// By union: the names of the members.
    union_members: Vec<&'d [(String, String)]>,
    aliases: HashMap<&'d str, &'d FieldRef>,
    /// What the program names: the words of fields, and headers as a whole.
    named: RefCell<(HashSet<u32>, HashSet<HeaderId>)>,
}

impl<'d> Names<'d> {
    pub(super) fn new(document: &'d Document) -> Result<Self, LoadError> {
        let mut names = Self::default();
        for (name, field) in &document.field_aliases {
            names.aliases.insert(name, field);
        }
        names.place_headers(document)?;
        names.place_stacks(document)?;
        names.place_unions(document)?;
        let words = names.layout.words;
        if words > MAX_WORDS {
            return Err(At::root("headers").invalid(format!(
                "all headers together take {words} words, more than {MAX_WORDS}"
            )));
        }
        let mut metadata = vec![0; names.layout.metadata_words];
        for header in names.layout.headers.iter().filter(|h| h.is_metadata) {
            metadata[header.start as usize] = 1;
        }
        names.layout.metadata = metadata;
        Ok(names)
    }

    /// Takes `words` more words.
    fn take(&mut self, words: usize) -> u32 {
        let start = self.layout.words;
        self.layout.words = start.saturating_add(words).min(MAX_WORDS + 1);
        // MAX_WORDS fits.
        start as u32
    }

    fn place_headers(&mut self, document: &'d Document) -> Result<(), LoadError> {
        let mut types: HashMap<&str, (u32, &HeaderType)> = HashMap::new();
        for (i, header_type) in document.header_types.iter().enumerate() {
            let at = At::root("header_types").index(i);
            if types
                .insert(&header_type.name, (i as u32, header_type))
                .is_some()
            {
                return Err(at.duplicate("header type", &header_type.name));
            }
        }
        for (i, header) in document.headers.iter().enumerate() {
            let at = At::root("headers").index(i);
            let (type_id, header_type) = *types
                .get(header.header_type.as_str())
                .ok_or_else(|| at.missing("header type", &header.header_type))?;
            let id = i as HeaderId;
            if self.headers.insert(&header.name, id).is_some() {
                return Err(at.duplicate("header", &header.name));
            }
            if self.header_ids.insert(header.id, id).is_some() {
                return Err(at.duplicate("header", header.id));
            }
            let at = At::root("header_types").index(type_id as usize);
            let mut layout = header_layout(header_type, id, header.metadata, &at)?;
            layout.name.clone_from(&header.name);
            layout.header_type = type_id;
            self.layout.headers.push(layout);
        }

        // Metadata first, then the stacks, each in one piece, then the rest.
        let mut order: Vec<HeaderId> = Vec::new();
        let all = 0..self.layout.headers.len() as HeaderId;
        order.extend(all.clone().filter(|id| self.header(*id).is_metadata));
        let metadata_count = order.len();
        let mut in_stack = HashSet::new();
        for (i, stack) in document.header_stacks.iter().enumerate() {
            let at = At::root("header_stacks").index(i).key("header_ids");
            for (j, id) in stack.header_ids.iter().enumerate() {
                let header = self.header_by_id(*id, &at.index(j))?;
                if self.header(header).is_metadata || !in_stack.insert(header) {
                    return Err(at.index(j).invalid(
                        "a header of a stack must be in one stack only, and no metadata",
                    ));
                }
                order.push(header);
            }
        }
        order.extend(all.filter(|id| !self.header(*id).is_metadata && !in_stack.contains(id)));
        for (i, id) in order.iter().enumerate() {
            if i == metadata_count {
                self.layout.metadata_words = self.layout.words;
            }
            let words = self.header(*id).words;
            let start = self.take(words as usize);
            let header = &mut self.layout.headers[*id as usize];
            header.start = start;
            for field in &mut header.fields {
                field.field.word = field.field.word.saturating_add(start);
            }
        }
        if order.len() == metadata_count {
            self.layout.metadata_words = self.layout.words;
        }
        Ok(())
    }

    fn place_stacks(&mut self, document: &'d Document) -> Result<(), LoadError> {
        for (i, stack) in document.header_stacks.iter().enumerate() {
            let at = At::root("header_stacks").index(i);
            if self.stacks.insert(&stack.name, i as StackId).is_some() {
                return Err(at.duplicate("header stack", &stack.name));
            }
            let mut elements = Vec::new();
            for id in &stack.header_ids {
                elements.push(self.header_by_id(*id, &at)?);
            }
            let Some(first) = elements.first().map(|id| self.header(*id)) else {
                return Err(at.key("header_ids").invalid("a stack must not be empty"));
            };
            let (start, stride, header_type) = (first.start, first.words, first.header_type);
            if document.header_types[header_type as usize].name != stack.header_type
                || elements
                    .iter()
                    .any(|id| self.header(*id).header_type != header_type)
            {
                return Err(at
                    .key("header_ids")
                    .invalid("the headers of a stack must have the stack's header type"));
            }
            let next = self.take(1);
            self.layout.stacks.push(StackLayout {
                name: stack.name.clone(),
                next,
                elements,
                start,
                stride,
            });
        }
        Ok(())
    }

    fn place_unions(&mut self, document: &'d Document) -> Result<(), LoadError> {
        let mut ids = HashMap::new();
        for (i, union) in document.header_unions.iter().enumerate() {
            let at = At::root("header_unions").index(i);
            if self.unions.insert(&union.name, i as UnionId).is_some() {
                return Err(at.duplicate("header union", &union.name));
            }
            if ids.insert(union.id, i as UnionId).is_some() {
                return Err(at.duplicate("header union", union.id));
            }
            let union_type = document
                .header_union_types
                .iter()
                .find(|t| t.name == union.union_type)
                .ok_or_else(|| at.missing("header union type", &union.union_type))?;
            if union_type.headers.len() != union.header_ids.len() {
                return Err(at
                    .key("header_ids")
                    .invalid("a union must have as many headers as its type"));
            }
            let mut members = Vec::new();
            for (id, (_, type_name)) in union.header_ids.iter().zip(&union_type.headers) {
                let header = self.header_by_id(*id, &at.key("header_ids"))?;
                let layout = &mut self.layout.headers[header as usize];
                let fits = document.header_types[layout.header_type as usize].name == *type_name;
                if !fits || layout.is_metadata || layout.union.is_some() {
                    return Err(at.key("header_ids").invalid(
                        "a header of a union must have the type that the union's type says, and \
                         be in no other union",
                    ));
                }
                layout.union = Some(i as UnionId);
                members.push(header);
            }
            self.union_members.push(&union_type.headers);
            self.layout.unions.push(Union {
                name: union.name.clone(),
                members,
            });
        }
        for (i, stack) in document.header_union_stacks.iter().enumerate() {
            let at = At::root("header_union_stacks").index(i);
            if self
                .union_stacks
                .insert(&stack.name, i as UnionStackId)
                .is_some()
            {
                return Err(at.duplicate("header union stack", &stack.name));
            }
            let mut elements = Vec::new();
            for id in &stack.header_union_ids {
                elements.push(
                    *ids.get(id)
                        .ok_or_else(|| at.key("header_union_ids").missing("header union", id))?,
                );
            }
            let same_type = |union: &UnionId| {
                document.header_unions[*union as usize].union_type == stack.union_type
            };
            if elements.is_empty() || !elements.iter().all(same_type) {
                return Err(at
                    .key("header_union_ids")
                    .invalid("the unions of a stack must have the stack's union type"));
            }
            let next = self.take(1);
            self.layout.union_stacks.push(UnionStack {
                name: stack.name.clone(),
                next,
                elements,
            });
        }
        Ok(())
    }

    pub(super) fn header(&self, id: HeaderId) -> &HeaderLayout {
        &self.layout.headers[id as usize]
    }

    pub(super) fn header_by_id(&self, id: u32, at: &At) -> Result<HeaderId, LoadError> {
        self.header_ids
            .get(&id)
            .copied()
            .ok_or_else(|| at.missing("header", id))
    }

    pub(super) fn header_by_name(&self, name: &str, at: &At) -> Result<HeaderId, LoadError> {
        let header = self.find_header(name, at)?;
        self.named.borrow_mut().1.insert(header);
        Ok(header)
    }

    /// As [`Names::header_by_name`], for what does not use the header as a whole.
    pub(super) fn find_header(&self, name: &str, at: &At) -> Result<HeaderId, LoadError> {
        self.headers
            .get(name)
            .copied()
            .ok_or_else(|| at.missing("header", name))
    }

    pub(super) fn stack(&self, name: &str, at: &At) -> Result<StackId, LoadError> {
        self.stacks
            .get(name)
            .copied()
            .ok_or_else(|| at.missing("header stack", name))
    }

    pub(super) fn is_stack(&self, name: &str) -> bool {
        self.stacks.contains_key(name)
    }

    pub(super) fn union(&self, name: &str, at: &At) -> Result<UnionId, LoadError> {
        self.unions
            .get(name)
            .copied()
            .ok_or_else(|| at.missing("header union", name))
    }

    pub(super) fn union_stack(&self, name: &str, at: &At) -> Result<UnionStackId, LoadError> {
        self.union_stacks
            .get(name)
            .copied()
            .ok_or_else(|| at.missing("header union stack", name))
    }

    /// The first element of a stack.
    pub(super) fn stack_element(&self, stack: StackId) -> &HeaderLayout {
        // A stack is never empty.
        self.header(self.layout.stacks[stack as usize].elements[0])
    }

    /// The member of the unions of a stack that has this name.
    pub(super) fn union_stack_member(
        &self,
        stack: UnionStackId,
        name: &str,
        at: &At,
    ) -> Result<u32, LoadError> {
        let union = self.layout.union_stacks[stack as usize].elements[0];
        self.union_members[union as usize]
            .iter()
            .position(|(member, _)| member == name)
            .map(|position| position as u32)
            .ok_or_else(|| at.missing("union member", name))
    }

    /// The header of the first union of a stack that is this member.
    pub(super) fn union_stack_header(&self, stack: UnionStackId, member: u32) -> &HeaderLayout {
        let union = self.layout.union_stacks[stack as usize].elements[0];
        self.header(self.layout.unions[union as usize].members[member as usize])
    }

    /// How many members the unions of a stack have.
    pub(super) fn union_stack_members(&self, stack: UnionStackId) -> usize {
        let union = self.layout.union_stacks[stack as usize].elements[0];
        self.layout.unions[union as usize].members.len()
    }

    /// A field; `$valid$` is among them.
    pub(super) fn field(&self, reference: &FieldRef, at: &At) -> Result<Field, LoadError> {
        let field = self.resolve(reference, at)?;
        self.named.borrow_mut().0.insert(field.word);
        Ok(field)
    }

    /// Whether the program names a field, or the whole of its header. To be asked when all of the
    /// program has been read.
    pub(super) fn is_named(&self, field: &Field) -> bool {
        let (words, headers) = &*self.named.borrow();
        words.contains(&field.word) || headers.contains(&field.header)
    }

    fn resolve(&self, reference: &FieldRef, at: &At) -> Result<Field, LoadError> {
        let id = self.find_header(&reference.0, at)?;
        let header = self.header(id);
        if reference.1 == "$valid$" {
            return Ok(Field {
                word: header.start,
                width: 1,
                signed: false,
                variable: false,
                header: id,
            });
        }
        field_of(header, &reference.1)
            .map(|(_, field)| field)
            .ok_or_else(|| at.missing("field", reference))
    }

    /// A field that is written to.
    pub(super) fn target(&self, reference: &FieldRef, at: &At) -> Result<Field, LoadError> {
        if reference.1 == "$valid$" {
            return Err(at.invalid("`$valid$` cannot be written to"));
        }
        self.field(reference, at)
    }

    /// A field that the switch knows by this name: by an alias, or as it is.
    pub(super) fn well_known(&self, header: &str, field: &str) -> Option<Field> {
        let name = format!("{header}.{field}");
        let at = At::root("field_aliases");
        let unaliased = FieldRef::new(header, field);
        let reference = self.aliases.get(name.as_str()).copied();
        let reference = reference.unwrap_or(&unaliased);
        if reference.1 == "$valid$" {
            return None;
        }
        self.resolve(reference, &at).ok()
    }
}

/// The index and place of a field of a header.
pub(super) fn field_of(header: &HeaderLayout, name: &str) -> Option<(u32, Field)> {
    header
        .fields
        .iter()
        .position(|field| field.name == name)
        .map(|index| (index as u32, header.fields[index].field))
}

/// The layout of a header at word 0.
fn header_layout(
    header_type: &HeaderType,
    id: HeaderId,
    is_metadata: bool,
    at: &At,
) -> Result<HeaderLayout, LoadError> {
    if header_type.length_exp.is_some() {
        return Err(at
            .key("length_exp")
            .unsupported("a header length given by the header type (P4-14)"));
    }
    let fixed: u64 = header_type
        .fields
        .iter()
        .map(|field| match field.width {
            FieldWidth::Bits(bits) => u64::from(bits),
            FieldWidth::Variable => 0,
        })
        .sum();
    if !is_metadata && !fixed.is_multiple_of(8) {
        return Err(at.invalid(format!(
            "header `{}` has {fixed} bits, not a multiple of 8",
            header_type.name
        )));
    }
    let mut names = HashSet::new();
    let mut fields = Vec::new();
    let mut variable = None;
    let mut words = 1_usize;
    let mut bit_offset = 0_u32;
    for (i, field) in header_type.fields.iter().enumerate() {
        let at = at.key("fields").index(i);
        if !names.insert(field.name.as_str()) {
            return Err(at.duplicate("field", &field.name));
        }
        let is_variable = field.width == FieldWidth::Variable;
        let width = match field.width {
            FieldWidth::Bits(bits) => bits,
            FieldWidth::Variable => {
                if variable.replace(i as u32).is_some() {
                    return Err(at.unsupported("a second field of variable length in a header"));
                }
                let max = header_type.max_length.unwrap_or(0);
                let bits = u64::from(max) * 8;
                let Some(width) = bits.checked_sub(fixed).and_then(|w| u32::try_from(w).ok())
                else {
                    return Err(at.invalid(
                        "a field of variable length needs `max_length` in its header type, not \
                         less than the other fields",
                    ));
                };
                words += 1;
                width
            }
        };
        let signed = field.signed.unwrap_or(false);
        if width > MAX_FIELD_WIDTH || (signed && width == 0) {
            return Err(at.invalid(format!("a field cannot have {width} bits")));
        }
        fields.push(HeaderField {
            name: field.name.clone(),
            field: Field {
                word: words as u32,
                width,
                signed,
                variable: is_variable,
                header: id,
            },
            bit_offset,
        });
        words = (words + words_for(width)).min(MAX_WORDS);
        if !is_variable {
            bit_offset = bit_offset.saturating_add(width);
        }
    }
    Ok(HeaderLayout {
        name: header_type.name.clone(),
        header_type: 0,
        start: 0,
        words: words as u32,
        is_metadata,
        union: None,
        fields,
        bytes: u32::try_from(fixed / 8).unwrap_or(u32::MAX),
        variable,
        max_bytes: header_type.max_length.unwrap_or(0),
    })
}
