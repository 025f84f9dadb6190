//! Tables, conditions, action profiles and pipelines.

use std::collections::{HashMap, HashSet};

use bmv2_json::{
    Entry, EntryKey as JsonEntryKey, HexString, KeyTarget, MatchType, Table as JsonTable, TableType,
};

use num_bigint::BigInt;

use super::error::{At, LoadError};
use super::expression::Place;
use super::{Loader, array_size, find};
use crate::control::{EntryKey, KeyMatch};
use crate::number::{Number, words_for};
use crate::program::{
    ActionId, Conditional, DirectMeter, KeyElement, KeySource, Matcher, Next, Node, Pipeline,
    Profile, StaticAction, StaticEntry, Table, TableKind,
};

type Control = (
    Vec<Table>,
    Vec<Conditional>,
    Vec<Profile>,
    Pipeline,
    Pipeline,
);

/// The names of a pipeline's nodes.
type Nodes<'d> = HashMap<&'d str, Node>;

impl<'d> Loader<'d> {
    pub(super) fn control(&self) -> Result<Control, LoadError> {
        let mut tables = Vec::new();
        let mut conditionals = Vec::new();
        let mut profiles = Vec::new();
        let mut table_names = HashSet::new();
        let mut starts = HashMap::new();
        self.profiles(&mut profiles)?;
        for (i, pipeline) in self.document.pipelines.iter().enumerate() {
            let at = At::root("pipelines").index(i);
            let mut nodes = Nodes::new();
            for (j, table) in pipeline.tables.iter().enumerate() {
                let node = Node::Table((tables.len() + j) as u32);
                let at = at.key("tables").index(j);
                if nodes.insert(&table.name, node).is_some() || !table_names.insert(&table.name) {
                    return Err(at.duplicate("table", &table.name));
                }
            }
            for (j, conditional) in pipeline.conditionals.iter().enumerate() {
                let node = Node::Conditional((conditionals.len() + j) as u32);
                if nodes.insert(&conditional.name, node).is_some() {
                    return Err(at
                        .key("conditionals")
                        .index(j)
                        .duplicate("condition", &conditional.name));
                }
            }
            for (j, table) in pipeline.tables.iter().enumerate() {
                let at = at.key("tables").index(j);
                let id = tables.len() as u32;
                let table = self.table(table, id, &nodes, &mut profiles, &at)?;
                tables.push(table);
            }
            for (j, conditional) in pipeline.conditionals.iter().enumerate() {
                let at = at.key("conditionals").index(j);
                let next = |name: &Option<String>, key: &str| {
                    next_node(name.as_deref(), &nodes, &at.key(key))
                };
                conditionals.push(Conditional {
                    name: conditional.name.clone(),
                    source: conditional
                        .source_info
                        .as_ref()
                        .map(|source| source.source_fragment.clone()),
                    condition: self.condition(
                        &conditional.expression,
                        Place::outside(),
                        &at.key("expression"),
                    )?,
                    then: next(&conditional.true_next, "true_next")?,
                    otherwise: next(&conditional.false_next, "false_next")?,
                });
            }
            let start = next_node(
                pipeline.init_table.as_deref(),
                &nodes,
                &at.key("init_table"),
            )?;
            check_for_loops(start, &tables, &conditionals, &at)?;
            if starts.insert(pipeline.name.as_str(), start).is_some() {
                return Err(at.duplicate("pipeline", &pipeline.name));
            }
        }
        let pipeline = |name: &str| match starts.get(name) {
            Some(start) => Ok(Pipeline { start: *start }),
            None => Err(At::root("pipelines").missing("pipeline", name)),
        };
        let (ingress, egress) = (pipeline("ingress")?, pipeline("egress")?);
        Ok((tables, conditionals, profiles, ingress, egress))
    }

    fn profiles(&self, profiles: &mut Vec<Profile>) -> Result<(), LoadError> {
        let mut names = HashSet::new();
        for (i, pipeline) in self.document.pipelines.iter().enumerate() {
            for (j, profile) in pipeline.action_profiles.iter().enumerate() {
                let at = At::root("pipelines")
                    .index(i)
                    .key("action_profiles")
                    .index(j);
                if !names.insert(&profile.name) {
                    return Err(at.duplicate("action profile", &profile.name));
                }
                profiles.push(Profile {
                    name: profile.name.as_str().into(),
                    max_size: array_size(profile.max_size, &at.key("max_size"))?,
                    selector: profile
                        .selector
                        .as_ref()
                        .map(|selector| self.selector(selector, &at.key("selector")))
                        .transpose()?,
                    tables: Vec::new(),
                    actions: Vec::new(),
                });
            }
        }
        Ok(())
    }

