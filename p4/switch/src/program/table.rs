//! Tables, conditions and pipelines.

use std::sync::Arc;

use bmv2_json::MatchType;

use super::{ActionId, Algorithm, CalculationPart, Condition, Field};

/// What comes next in a pipeline; `None` at its end.
pub(crate) type Next = Option<Node>;

/// A node of the control flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// Index in `Program::tables`.
    Table(u32),
    /// Index in `Program::conditionals`.
    Conditional(u32),
}

/// A pipeline.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) start: Next,
}

/// A condition.
#[derive(Debug)]
pub(crate) struct Conditional {
    pub(crate) name: String,
    pub(crate) source: Option<String>,
    pub(crate) condition: Condition,
    pub(crate) then: Next,
    pub(crate) otherwise: Next,
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: Arc<str>,
    pub(crate) key: Vec<KeyElement>,
    /// Words of a packed key.
    pub(crate) key_words: usize,
    /// How entries are found.
    pub(crate) matcher: Matcher,
    pub(crate) kind: TableKind,
    pub(crate) max_size: usize,
    pub(crate) with_counters: bool,
    /// Whether entries may have an idle timeout, so that the time of their last hit is kept.
    pub(crate) support_timeout: bool,
    pub(crate) meter: Option<DirectMeter>,
    pub(crate) actions: Vec<ActionId>,
    /// What comes next, by action.
    pub(crate) next: Vec<Next>,
    /// What comes next after a hit, if that does not depend on the action.
    pub(crate) next_hit: Option<Next>,
    /// What comes next after a miss, if that does not depend on the action.
    pub(crate) next_miss: Option<Next>,
    /// What comes next if no action is run.
    pub(crate) next_default: Next,
    pub(crate) default: Option<StaticAction>,
    /// Whether the action of the default entry cannot be changed, and whether its arguments
    /// cannot either.
    pub(crate) default_action_constant: bool,
    pub(crate) default_entry_constant: bool,
    /// Entries that are there from the start. The table cannot be changed then, unless P4Info says
    /// that it is preinitialized.
    pub(crate) entries: Option<Vec<StaticEntry>>,
}

/// How an entry names its action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableKind {
    Simple,
    /// A member of the profile.
    Indirect(u32),
    /// A member or group of the profile.
    WithSelector(u32),
}

/// How the entries of a table are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matcher {
    /// There is no key: always a miss.
    None,
    Exact,
    /// The index of the element of the key that is matched by longest prefix.
    Lpm(usize),
    /// By priority, with masks and ranges.
    Ternary,
}

/// An element of a key.
#[derive(Debug)]
pub(crate) struct KeyElement {
    pub(crate) name: String,
    pub(crate) match_type: MatchType,
    pub(crate) source: KeySource,
    /// Width in bits.
    pub(crate) width: u32,
    /// The first word of the element in the packed key.
    pub(crate) word: u32,
    /// Words of the element in the packed key.
    pub(crate) words: u32,
    /// Offset in bits within that word: elements share a word where they fit.
    pub(crate) shift: u32,
    /// ANDed with the value.
    pub(crate) mask: Option<Vec<u64>>,
}

/// What an element of a key is taken from. The value is 0 if the header is not valid.
#[derive(Debug)]
pub(crate) enum KeySource {
    Field {
        field: Field,
        valid: Option<u32>,
    },
    /// Whether a header is valid: the word of its validity.
    Valid(u32),
}

/// The meters of the entries of a table.
#[derive(Debug)]
pub(crate) struct DirectMeter {
    pub(crate) array: u32,
    pub(crate) target: Field,
    pub(crate) bytes: bool,
}

/// An action with arguments.
#[derive(Debug, Clone)]
pub(crate) struct StaticAction {
    pub(crate) action: ActionId,
    pub(crate) arguments: Vec<Vec<u8>>,
}

/// An entry that the program gives.
#[derive(Debug)]
pub(crate) struct StaticEntry {
    pub(crate) key: crate::control::EntryKey,
    pub(crate) action: StaticAction,
    /// It stays, even if others of the table can be changed.
    pub(crate) constant: bool,
}

/// An action profile.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) name: Arc<str>,
    pub(crate) max_size: usize,
    pub(crate) selector: Option<Selector>,
    pub(crate) tables: Vec<u32>,
    /// The actions of the first table that uses it.
    pub(crate) actions: Vec<ActionId>,
}

/// How a member of a group is selected.
#[derive(Debug)]
pub(crate) struct Selector {
    pub(crate) algorithm: Algorithm,
    pub(crate) input: Vec<CalculationPart>,
}
