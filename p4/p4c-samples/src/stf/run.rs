//! A switch in this process that does what an STF file says.

use std::collections::HashMap;

use bmv2_json::{Document, MatchType};
use p4_switch::control::{
    ActionCall, ActionInfo, CloneSession, ControlError, EntryAction, EntryKey, KeyInfo, KeyMatch,
    MeterConfig, Replica, TableEntry, TableInfo,
};
use p4_switch::{State, Switch, SwitchConfig};

use super::Error;
use super::expect::Expectations;
use super::parse::{Action, Statement, number, radix, statement};

/// Loads a program into a switch, obeys the STF file, and compares what came out.
///
/// # Errors
///
/// The first statement that cannot be obeyed, or the first difference.
pub(crate) fn run(text: &str, program: &Document) -> Result<(), Error> {
    let (switch, _events) = Switch::new(SwitchConfig::default());
    switch.load(program)?;
    let mut runner = Runner {
        switch,
        replication: Replication::default(),
        expectations: Expectations::default(),
    };
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let parsed = statement(line).map_err(|reason| Error::Syntax {
            line: line_number,
            reason,
        })?;
        if let Some(statement) = parsed {
            runner.obey(statement).map_err(|reason| Error::Refused {
                line: line_number,
                reason,
            })?;
        }
    }
    runner.expectations.check()
}

/// Multicast groups and clone sessions as the statements build them up.
#[derive(Default)]
struct Replication {
    nodes: Vec<Vec<Replica>>,
    groups: HashMap<u16, Vec<Replica>>,
    /// The sessions that clone to a group.
    sessions: HashMap<u32, u16>,
}

struct Runner {
    switch: Switch,
    replication: Replication,
    expectations: Expectations,
}

impl Runner {
    fn obey(&mut self, statement: Statement) -> Result<(), String> {
        match statement {
            Statement::Packet { port, bytes } => {
                for (port, packet) in self.switch.process(port, &bytes) {
                    self.expectations.sent(port, &packet);
                }
                Ok(())
            }
            Statement::Expect { port, pattern } => {
                self.expectations.expect(port, pattern);
                Ok(())
            }
            Statement::Add {
                table,
                priority,
                keys,
                action,
            } => {
                let table = self.table(&table)?;
                let entry = TableEntry {
                    key: entry_key(&table, &keys, priority)?,
                    action: EntryAction::Action(action_call(&table, &action)?),
                };
                self.write(|state| state.insert_entry(&table.name, &entry))
            }
            Statement::SetDefault { table, action } => {
                let table = self.table(&table)?;
                let call = action_call(&table, &action)?;
                self.write(|state| state.set_default_action(&table.name, Some(&call)))
            }
            Statement::CreateGroup(group) => {
                self.replication.groups.insert(group, Vec::new());
                self.write(|state| state.insert_multicast_group::<Replica>(group, &[]))
            }
            Statement::CreateNode { instance, ports } => {
                let replica = |port| Replica { port, instance };
                let node = ports.into_iter().map(replica).collect();
                self.replication.nodes.push(node);
                Ok(())
            }
            Statement::AssociateNode { group, node } => self.associate(group, node),
            Statement::Mirror { session, port } => {
                let replicas = vec![Replica { port, instance: 0 }.into()];
                let content = CloneSession {
                    replicas,
                    packet_length: 0,
                };
                self.write(|state| state.insert_clone_session(session, &content))
            }
            Statement::MirrorToGroup { session, group } => {
                self.replication.sessions.insert(session, group);
                let content = self.session_of(group);
                self.write(|state| state.insert_clone_session(session, &content))
            }
            Statement::WriteRegister {
                array,
                index,
                value,
            } => self.write(|state| state.set_register(&array, index, &value)),
            Statement::ResetRegisters(array) => self.write(|state| {
                let size = size_of(
                    &array,
                    state.registers().into_iter().map(|(n, s, _)| (n, s)),
                )?;
                (0..size).try_for_each(|index| state.set_register(&array, index, &[0]))
            }),
            Statement::SetMeter {
                array,
                index,
                rates: [(cir, cburst), (pir, pburst)],
            } => {
                let config = MeterConfig {
                    cir,
                    cburst,
                    pir,
                    pburst,
                    eburst: 0,
                };
                self.write(|state| match index {
                    Some(index) => state.set_meter(&array, index, Some(config)),
                    None => {
                        let size = size_of(&array, state.meters().into_iter())?;
                        (0..size).try_for_each(|index| state.set_meter(&array, index, Some(config)))
                    }
                })
            }
        }
    }

    fn write(
        &self,
        change: impl FnOnce(&mut State) -> Result<(), ControlError>,
    ) -> Result<(), String> {
        self.switch.write(change).map_err(|error| error.to_string())
    }

