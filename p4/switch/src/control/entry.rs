//! Table entries, action profile members and groups as the control plane sees them.
//!
//! A value is a byte string in network byte order. When it is given, leading zero bytes may be
//! there or not; when it is read back, it has as many bytes as the width of the field needs.

/// What an entry matches in one element of the table's key.
///
/// The kind must be the one that the table has at this place; in addition [`KeyMatch::Exact`] is
/// taken for a ternary element (all bits matter; so are keys of match kind `optional` written) and
/// [`KeyMatch::Any`] for a longest-prefix, ternary or range element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyMatch {
    /// The field has this value.
    Exact(Vec<u8>),
    /// The first `prefix_length` bits of the field are those of `value`.
    Lpm {
        /// The value; bits after the prefix are taken as zero.
        value: Vec<u8>,
        /// Length of the prefix in bits, 1 to the width of the field.
        prefix_length: u32,
    },
    /// The field has this value where the mask has ones.
    Ternary {
        /// The value; bits outside the mask are taken as zero.
        value: Vec<u8>,
        /// The mask, not zero.
        mask: Vec<u8>,
    },
    /// The field is in this range.
    Range {
        /// The smallest value.
        low: Vec<u8>,
        /// The largest value, not less than `low`.
        high: Vec<u8>,
    },
    /// Whether the header is valid (P4-14's `valid`).
    Valid(bool),
    /// The field does not matter: prefix length 0, mask 0, or the full range. Entries are read
    /// back with this in place of such a match.
    Any,
}

/// What tells the entries of a table apart: key and priority.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntryKey {
    /// One match for each element of the table's key, in its order.
    pub matches: Vec<KeyMatch>,
    /// Where several entries match, the one with the **largest** priority wins, as in P4Runtime.
    /// At least 1 for tables with a ternary or range element, otherwise 0.
    pub priority: u32,
}

/// An action with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActionCall {
    /// Name of the action, one of those of the table.
    pub name: String,
    /// The arguments, in the order of the parameters.
    pub arguments: Vec<Vec<u8>>,
}

impl ActionCall {
    /// The call of `name` with `arguments`.
    pub fn new(name: impl Into<String>, arguments: Vec<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            arguments,
        }
    }
}

/// What a table does with a packet that hits an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EntryAction {
    /// Runs an action. For tables without action profile.
    Action(ActionCall),
    /// Runs the action of a member of the table's action profile.
    Member(u32),
    /// Runs the action of one of the members of a group of the table's action profile.
    Group(u32),
    /// Runs one of the actions of a set that belongs to the entry alone ("one shot" in P4Runtime).
    /// For tables whose action profile has a selector.
    ActionSet(ActionSet),
}

/// A set of actions, of which a packet gets one. It must not be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ActionSet {
    /// The actions. Each takes the place of one member of the action profile.
    pub actions: Vec<SetAction>,
    /// Whether each packet gets an action at random, in place of one by the selector's hash.
    pub at_random: bool,
    /// An action that runs before the one that is selected.
    pub group_action: Option<ActionCall>,
}

impl From<Vec<SetAction>> for ActionSet {
    fn from(actions: Vec<SetAction>) -> Self {
        Self {
            actions,
            ..Self::default()
        }
    }
}

/// An action of an [`EntryAction::ActionSet`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SetAction {
    /// The action.
    pub action: ActionCall,
    /// Its share of the flows: at least 1.
    pub weight: u32,
    /// Only used while this port is up.
    pub watch_port: Option<PortNumber>,
}

/// An entry of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableEntry {
    /// What it matches.
    pub key: EntryKey,
    /// What the table does then.
    pub action: EntryAction,
}

/// Which entry of a table a direct counter or meter belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EntryRef {
    /// The default action.
    Default,
    /// An entry.
    Key(EntryKey),
}

/// A group of an action profile with a selector.
///
/// A group without members that are up does nothing, like a miss without default action.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Group {
    /// Its members, each at most once.
    pub members: Vec<GroupMember>,
    /// The largest sum of weights; 0 if there is no limit apart from the profile's.
    pub max_size: u32,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupMember {
    /// Id of the member of the action profile.
    pub member: u32,
    /// Its share of the flows: at least 1.
    pub weight: u32,
    /// Only used while this port is up.
    pub watch_port: Option<PortNumber>,
}

/// Number of a port of the switch. v1model has 9 bits for it.
pub type PortNumber = u32;
