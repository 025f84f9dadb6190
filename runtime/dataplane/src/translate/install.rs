//! Path groups, NHLFEs, branches and tunnels: what the entries of the LFIB point to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use forwarding::{Nhlfe, Path, PathRole, Replication, Tunnel};

use super::pass::Pass;
use super::{GroupKey, NhlfeKey, Translator};
use crate::{
    Bucket, Entries, Exit, InterfaceConfig, Key, MulticastGroupId, NhlfeId, NhlfeValue,
    PathGroupId, PathGroupValue, Push, Refusal, Replica, TunnelId, Value, share_buckets,
};

/// How far the hash may be shifted, so that 10 of its 32 bits are left for the bucket.
const HASH_SHIFTS: u32 = 23;

/// No limit to the length of packets.
const UNLIMITED: u16 = u16::MAX;

/// Octets of an Ethernet header.
const ETHERNET_HEADER: u16 = 14;

/// A path of a set that can be used.
#[derive(Debug, Clone)]
struct Member {
    /// Where its flows leave: by the path's NHLFE or, when that cannot be used, by its backup.
    exit: Exit,
    /// The backup path, by another port.
    backup: Option<Exit>,
    /// The ids of both NHLFEs, by which its buckets are known.
    nhlfes: BTreeSet<NhlfeId>,
    weight: u16,
}

/// How NHLFEs are used.
#[derive(Debug, Clone, Copy)]
struct Use<'a> {
    /// Ids that the switch may hold them by.
    hints: &'a BTreeSet<NhlfeId>,
    /// Whether a port that is down does.
    down_too: bool,
    /// Whether there may be labels below an NHLFE that has none itself.
    labels_below: bool,
}

impl Translator {
    /// Stages a path group with all that it needs; `None` if none of its paths can be used.
    pub(super) fn install_group(
        &mut self,
        pass: &mut Pass<'_>,
        key: GroupKey,
    ) -> Result<Option<PathGroupId>, Refusal> {
        let known = self.groups.get(&key).map(PathGroupId);
        if let Some(id) = known
            && pass.has(&Key::PathGroup(id))
        {
            return Ok(Some(id));
        }
        // Whoever uses this group now, and what the switch sends the same packets to.
        let candidates = match known {
            Some(id) => BTreeSet::from([id]),
            None => pass.candidates(&key),
        };
        let hints: BTreeSet<NhlfeId> = candidates
            .iter()
            .flat_map(|id| pass.held_nhlfes(*id))
            .collect();
        let (mut working, mut protecting) = self.members(pass, &key, &hints)?;
        if working.is_empty() && protecting.is_empty() {
            return Ok(None);
        }
        let protection = match &key {
            GroupKey::Paths(group, _) => group.protection(),
            GroupKey::Circuit(_) => None,
        };
        fill_empty_set(&mut working, &mut protecting, protection.is_some());
        let id = match known {
            Some(id) => id,
            None => self.group_id(pass, key, candidates, [&working, &protecting])?,
        };
        let working = self.install_set(pass, id, PathRole::Working, &working);
        let protecting = match protection {
            Some(_) => self.install_set(pass, id, PathRole::Protecting, &protecting),
            None => 1,
        };
        let value = PathGroupValue {
            protection,
            working_buckets: working,
            protecting_buckets: protecting,
            hash_shift: hash_shift(pass.desired.router_id),
        };
        pass.stage(Key::PathGroup(id), Value::PathGroup(value));
        Ok(Some(id))
    }

