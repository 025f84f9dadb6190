//! The parser, parser value sets and the deparser.

use std::collections::{HashMap, HashSet};

use bmv2_json::{ExtractTarget, HexString, ParserOp, Transition, Value};

use super::error::{At, LoadError};
use super::expression::Place;
use super::layout::field_of;
use super::{Loader, find};
use crate::number::{Number, low_mask, words_for};
use crate::program::{
    Case, Deparser, Extraction, KeyPart, OpAt, ParseOp, ParseState, Parser, ParserErrors, ValueSet,
};

/// The largest key of a parser state, in bits.
const MAX_KEY_WIDTH: u32 = 64 * 64;
/// The furthest lookahead, in bits.
const MAX_LOOKAHEAD: u32 = 1 << 16;

impl Loader<'_> {
    pub(super) fn parser(&self) -> Result<(Parser, Vec<ValueSet>), LoadError> {
        let mut value_sets = self.value_sets()?;
        let parsers = &self.document.parsers;
        let (index, parser) = match parsers.iter().position(|parser| parser.name == "parser") {
            Some(index) => (index, &parsers[index]),
            None => match parsers.first() {
                Some(parser) if parsers.len() == 1 => (0, parser),
                _ => return Err(At::root("parsers").missing("parser", "parser")),
            },
        };
        let at = At::root("parsers").index(index);
        let mut by_name = HashMap::new();
        for (i, state) in parser.parse_states.iter().enumerate() {
            if by_name.insert(state.name.as_str(), i as u32).is_some() {
                return Err(at
                    .key("parse_states")
                    .index(i)
                    .duplicate("parser state", &state.name));
            }
        }
        let start = *by_name.get(parser.init_state.as_str()).ok_or_else(|| {
            at.key("init_state")
                .missing("parser state", &parser.init_state)
        })?;
        let mut states = Vec::new();
        for (i, state) in parser.parse_states.iter().enumerate() {
            let at = at.key("parse_states").index(i);
            let mut ops = Vec::new();
            for (j, op) in state.parser_ops.iter().enumerate() {
                ops.push(self.parse_op(op, &at.key("parser_ops").index(j))?);
            }
            let mut key = Vec::new();
            for (j, value) in state.transition_key.iter().enumerate() {
                key.push(self.key_part(value, &at.key("transition_key").index(j))?);
            }
            let key_width = key_width(&key, &at.key("transition_key"))?;
            let mut cases = Vec::new();
            let mut default = None;
            for (j, transition) in state.transitions.iter().enumerate() {
                let at = at.key("transitions").index(j);
                let next = match transition.next_state() {
                    None => None,
                    Some(name) => Some(
                        *by_name
                            .get(name)
                            .ok_or_else(|| at.key("next_state").missing("parser state", name))?,
                    ),
                };
                match transition {
                    // It is looked at last wherever it stands.
                    Transition::Default { .. } => default = next,
                    Transition::Value { value, mask, .. } => {
                        cases.push(case(value, mask.as_ref(), key_width, next, &at)?);
                    }
                    Transition::ValueSet {
                        value_set, mask, ..
                    } => {
                        let set = find(&value_sets, |set| set.name == *value_set)
                            .ok_or_else(|| at.key("value").missing("value set", value_set))?;
                        let parts = key.iter().map(KeyPart::width).collect();
                        bind(&mut value_sets[set as usize], parts, &at)?;
                        let mask = mask
                            .as_ref()
                            .map(|mask| key_words(mask, key_width, &at.key("mask")))
                            .transpose()?;
                        cases.push(Case::ValueSet { set, mask, next });
                    }
                }
            }
            if key.is_empty() && !cases.is_empty() {
                return Err(at
                    .key("transitions")
                    .invalid("there is no key that the values can be compared with"));
            }
            states.push(ParseState {
                name: state.name.clone(),
                ops,
                key,
                key_width,
                cases,
                default,
            });
        }
        let parser = Parser {
            states,
            start: Some(start),
            errors: self.parser_errors()?,
        };
        Ok((parser, value_sets))
    }

    fn value_sets(&self) -> Result<Vec<ValueSet>, LoadError> {
        let mut names = HashSet::new();
        let mut sets = Vec::new();
        for (i, set) in self.document.parse_vsets.iter().enumerate() {
            let at = At::root("parse_vsets").index(i);
            if !names.insert(&set.name) {
                return Err(at.duplicate("value set", &set.name));
            }
            sets.push(ValueSet {
                name: set.name.clone(),
                width: set.compressed_bitwidth,
                max_size: usize::try_from(set.max_size.unwrap_or(1024)).unwrap_or(usize::MAX),
                parts: Vec::new(),
            });
        }
        Ok(sets)
    }

    /// The values of the core library's errors. Those that the program does not have get values
    /// that it does not use, as in BMv2.
    fn parser_errors(&self) -> Result<ParserErrors, LoadError> {
        let mut used = HashSet::new();
        let mut names = Vec::new();
        for (i, (name, value)) in self.document.errors.iter().enumerate() {
            if !used.insert(*value) {
                return Err(At::root("errors").index(i).duplicate("error value", value));
            }
            names.push((*value, name.clone()));
        }
        let mut value_of = |name: &str| {
            if let Some((value, _)) = names.iter().find(|(_, known)| known == name) {
                return *value;
            }
            let value = (0..=u32::MAX)
                .find(|value| !used.contains(value))
                .unwrap_or_default();
            used.insert(value);
            names.push((value, name.to_owned()));
            value
        };
        Ok(ParserErrors {
            no_error: value_of("NoError"),
            packet_too_short: value_of("PacketTooShort"),
            stack_out_of_bounds: value_of("StackOutOfBounds"),
            header_too_short: value_of("HeaderTooShort"),
            parser_timeout: value_of("ParserTimeout"),
            parser_invalid_argument: value_of("ParserInvalidArgument"),
            names,
        })
    }

    fn parse_op(&self, op: &ParserOp, at: &At) -> Result<ParseOp, LoadError> {
        let place = Place::outside();
        let parameter = |index: usize| at.key("parameters").index(index);
        Ok(match op {
            ParserOp::Extract((target,)) => {
                let extraction = self.extraction(target, &parameter(0))?;
                if self.extracted(extraction).variable.is_some() {
                    return Err(parameter(0)
                        .invalid("a header with a field of variable length needs `extract_VL`"));
                }
                ParseOp::Extract(extraction)
            }
            ParserOp::ExtractVl(target, length) => {
                let extraction = self.extraction(target, &parameter(0))?;
                if self.extracted(extraction).variable.is_none() {
                    return Err(parameter(0).invalid("the header has no field of variable length"));
                }
                ParseOp::ExtractVariable(extraction, self.exact(length, place, &parameter(1))?)
            }
            ParserOp::Verify(condition, error) => ParseOp::Verify {
                condition: self.condition(condition, place, &parameter(0))?,
                error: self.exact(error, place, &parameter(1))?,
            },
            ParserOp::Shift((bytes,)) => ParseOp::Advance(super::width::exact(
                super::expression::constant((u64::from(*bytes) * 8).into()),
            )),
            ParserOp::Advance((bits,)) => {
                ParseOp::Advance(self.exact(bits, place, &parameter(0))?)
            }
            ParserOp::Set(to, value) => {
                let set = bmv2_json::Primitive {
                    op: "set".to_owned(),
                    parameters: vec![to.clone(), value.clone()],
                    source_info: None,
                };
                if let Value::Lookahead(offset, width) = value {
                    check_lookahead(*offset, *width, &parameter(1))?;
                }
                ParseOp::Run(OpAt {
                    op: self.op(&set, place, at)?,
                    source: None,
                })
            }
            ParserOp::Primitive((primitive,)) => ParseOp::Run(OpAt {
                op: self.op(primitive, place, &parameter(0))?,
                source: primitive.source_info.clone(),
            }),
        })
    }

    fn extraction(&self, target: &ExtractTarget, at: &At) -> Result<Extraction, LoadError> {
        let extraction = match target {
            ExtractTarget::Regular(name) => {
                Extraction::Header(self.names.header_by_name(name, at)?)
            }
            ExtractTarget::Stack(name) => Extraction::Stack(self.names.stack(name, at)?),
            ExtractTarget::UnionStack(name, member) => {
                let stack = self.names.union_stack(name, at)?;
                let member = self.names.union_stack_member(stack, member, at)?;
                Extraction::UnionStack { stack, member }
            }
        };
        if self.extracted(extraction).is_metadata {
            return Err(at.invalid("metadata cannot be extracted"));
        }
        Ok(extraction)
    }

    /// A header of the type that is extracted.
    fn extracted(&self, extraction: Extraction) -> &crate::program::HeaderLayout {
        match extraction {
            Extraction::Header(header) => self.names.header(header),
            Extraction::Stack(stack) => self.names.stack_element(stack),
            Extraction::UnionStack { stack, member } => {
                self.names.union_stack_header(stack, member)
            }
        }
    }

    fn key_part(&self, value: &Value, at: &At) -> Result<KeyPart, LoadError> {
        let part = match value {
            Value::Field(field) => KeyPart::Field(self.names.field(field, at)?),
            Value::StackField(stack, field) => {
                // p4c also writes a header's name here for `stack[0].field`-like accesses.
                if !self.names.is_stack(stack) {
                    return Err(at.missing("header stack", stack));
                }
                let stack = self.names.stack(stack, at)?;
                let (_, field) = field_of(self.names.stack_element(stack), field)
                    .ok_or_else(|| at.missing("field", field))?;
                KeyPart::StackLast { stack, field }
            }
            Value::UnionStackField(stack, member, field) => {
                let stack = self.names.union_stack(stack, at)?;
                let member = self.names.union_stack_member(stack, member, at)?;
                let header = self.names.union_stack_header(stack, member);
                let (field, place) =
                    field_of(header, field).ok_or_else(|| at.missing("field", field))?;
                KeyPart::UnionStackLast {
                    stack,
                    member,
                    field,
                    width: place.width,
                }
            }
            Value::Lookahead(offset, width) => {
                check_lookahead(*offset, *width, at)?;
                KeyPart::Lookahead {
                    offset: *offset,
                    width: *width,
                }
            }
            _ => return Err(at.invalid("a key must be a field or a lookahead")),
        };
        match part {
            KeyPart::Field(field) | KeyPart::StackLast { field, .. } if field.variable => {
                Err(at.unsupported("a field of variable length as a key"))
            }
            part => Ok(part),
        }
    }

    pub(super) fn deparser(&self) -> Result<Deparser, LoadError> {
        let deparsers = &self.document.deparsers;
        let index = deparsers
            .iter()
            .position(|deparser| deparser.name == "deparser")
            .or(if deparsers.len() == 1 { Some(0) } else { None })
            .ok_or_else(|| At::root("deparsers").missing("deparser", "deparser"))?;
        let at = At::root("deparsers").index(index);
        let mut order = Vec::new();
        for (i, name) in deparsers[index].order.iter().enumerate() {
            let at = at.key("order").index(i);
            let header = self.names.header_by_name(name, &at)?;
            if self.names.header(header).is_metadata {
                return Err(at.invalid("metadata cannot be written to a packet"));
            }
            order.push(header);
        }
        let ops = self.ops(
            &deparsers[index].primitives,
            Place::outside(),
            &at.key("primitives"),
        )?;
        Ok(Deparser { order, ops })
    }
}

