//! Actions and their primitives.

use bmv2_json::{Expression as JsonExpression, Primitive, Value};

use super::Loader;
use super::error::{At, LoadError};
use super::expression::Place;
use super::width;
use crate::number::{low_mask, words_for};
use crate::program::{
    Action, Arithmetic, Expression, Field, FieldTarget, HeaderRef, Op, OpAt, Parameter,
};

/// Where the arguments of an action lie.
#[derive(Default)]
struct Places {
    /// How many bits of each word are taken.
    used: Vec<u32>,
}

impl Places {
    /// The word and the offset in it for an argument of so many bits.
    fn take(&mut self, width: u32) -> (usize, u32) {
        let mut words = self.used.iter();
        let word = words.position(|used| *used < 64 && used + width <= 64);
        if let Some(word) = word {
            let shift = self.used[word];
            self.used[word] += width;
            return (word, shift);
        }
        let word = self.used.len();
        let words = words_for(width).max(1);
        self.used.resize(word + words, 64);
        if words == 1 {
            self.used[word] = width;
        }
        (word, 0)
    }
}

impl Loader<'_> {
    pub(super) fn load_actions(&mut self) -> Result<(), LoadError> {
        for (i, action) in self.document.actions.iter().enumerate() {
            let at = At::root("actions").index(i);
            if self.action_ids.insert(action.id, i as u32).is_some() {
                return Err(at.key("id").duplicate("action", action.id));
            }
            let mut parameters: Vec<Parameter> = Vec::new();
            let mut places = Places::default();
            for (j, parameter) in action.runtime_data.iter().enumerate() {
                if parameter.bitwidth > 65_536 {
                    return Err(at
                        .key("runtime_data")
                        .index(j)
                        .invalid("a parameter can have at most 65536 bits"));
                }
                let (word, shift) = places.take(parameter.bitwidth);
                parameters.push(Parameter {
                    name: parameter.name.clone(),
                    width: parameter.bitwidth,
                    word: u32::try_from(word)
                        .map_err(|_| at.invalid("the parameters are too large"))?,
                    shift,
                });
            }
            let place = Place::action(&parameters);
            let ops = self.ops(&action.primitives, place, &at.key("primitives"))?;
            let loops = ops.iter().enumerate().any(|(here, op)| match &op.op {
                Op::Jump(to) | Op::JumpIfZero { to, .. } | Op::JumpUnless { to, .. } => {
                    *to as usize <= here
                }
                _ => false,
            });
            self.actions.push(Action {
                name: action.name.as_str().into(),
                parameters,
                words: places.used.len(),
                ops,
                loops,
            });
        }
        Ok(())
    }

    pub(super) fn ops(
        &self,
        primitives: &[Primitive],
        place: Place<'_>,
        at: &At,
    ) -> Result<Vec<OpAt>, LoadError> {
        let mut ops = Vec::new();
        for (i, primitive) in primitives.iter().enumerate() {
            let at = at.index(i);
            let op = self.op(primitive, place, &at)?;
            if let Op::Jump(to) | Op::JumpIfZero { to, .. } | Op::JumpUnless { to, .. } = &op
                && *to as usize > primitives.len()
            {
                return Err(at.invalid(format!("a jump to primitive {to} of {}", primitives.len())));
            }
            ops.push(OpAt {
                op,
                source: primitive.source_info.clone(),
            });
        }
        Ok(ops)
    }

    pub(super) fn op(
        &self,
        primitive: &Primitive,
        place: Place<'_>,
        at: &At,
    ) -> Result<Op, LoadError> {
        let call = Call {
            loader: self,
            primitive,
            place,
            at,
        };
        match primitive.op.as_str() {
            // The core primitives.
            "assign" | "modify_field" | "set" => self.assignment(&call),
            "assign_VL" => call.assign_variable(),
            "assign_header" | "copy_header" => call.assign_header(),
            "assign_header_stack" => call.assign_stack(),
            "assign_union" => call.assign_union(),
            "assign_union_stack" => call.assign_union_stack(),
            "push" => call.shift(true),
            "pop" => call.shift(false),
            "_jump" => {
                call.count(1)?;
                Ok(Op::Jump(call.offset(0)?))
            }
            "_jump_if_zero" => call.jump_if_zero(),
            "exit" => call.count(0).map(|()| Op::Exit),
            "assert" | "assume" => {
                call.count(1)?;
                Ok(Op::Assert {
                    condition: call.exact(0)?,
                    assume: primitive.op == "assume",
                })
            }
            "log_msg" => call.log_message(),
            // Those of simple_switch.
            "add_header" => call.one_header().map(Op::AddHeader),
            "add_header_fast" => call.one_header().map(Op::AddHeaderFast),
            "remove_header" => call.one_header().map(Op::RemoveHeader),
            "mark_to_drop" => call.mark_to_drop(),
            "drop" => {
                call.count(0)?;
                let standard = super::standard_metadata(&self.names)?;
                Ok(Op::MarkToDrop {
                    egress_spec: standard.egress_spec,
                    multicast_group: standard.multicast_group,
                })
            }
            "no_op" => call.count(0).map(|()| Op::Nothing),
            "add_to_field" => call.arithmetic_on(Arithmetic::Add),
            "subtract_from_field" => call.arithmetic_on(Arithmetic::Subtract),
            "add" => call.arithmetic_of(Arithmetic::Add),
            "subtract" => call.arithmetic_of(Arithmetic::Subtract),
            "bit_and" => call.arithmetic_of(Arithmetic::And),
            "bit_or" => call.arithmetic_of(Arithmetic::Or),
            "bit_xor" => call.arithmetic_of(Arithmetic::Xor),
            "shift_left" => call.arithmetic_of(Arithmetic::ShiftLeft),
            "shift_right" => call.arithmetic_of(Arithmetic::ShiftRight),
            "count" => {
                call.count(2)?;
                Ok(Op::Count {
                    array: call.array(0)?,
                    index: call.exact(1)?,
                })
            }
            "execute_meter" => {
                call.count(3)?;
                Ok(Op::ExecuteMeter {
                    array: call.array(0)?,
                    index: call.exact(1)?,
                    to: call.field(2)?,
                })
            }
            "register_read" => {
                call.count(3)?;
                Ok(Op::RegisterRead {
                    to: call.field(0)?,
                    array: call.array(1)?,
                    index: call.exact(2)?,
                })
            }
            "register_write" => {
                call.count(3)?;
                let array = call.array(0)?;
                let width = self.registers[array as usize].width;
                Ok(Op::RegisterWrite {
                    array,
                    index: call.exact(1)?,
                    value: width::low(call.number(2)?, width),
                })
            }
            "modify_field_with_hash_based_offset" => call.hash(),
            "modify_field_rng_uniform" => {
                call.count(3)?;
                Ok(Op::Random {
                    to: call.target(0)?,
                    low: call.exact(1)?,
                    high: call.exact(2)?,
                })
            }
            "generate_digest" => {
                call.count(2)?;
                Ok(Op::Digest {
                    list: call.exact(1)?,
                })
            }
            "clone_ingress_pkt_to_egress" | "clone_egress_pkt_to_egress" => {
                call.count(2)?;
                Ok(Op::Clone {
                    session: call.exact(0)?,
                    list: call.exact(1)?,
                })
            }
            "resubmit" => {
                call.count(1)?;
                Ok(Op::Resubmit {
                    list: call.exact(0)?,
                })
            }
            "recirculate" => {
                call.count(1)?;
                Ok(Op::Recirculate {
                    list: call.exact(0)?,
                })
            }
            "truncate" => {
                call.count(1)?;
                Ok(Op::Truncate {
                    length: call.exact(0)?,
                })
            }
            other => Err(at.key("op").unsupported(format!("the primitive `{other}`"))),
        }
    }

    /// An assignment, in its fastest form.
    fn assignment(&self, call: &Call<'_, '_>) -> Result<Op, LoadError> {
        call.count(2)?;
        let to = call.target(0)?;
        if let (FieldTarget::Fixed(to), Value::Lookahead(offset, width)) = (&to, call.value(1)) {
            return Ok(Op::Lookahead {
                to: *to,
                offset: *offset,
                width: *width,
            });
        }
        if let FieldTarget::Fixed(to) = &to
            && let Some(from) = self.plain_field(call.value(1), call.at)?
            && (to.variable || from.variable)
        {
            return call.copy_variable(*to, from);
        }
        let value = call.number(1)?;
        Ok(self.assign(to, value))
    }

    /// An assignment of a number, in its fastest form.
    pub(super) fn assign(&self, to: FieldTarget, value: Arithmetic) -> Op {
        match to {
            FieldTarget::Fixed(to) if to.variable => Op::Assign {
                value: width::low(value, to.width),
                to: FieldTarget::Fixed(to),
            },
            FieldTarget::Fixed(to) if to.width <= 64 => assign_narrow(to, value),
            FieldTarget::Fixed(to) => match value {
                Arithmetic::Field(from) if from.width == to.width && !from.variable => {
                    Op::CopyField { to, from }
                }
                value => Op::Assign {
                    value: width::low(value, to.width),
                    to: FieldTarget::Fixed(to),
                },
            },
            FieldTarget::Access { header, field } => {
                let width = self.header_of_type(&header).fields[field as usize]
                    .field
                    .width;
                Op::Assign {
                    value: width::low(value, width),
                    to: FieldTarget::Access { header, field },
                }
            }
        }
    }
}