    /// The id of a group that has none: one that the switch uses for the same packets, or a fresh
    /// one.
    fn group_id(
        &mut self,
        pass: &Pass<'_>,
        key: GroupKey,
        candidates: BTreeSet<PathGroupId>,
        members: [&[Member]; 2],
    ) -> Result<PathGroupId, Refusal> {
        // The backups too: packets of others that the switch sends to the group may need them.
        let ways_out = |members: &[Member]| -> BTreeSet<Bucket> {
            let buckets = members.iter().map(|member| Bucket {
                primary: member.exit,
                backup: member.backup,
            });
            buckets.collect()
        };
        let sets = members.map(ways_out);
        let adopted = candidates.into_iter().find(|id| {
            !self.groups.is_taken(id.0) && (pass.only_for(*id, &key) || pass.held_sets(*id) == sets)
        });
        if let Some(id) = adopted {
            self.groups.adopt(key, id.0);
            return Ok(id);
        }
        let held = |id| is_held_group(pass.held, PathGroupId(id));
        let most = self.groups.most();
        let what = "path groups";
        let id = self.groups.allocate(key, held);
        id.map(PathGroupId).ok_or(Refusal::NoId { what, most })
    }

    /// The usable members of the working and of the protecting set.
    fn members(
        &mut self,
        pass: &mut Pass<'_>,
        key: &GroupKey,
        hints: &BTreeSet<NhlfeId>,
    ) -> Result<(Vec<Member>, Vec<Member>), Refusal> {
        match key {
            GroupKey::Circuit(circuit) => {
                let value = Value::ToAttachmentCircuit(circuit.vlan);
                let nhlfe = self.install_nhlfe(pass, NhlfeKey::Circuit(*circuit), value, hints)?;
                let settings = pass.desired.circuits.get(circuit).copied();
                let member = Member {
                    exit: Exit {
                        nhlfe,
                        port: circuit.port,
                        max_length: frame_limit(settings.unwrap_or_default().mtu),
                    },
                    backup: None,
                    nhlfes: BTreeSet::from([nhlfe]),
                    weight: 1,
                };
                Ok((vec![member], Vec::new()))
            }
            GroupKey::Paths(group, below) => {
                // Paths by ports that are down serve if there are no others: then nothing is
                // gained by taking them away.
                for down_too in [false, true] {
                    let how = Use {
                        hints,
                        down_too,
                        labels_below: *below,
                    };
                    let working = self.set(pass, group.paths(), how)?;
                    let protecting = self.set(pass, group.protecting_paths(), how)?;
                    if !working.is_empty() || !protecting.is_empty() {
                        return Ok((working, protecting));
                    }
                }
                Ok((Vec::new(), Vec::new()))
            }
        }
    }

    fn set(
        &mut self,
        pass: &mut Pass<'_>,
        paths: &[Path],
        how: Use<'_>,
    ) -> Result<Vec<Member>, Refusal> {
        let mut members = Vec::with_capacity(paths.len());
        for path in paths {
            let own = self.exit(pass, &path.nhlfe, how)?.map(|exit| Exit {
                max_length: exit.max_length.min(limit_of_lsp(path)),
                ..exit
            });
            // Behind the same port it would be lost together with the path.
            let serves = |backup: &Nhlfe| {
                let port = pass.exit(backup).map(|(interface, _)| interface.port);
                own.as_ref().is_none_or(|own| port != Some(own.port))
            };
            let backup = match path.backup.as_deref().filter(|backup| serves(backup)) {
                Some(backup) => self.exit(pass, backup, how)?,
                None => None,
            };
            let Some(exit) = own.or(backup) else {
                continue;
            };
            let known = std::iter::once(&path.nhlfe).chain(path.backup.as_deref());
            let known = known.filter_map(|nhlfe| self.nhlfes.get(&NhlfeKey::Path(nhlfe.clone())));
            members.push(Member {
                exit,
                backup: backup.filter(|backup| backup.port != exit.port),
                nhlfes: known.map(NhlfeId).collect(),
                weight: path.weight,
            });
        }
        Ok(members)
    }

