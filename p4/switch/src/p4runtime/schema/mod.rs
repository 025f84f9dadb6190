//! What a P4Info says, indexed for requests: objects by id, and their names in the BMv2 JSON,
//! which are the names of the preambles.

mod build;
mod check;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use p4runtime_proto::bytestring;
use p4runtime_proto::p4::config::v1::{
    P4DataTypeSpec, P4TypeInfo, meter_spec, table::IdleTimeoutBehavior,
};

use super::refusal::Refusal;
use super::translation::Translation;
use crate::State;

/// The objects of a P4Info that the server works with.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    pub(crate) tables: BTreeMap<u32, Table>,
    pub(crate) actions: BTreeMap<u32, Action>,
    pub(crate) profiles: BTreeMap<u32, Profile>,
    pub(crate) counters: BTreeMap<u32, Array>,
    pub(crate) meters: BTreeMap<u32, Meter>,
    pub(crate) direct_counters: BTreeMap<u32, Object>,
    pub(crate) direct_meters: BTreeMap<u32, DirectMeter>,
    pub(crate) registers: BTreeMap<u32, Register>,
    pub(crate) digests: BTreeMap<u32, Digest>,
    pub(crate) value_sets: BTreeMap<u32, ValueSet>,
    /// Fields of the controller header "packet_in"; `None` if the program has none.
    pub(crate) packet_in: Option<Vec<Field>>,
    /// Fields of the controller header "packet_out".
    pub(crate) packet_out: Option<Vec<Field>>,
    pub(crate) types: P4TypeInfo,
    /// By name of the type.
    translations: BTreeMap<String, Arc<Translation>>,
    /// By id of the object: the role that it belongs to, by the annotation `@p4runtime_role`.
    pub(crate) owners: BTreeMap<u32, String>,
    action_ids: HashMap<String, u32>,
}

/// What every object has.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// Kind, for messages: "table".
    pub(crate) kind: &'static str,
    pub(crate) id: u32,
    /// Control-plane name, the same in the BMv2 JSON.
    pub(crate) name: String,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:#010x} ({})", self.kind, self.id, self.name)
    }
}

/// A key field, an action parameter or a field of a controller header.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) id: u32,
    pub(crate) name: String,
    /// Bits in the data plane.
    pub(crate) width: u32,
    /// Between the controller's values and those of the data plane.
    pub(crate) translation: Option<Arc<Translation>>,
}

impl Field {
    /// A value of a request, on the bytes that the data plane has for it.
    pub(crate) fn decode(&self, given: &[u8]) -> Result<Vec<u8>, Refusal> {
        match &self.translation {
            None => Ok(bytestring::decode_padded(given, self.width)?),
            Some(translation) => translation.decode(given, self.width),
        }
    }

    /// A value of the data plane for an answer.
    pub(crate) fn encode(&self, held: &[u8]) -> Vec<u8> {
        match &self.translation {
            None => bytestring::canonical(held).to_vec(),
            Some(translation) => translation.encode(held),
        }
    }
}

/// How a key field is matched, as P4Info says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MatchKind {
    Exact,
    Lpm,
    Ternary,
    Range,
    Optional,
}

impl fmt::Display for MatchKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Lpm => "LPM",
            Self::Ternary => "ternary",
            Self::Range => "range",
            Self::Optional => "optional",
        })
    }
}

/// A key field of a table.
#[derive(Debug, Clone)]
pub(crate) struct KeyField {
    pub(crate) field: Field,
    pub(crate) kind: MatchKind,
    /// P4-14's match on the validity of a header, which P4Info calls exact.
    pub(crate) validity: bool,
}

/// Where an action of a table may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    TableAndDefault,
    TableOnly,
    DefaultOnly,
    /// Only as group action of a one-shot set.
    Group,
}

/// A match-action table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) object: Object,
    /// Its index in the program that was loaded.
    pub(crate) index: usize,
    pub(crate) key: Vec<KeyField>,
    pub(crate) actions: BTreeMap<u32, Scope>,
    /// The default action is `const`.
    pub(crate) const_default: bool,
    /// Action of a default entry that the program gives.
    pub(crate) initial_default_action: Option<u32>,
    /// Action profile of an indirect table.
    pub(crate) profile: Option<u32>,
    pub(crate) direct_counter: Option<u32>,
    pub(crate) direct_meter: Option<u32>,
    /// Section 9.1.4: the entries come from the program and stay.
    pub(crate) is_const: bool,
    /// Section 9.1.5: the program gives the first entries.
    pub(crate) is_preinitialized: bool,
    pub(crate) idle_timeout: IdleTimeoutBehavior,
}

impl Table {
    /// Section 9.1: entries have a priority if the key has a ternary, range or optional field.
    pub(crate) fn has_priority(&self) -> bool {
        self.key.iter().any(|key| {
            matches!(
                key.kind,
                MatchKind::Ternary | MatchKind::Range | MatchKind::Optional
            )
        })
    }
}

/// An action.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) object: Object,
    pub(crate) params: Vec<Field>,
}

/// An action profile or selector.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) object: Object,
    pub(crate) tables: Vec<u32>,
    pub(crate) has_selector: bool,
    /// 0: no limit is given.
    pub(crate) max_group_size: u32,
    pub(crate) size: SizeSemantics,
    pub(crate) weights_disallowed: bool,
}