/// An assignment to a field of at most 64 bits.
fn assign_narrow(to: Field, value: Arithmetic) -> Op {
    let mask = low_mask(to.width);
    match &value {
        Arithmetic::Constant(constant) => Op::SetWord {
            to: to.word,
            value: *constant as u64 & mask,
        },
        Arithmetic::Word { word, .. } => Op::CopyWord {
            to: to.word,
            from: *word,
            mask,
        },
        Arithmetic::Parameter { word, shift, width } if *width <= 64 => Op::CopyParameter {
            to: to.word,
            word: *word,
            shift: *shift,
            mask: mask & crate::number::low_mask(*width),
        },
        Arithmetic::And(pair) => match &**pair {
            [
                Arithmetic::Word { word, .. },
                Arithmetic::Constant(constant),
            ] if *constant >= 0 => Op::CopyWord {
                to: to.word,
                from: *word,
                mask: mask & *constant as u64,
            },
            [Arithmetic::Add(sum), Arithmetic::Constant(constant)] if *constant >= 0 => {
                match add_word(to, sum, mask & *constant as u64) {
                    Some(op) => op,
                    None => general(to, value),
                }
            }
            _ => general(to, value),
        },
        Arithmetic::Add(sum) => match add_word(to, sum, mask) {
            Some(op) => op,
            None => general(to, value),
        },
        _ => general(to, value),
    }
}