    /// The NHLFE in the switch and its port; `None` if its next hop is not resolved or its port is
    /// down.
    fn exit(
        &mut self,
        pass: &mut Pass<'_>,
        nhlfe: &Nhlfe,
        how: Use<'_>,
    ) -> Result<Option<Exit>, Refusal> {
        let Some((interface, destination)) = pass.usable(nhlfe, how.down_too) else {
            return Ok(None);
        };
        let push = if nhlfe.labels().is_empty() {
            None
        } else {
            Some(Push {
                labels: nhlfe.labels().to_vec(),
                model: nhlfe.tunnel_model(),
                entropy_label: nhlfe.entropy_label(),
                control_word: nhlfe.has_control_word(),
                upstream_assigned: nhlfe.is_upstream_assigned(),
                tunnel: match nhlfe.tunnel() {
                    Some(tunnel) => Some(self.install_tunnel(pass, *tunnel)?),
                    None => None,
                },
            })
        };
        let value = Value::Nhlfe(NhlfeValue {
            source: interface.mac,
            destination,
            vlan: interface.vlan,
            qos_map: nhlfe.qos_map(),
            push,
        });
        let id = self.install_nhlfe(pass, NhlfeKey::Path(nhlfe.clone()), value, how.hints)?;
        Ok(Some(Exit {
            nhlfe: id,
            port: interface.port,
            max_length: limit_of_link(interface, nhlfe, how.labels_below),
        }))
    }

    fn install_nhlfe(
        &mut self,
        pass: &mut Pass<'_>,
        key: NhlfeKey,
        value: Value,
        hints: &BTreeSet<NhlfeId>,
    ) -> Result<NhlfeId, Refusal> {
        let id = match self.nhlfes.get(&key) {
            Some(id) => id,
            None => {
                let alike = |id: &NhlfeId| {
                    !self.nhlfes.is_taken(id.0) && pass.held.get(&Key::Nhlfe(*id)) == Some(&value)
                };
                let alike: Vec<_> = hints.iter().copied().filter(alike).collect();
                let adopted = match &key {
                    NhlfeKey::Path(nhlfe) if alike.len() > 1 => pass.uses().held_as(nhlfe, &alike),
                    _ => alike.first().copied(),
                };
                match adopted {
                    Some(id) => {
                        self.nhlfes.adopt(key, id.0);
                        id.0
                    }
                    None => {
                        let held = |id| pass.held.contains_key(&Key::Nhlfe(NhlfeId(id)));
                        let most = self.nhlfes.most();
                        let what = "NHLFEs";
                        let id = self.nhlfes.allocate(key, held);
                        id.ok_or(Refusal::NoId { what, most })?
                    }
                }
            }
        };
        pass.stage(Key::Nhlfe(NhlfeId(id)), value);
        Ok(NhlfeId(id))
    }

    fn install_tunnel(&mut self, pass: &mut Pass<'_>, tunnel: Tunnel) -> Result<TunnelId, Refusal> {
        let id = match self.tunnels.get(&tunnel) {
            Some(id) => id,
            None => match pass.held_tunnel(&tunnel) {
                Some(TunnelId(id)) if !self.tunnels.is_taken(id.into()) => {
                    self.tunnels.adopt(tunnel, id.into());
                    id.into()
                }
                _ => {
                    let held = |id| pass.held.contains_key(&Key::Tunnel(TunnelId(id as u16)));
                    let most = self.tunnels.most();
                    let what = "tunnels";
                    let id = self.tunnels.allocate(tunnel, held);
                    id.ok_or(Refusal::NoId { what, most })?
                }
            },
        };
        // The ids are given out up to the 16 bits that the program has for them.
        let id = TunnelId(id as u16);
        pass.stage(Key::Tunnel(id), Value::Tunnel(tunnel));
        Ok(id)
    }