/// How the sizes of a selector count (section 6.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SizeSemantics {
    SumOfWeights,
    SumOfMembers {
        /// 0: any.
        max_member_weight: u32,
    },
}

/// An indirect counter.
#[derive(Debug)]
pub(crate) struct Array {
    pub(crate) object: Object,
    pub(crate) size: usize,
    /// Of the index, if its type is translated.
    pub(crate) index: Option<Arc<Translation>>,
}

/// An indirect meter.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) array: Array,
    pub(crate) marker: meter_spec::Type,
}

/// A direct meter.
#[derive(Debug)]
pub(crate) struct DirectMeter {
    pub(crate) object: Object,
    pub(crate) marker: meter_spec::Type,
}

/// A register.
#[derive(Debug)]
pub(crate) struct Register {
    pub(crate) array: Array,
    pub(crate) type_spec: P4DataTypeSpec,
    /// Bits in the data plane.
    pub(crate) bits: u32,
}

/// A digest.
#[derive(Debug)]
pub(crate) struct Digest {
    pub(crate) object: Object,
    pub(crate) type_spec: P4DataTypeSpec,
}

/// A parser value set.
#[derive(Debug)]
pub(crate) struct ValueSet {
    pub(crate) object: Object,
    pub(crate) key: Vec<KeyField>,
    pub(crate) size: usize,
}

impl Schema {
    /// The table of an id that a request names.
    pub(crate) fn table(&self, id: u32) -> Result<&Table, Refusal> {
        find(&self.tables, "table", id)
    }

    /// The action of an id that a request names.
    pub(crate) fn action(&self, id: u32) -> Result<&Action, Refusal> {
        find(&self.actions, "action", id)
    }

    /// The action profile of an id that a request names.
    pub(crate) fn profile(&self, id: u32) -> Result<&Profile, Refusal> {
        find(&self.profiles, "action profile", id)
    }

    /// The indirect counter of an id that a request names.
    pub(crate) fn counter(&self, id: u32) -> Result<&Array, Refusal> {
        find(&self.counters, "counter", id)
    }

    /// The indirect meter of an id that a request names.
    pub(crate) fn meter(&self, id: u32) -> Result<&Meter, Refusal> {
        find(&self.meters, "meter", id)
    }

    /// The register of an id that a request names.
    pub(crate) fn register(&self, id: u32) -> Result<&Register, Refusal> {
        find(&self.registers, "register", id)
    }

    /// The digest of an id that a request names.
    pub(crate) fn digest(&self, id: u32) -> Result<&Digest, Refusal> {
        find(&self.digests, "digest", id)
    }

    /// The value set of an id that a request names.
    pub(crate) fn value_set(&self, id: u32) -> Result<&ValueSet, Refusal> {
        find(&self.value_sets, "value set", id)
    }

    /// The translation of a type, by its name.
    pub(crate) fn translation(&self, name: &str) -> Option<&Translation> {
        self.translations.get(name).map(Arc::as_ref)
    }

    /// Lets the entries of preinitialized tables be changed in a state that is new.
    pub(crate) fn open(&self, state: &mut State) {
        for table in self.preinitialized() {
            state.set_preinitialized(table.index);
        }
    }

    /// Takes the first entries out of preinitialized tables, so that others can be brought back.
    ///
    /// # Errors
    /// None that can be, after [`Schema::open`].
    pub(crate) fn clear(&self, state: &mut State) -> Result<(), Refusal> {
        for table in self.preinitialized() {
            state.clear(table.index)?;
        }
        Ok(())
    }

    fn preinitialized(&self) -> impl Iterator<Item = &Table> {
        let tables = self.tables.values();
        tables.filter(|table| table.is_preinitialized)
    }

    /// Whether there are types of which each string gets a number.
    pub(crate) fn gives_numbers(&self) -> bool {
        let mut translations = self.translations.values();
        translations.any(|translation| translation.gives_numbers())
    }

    /// Takes over the numbers that the strings of a type have in the schema before this one, where
    /// both have the type.
    pub(crate) fn keep_numbers(&self, before: &Self) {
        for (name, translation) in &self.translations {
            if let Some(before) = before.translations.get(name) {
                translation.keep(before);
            }
        }
    }

    /// The action with a name of the BMv2 JSON.
    pub(crate) fn action_named(&self, name: &str) -> Option<&Action> {
        self.actions.get(self.action_ids.get(name)?)
    }

    /// The digest with a name of the BMv2 JSON.
    pub(crate) fn digest_named(&self, name: &str) -> Option<&Digest> {
        self.digests
            .values()
            .find(|digest| digest.object.name == name)
    }
}

fn find<'a, T>(objects: &'a BTreeMap<u32, T>, kind: &str, id: u32) -> Result<&'a T, Refusal> {
    // Section 8.1: 0 is no id. Section 12: an entity with an unknown id is malformed.
    objects.get(&id).ok_or_else(|| {
        if id == 0 {
            Refusal::invalid_argument(format!("the {kind} id is not set"))
        } else {
            Refusal::invalid_argument(format!(
                "the P4Info of the forwarding pipeline has no {kind} with id {id:#010x}"
            ))
        }
    })
}
