//! Client arbitration (section 5): which controller is primary.
//!
//! The rules, without streams or locks: [`Arbitration`] takes what controllers say and gives the
//! notifications to send. Each role has a primary of its own.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use p4runtime_proto::{
    google::rpc,
    p4::v1::{MasterArbitrationUpdate, Role, Uint128},
};
use prost_types::Any;
use tonic::Code;

use super::refusal::Refusal;
use super::role::Access;

/// Names an open StreamChannel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamId(pub(crate) u64);

/// Most roles that are remembered; controllers of more are refused with `RESOURCE_EXHAUSTED`.
const MAX_ROLES: usize = 64;

/// Most controllers of a role at a time; more are refused with `RESOURCE_EXHAUSTED`.
pub(crate) const MAX_CONTROLLERS: usize = 64;

/// A message to a controller.
#[derive(Debug, PartialEq)]
pub(crate) struct Notification {
    /// Whom it is for.
    pub(crate) stream: StreamId,
    /// What it says.
    pub(crate) update: MasterArbitrationUpdate,
}

/// What an accepted MasterArbitrationUpdate brings about.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// To send at once.
    pub(crate) at_once: Vec<Notification>,
    /// The controller is primary. It is told so by [`Arbitration::confirm`], once the writes of
    /// the primary before it are done.
    pub(crate) primary: bool,
}

struct Controller {
    /// Name of the role; empty for the default role.
    role: String,
    /// Whether the controller gave a role message, for the answers.
    gave_role: bool,
    election_id: Option<u128>,
}

/// What is remembered of a role as long as the server runs.
#[derive(Default)]
struct RoleState {
    /// The highest election id that was ever received. Never goes back.
    highest: Option<u128>,
    /// The role configuration that the primary gave last.
    config: Option<Any>,
    access: Access,
}

/// The controllers of one device, by role.
pub(crate) struct Arbitration {
    device_id: u64,
    /// By name; the default role is the empty name and always there.
    roles: BTreeMap<String, RoleState>,
    controllers: BTreeMap<StreamId, Controller>,
}

impl Arbitration {
    /// No controller, and none ever seen.
    pub(crate) fn new(device_id: u64) -> Self {
        Self {
            device_id,
            roles: BTreeMap::from([(String::new(), RoleState::default())]),
            controllers: BTreeMap::new(),
        }
    }

    /// Handles a MasterArbitrationUpdate (section 5.3).
    ///
    /// # Errors
    /// A refusal ends the stream; the caller then calls [`Arbitration::disconnect`].
    pub(crate) fn update(
        &mut self,
        stream: StreamId,
        bid: &MasterArbitrationUpdate,
    ) -> Result<Outcome, Refusal> {
        let election_id = bid.election_id.as_ref().map(to_u128);
        let live = self.controllers.get(&stream);
        if bid.device_id != self.device_id {
            let words = format!(
                "device {}: this server has device {} only",
                bid.device_id, self.device_id
            );
            return Err(if live.is_some() {
                Refusal::failed_precondition(format!(
                    "{words}; a stream cannot change its device, open another"
                ))
            } else {
                Refusal::not_found(words)
            });
        }
        let role = role_name(bid.role.as_ref())?;
        if let Some(live) = live
            && live.role != role
        {
            return Err(Refusal::failed_precondition(format!(
                "a stream cannot change its role from \"{}\" to \"{role}\", open another",
                live.role
            )));
        }
        let live = live.is_some();
        let config = bid.role.as_ref().and_then(|role| role.config.as_ref());
        let access = Access::new(role, config)?;
        for (_, other) in self.roles.iter().filter(|(name, _)| *name != role) {
            access.check_beside(&other.access)?;
        }
        let of_role = |controller: &&Controller| controller.role == role;
        if let Some(id) = election_id {
            let taken = |(other, controller): (&StreamId, &Controller)| {
                *other != stream && of_role(&controller) && controller.election_id == Some(id)
            };
            if self.controllers.iter().any(taken) {
                return Err(Refusal::invalid_argument(format!(
                    "election id {id} is in use by another live controller of the role"
                )));
            }
        }
        if !live && self.controllers.values().filter(of_role).count() >= MAX_CONTROLLERS {
            return Err(Refusal::resource_exhausted(format!(
                "{MAX_CONTROLLERS} controllers of the role are connected, which is the limit"
            )));
        }
        if !self.roles.contains_key(role) && self.roles.len() >= MAX_ROLES {
            return Err(Refusal::resource_exhausted(format!(
                "there are {MAX_ROLES} roles, which is the limit: they are remembered until the \
                 switch is started anew"
            )));
        }

        let was_primary = self.primary(role) == Some(stream);
        self.controllers.insert(
            stream,
            Controller {
                role: role.to_owned(),
                gave_role: bid.role.is_some(),
                election_id,
            },
        );
        let state = self.roles.entry(role.to_owned()).or_default();
        if election_id.is_some() && election_id >= state.highest {
            *state = RoleState {
                highest: election_id,
                config: config.cloned(),
                access,
            };
            return Ok(Outcome {
                at_once: self.notify(role, |other| other != stream),
                primary: true,
            });
        }
        Ok(Outcome {
            at_once: self.notify(role, |other| was_primary || other == stream),
            primary: false,
        })
    }