    /// Adds a node to a group, and to the sessions that clone to the group.
    fn associate(&mut self, group: u16, node: usize) -> Result<(), String> {
        let replication = &mut self.replication;
        let node = replication.nodes.get(node);
        let node = node.ok_or("there is no such node")?;
        let members = replication.groups.get_mut(&group);
        let members = members.ok_or("there is no such group")?;
        members.extend(node);
        let members = members.clone();
        self.write(|state| state.modify_multicast_group(group, &members))?;
        let sessions = self.replication.sessions.iter();
        for (session, _) in sessions.filter(|(_, target)| **target == group) {
            let content = self.session_of(group);
            self.write(|state| state.modify_clone_session(*session, &content))?;
        }
        Ok(())
    }

    fn session_of(&self, group: u16) -> CloneSession {
        CloneSession {
            replicas: self
                .replication
                .groups
                .get(&group)
                .map(|replicas| replicas.iter().copied().map(Into::into).collect())
                .unwrap_or_default(),
            packet_length: 0,
        }
    }

    /// The table of this name, or else the one whose name ends in it.
    fn table(&self, name: &str) -> Result<TableInfo, String> {
        let tables = self.switch.read(|state| Ok(state.tables()));
        let tables = tables.map_err(|error| error.to_string())?;
        by_name(tables, name, |table| &table.name).ok_or_else(|| format!("no table is `{name}`"))
    }
}

/// The one of this name, or else the only one whose name ends in it.
fn by_name<T>(list: Vec<T>, name: &str, name_of: impl Fn(&T) -> &str) -> Option<T> {
    let (mut same, others): (Vec<T>, Vec<T>) =
        list.into_iter().partition(|item| name_of(item) == name);
    if let Some(item) = same.pop() {
        return Some(item);
    }
    let mut alike = others
        .into_iter()
        .filter(|item| name_of(item).ends_with(name));
    let found = alike.next();
    // Two would leave open which one is meant.
    if alike.next().is_some() { None } else { found }
}

fn size_of(
    array: &str,
    arrays: impl Iterator<Item = (String, usize)>,
) -> Result<usize, ControlError> {
    let found = arrays
        .into_iter()
        .find_map(|(name, size)| (name == array).then_some(size));
    found.ok_or_else(|| ControlError::UnknownObject {
        kind: "array",
        name: array.to_owned(),
    })
}

fn action_call(table: &TableInfo, action: &Action) -> Result<ActionCall, String> {
    let actions = table.actions.clone();
    let found: ActionInfo = by_name(actions, &action.name, |action| &action.name)
        .ok_or_else(|| format!("the table `{}` has no action `{}`", table.name, action.name))?;
    let argument = |name: &str| {
        let given = action.arguments.iter().find(|(given, _)| given == name);
        let given = given.map(|(_, value)| value.clone());
        given.ok_or_else(|| format!("`{}` needs a value for `{name}`", found.name))
    };
    let arguments = found
        .parameters
        .iter()
        .map(|parameter| argument(&parameter.name))
        .collect::<Result<_, _>>()?;
    Ok(ActionCall::new(found.name.clone(), arguments))
}

fn entry_key(
    table: &TableInfo,
    given: &[(String, String)],
    priority: u32,
) -> Result<EntryKey, String> {
    let mut values = HashMap::new();
    for (name, value) in given {
        let key = key_named(&table.key, name)
            .ok_or_else(|| format!("the table `{}` has no key `{name}`", table.name))?;
        values.insert(key, value.as_str());
    }
    let matches = table
        .key
        .iter()
        .enumerate()
        .map(|(index, key)| key_match(key, values.get(&index).copied()))
        .collect::<Result<_, _>>()?;
    // 0 is a priority in STF, not in P4Runtime.
    let priority = if table.has_priority { priority + 1 } else { 0 };
    Ok(EntryKey { matches, priority })
}

/// The key that is meant: `a$0.b` stands for `a[0].b`, `valid` for `$valid$`, and the beginning of
/// the name may be left out.
fn key_named(keys: &[KeyInfo], name: &str) -> Option<usize> {
    let mut name = name.to_owned();
    if let Some(at) = name.find('$')
        && name[at + 1..].starts_with(|c: char| c.is_ascii_digit())
    {
        let digits = name[at + 1..].find(|c: char| !c.is_ascii_digit());
        let end = digits.map_or(name.len(), |digits| at + 1 + digits);
        name = format!("{}[{}]{}", &name[..at], &name[at + 1..end], &name[end..]);
    }
    let validity = name
        .strip_suffix("valid")
        .map(|header| format!("{header}$valid$"));
    let spellings = [
        Some(name.clone()),
        Some(format!("{name}.$valid$")),
        validity,
    ];
    let spellings: Vec<String> = spellings.into_iter().flatten().collect();
    let position = |fits: &dyn Fn(&str, &str) -> bool| {
        spellings
            .iter()
            .find_map(|spelling| keys.iter().position(|key| fits(&key.name, spelling)))
    };
    position(&|key, spelling| key == spelling)
        .or_else(|| position(&|key, spelling| key.ends_with(&format!(".{spelling}"))))
}