/// The width of a key whose parts are padded to whole bytes.
fn key_width(key: &[KeyPart], at: &At) -> Result<u32, LoadError> {
    let width: u64 = key
        .iter()
        .map(|part| u64::from(part.width()).div_ceil(8) * 8)
        .sum();
    match u32::try_from(width) {
        Ok(width) if width <= MAX_KEY_WIDTH => Ok(width),
        _ => Err(at.unsupported(format!("a key of {width} bits"))),
    }
}

fn check_lookahead(offset: u32, width: u32, at: &At) -> Result<(), LoadError> {
    if offset > MAX_LOOKAHEAD || width > MAX_LOOKAHEAD || width == 0 {
        return Err(at.invalid(format!(
            "a lookahead must be of 1 to {MAX_LOOKAHEAD} bits, and not further away"
        )));
    }
    Ok(())
}

/// A value set can be matched in several states, with keys of the same parts.
fn bind(set: &mut ValueSet, parts: Vec<u32>, at: &At) -> Result<(), LoadError> {
    if parts.iter().sum::<u32>() != set.width {
        return Err(at.invalid(format!(
            "the value set has {} bits, the key has {}",
            set.width,
            parts.iter().sum::<u32>()
        )));
    }
    if set.parts.is_empty() {
        set.parts = parts;
    } else if set.parts != parts {
        return Err(at.unsupported("a value set that is matched with keys of different parts"));
    }
    Ok(())
}

