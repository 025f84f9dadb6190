//! Multicast groups and clone sessions.

use std::collections::BTreeMap;

use super::{Result, State};
use crate::control::{CloneSession, ControlError, Replica};

/// The largest clone session id (`MAX_MIRROR_SESSION_ID` of simple_switch).
const MAX_CLONE_SESSION: u32 = 0x7fff;

/// Multicast groups and clone sessions.
#[derive(Debug, Default)]
pub(crate) struct Replication {
    groups: BTreeMap<u16, Vec<Replica>>,
    sessions: BTreeMap<u32, CloneSession>,
}

impl Replication {
    /// The replicas of a group; none if it is not there.
    pub(crate) fn group(&self, group: u64) -> &[Replica] {
        u16::try_from(group)
            .ok()
            .and_then(|group| self.groups.get(&group))
            .map_or(&[], Vec::as_slice)
    }

    pub(crate) fn session(&self, session: u64) -> Option<&CloneSession> {
        // As simple_switch does, which keeps 15 bits of it.
        self.sessions
            .get(&((session & u64::from(MAX_CLONE_SESSION)) as u32))
    }
}

fn check(what: &str, replicas: &[Replica]) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    match replicas.iter().find(|replica| !seen.insert(**replica)) {
        None => Ok(()),
        Some(twice) => Err(invalid(format!(
            "{what} has the replica on port {} with instance {} twice",
            twice.port, twice.instance
        ))),
    }
}

fn invalid(reason: String) -> ControlError {
    ControlError::Invalid {
        owner: "the switch".to_owned(),
        reason,
    }
}

fn missing(what: String) -> ControlError {
    ControlError::NotFound {
        owner: "the switch".to_owned(),
        what,
    }
}

fn existing(what: String) -> ControlError {
    ControlError::AlreadyExists {
        owner: "the switch".to_owned(),
        what,
    }
}

/// Packet replication.
impl State {
    /// Inserts a multicast group. Ids start at 1.
    ///
    /// # Errors
    ///
    /// [`ControlError::AlreadyExists`]; [`ControlError::Invalid`] for group 0 and for a replica
    /// that is there twice.
    pub fn insert_multicast_group(&mut self, group: u16, replicas: &[Replica]) -> Result<()> {
        let name = format!("multicast group {group}");
        if group == 0 {
            return Err(invalid("multicast group 0 means no multicast".to_owned()));
        }
        if self.replication.groups.contains_key(&group) {
            return Err(existing(name));
        }
        check(&name, replicas)?;
        self.replication.groups.insert(group, replicas.to_vec());
        Ok(())
    }

    /// Replaces the replicas of a multicast group.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`]; [`ControlError::Invalid`] for a replica that is there twice.
    pub fn modify_multicast_group(&mut self, group: u16, replicas: &[Replica]) -> Result<()> {
        let name = format!("multicast group {group}");
        check(&name, replicas)?;
        match self.replication.groups.get_mut(&group) {
            Some(content) => {
                *content = replicas.to_vec();
                Ok(())
            }
            None => Err(missing(name)),
        }
    }

    /// Deletes a multicast group.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`].
    pub fn delete_multicast_group(&mut self, group: u16) -> Result<()> {
        match self.replication.groups.remove(&group) {
            Some(_) => Ok(()),
            None => Err(missing(format!("multicast group {group}"))),
        }
    }

    /// All multicast groups, by id.
    pub fn multicast_groups(&self) -> Vec<(u16, Vec<Replica>)> {
        self.replication
            .groups
            .iter()
            .map(|(id, replicas)| (*id, replicas.clone()))
            .collect()
    }

    /// Inserts a clone session. Ids are 0 to 32767.
    ///
    /// # Errors
    ///
    /// [`ControlError::AlreadyExists`]; [`ControlError::Invalid`] for an id that is too large and
    /// for a replica that is there twice.
    pub fn insert_clone_session(&mut self, session: u32, content: &CloneSession) -> Result<()> {
        let name = format!("clone session {session}");
        if session > MAX_CLONE_SESSION {
            return Err(invalid(format!(
                "clone sessions have ids up to {MAX_CLONE_SESSION}, not {session}"
            )));
        }
        if self.replication.sessions.contains_key(&session) {
            return Err(existing(name));
        }
        check(&name, &content.replicas)?;
        self.replication.sessions.insert(session, content.clone());
        Ok(())
    }

    /// Replaces a clone session.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`]; [`ControlError::Invalid`] for a replica that is there twice.
    pub fn modify_clone_session(&mut self, session: u32, content: &CloneSession) -> Result<()> {
        let name = format!("clone session {session}");
        check(&name, &content.replicas)?;
        match self.replication.sessions.get_mut(&session) {
            Some(old) => {
                *old = content.clone();
                Ok(())
            }
            None => Err(missing(name)),
        }
    }

    /// Deletes a clone session.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`].
    pub fn delete_clone_session(&mut self, session: u32) -> Result<()> {
        match self.replication.sessions.remove(&session) {
            Some(_) => Ok(()),
            None => Err(missing(format!("clone session {session}"))),
        }
    }

    /// All clone sessions, by id.
    pub fn clone_sessions(&self) -> Vec<(u32, CloneSession)> {
        self.replication
            .sessions
            .iter()
            .map(|(id, session)| (*id, session.clone()))
            .collect()
    }
}
