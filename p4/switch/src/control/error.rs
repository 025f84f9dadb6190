//! Why the control plane's request was refused.

/// Why a request was refused. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is no program yet.
    #[error("no forwarding pipeline is loaded")]
    NoProgram,
    /// The program has no such object.
    #[error("the program has no {kind} named `{name}`")]
    UnknownObject {
        /// Kind of the object, such as "table".
        kind: &'static str,
        /// The name that was asked for.
        name: String,
    },
    /// The table, or the tables of the action profile, have no such action.
    #[error("`{owner}` has no action `{action}`")]
    UnknownAction {
        /// Name of the table or action profile.
        owner: String,
        /// Name of the action.
        action: String,
    },
    /// An entry, member, group, multicast group or clone session is not there.
    #[error("`{owner}` has no {what}")]
    NotFound {
        /// Name of the table or action profile, or "the switch".
        owner: String,
        /// What was looked for.
        what: String,
    },
    /// It is there already.
    #[error("`{owner}` has this {what} already")]
    AlreadyExists {
        /// Name of the table or action profile, or "the switch".
        owner: String,
        /// What was to be inserted.
        what: String,
    },
    /// There is no room.
    #[error("`{owner}` is full: it holds at most {limit} {what}")]
    Full {
        /// Name of the table or action profile.
        owner: String,
        /// The limit.
        limit: usize,
        /// What it holds.
        what: &'static str,
    },
    /// The program does not let this be changed.
    #[error("`{owner}`: {what} is constant")]
    Constant {
        /// Name of the table.
        owner: String,
        /// What is constant.
        what: &'static str,
    },
    /// It is still used.
    #[error("`{owner}`: {what} is still used by {by}")]
    InUse {
        /// Name of the action profile.
        owner: String,
        /// The member or group.
        what: String,
        /// What uses it.
        by: String,
    },
    /// The number of matches or arguments is wrong.
    #[error("`{owner}` takes {expected} {what}, not {given}")]
    WrongCount {
        /// Name of the table or action.
        owner: String,
        /// What it takes.
        what: &'static str,
        /// How many it takes.
        expected: usize,
        /// How many were given.
        given: usize,
    },
    /// A match is of the wrong kind, or inconsistent.
    #[error("`{owner}`, field `{field}`: {reason}")]
    BadMatch {
        /// Name of the table.
        owner: String,
        /// Name of the element of the key.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value does not fit.
    #[error("`{owner}`, `{field}`: the value needs {needed} bits, but there are {width}")]
    TooWide {
        /// Name of the table, action or register array.
        owner: String,
        /// Name of the element of the key, or of the parameter.
        field: String,
        /// Bits that the value needs.
        needed: u32,
        /// Bits that there are.
        width: u32,
    },
    /// An index is too large.
    #[error("`{owner}` has indices 0 to {last}, not {index}", last = size.saturating_sub(1))]
    OutOfRange {
        /// Name of the array.
        owner: String,
        /// The index that was asked for.
        index: usize,
        /// Size of the array.
        size: usize,
    },
    /// Something else in the request is not right.
    #[error("`{owner}`: {reason}")]
    Invalid {
        /// Name of the object.
        owner: String,
        /// What is wrong.
        reason: String,
    },
}
