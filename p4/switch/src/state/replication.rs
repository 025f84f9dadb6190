//! Multicast groups and clone sessions.

use std::collections::{BTreeMap, HashSet};

use super::{Result, State};
use crate::control::{CloneSession, ControlError, PortNumber, Replica, ReplicaWithBackups};

/// The largest clone session id (`MAX_MIRROR_SESSION_ID` of simple_switch).
const MAX_CLONE_SESSION: u32 = 0x7fff;

/// Multicast groups and clone sessions.
#[derive(Debug, Default)]
pub(crate) struct Replication {
    groups: BTreeMap<u16, Copies>,
    sessions: BTreeMap<u32, Session>,
}

impl Replication {
    /// The replicas of a group; none if it is not there.
    pub(crate) fn group(&self, group: u64) -> &[Replica] {
        u16::try_from(group)
            .ok()
            .and_then(|group| self.groups.get(&group))
            .map_or(&[], |group| &group.live)
    }

    /// A port went up or down: backups take over or step back.
    pub(super) fn rebuild(&mut self, down: &HashSet<PortNumber>) {
        let sessions = self
            .sessions
            .values_mut()
            .map(|session| &mut session.copies);
        for copies in self.groups.values_mut().chain(sessions) {
            copies.rebuild(down);
        }
    }

    /// A clone session.
    pub(crate) fn session(&self, session: u64) -> Option<&Session> {
        // As simple_switch does, which keeps 15 bits of it.
        self.sessions
            .get(&((session & u64::from(MAX_CLONE_SESSION)) as u32))
    }
}

/// A clone session.
#[derive(Debug)]
pub(crate) struct Session {
    copies: Copies,
    /// Length in bytes that the clone is cut to; 0 for no cut.
    pub(crate) packet_length: u32,
}

impl Session {
    fn new(content: &CloneSession, down: &HashSet<PortNumber>) -> Self {
        Self {
            copies: Copies::new(content.replicas.clone(), down),
            packet_length: content.packet_length,
        }
    }

    /// The copies to make, by the state of the ports.
    pub(crate) fn replicas(&self) -> &[Replica] {
        &self.copies.live
    }
}

/// The copies that a multicast group or clone session makes.
#[derive(Debug)]
struct Copies {
    given: Vec<ReplicaWithBackups>,
    /// The copies to make, by the state of the ports.
    live: Vec<Replica>,
}

impl Copies {
    fn new(given: Vec<ReplicaWithBackups>, down: &HashSet<PortNumber>) -> Self {
        let live = Vec::with_capacity(given.len());
        let mut copies = Self { given, live };
        copies.rebuild(down);
        copies
    }

    fn rebuild(&mut self, down: &HashSet<PortNumber>) {
        self.live.clear();
        self.live.extend(self.given.iter().map(|replica| {
            let mut by_preference = std::iter::once(&replica.primary).chain(&replica.backups);
            let up = by_preference.find(|replica| !down.contains(&replica.port));
            *up.unwrap_or(&replica.primary)
        }));
    }
}

fn check(what: &str, replicas: &[ReplicaWithBackups]) -> Result<()> {
    for replica in replicas {
        let port = replica.primary.port;
        if replica.backups.iter().any(|backup| backup.port == port) {
            return Err(invalid(format!(
                "{what} has a replica on port {port} with a backup on the same port"
            )));
        }
    }
    let mut all = replicas
        .iter()
        .flat_map(|replica| std::iter::once(&replica.primary).chain(&replica.backups));
    let mut seen = HashSet::new();
    match all.find(|replica| !seen.insert(*replica)) {
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
    /// Inserts a multicast group, of replicas with or without backups. Ids start at 1.
    ///
    /// # Errors
    ///
    /// [`ControlError::AlreadyExists`]; [`ControlError::Invalid`] for group 0, for a replica
    /// that is there twice, and for a backup on the port that it stands in for.
    pub fn insert_multicast_group<R: Clone + Into<ReplicaWithBackups>>(
        &mut self,
        group: u16,
        replicas: &[R],
    ) -> Result<()> {
        let name = format!("multicast group {group}");
        if group == 0 {
            return Err(invalid("multicast group 0 means no multicast".to_owned()));
        }
        if self.replication.groups.contains_key(&group) {
            return Err(existing(name));
        }
        let given: Vec<_> = replicas.iter().cloned().map(Into::into).collect();
        check(&name, &given)?;
        let content = Copies::new(given, &self.down);
        self.replication.groups.insert(group, content);
        Ok(())
    }

    /// Replaces the replicas of a multicast group.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`]; [`ControlError::Invalid`] as
    /// [`State::insert_multicast_group`].
    pub fn modify_multicast_group<R: Clone + Into<ReplicaWithBackups>>(
        &mut self,
        group: u16,
        replicas: &[R],
    ) -> Result<()> {
        let name = format!("multicast group {group}");
        let given: Vec<_> = replicas.iter().cloned().map(Into::into).collect();
        check(&name, &given)?;
        match self.replication.groups.get_mut(&group) {
            Some(content) => {
                *content = Copies::new(given, &self.down);
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
    pub fn multicast_groups(&self) -> Vec<(u16, Vec<ReplicaWithBackups>)> {
        self.replication
            .groups
            .iter()
            .map(|(id, group)| (*id, group.given.clone()))
            .collect()
    }

    /// Inserts a clone session. Ids are 0 to 32767.
    ///
    /// # Errors
    ///
    /// [`ControlError::AlreadyExists`]; [`ControlError::Invalid`] for an id that is too large and
    /// as [`State::insert_multicast_group`].
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
        let content = Session::new(content, &self.down);
        self.replication.sessions.insert(session, content);
        Ok(())
    }

    /// Replaces a clone session.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`]; [`ControlError::Invalid`] as
    /// [`State::insert_multicast_group`].
    pub fn modify_clone_session(&mut self, session: u32, content: &CloneSession) -> Result<()> {
        let name = format!("clone session {session}");
        check(&name, &content.replicas)?;
        match self.replication.sessions.get_mut(&session) {
            Some(old) => {
                *old = Session::new(content, &self.down);
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
            .map(|(id, session)| {
                let content = CloneSession {
                    replicas: session.copies.given.clone(),
                    packet_length: session.packet_length,
                };
                (*id, content)
            })
            .collect()
    }
}
