//! Ingress and egress: tables, conditions, and the hidden tables for what stands between them.

use std::collections::{BTreeMap, HashMap};

use bmv2_json::{
    ActionEntry, ActionProfile, Conditional, DefaultEntry, Entry, EntryKey, HexString, KeyTarget,
    MatchType, Pipeline, Selector, Table, TableKey, TableType,
};

use super::super::ir::{self, MatchKind, ObjectKind, Stmt, TableId};
use super::expr::VALID;
use super::flow::{Edge, Flow, Node, NodeKind, run_span};
use super::{Emitted, Emitter};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// The size of a hidden table, as p4c writes it.
const HIDDEN_SIZE: u64 = 1024;

impl Emitter<'_> {
    /// Emits a pipeline.
    pub(super) fn pipeline(&mut self, name: &str, pipeline: &ir::Pipeline) -> Emitted<()> {
        let flow = Flow::new(&pipeline.body);
        if let Some(table) = flow.repeated_table() {
            let table = &self.program.tables[table.0];
            let text = format!("the table `{}` is applied twice on one way", table.name);
            return Err(Diagnostic::error(table.span, text)
                .help("BMv2 runs a table at most once for a packet: make a second table")
                .into());
        }
        // The start and the end of a pipeline have numbers too.
        self.next_node += 2;
        let names: Vec<String> = flow.nodes.iter().map(|node| self.node_name(node)).collect();
        let mut json = Pipeline {
            name: name.to_owned(),
            id: self.document.pipelines.len() as u32,
            source_info: self.source_info(pipeline.span),
            init_table: flow.first.map(|first| names[first].clone()),
            tables: Vec::new(),
            action_profiles: Vec::new(),
            conditionals: Vec::new(),
        };
        let mut done: HashMap<TableId, usize> = HashMap::new();
        for (node, name) in flow.nodes.iter().zip(&names) {
            let next = |edge| node.next(edge).flatten().map(|next| names[next].clone());
            match &node.kind {
                NodeKind::Table(id) => {
                    let table = self.table(*id, node, &names)?;
                    match done.get(id) {
                        None => {
                            done.insert(*id, json.tables.len());
                            self.profile(*id, &mut json.action_profiles);
                            json.tables.push(table);
                        }
                        Some(&first) => {
                            let first = &json.tables[first];
                            if first.next_tables != table.next_tables
                                || first.base_default_next != table.base_default_next
                            {
                                return Err(self.several_successors(*id));
                            }
                            // The id that this copy took is free again.
                            self.next_table -= 1;
                        }
                    }
                }
                NodeKind::Statements(run) => {
                    let action = self.hidden_action(name, run)?;
                    let table = self.hidden_table(name, action, next(Edge::Always), None);
                    json.tables.push(table);
                }
                NodeKind::Action(action, span) => {
                    let id = self.action_ids[action.0];
                    let table = self.hidden_table(name, id, next(Edge::Always), Some(*span));
                    json.tables.push(table);
                }
                NodeKind::Condition(condition, span) => {
                    let id = self.next_conditional;
                    self.next_conditional += 1;
                    json.conditionals.push(Conditional {
                        name: name.clone(),
                        id,
                        source_info: self.source_info(*span),
                        expression: self.values().inner(condition),
                        true_next: next(Edge::True),
                        false_next: next(Edge::False),
                    });
                }
            }
        }
        self.document.pipelines.push(json);
        Ok(())
    }

    fn several_successors(&self, id: TableId) -> Box<Diagnostic> {
        let table = &self.program.tables[id.0];
        let text = format!(
            "the table `{}` has different successors in different places",
            table.name
        );
        Diagnostic::error(table.span, text)
            .help("BMv2 knows one successor for each result of a table: make a second table")
            .into()
    }

    fn node_name(&mut self, node: &Node) -> String {
        let number = self.next_node;
        self.next_node += 1;
        match &node.kind {
            NodeKind::Table(id) => self.program.tables[id.0].name.clone(),
            NodeKind::Condition(..) => self.names.unique(&format!("node_{number}")),
            NodeKind::Action(id, _) => {
                let name = &self.program.actions[id.0].name;
                let name = name.rsplit('.').next().unwrap_or(name);
                self.names.unique(&format!("tbl_{name}"))
            }
            NodeKind::Statements(run) => {
                let name = self.place_name(run_span(run));
                self.names.unique(&format!("tbl_{name}"))
            }
        }
    }

    /// A name made of the file and line of a place, as p4c makes it.
    fn place_name(&self, span: Span) -> String {
        let Some(place) = self.sources.location(span) else {
            return "act".to_owned();
        };
        let file = place.file.rsplit(['/', '\\']).next().unwrap_or(place.file);
        let mut name: String = file
            .chars()
            .skip_while(|c| !c.is_ascii_alphabetic())
            .take_while(|c| *c != '.')
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        match name.chars().last() {
            None => return "act".to_owned(),
            // Else the line would go on with the digits of the file.
            Some(last) if last.is_ascii_digit() => name.push('l'),
            Some(_) => {}
        }
        format!("{name}{}", place.line)
    }

    fn hidden_action(&mut self, table: &str, run: &[Stmt]) -> Emitted<u32> {
        let name = table.strip_prefix("tbl_").unwrap_or(table).to_owned();
        // Nothing returns from statements between tables: the control flow has seen to that.
        let label = ir::Label(usize::MAX);
        self.add_action(&ir::Action {
            name,
            params: Vec::new(),
            body: run.to_vec(),
            label,
        })
    }

    fn hidden_table(
        &mut self,
        name: &str,
        action_id: u32,
        next: Option<String>,
        span: Option<Span>,
    ) -> Table {
        let id = self.next_table;
        self.next_table += 1;
        let action = self.document.actions[action_id as usize].name.clone();
        Table {
            name: name.to_owned(),
            id,
            source_info: span.and_then(|span| self.source_info(span)),
            key: Vec::new(),
            match_type: MatchType::Exact,
            table_type: TableType::Simple,
            action_profile: None,
            max_size: HIDDEN_SIZE,
            with_counters: false,
            support_timeout: false,
            direct_meters: None,
            action_ids: vec![action_id],
            actions: vec![action.clone()],
            base_default_next: next.clone(),
            next_tables: BTreeMap::from([(action, next)]),
            default_entry: Some(DefaultEntry {
                action_id,
                action_const: true,
                action_data: Vec::new(),
                action_entry_const: true,
            }),
            entries: None,
        }
    }

    fn table(&mut self, id: TableId, node: &Node, names: &[String]) -> Emitted<Table> {
        let program = self.program;
        let table = &program.tables[id.0];
        let next = |edge| node.next(edge).flatten().map(|next| names[next].clone());
        let actions: Vec<String> = table
            .actions
            .iter()
            .map(|action| program.actions[action.0].name.clone())
            .collect();
        let always = next(Edge::Always);
        let next_tables = if node.next(Edge::True).is_some() {
            BTreeMap::from([
                ("__HIT__".to_owned(), next(Edge::True)),
                ("__MISS__".to_owned(), next(Edge::False)),
            ])
        } else {
            let chosen = node.actions();
            actions
                .iter()
                .enumerate()
                .map(|(position, action)| {
                    let target = match chosen.get(&position) {
                        Some(target) => target.map(|target| names[target].clone()),
                        None => always.clone(),
                    };
                    (action.clone(), target)
                })
                .collect()
        };
        if next_tables.len() < actions.len() && !next_tables.contains_key("__HIT__") {
            let text = format!(
                "two actions of the table `{}` have the same name",
                table.name
            );
            return Err(Diagnostic::error(table.span, text).into());
        }
        let action_id = |position: usize| self.action_ids[table.actions[position].0];
        let (default, data) = &table.default_action;
        let default_entry = table.implementation.is_none().then(|| DefaultEntry {
            action_id: action_id(*default),
            action_const: table.default_is_const,
            action_data: data.iter().map(|value| HexString::new(value, 0)).collect(),
            action_entry_const: table.default_is_const,
        });
        let entries = table.entries.as_ref().map(|entries| {
            entries
                .iter()
                .map(|entry| self.entry(entry, &table.key, action_id(entry.action)))
                .collect()
        });
        let implementation = table.implementation.map(|id| &program.objects[id.0]);
        let keys = table
            .key
            .iter()
            .map(|key| self.key(key, table))
            .collect::<Emitted<_>>()?;
        let json_id = self.next_table;
        self.next_table += 1;
        Ok(Table {
            name: table.name.clone(),
            id: json_id,
            source_info: self.source_info(table.span),
            key: keys,
            match_type: match table.key.iter().map(|key| key.kind).max() {
                Some(kind) => match_type(kind),
                None => MatchType::Exact,
            },
            table_type: match implementation.map(|object| &object.kind) {
                None => TableType::Simple,
                Some(ObjectKind::Selector { .. }) => TableType::IndirectWs,
                Some(_) => TableType::Indirect,
            },
            action_profile: implementation.map(|object| object.name.clone()),
            max_size: table.size,
            with_counters: table.counter.is_some(),
            support_timeout: table.support_timeout,
            direct_meters: table.meter.map(|id| program.objects[id.0].name.clone()),
            action_ids: (0..table.actions.len()).map(action_id).collect(),
            actions,
            base_default_next: always,
            next_tables,
            default_entry,
            entries,
        })
    }

    fn key(&self, key: &ir::Key, table: &ir::Table) -> Emitted<TableKey> {
        let target = match &key.target {
            ir::KeyTarget::Field(field) => self.values().named_field(field),
            ir::KeyTarget::Valid(ir::HeaderRef::Instance(id)) => {
                let header = &self.program.headers[id.0].name;
                Some(bmv2_json::FieldRef::new(header, VALID))
            }
            ir::KeyTarget::Valid(_) => None,
        };
        let target = target.ok_or_else(|| {
            let text = format!("the key `{}` is not a field on this target", key.name);
            Box::new(Diagnostic::error(table.span, text))
        })?;
        let bytes = key.width.div_ceil(8) as usize;
        Ok(TableKey {
            match_type: match_type(key.kind),
            name: Some(key.name.clone()),
            target: KeyTarget::Field(target),
            mask: key.mask.as_ref().map(|mask| HexString::new(mask, bytes)),
        })
    }

    fn entry(&self, entry: &ir::Entry, key: &[ir::Key], action_id: u32) -> Entry {
        let match_key = entry
            .key
            .iter()
            .zip(key)
            .map(|(set, key)| {
                let hex = |value| HexString::new(value, key.width.div_ceil(8) as usize);
                match set {
                    ir::EntryKey::Exact(value) => EntryKey::Exact { key: hex(value) },
                    ir::EntryKey::Lpm(value, length) => EntryKey::Lpm {
                        key: hex(value),
                        prefix_length: *length,
                    },
                    ir::EntryKey::Ternary(value, mask) => EntryKey::Ternary {
                        key: hex(value),
                        mask: hex(mask),
                    },
                    ir::EntryKey::Range(low, high) => EntryKey::Range {
                        start: hex(low),
                        end: hex(high),
                    },
                }
            })
            .collect();
        let action_data = entry
            .data
            .iter()
            .map(|value| HexString::new(value, 0))
            .collect();
        Entry {
            source_info: self.source_info(entry.span),
            match_key,
            action_entry: ActionEntry {
                action_id,
                action_data,
            },
            priority: i64::try_from(entry.priority).unwrap_or(i64::MAX),
            is_const: entry.constant,
        }
    }

    /// Adds the action profile of a table, once.
    fn profile(&mut self, table: TableId, profiles: &mut Vec<ActionProfile>) {
        let Some(id) = self.program.tables[table.0].implementation else {
            return;
        };
        let object = &self.program.objects[id.0];
        if profiles.iter().any(|profile| profile.name == object.name) {
            return;
        }
        let (max_size, selector) = match &object.kind {
            ObjectKind::Selector {
                size,
                algorithm,
                input,
            } => {
                let input = input.iter().flatten().map(|expr| self.raw(expr)).collect();
                (
                    *size,
                    Some(Selector {
                        algo: (*algorithm).to_owned(),
                        input,
                    }),
                )
            }
            ObjectKind::Profile(size) => (*size, None),
            _ => return,
        };
        profiles.push(ActionProfile {
            name: object.name.clone(),
            id: self.next_profile,
            source_info: self.source_info(object.span),
            max_size,
            selector,
        });
        self.next_profile += 1;
    }
}

fn match_type(kind: MatchKind) -> MatchType {
    match kind {
        MatchKind::Exact => MatchType::Exact,
        MatchKind::Lpm => MatchType::Lpm,
        MatchKind::Ternary => MatchType::Ternary,
        MatchKind::Range => MatchType::Range,
    }
}