/// A value or mask as wide as the key.
fn key_words(hex: &HexString, width: u32, at: &At) -> Result<Vec<u64>, LoadError> {
    let value = hex.to_bigint();
    if Number::is_negative(&value) || value.bits() > u64::from(width) {
        return Err(at.invalid(format!("`{hex}` does not fit into a key of {width} bits")));
    }
    let mut words = vec![0; words_for(width)];
    value.to_words(&mut words);
    Ok(words)
}

fn case(
    value: &HexString,
    mask: Option<&HexString>,
    width: u32,
    next: Option<u32>,
    at: &At,
) -> Result<Case, LoadError> {
    let value = key_words(value, width, &at.key("value"))?;
    let mask = match mask {
        Some(mask) => key_words(mask, width, &at.key("mask"))?,
        None => {
            let mut ones = vec![u64::MAX; value.len()];
            crate::number::cut(&mut ones, width);
            ones
        }
    };
    let masked = |i: usize| value[i] & mask[i];
    Ok(if width <= 64 {
        Case::Word {
            value: value.first().map_or(0, |_| masked(0)),
            mask: mask.first().copied().unwrap_or(0) & low_mask(width),
            next,
        }
    } else {
        Case::Wide {
            value: (0..value.len()).map(masked).collect(),
            mask,
            next,
        }
    })
}
