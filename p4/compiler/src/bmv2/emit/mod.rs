//! From the flat program to BMv2 JSON.

mod action;
mod expr;
mod flow;
mod headers;
mod parser;
mod pipeline;

use bmv2_json::{
    Calculation, CalculationInput, Checksum, CounterArray, Deparser, Document, EMITTED_VERSION,
    FieldList, HexString, Meta, MeterArray, MeterType, P4Enum, RegisterArray, SourceInfo, Value,
};

use super::ir::{self, Expr, ExprKind, ObjectKind, ScalarType, StmtKind, Unit};
use super::names::Names;
use crate::diagnostic::Diagnostic;
use crate::source::{SourceMap, Span};
use expr::Values;

/// What was emitted, or why it cannot be.
type Emitted<T> = Result<T, Box<Diagnostic>>;

/// The name of this compiler in the documents that it writes.
const COMPILER: &str = concat!("p4-compiler ", env!("CARGO_PKG_VERSION"));

/// The state of emission.
struct Emitter<'a> {
    program: &'a ir::Program,
    sources: &'a SourceMap,
    document: Document,
    names: Names,
    /// The JSON id of each action of the program.
    action_ids: Vec<u32>,
    next_table: u32,
    next_conditional: u32,
    next_profile: u32,
    /// p4c numbers conditions together with tables and the ends of pipelines.
    next_node: u32,
}

/// Emits a whole program.
pub(super) fn emit(
    program: &ir::Program,
    sources: &SourceMap,
    main: Span,
) -> Result<Document, Vec<Diagnostic>> {
    let mut emitter = Emitter {
        program,
        sources,
        document: Document::default(),
        names: Names::default(),
        action_ids: Vec::new(),
        next_table: 0,
        next_conditional: 0,
        next_profile: 0,
        next_node: 0,
    };
    match emitter.run(main) {
        Ok(()) => Ok(emitter.document),
        Err(diagnostic) => Err(vec![*diagnostic]),
    }
}