    fn table(
        &self,
        table: &JsonTable,
        id: u32,
        nodes: &Nodes<'_>,
        profiles: &mut [Profile],
        at: &At,
    ) -> Result<Table, LoadError> {
        let key = self.table_key(table, at)?;
        let matcher = matcher(table, &key, at)?;
        let actions = self.table_actions(table, at)?;
        let kind = self.table_kind(table, id, &actions, profiles, at)?;

        let next_default = next_node(
            table.base_default_next.as_deref(),
            nodes,
            &at.key("base_default_next"),
        )?;
        let mut by_name: HashMap<&str, Next> = HashMap::new();
        for (name, next) in &table.next_tables {
            let next = next_node(next.as_deref(), nodes, &at.key("next_tables").key(name))?;
            by_name.insert(name, next);
        }
        for name in by_name.keys() {
            let known = ["__HIT__", "__MISS__"].contains(name)
                || table.actions.iter().any(|action| action == name);
            if !known {
                return Err(at.key("next_tables").missing("action of the table", name));
            }
        }
        // By name and not by id, since members of an action profile that several tables share
        // have the actions of the first of them.
        let next = self
            .actions
            .iter()
            .map(|action| by_name.get(&*action.name).copied().unwrap_or(next_default))
            .collect();

        let default = match &table.default_entry {
            None => None,
            Some(entry) => {
                let at = at.key("default_entry");
                Some(self.static_action(entry.action_id, &entry.action_data, &at)?)
            }
        };
        if let (Some(default), TableKind::Simple) = (&default, kind)
            && !actions.contains(&default.action)
        {
            return Err(at
                .key("default_entry")
                .key("action_id")
                .invalid("the default action is not among the actions of the table"));
        }
        Ok(Table {
            name: table.name.as_str().into(),
            meter: self.direct_meter(table, id, at)?,
            entries: self.static_entries(table, &key, &actions, at)?,
            key_words: key
                .iter()
                .map(|element| (element.word + element.words) as usize)
                .max()
                .unwrap_or(0),
            key,
            matcher,
            kind,
            max_size: array_size(table.max_size, &at.key("max_size"))?,
            with_counters: table.with_counters,
            support_timeout: table.support_timeout,
            actions,
            next,
            next_hit: by_name.get("__HIT__").copied(),
            next_miss: by_name.get("__MISS__").copied(),
            next_default,
            default,
            default_action_constant: table
                .default_entry
                .as_ref()
                .is_some_and(|entry| entry.action_const),
            default_entry_constant: table
                .default_entry
                .as_ref()
                .is_some_and(|entry| entry.action_entry_const),
        })
    }

    fn table_key(&self, table: &JsonTable, at: &At) -> Result<Vec<KeyElement>, LoadError> {
        let mut elements = Vec::new();
        // Elements share a word where they fit; others start at a word of their own.
        let (mut word, mut shift) = (0_u32, 0_u32);
        for (i, element) in table.key.iter().enumerate() {
            let at = at.key("key").index(i);
            let (source, width, default_name) = match (&element.target, element.match_type) {
                (KeyTarget::Header(name), MatchType::Valid) => {
                    let header = self.names.header_by_name(name, &at.key("target"))?;
                    let start = self.names.header(header).start;
                    let source = KeySource::Valid(start);
                    (source, 1, format!("{name}.$valid$"))
                }
                (KeyTarget::Field(reference), match_type) if match_type != MatchType::Valid => {
                    let field = self.names.field(reference, &at.key("target"))?;
                    if field.variable || field.width == 0 {
                        return Err(at
                            .key("target")
                            .unsupported("a field of variable length, or of no length, as a key"));
                    }
                    let header = self.names.header(field.header);
                    let always = header.is_metadata || reference.1 == "$valid$";
                    let source = KeySource::Field {
                        field,
                        valid: if always { None } else { Some(header.start) },
                    };
                    (source, field.width, reference.to_string())
                }
                _ => {
                    return Err(at.key("target").invalid(
                        "a header is matched with `valid`, and a field with something else",
                    ));
                }
            };
            let mask = match &element.mask {
                None => None,
                Some(mask) => Some(mask_words(mask, width, &at.key("mask"))?),
            };
            let words = words_for(width) as u32;
            if shift > 0 && shift + width > 64 {
                word += 1;
                shift = 0;
            }
            elements.push(KeyElement {
                name: element.name.clone().unwrap_or(default_name),
                match_type: element.match_type,
                source,
                width,
                word,
                words,
                shift,
                mask,
            });
            if width <= 64 {
                shift += width;
            } else {
                word += words;
            }
            if shift == 64 {
                word += 1;
                shift = 0;
            }
        }
        Ok(elements)
    }