fn add_word(to: Field, sum: &[Arithmetic; 2], mask: u64) -> Option<Op> {
    match sum {
        [Arithmetic::Word { word, .. }, Arithmetic::Constant(addend)]
        | [Arithmetic::Constant(addend), Arithmetic::Word { word, .. }] => Some(Op::AddWord {
            to: to.word,
            from: *word,
            addend: *addend as u64,
            mask,
        }),
        _ => None,
    }
}

fn general(to: Field, value: Arithmetic) -> Op {
    Op::Assign {
        value: width::low(value, to.width),
        to: FieldTarget::Fixed(to),
    }
}

/// A primitive call while it is loaded.
struct Call<'l, 'd> {
    loader: &'l Loader<'d>,
    primitive: &'l Primitive,
    place: Place<'l>,
    at: &'l At,
}

impl Call<'_, '_> {
    fn count(&self, expected: usize) -> Result<(), LoadError> {
        let given = self.primitive.parameters.len();
        if given == expected {
            return Ok(());
        }
        Err(self.at.key("parameters").invalid(format!(
            "`{}` takes {expected} parameters, not {given}",
            self.primitive.op
        )))
    }

    fn at(&self, index: usize) -> At {
        self.at.key("parameters").index(index)
    }

    /// A parameter; `count` was called before.
    fn value(&self, index: usize) -> &Value {
        &self.primitive.parameters[index]
    }

    /// A parameter without the wrapping that p4c puts around expressions.
    fn unwrapped(&self, index: usize) -> &Value {
        let mut value = self.value(index);
        while let Value::Expression(expression) = value
            && let JsonExpression::Value(inner) = &**expression
        {
            value = inner;
        }
        value
    }

    fn number(&self, index: usize) -> Result<Arithmetic, LoadError> {
        self.loader
            .arithmetic(self.value(index), self.place, &self.at(index))
    }

    fn exact(&self, index: usize) -> Result<Expression, LoadError> {
        self.loader
            .exact(self.value(index), self.place, &self.at(index))
    }

    fn target(&self, index: usize) -> Result<FieldTarget, LoadError> {
        self.loader
            .field_target(self.value(index), self.place, &self.at(index))
    }

    fn field(&self, index: usize) -> Result<Field, LoadError> {
        match self.target(index)? {
            FieldTarget::Fixed(field) if !field.variable => Ok(field),
            _ => Err(self.at(index).unsupported("this field as a result")),
        }
    }