impl Emitter<'_> {
    fn run(&mut self, main: Span) -> Emitted<()> {
        let program = self.program;
        self.headers();
        self.document.errors = program.errors.iter().cloned().zip(0u32..).collect();
        self.document.enums = program
            .enums
            .iter()
            .map(|(name, members)| P4Enum {
                name: name.clone(),
                entries: members.iter().cloned().zip(0u32..).collect(),
            })
            .collect();
        self.field_lists();
        self.parser()?;
        for action in &program.actions {
            let id = self.add_action(action)?;
            self.action_ids.push(id);
        }
        self.pipeline("ingress", &program.ingress)?;
        self.pipeline("egress", &program.egress)?;
        self.deparser()?;
        self.checksums(&program.update_checksum)?;
        self.checksums(&program.verify_checksum)?;
        self.objects();
        self.document.program = self
            .sources
            .location(main)
            .map(|place| place.file.to_owned());
        self.document.meta = Some(Meta {
            version: EMITTED_VERSION,
            compiler: Some(COMPILER.to_owned()),
        });
        Ok(())
    }

    fn values(&self) -> Values<'_> {
        Values {
            program: self.program,
        }
    }

    /// Where something comes from; the columns count from 0, and only the first line is shown,
    /// as in p4c.
    fn source_info(&self, span: Span) -> Option<SourceInfo> {
        let place = self.sources.location(span)?;
        let text = self.sources.fragment(span).trim_end().trim_end_matches(';');
        let fragment = match text.split_once('\n') {
            Some((first, _)) => format!("{} ...", first.trim_end()),
            None => text.to_owned(),
        };
        Some(SourceInfo {
            filename: place.file.to_owned(),
            line: place.line,
            column: place.column.saturating_sub(1),
            source_fragment: fragment,
        })
    }

    fn field_lists(&mut self) {
        for list in &self.program.field_lists {
            let elements = list
                .fields
                .iter()
                .map(|field| self.values().field(field))
                .collect();
            self.new_field_list(format!("field_list{}", list.number), elements);
        }
    }

    /// Ids of field lists begin at 1: BMv2 takes 0 for none.
    fn new_field_list(&mut self, name: String, elements: Vec<Value>) -> u32 {
        let id = self.document.field_lists.len() as u32 + 1;
        self.document.field_lists.push(FieldList {
            id,
            name,
            source_info: None,
            elements,
        });
        id
    }

    /// The id of the list for this number of `@field_list`; without number, of an empty one.
    fn field_list(&mut self, number: Option<u32>) -> u32 {
        let name = match number {
            Some(number) => format!("field_list{number}"),
            None => "fl".to_owned(),
        };
        match self
            .document
            .field_lists
            .iter()
            .find(|list| list.name == name)
        {
            Some(list) => list.id,
            None => self.new_field_list(name, Vec::new()),
        }
    }

    fn learn_list(&mut self, name: &str, elements: &[Expr], span: Span) -> u32 {
        let elements = elements.iter().map(|expr| self.raw(expr)).collect();
        let id = self.document.learn_lists.len() as u32 + 1;
        let source_info = self.source_info(span);
        let list = FieldList {
            id,
            name: name.to_owned(),
            source_info,
            elements,
        };
        self.document.learn_lists.push(list);
        id
    }

    /// A field or constant as it is, a boolean field too.
    fn raw(&self, expr: &Expr) -> Value {
        match &expr.kind {
            ExprKind::Field(field) => self.values().field(field),
            _ => self.values().data(expr),
        }
    }

    /// Adds a calculation and gives its name.
    fn calculation(
        &mut self,
        algorithm: &str,
        input: &[Expr],
        payload: bool,
        info: Option<SourceInfo>,
        span: Span,
    ) -> Emitted<String> {
        let mut parts = Vec::with_capacity(input.len() + 1);
        for expr in input {
            parts.push(self.calculation_input(expr).ok_or_else(|| {
                let text =
                    "only fields and constants can go into a hash or checksum on this target";
                Box::new(Diagnostic::error(span, text))
            })?);
        }
        if payload {
            parts.push(CalculationInput::Payload { value: None });
        }
        let name = self.names.unique("calc");
        let id = self.document.calculations.len() as u32;
        self.document.calculations.push(Calculation {
            name: name.clone(),
            id,
            source_info: info,
            algo: algorithm.to_owned(),
            input: parts,
        });
        Ok(name)
    }

    fn calculation_input(&self, expr: &Expr) -> Option<CalculationInput> {
        match &expr.kind {
            ExprKind::Field(field) => {
                let value = self.values().named_field(field)?;
                Some(CalculationInput::Field { value })
            }
            ExprKind::Int(value) => {
                let bitwidth = expr.ty.width();
                let value = super::fold::wrap(value, ScalarType::bits(bitwidth));
                let value = HexString::new(&value, bitwidth.div_ceil(8) as usize);
                Some(CalculationInput::Hexstr { value, bitwidth })
            }
            ExprKind::Bool(value) => Some(CalculationInput::Hexstr {
                value: HexString::from_u64(u64::from(*value), 1),
                bitwidth: 1,
            }),
            _ => None,
        }
    }

    fn checksums(&mut self, stmts: &[ir::Stmt]) -> Emitted<()> {
        for stmt in stmts {
            let StmtKind::Checksum(checksum) = &stmt.kind else {
                let text = "only calls that verify or update checksums are supported here";
                return Err(Diagnostic::error(stmt.span, text)
                    .help("give the condition as the first argument of the call")
                    .into());
            };
            let info = self.source_info(stmt.span);
            let calculation = self.calculation(
                checksum.algorithm,
                &checksum.input,
                checksum.payload,
                info.clone(),
                stmt.span,
            )?;
            let Some(target) = self.values().named_field(&checksum.target) else {
                return Err(Diagnostic::error(stmt.span, "a checksum must be a field").into());
            };
            let id = self.document.checksums.len() as u32;
            let condition = self.values().inner(&checksum.condition);
            self.document.checksums.push(Checksum {
                name: self.names.unique("cksum"),
                id,
                source_info: info,
                target,
                checksum_type: "generic".to_owned(),
                calculation,
                verify: checksum.verify,
                update: !checksum.verify,
                if_cond: Some(condition),
            });
        }
        Ok(())
    }

    fn deparser(&mut self) -> Emitted<()> {
        let program = self.program;
        let mut order = Vec::new();
        let mut primitives = Vec::new();
        for stmt in &program.deparser.body {
            match &stmt.kind {
                StmtKind::Emit(ir::HeaderRef::Instance(id)) => {
                    order.push(program.headers[id.0].name.clone());
                }
                StmtKind::Primitive(_) => primitives.push(self.simple(stmt)?),
                _ => {
                    let text = "this statement is not supported in the deparser on this target";
                    return Err(Diagnostic::error(stmt.span, text)
                        .help("BMv2 emits headers in a fixed order: change them in egress")
                        .into());
                }
            }
        }
        self.document.deparsers.push(Deparser {
            name: "deparser".to_owned(),
            id: 0,
            source_info: self.source_info(program.deparser.span),
            order,
            primitives,
        });
        Ok(())
    }

    /// Counters, meters and registers; action profiles stand in their pipelines.
    fn objects(&mut self) {
        for object in &self.program.objects {
            let name = object.name.clone();
            let source_info = self.source_info(object.span);
            let counter_id = self.document.counter_arrays.len() as u32;
            let meter_id = self.document.meter_arrays.len() as u32;
            let table_name = |table: ir::TableId| self.program.tables[table.0].name.clone();
            match &object.kind {
                ObjectKind::Counter(size) => self.document.counter_arrays.push(CounterArray {
                    name,
                    id: counter_id,
                    source_info,
                    size: Some(*size),
                    is_direct: false,
                    binding: None,
                }),
                ObjectKind::DirectCounter(Some(table)) => {
                    let binding = Some(table_name(*table));
                    self.document.counter_arrays.push(CounterArray {
                        name,
                        id: counter_id,
                        source_info,
                        size: None,
                        is_direct: true,
                        binding,
                    });
                }
                ObjectKind::Meter(size, unit) => self.document.meter_arrays.push(MeterArray {
                    name,
                    id: meter_id,
                    source_info,
                    is_direct: false,
                    rate_count: 2,
                    meter_type: meter_type(*unit),
                    size: *size,
                    binding: None,
                    result_target: None,
                }),
                ObjectKind::DirectMeter {
                    unit,
                    table: Some(table),
                    target: Some(target),
                } => {
                    let binding = Some(table_name(*table));
                    let result_target = self.values().named_field(target);
                    let size = self.program.tables[table.0].size;
                    self.document.meter_arrays.push(MeterArray {
                        name,
                        id: meter_id,
                        source_info,
                        is_direct: true,
                        rate_count: 2,
                        meter_type: meter_type(*unit),
                        size,
                        binding,
                        result_target,
                    });
                }
                ObjectKind::Register(size, bitwidth) => {
                    let id = self.document.register_arrays.len() as u32;
                    self.document.register_arrays.push(RegisterArray {
                        name,
                        id,
                        source_info,
                        size: *size,
                        bitwidth: *bitwidth,
                    });
                }
                // What no table uses does nothing.
                ObjectKind::DirectCounter(None)
                | ObjectKind::DirectMeter { .. }
                | ObjectKind::Profile(_)
                | ObjectKind::Selector { .. } => {}
            }
        }
    }
}

fn meter_type(unit: Unit) -> MeterType {
    match unit {
        Unit::Packets => MeterType::Packets,
        Unit::Bytes => MeterType::Bytes,
    }
}