    /// Stages the buckets of a set, which has members, and gives their number.
    fn install_set(
        &self,
        pass: &mut Pass<'_>,
        id: PathGroupId,
        role: PathRole,
        members: &[Member],
    ) -> u16 {
        let held = crate::buckets_of(pass.held, id, role);
        let owner = |bucket: &Bucket| {
            let exit = bucket.primary;
            let first = |uses: &dyn Fn(&Member) -> bool| members.iter().position(uses);
            // By its own way out first: a backup path may be another member's way out. Of two that leave
            // by the same one, each has its limit.
            first(&|member| member.exit == exit)
                .or_else(|| first(&|member| member.exit.nhlfe == exit.nhlfe))
                .or_else(|| first(&|member| member.nhlfes.contains(&exit.nhlfe)))
        };
        let count = match pass.held.get(&Key::PathGroup(id)) {
            Some(Value::PathGroup(value)) => value.count(role),
            _ => 0,
        };
        // With a bucket missing, nothing can be said of where flows are.
        let previous: Vec<_> = match held.len() == usize::from(count) {
            true => held.iter().map(owner).collect(),
            false => Vec::new(),
        };
        let weights: Vec<_> = members.iter().map(|member| member.weight).collect();
        let owners = share_buckets(&previous, &weights);
        let mut next = vec![0; members.len()];
        for (at, owner) in owners.iter().enumerate() {
            let former = held.get(at).and_then(|bucket| bucket.backup);
            let backup = backup(members, *owner, former, &mut next[*owner]);
            let bucket = Bucket {
                primary: members[*owner].exit,
                backup,
            };
            // There are no more than 1024.
            let key = Key::PathBucket(id, role, at as u16);
            pass.stage(key, Value::PathBucket(bucket));
        }
        owners.len() as u16
    }

    /// Stages a multicast group with its branches; `None` if none of them can be used. With it the
    /// largest packet that all branches take.
    pub(super) fn install_replication(
        &mut self,
        pass: &mut Pass<'_>,
        replication: &Arc<Replication>,
    ) -> Result<Option<(MulticastGroupId, u16)>, Refusal> {
        let candidates = match self.replications.get(replication) {
            Some(id) => vec![MulticastGroupId(id as u16)],
            None => pass.multicast_candidates(replication),
        };
        let mut held: BTreeMap<NhlfeId, u16> = BTreeMap::new();
        for (replica, value) in candidates.iter().flat_map(|id| pass.held_branches(*id)) {
            if let Value::Branch(nhlfe) = value {
                held.insert(*nhlfe, replica);
            }
        }
        let hints: BTreeSet<NhlfeId> = held.keys().copied().collect();
        let how = Use {
            hints: &hints,
            down_too: false,
            labels_below: false,
        };
        let mut exits = Vec::new();
        for branch in replication.branches() {
            exits.extend(self.exit(pass, branch, how)?);
        }
        if exits.is_empty() && replication.local().is_none() {
            return Ok(None);
        }
        let id = match self.replications.get(replication) {
            Some(id) => id,
            None => {
                let free = |id: &&MulticastGroupId| !self.replications.is_taken(id.0.into());
                let adopted = candidates.iter().find(free);
                match adopted {
                    Some(id) => {
                        self.replications
                            .adopt(Arc::clone(replication), id.0.into());
                        id.0.into()
                    }
                    None => {
                        let held = |id| is_held_multicast(pass.held, MulticastGroupId(id as u16));
                        let most = self.replications.most();
                        let what = "multicast groups";
                        let id = self.replications.allocate(Arc::clone(replication), held);
                        id.ok_or(Refusal::NoId { what, most })?
                    }
                }
            }
        };
        // The ids are given out up to the 16 bits that the program has for them.
        let id = MulticastGroupId(id as u16);
        let max_length = exits.iter().map(|exit| exit.max_length).min();
        self.stage_branches(pass, id, &exits, replication);
        Ok(Some((id, max_length.unwrap_or(UNLIMITED))))
    }

    fn stage_branches(
        &self,
        pass: &mut Pass<'_>,
        id: MulticastGroupId,
        exits: &[Exit],
        replication: &Replication,
    ) {
        let held = pass.held_branches(id);
        let mut taken: BTreeSet<u16> = held.iter().map(|(replica, _)| *replica).collect();
        // A branch keeps its replica; a new one gets a number that no packet on its way has.
        let mut replica_of = |value: &Value| {
            let known = held.iter().find(|(_, held)| *held == value);
            let replica = known.map(|(replica, _)| *replica);
            // There are fewer branches than numbers.
            let replica =
                replica.unwrap_or_else(|| (1..=u16::MAX).find(|n| !taken.contains(n)).unwrap_or(0));
            taken.insert(replica);
            replica
        };
        let mut replicas = BTreeSet::new();
        for exit in exits {
            let value = Value::Branch(exit.nhlfe);
            let replica = replica_of(&value);
            replicas.insert(Replica {
                port: exit.port,
                replica,
            });
            pass.stage(Key::Branch(id, replica), value);
        }
        if let Some(space) = replication.local() {
            let value = Value::LookUpAgain(space);
            let replica = replica_of(&value);
            replicas.insert(Replica {
                port: self.capacity.cpu_port,
                replica,
            });
            pass.stage(Key::Branch(id, replica), value);
        }
        pass.stage(Key::MulticastGroup(id), Value::MulticastGroup(replicas));
    }
}