    fn header(&self, index: usize) -> Result<HeaderRef, LoadError> {
        self.loader
            .header(self.value(index), self.place, &self.at(index))
    }

    fn one_header(&self) -> Result<HeaderRef, LoadError> {
        self.count(1)?;
        let header = self.header(0)?;
        if self.loader.header_of_type(&header).is_metadata {
            return Err(self.at(0).invalid("metadata are always valid"));
        }
        Ok(header)
    }

    fn array(&self, index: usize) -> Result<u32, LoadError> {
        let at = self.at(index);
        match (self.unwrapped(index), self.primitive.op.as_str()) {
            (Value::CounterArray(name), "count") => {
                Loader::indirect(&self.loader.counters, "indirect counter array", name, &at)
            }
            (Value::MeterArray(name), "execute_meter") => {
                Loader::indirect(&self.loader.meters, "indirect meter array", name, &at)
            }
            (Value::RegisterArray(name), "register_read" | "register_write") => {
                self.loader.register(name, &at)
            }
            _ => Err(at.invalid("an array of the primitive's kind is needed here")),
        }
    }

    fn offset(&self, index: usize) -> Result<u32, LoadError> {
        match self.unwrapped(index) {
            Value::Hexstr(hex) => u32::try_from(hex.to_bigint()).ok(),
            _ => None,
        }
        .ok_or_else(|| self.at(index).invalid("a jump needs a constant target"))
    }

    fn jump_if_zero(&self) -> Result<Op, LoadError> {
        self.count(2)?;
        let to = self.offset(1)?;
        let value = self.exact(0)?;
        Ok(match value.node {
            Arithmetic::FromBoolean(condition) => Op::JumpUnless {
                condition: *condition,
                to,
            },
            node => Op::JumpIfZero {
                value: Expression { node, ..value },
                to,
            },
        })
    }

    fn assign_variable(&self) -> Result<Op, LoadError> {
        self.count(2)?;
        let to = match self.target(0)? {
            FieldTarget::Fixed(to) => to,
            FieldTarget::Access { .. } => {
                return Err(self
                    .at(0)
                    .unsupported("a field of variable length at a computed index"));
            }
        };
        let from = self
            .loader
            .plain_field(self.value(1), &self.at(1))?
            .ok_or_else(|| {
                self.at(1)
                    .invalid("a field of variable length is needed here")
            })?;
        self.copy_variable(to, from)
    }

    fn copy_variable(&self, to: Field, from: Field) -> Result<Op, LoadError> {
        if !to.variable || !from.variable || to.width != from.width {
            return Err(self
                .at
                .invalid("a field of variable length can only be copied to one of the same type"));
        }
        Ok(Op::AssignVariable { to, from })
    }

    fn assign_header(&self) -> Result<Op, LoadError> {
        self.count(2)?;
        let (to, from) = (self.header(0)?, self.header(1)?);
        let header_type = |header| self.loader.header_of_type(header).header_type;
        if header_type(&to) != header_type(&from) {
            return Err(self
                .at
                .invalid("a header can only be copied to one of the same type"));
        }
        Ok(Op::AssignHeader { to, from })
    }

    fn assign_stack(&self) -> Result<Op, LoadError> {
        self.count(2)?;
        let stack = |index: usize| match self.unwrapped(index) {
            Value::HeaderStack(name) => self.loader.names.stack(name, &self.at(index)),
            _ => Err(self.at(index).invalid("a header stack is needed here")),
        };
        let (to, from) = (stack(0)?, stack(1)?);
        let shape = |stack: u32| {
            let layout = &self.loader.names.layout.stacks[stack as usize];
            let element = self.loader.names.stack_element(stack);
            (layout.elements.len(), element.header_type)
        };
        if shape(to) != shape(from) {
            return Err(self
                .at
                .invalid("a stack can only be copied to one of the same type and size"));
        }
        Ok(Op::AssignStack { to, from })
    }

    fn assign_union(&self) -> Result<Op, LoadError> {
        self.count(2)?;
        let union = |index: usize| match self.unwrapped(index) {
            Value::HeaderUnion(name) => self.loader.names.union(name, &self.at(index)),
            _ => Err(self.at(index).unsupported("this header union")),
        };
        let (to, from) = (union(0)?, union(1)?);
        self.same_union_type(to, from)?;
        Ok(Op::AssignUnion { to, from })
    }