    fn table_actions(&self, table: &JsonTable, at: &At) -> Result<Vec<ActionId>, LoadError> {
        let mut actions = Vec::new();
        if table.action_ids.is_empty() {
            // Documents of p4c-bm name them only.
            for (i, name) in table.actions.iter().enumerate() {
                actions.push(
                    find(&self.actions, |action| *action.name == **name)
                        .ok_or_else(|| at.key("actions").index(i).missing("action", name))?,
                );
            }
            return Ok(actions);
        }
        for (i, id) in table.action_ids.iter().enumerate() {
            actions.push(self.action_by_id(*id, &at.key("action_ids").index(i))?);
        }
        Ok(actions)
    }

    fn action_by_id(&self, id: u32, at: &At) -> Result<ActionId, LoadError> {
        self.action_ids
            .get(&id)
            .copied()
            .ok_or_else(|| at.missing("action", id))
    }

    fn table_kind(
        &self,
        table: &JsonTable,
        id: u32,
        actions: &[ActionId],
        profiles: &mut [Profile],
        at: &At,
    ) -> Result<TableKind, LoadError> {
        if table.table_type == TableType::Simple {
            return Ok(TableKind::Simple);
        }
        let at = at.key("action_profile");
        let name = table.action_profile.as_deref().unwrap_or_default();
        let profile = find(profiles, |profile| *profile.name == *name)
            .ok_or_else(|| at.missing("action profile", name))?;
        let used = &mut profiles[profile as usize];
        if used.tables.is_empty() {
            used.actions = actions.to_vec();
        } else {
            // A member has to make sense in all of them.
            let names = |actions: &[ActionId]| -> HashSet<&str> {
                actions
                    .iter()
                    .map(|action| &*self.actions[*action as usize].name)
                    .collect()
            };
            if names(&used.actions) != names(actions) {
                return Err(at.invalid(
                    "the tables that use this action profile do not have the same actions",
                ));
            }
        }
        used.tables.push(id);
        match (table.table_type, &used.selector) {
            (TableType::IndirectWs, None) => {
                Err(at.invalid("the table needs an action profile with a selector"))
            }
            (TableType::IndirectWs, Some(_)) => Ok(TableKind::WithSelector(profile)),
            _ => Ok(TableKind::Indirect(profile)),
        }
    }

    fn direct_meter(
        &self,
        table: &JsonTable,
        id: u32,
        at: &At,
    ) -> Result<Option<DirectMeter>, LoadError> {
        let Some(name) = &table.direct_meters else {
            return Ok(None);
        };
        let at = at.key("direct_meters");
        let array = find(&self.meters, |array| {
            array.name == *name && array.direct == Some(id)
        })
        .ok_or_else(|| at.missing("direct meter array of this table", name))?;
        let target = self.document.meter_arrays[array as usize]
            .result_target
            .as_ref()
            .ok_or_else(|| at.invalid("the meter array has no `result_target`"))?;
        let target = self.names.target(target, &at)?;
        if target.width > 64 || target.variable {
            return Err(at.invalid("a colour needs a field of at most 64 bits"));
        }
        Ok(Some(DirectMeter {
            array,
            target,
            bytes: self.meters[array as usize].bytes,
        }))
    }