/// A set without a usable path is served by the other one, whatever the state of the protection says.
pub(super) fn fill_empty_set<T: Clone>(
    working: &mut Vec<T>,
    protecting: &mut Vec<T>,
    is_protected: bool,
) {
    if working.is_empty() {
        working.clone_from(protecting);
    } else if protecting.is_empty() && is_protected {
        protecting.clone_from(working);
    }
}

/// What takes the flows of a bucket when the port of its owner goes down: the owner's backup path,
/// or another member on another port. What it was before stays while it serves.
fn backup(
    members: &[Member],
    owner: usize,
    former: Option<Exit>,
    next: &mut usize,
) -> Option<Exit> {
    let owner = &members[owner];
    if owner.backup.is_some() {
        return owner.backup;
    }
    let others = || {
        members
            .iter()
            .map(|member| member.exit)
            .filter(|exit| exit.port != owner.exit.port)
    };
    if let Some(former) = former {
        let same = others().find(|exit| *exit == former);
        let same = same.or_else(|| others().find(|exit| exit.nhlfe == former.nhlfe));
        if same.is_some() {
            return same;
        }
    }
    let count = others().count();
    let chosen = others().nth(*next % count.max(1));
    *next += 1;
    chosen
}

/// The largest packet that may leave by an NHLFE, before its push, as the link has it (RFC 3032 section 3.1).
/// Where the NHLFE pushes nothing, `labels_below` says whether what leaves may have labels all the same.
pub(super) fn limit_of_link(interface: &InterfaceConfig, nhlfe: &Nhlfe, labels_below: bool) -> u16 {
    let labelled = match nhlfe.labels() {
        [] => labels_below,
        // Over IP the packet that leaves is an IP packet.
        _ => nhlfe.tunnel().is_none(),
    };
    let mtu = match labelled {
        true => interface.mpls_mtu,
        false => interface.mtu,
    };
    mtu.saturating_sub(nhlfe.overhead())
}

/// The largest packet that may enter an LSP by a path, as the LSP has it (RFC 3988 section 4).
pub(super) fn limit_of_lsp(path: &Path) -> u16 {
    path.mtu.unwrap_or(UNLIMITED)
}

/// The program counts the Ethernet header of a frame in a pseudowire.
fn frame_limit(mtu: u16) -> u16 {
    mtu.saturating_add(ETHERNET_HEADER)
}

/// Which bits of the hash pick the bucket, by the router id. Ids that are next to each other in one
/// octet, as those of neighbours often are, give shifts that are 7 or more apart.
fn hash_shift(router_id: Ipv4Addr) -> u8 {
    let sum: u32 = router_id.octets().map(u32::from).iter().sum();
    (sum * 7 % HASH_SHIFTS) as u8
}

/// Whether the switch has a group of this id, or buckets that were left over from one.
fn is_held_group(held: &Entries, id: PathGroupId) -> bool {
    let from = Key::PathBucket(id, PathRole::Working, 0);
    let to = Key::PathBucket(id, PathRole::Protecting, u16::MAX);
    held.contains_key(&Key::PathGroup(id)) || held.range(from..=to).next().is_some()
}

/// Whether the switch has a multicast group of this id, or branches that were left over from one.
fn is_held_multicast(held: &Entries, id: MulticastGroupId) -> bool {
    let branches = Key::Branch(id, 0)..=Key::Branch(id, u16::MAX);
    held.contains_key(&Key::MulticastGroup(id)) || held.range(branches).next().is_some()
}