    /// The message that tells a controller that it is primary; `None` if by now it is not.
    pub(crate) fn confirm(&self, stream: StreamId) -> Option<Notification> {
        let role = &self.controllers.get(&stream)?.role;
        (self.primary(role) == Some(stream))
            .then(|| self.notify(role, |other| other == stream).pop())
            .flatten()
    }

    /// The stream of a controller broke or ended. No other becomes primary by that.
    pub(crate) fn disconnect(&mut self, stream: StreamId) -> Vec<Notification> {
        let was_primary = self.is_primary(stream);
        match self.controllers.remove(&stream) {
            Some(controller) => self.notify(&controller.role, |_| was_primary),
            None => Vec::new(),
        }
    }

    /// The stream of the primary of a role, if there is one.
    pub(crate) fn primary(&self, role: &str) -> Option<StreamId> {
        let highest = self.roles.get(role)?.highest?;
        self.controllers
            .iter()
            .find(|(_, controller)| {
                controller.role == role && controller.election_id == Some(highest)
            })
            .map(|(stream, _)| *stream)
    }

    /// The primaries of all roles, and what they may do.
    pub(crate) fn primaries(&self) -> impl Iterator<Item = (StreamId, &Access)> {
        self.roles
            .iter()
            .filter_map(|(role, state)| Some((self.primary(role)?, &state.access)))
    }

    /// Whether a stream is that of the primary of its role.
    pub(crate) fn is_primary(&self, stream: StreamId) -> bool {
        (self.controllers.get(&stream))
            .is_some_and(|controller| self.primary(&controller.role) == Some(stream))
    }

    /// Whether a stream has announced itself by a MasterArbitrationUpdate.
    pub(crate) fn is_live(&self, stream: StreamId) -> bool {
        self.controllers.contains_key(&stream)
    }

    /// What a role may do.
    ///
    /// # Errors
    /// `NOT_FOUND` if no controller has had the role (section 12).
    pub(crate) fn access(&self, role: &str) -> Result<&Access, Refusal> {
        Ok(&self.state(role)?.access)
    }

    fn state(&self, role: &str) -> Result<&RoleState, Refusal> {
        self.roles.get(role).ok_or_else(|| {
            Refusal::not_found(format!(
                "role \"{role}\": no controller has bid for it; leave the role out for the \
                 default role"
            ))
        })
    }

    /// Checks that a request comes from the primary of a role, and gives what it may do.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is no such role; `PERMISSION_DENIED`, with the words why.
    pub(crate) fn check_primary(
        &self,
        role: &str,
        election_id: Option<&Uint128>,
    ) -> Result<&Access, Refusal> {
        let state = self.state(role)?;
        let Some(id) = election_id.map(to_u128) else {
            return Err(Refusal::permission_denied(
                "the request has no election id; only the primary controller may do this",
            ));
        };
        match (state.highest, self.primary(role)) {
            (Some(highest), Some(_)) if highest == id => Ok(&state.access),
            (Some(highest), Some(_)) => Err(Refusal::permission_denied(format!(
                "election id {id} is not that of the primary controller, {highest}"
            ))),
            (Some(highest), None) => Err(Refusal::permission_denied(format!(
                "there is no primary controller; open a StreamChannel and bid with an election id \
                 of at least {highest}"
            ))),
            (None, _) => Err(Refusal::permission_denied(
                "there is no primary controller; open a StreamChannel and bid for it",
            )),
        }
    }

    /// The advisory message (section 5.4) for each controller of a role that `to_whom` picks.
    fn notify(&self, role: &str, to_whom: impl Fn(StreamId) -> bool) -> Vec<Notification> {
        let primary = self.primary(role);
        let Some(state) = self.roles.get(role) else {
            return Vec::new();
        };
        self.controllers
            .iter()
            .filter(|(stream, controller)| controller.role == role && to_whom(**stream))
            .map(|(stream, controller)| {
                let (code, message) = match primary {
                    Some(primary) if primary == *stream => (Code::Ok, "you are primary"),
                    Some(_) => (Code::AlreadyExists, "you are backup"),
                    None => (Code::NotFound, "you are backup, and there is no primary"),
                };
                Notification {
                    stream: *stream,
                    update: MasterArbitrationUpdate {
                        device_id: self.device_id,
                        role: controller.gave_role.then(|| Role {
                            name: role.to_owned(),
                            config: state.config.clone(),
                            ..Default::default()
                        }),
                        election_id: state.highest.map(from_u128),
                        status: Some(rpc::Status {
                            code: code as i32,
                            message: message.to_owned(),
                            details: Vec::new(),
                        }),
                    },
                }
            })
            .collect()
    }
}

/// Section 5.1: leaving the role out means the default role; so does one without a name.
fn role_name(role: Option<&Role>) -> Result<&str, Refusal> {
    let Some(role) = role else { return Ok("") };
    // The number is what roles had before version 1.4.
    #[allow(deprecated)]
    let id = role.id;
    if role.name.is_empty() && id != 0 {
        return Err(Refusal::invalid_argument(format!(
            "role {id}: roles have names since version 1.4 of P4Runtime, set Role.name"
        )));
    }
    Ok(&role.name)
}

/// The 128-bit number.
pub(crate) fn to_u128(id: &Uint128) -> u128 {
    u128::from(id.high) << 64 | u128::from(id.low)
}

fn from_u128(id: u128) -> Uint128 {
    Uint128 {
        high: (id >> 64) as u64,
        low: id as u64,
    }
}