    fn static_action(
        &self,
        id: u32,
        data: &[HexString],
        at: &At,
    ) -> Result<StaticAction, LoadError> {
        let action = self.action_by_id(id, &at.key("action_id"))?;
        let parameters = &self.actions[action as usize].parameters;
        let at = at.key("action_data");
        if parameters.len() != data.len() {
            return Err(at.invalid(format!(
                "the action takes {} arguments, not {}",
                parameters.len(),
                data.len()
            )));
        }
        let mut arguments = Vec::new();
        for (i, (parameter, value)) in parameters.iter().zip(data).enumerate() {
            let mut value = value.to_bigint();
            if Number::is_negative(&value) {
                // An argument of type int<W>, in two's complement.
                value = value.and(BigInt::ones(parameter.width));
            }
            if value.bits() > u64::from(parameter.width) {
                return Err(at.index(i).invalid(format!(
                    "the value does not fit into the {} bits of parameter `{}`",
                    parameter.width, parameter.name
                )));
            }
            arguments.push(value.magnitude().to_bytes_be());
        }
        Ok(StaticAction { action, arguments })
    }

    fn static_entries(
        &self,
        table: &JsonTable,
        key: &[KeyElement],
        actions: &[ActionId],
        at: &At,
    ) -> Result<Option<Vec<StaticEntry>>, LoadError> {
        let Some(entries) = &table.entries else {
            return Ok(None);
        };
        if table.table_type != TableType::Simple {
            return Err(at
                .key("entries")
                .unsupported("entries of a table with an action profile"));
        }
        let lowest = entries.iter().map(|entry| entry.priority).max();
        let mut result = Vec::new();
        for (i, entry) in entries.iter().enumerate() {
            let at = at.key("entries").index(i);
            let action = &entry.action_entry;
            let action = self.static_action(
                action.action_id,
                &action.action_data,
                &at.key("action_entry"),
            )?;
            if !actions.contains(&action.action) {
                return Err(at
                    .key("action_entry")
                    .key("action_id")
                    .invalid("the action is not among the actions of the table"));
            }
            result.push(StaticEntry {
                key: entry_key(entry, key, lowest.unwrap_or(0), &at)?,
                action,
                constant: entry.is_const,
            });
        }
        Ok(Some(result))
    }
}

/// The key of an entry that the program gives. Priorities are turned around: in BMv2 the smallest
/// wins, here the largest, down to 1.
fn entry_key(
    entry: &Entry,
    key: &[KeyElement],
    lowest: i64,
    at: &At,
) -> Result<EntryKey, LoadError> {
    let at = at.key("match_key");
    if entry.match_key.len() != key.len() {
        return Err(at.invalid(format!(
            "the table has {} keys, not {}",
            key.len(),
            entry.match_key.len()
        )));
    }
    let bytes = |hex: &HexString, at: &At| {
        let value = hex.to_bigint();
        if Number::is_negative(&value) {
            return Err(at.invalid("a key cannot be negative"));
        }
        Ok(value.magnitude().to_bytes_be())
    };
    let mut matches = Vec::new();
    let mut by_priority = false;
    for (i, (given, element)) in entry.match_key.iter().zip(key).enumerate() {
        let at = at.index(i);
        by_priority |= matches!(element.match_type, MatchType::Ternary | MatchType::Range);
        matches.push(match given {
            JsonEntryKey::Valid { key } => KeyMatch::Valid(*key),
            JsonEntryKey::Exact { key } => KeyMatch::Exact(bytes(key, &at)?),
            JsonEntryKey::Lpm {
                prefix_length: 0, ..
            } => KeyMatch::Any,
            JsonEntryKey::Lpm { key, prefix_length } => KeyMatch::Lpm {
                value: bytes(key, &at)?,
                prefix_length: *prefix_length,
            },
            JsonEntryKey::Ternary { key, mask } => {
                let mask = bytes(mask, &at)?;
                if mask.iter().all(|byte| *byte == 0) {
                    KeyMatch::Any
                } else {
                    KeyMatch::Ternary {
                        value: bytes(key, &at)?,
                        mask,
                    }
                }
            }
            JsonEntryKey::Range { start, end } => KeyMatch::Range {
                low: bytes(start, &at)?,
                high: bytes(end, &at)?,
            },
        });
    }
    let priority = if by_priority {
        lowest
            .checked_sub(entry.priority)
            .and_then(|distance| u32::try_from(distance).ok())
            .and_then(|distance| distance.checked_add(1))
            .ok_or_else(|| at.invalid("the priorities are too far apart"))?
    } else {
        0
    };
    Ok(EntryKey { matches, priority })
}