fn key_match(key: &KeyInfo, value: Option<&str>) -> Result<KeyMatch, String> {
    let Some(value) = value else {
        // What is not given is 0 or everything.
        return Ok(match key.match_type {
            MatchType::Exact => KeyMatch::Exact(vec![0]),
            MatchType::Valid => KeyMatch::Valid(false),
            _ => KeyMatch::Any,
        });
    };
    match key.match_type {
        MatchType::Exact => Ok(KeyMatch::Exact(number(value)?)),
        MatchType::Valid => Ok(KeyMatch::Valid(number(value)? != [0])),
        MatchType::Lpm => prefix(key, value),
        MatchType::Ternary => ternary(value),
        MatchType::Range => {
            let low = number(value)?;
            let high = low.clone();
            Ok(KeyMatch::Range { low, high })
        }
    }
}

/// `VALUE/LENGTH`; without a length the digits up to the first `*` are the prefix.
fn prefix(key: &KeyInfo, value: &str) -> Result<KeyMatch, String> {
    let (value, length) = match (value.split_once('/'), radix(value)) {
        (Some((value, length)), _) => {
            let length = length.parse();
            (
                value.to_owned(),
                length.map_err(|_| "the prefix has no length")?,
            )
        }
        (None, Some((bits, digits))) => {
            let known = digits.chars().filter(|digit| *digit != '*').count();
            (value.replace('*', "0"), known as u32 * bits)
        }
        (None, None) => (value.to_owned(), key.width),
    };
    Ok(match length {
        0 => KeyMatch::Any,
        prefix_length => KeyMatch::Lpm {
            value: number(&value)?,
            prefix_length: prefix_length.min(key.width),
        },
    })
}

/// A number with `*` for the digits that do not matter.
fn ternary(value: &str) -> Result<KeyMatch, String> {
    let Some((bits, digits)) = radix(value).filter(|(_, digits)| digits.contains('*')) else {
        return Ok(KeyMatch::Exact(number(value)?));
    };
    let prefix = &value[..value.len() - digits.len()];
    let ones = match bits {
        4 => 'f',
        3 => '7',
        _ => '1',
    };
    let mask: String = digits
        .chars()
        .map(|digit| if digit == '*' { '0' } else { ones })
        .collect();
    let mask = number(&format!("{prefix}{mask}"))?;
    if mask.iter().all(|byte| *byte == 0) {
        return Ok(KeyMatch::Any);
    }
    let value = number(&value.replace('*', "0"))?;
    Ok(KeyMatch::Ternary { value, mask })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, match_type: MatchType) -> KeyInfo {
        KeyInfo {
            name: name.to_owned(),
            match_type,
            width: 16,
        }
    }

    #[test]
    fn keys_are_found_by_their_short_names() {
        let names = ["h.a", "extra[0].h", "h.$valid$", "other.b"];
        let keys: Vec<KeyInfo> = names.map(|name| key(name, MatchType::Exact)).into();
        for (name, index) in [
            ("h.a", 0),
            ("a", 0),
            ("extra$0.h", 1),
            ("h.valid", 2),
            ("valid", 2),
            ("h", 2),
            ("b", 3),
        ] {
            assert_eq!(key_named(&keys, name), Some(index), "{name}");
        }
        assert_eq!(key_named(&keys, "c"), None);
    }

    #[test]
    fn stars_become_masks_and_prefixes() {
        assert_eq!(
            key_match(&key("a", MatchType::Ternary), Some("0x1*2*")),
            Ok(KeyMatch::Ternary {
                value: vec![0x10, 0x20],
                mask: vec![0xf0, 0xf0],
            })
        );
        assert_eq!(
            key_match(&key("a", MatchType::Ternary), Some("0x****")),
            Ok(KeyMatch::Any)
        );
        let lpm = |text| key_match(&key("a", MatchType::Lpm), Some(text));
        let prefix = |value: &[u8], prefix_length| {
            Ok(KeyMatch::Lpm {
                value: value.to_vec(),
                prefix_length,
            })
        };
        assert_eq!(lpm("0x01**"), prefix(&[1, 0], 8));
        assert_eq!(lpm("0x0102"), prefix(&[1, 2], 16));
        assert_eq!(lpm("0x0102/9"), prefix(&[1, 2], 9));
        assert_eq!(lpm("0/0"), Ok(KeyMatch::Any));
    }

    #[test]
    fn what_is_not_given_matches_zero_or_everything() {
        let missing = |kind| key_match(&key("a", kind), None);
        assert_eq!(missing(MatchType::Exact), Ok(KeyMatch::Exact(vec![0])));
        assert_eq!(missing(MatchType::Lpm), Ok(KeyMatch::Any));
    }
}