    fn same_union_type(&self, to: u32, from: u32) -> Result<(), LoadError> {
        let types = |union: u32| -> Vec<u32> {
            self.loader.names.layout.unions[union as usize]
                .members
                .iter()
                .map(|member| self.loader.names.header(*member).header_type)
                .collect()
        };
        if types(to) == types(from) {
            Ok(())
        } else {
            Err(self
                .at
                .invalid("a union can only be copied to one of the same type"))
        }
    }

    fn assign_union_stack(&self) -> Result<Op, LoadError> {
        self.count(2)?;
        let stack = |index: usize| match self.unwrapped(index) {
            Value::HeaderUnionStack(name) => self.loader.names.union_stack(name, &self.at(index)),
            _ => Err(self
                .at(index)
                .invalid("a stack of header unions is needed here")),
        };
        let (to, from) = (stack(0)?, stack(1)?);
        let elements = |stack: u32| &self.loader.names.layout.union_stacks[stack as usize].elements;
        if elements(to).len() != elements(from).len() {
            return Err(self
                .at
                .invalid("a stack can only be copied to one of the same size"));
        }
        self.same_union_type(elements(to)[0], elements(from)[0])?;
        Ok(Op::AssignUnionStack { to, from })
    }

    fn shift(&self, push: bool) -> Result<Op, LoadError> {
        self.count(2)?;
        let count = self.exact(1)?;
        let at = self.at(0);
        match self.unwrapped(0) {
            Value::HeaderStack(name) => {
                let stack = self.loader.names.stack(name, &at)?;
                Ok(if push {
                    Op::Push { stack, count }
                } else {
                    Op::Pop { stack, count }
                })
            }
            Value::HeaderUnionStack(name) => {
                let stack = self.loader.names.union_stack(name, &at)?;
                Ok(if push {
                    Op::PushUnion { stack, count }
                } else {
                    Op::PopUnion { stack, count }
                })
            }
            _ => Err(at.invalid("a header stack is needed here")),
        }
    }

    fn log_message(&self) -> Result<Op, LoadError> {
        self.count(2)?;
        let (Value::String(format), Value::ParametersVector(values)) =
            (self.unwrapped(0), self.unwrapped(1))
        else {
            return Err(self
                .at
                .invalid("`log_msg` takes a string and a list of values"));
        };
        let mut arguments = Vec::new();
        for value in values {
            arguments.push(self.loader.exact(value, self.place, &self.at(1))?);
        }
        Ok(Op::LogMessage {
            format: format.clone(),
            arguments,
        })
    }

    fn mark_to_drop(&self) -> Result<Op, LoadError> {
        self.count(1)?;
        let Value::Header(name) = self.unwrapped(0) else {
            return Err(self.at(0).invalid("the standard metadata are needed here"));
        };
        // Only the fields below matter of it.
        let header = self.loader.names.find_header(name, &self.at(0))?;
        let layout = self.loader.names.header(header);
        let field = |name: &str| super::layout::field_of(layout, name).map(|(_, field)| field);
        let egress_spec = field("egress_spec")
            .filter(|field| field.width <= 64)
            .ok_or_else(|| self.at(0).missing("field", "egress_spec"))?;
        Ok(Op::MarkToDrop {
            egress_spec,
            multicast_group: field("mcast_grp").filter(|field| field.width <= 64),
        })
    }

    /// A field, with an operation on itself and a number.
    fn arithmetic_on(
        &self,
        operation: fn(Box<[Arithmetic; 2]>) -> Arithmetic,
    ) -> Result<Op, LoadError> {
        self.count(2)?;
        let to = self.field(0)?;
        let value = operation(Box::new([Loader::field_node(to), self.number(1)?]));
        Ok(self.loader.assign(FieldTarget::Fixed(to), value))
    }

    /// A field, with an operation on two numbers.
    fn arithmetic_of(
        &self,
        operation: fn(Box<[Arithmetic; 2]>) -> Arithmetic,
    ) -> Result<Op, LoadError> {
        self.count(3)?;
        let to = self.target(0)?;
        let value = operation(Box::new([self.number(1)?, self.number(2)?]));
        Ok(self.loader.assign(to, value))
    }

    fn hash(&self) -> Result<Op, LoadError> {
        self.count(4)?;
        let at = self.at(2);
        let calculation = match self.unwrapped(2) {
            Value::Calculation(name) => self.loader.calculation(name, &at)?,
            _ => return Err(at.invalid("a calculation is needed here")),
        };
        Ok(Op::Hash {
            to: self.target(0)?,
            base: self.exact(1)?,
            calculation,
            size: self.exact(3)?,
        })
    }
}