fn mask_words(mask: &HexString, width: u32, at: &At) -> Result<Vec<u64>, LoadError> {
    let value = mask.to_bigint();
    if Number::is_negative(&value) || value.bits() > u64::from(width).div_ceil(8) * 8 {
        return Err(at.invalid(format!("the mask does not fit into {width} bits")));
    }
    let mut words = vec![0; words_for(width)];
    value.to_words(&mut words);
    crate::number::cut(&mut words, width);
    Ok(words)
}

fn matcher(table: &JsonTable, key: &[KeyElement], at: &At) -> Result<Matcher, LoadError> {
    if key.is_empty() {
        return Ok(Matcher::None);
    }
    let is = |match_type: MatchType| key.iter().any(|element| element.match_type == match_type);
    let lpm = key
        .iter()
        .position(|element| element.match_type == MatchType::Lpm);
    let count = key
        .iter()
        .filter(|element| element.match_type == MatchType::Lpm)
        .count();
    if count > 1 {
        return Err(at.key("key").invalid("a table can have one `lpm` key only"));
    }
    let matcher = match lpm {
        _ if is(MatchType::Ternary) || is(MatchType::Range) => Matcher::Ternary,
        Some(_) if table.match_type == MatchType::Ternary => Matcher::Ternary,
        Some(index) => Matcher::Lpm(index),
        None => Matcher::Exact,
    };
    let agrees = match matcher {
        Matcher::None => true,
        Matcher::Exact => matches!(table.match_type, MatchType::Exact | MatchType::Valid),
        Matcher::Lpm(_) => table.match_type == MatchType::Lpm,
        Matcher::Ternary => {
            matches!(table.match_type, MatchType::Ternary | MatchType::Range)
                && (table.match_type == MatchType::Range) == is(MatchType::Range)
        }
    };
    if agrees {
        Ok(matcher)
    } else {
        Err(at
            .key("match_type")
            .invalid("the match type of the table does not fit those of its keys"))
    }
}

fn next_node(name: Option<&str>, nodes: &Nodes<'_>, at: &At) -> Result<Next, LoadError> {
    match name {
        None => Ok(None),
        Some(name) => nodes
            .get(name)
            .copied()
            .map(Some)
            .ok_or_else(|| at.missing("table or condition of the pipeline", name)),
    }
}

/// A packet must come to the end of a pipeline.
fn check_for_loops(
    start: Next,
    tables: &[Table],
    conditionals: &[Conditional],
    at: &At,
) -> Result<(), LoadError> {
    let next_of = |node: Node| -> Vec<Next> {
        match node {
            Node::Table(table) => {
                let table = &tables[table as usize];
                let fixed = [table.next_hit, table.next_miss];
                let mut next: Vec<Next> = fixed.into_iter().flatten().collect();
                next.push(table.next_default);
                next.extend(table.next.iter().copied());
                next
            }
            Node::Conditional(conditional) => {
                let conditional = &conditionals[conditional as usize];
                vec![conditional.then, conditional.otherwise]
            }
        }
    };
    // Depth first: what is entered and not left again is on the path.
    enum Step {
        Enter(Node),
        Leave(Node),
    }
    let mut on_path = HashSet::new();
    let mut done = HashSet::new();
    let mut steps: Vec<Step> = start.map(Step::Enter).into_iter().collect();
    while let Some(step) = steps.pop() {
        match step {
            Step::Leave(node) => {
                on_path.remove(&node);
                done.insert(node);
            }
            Step::Enter(node) if done.contains(&node) => {}
            Step::Enter(node) => {
                if !on_path.insert(node) {
                    let name = match node {
                        Node::Table(table) => tables[table as usize].name.to_string(),
                        Node::Conditional(id) => conditionals[id as usize].name.clone(),
                    };
                    return Err(at.looping(&name));
                }
                steps.push(Step::Leave(node));
                let next: HashSet<Node> = next_of(node).into_iter().flatten().collect();
                steps.extend(next.into_iter().map(Step::Enter));
            }
        }
    }
    Ok(())
}
