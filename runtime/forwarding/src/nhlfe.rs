//! Next hop label forwarding entries and groups of them.

use std::fmt;
use std::sync::Arc;

use mpls::{Label, SpecialPurposeLabel};
use smallvec::{SmallVec, smallvec};

use crate::{NextHop, ProtectionId, QosMapId, Tunnel, TunnelModel};

/// A next hop label forwarding entry: the next hop, the labels with which the packet leaves, and
/// how they are put on it (RFC 3031 section 3.10).
///
/// Used by the FTN it pushes the labels; used by the ILM it replaces the incoming label by them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nhlfe {
    // Many have the same one: they share it.
    next_hop: Arc<NextHop>,
    // As many as fit the space of a Vec: there is one of these for each FEC of a full table.
    labels: SmallVec<[Label; 4]>,
    tunnel_model: TunnelModel,
    qos_map: QosMapId,
    entropy_label: Option<u8>,
    control_word: bool,
    upstream_assigned: bool,
    tunnel: Option<Box<Tunnel>>,
}

/// What no packet may leave with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NhlfeError {
    /// A reserved label that only has a meaning to a protocol or in a sub-stack.
    #[error(
        "label {0} cannot be pushed: use 16 to 1048575, or ipv4-explicit-null, \
         ipv6-explicit-null, implicit-null"
    )]
    ReservedLabel(Label),
    /// The entropy label has no label above it.
    #[error(
        "an entropy label below label {below} of {labels} is not possible: it stands below one of \
         the labels"
    )]
    EntropyLabel {
        /// The stated position, from 1 for the outermost label.
        below: u8,
        /// Labels of the entry.
        labels: usize,
    },
    /// What goes below, in front of or with labels needs one.
    #[error("{0} needs a label")]
    NoLabel(&'static str),
}

impl Nhlfe {
    /// The entry that sends to `next_hop` with these labels, outermost first. Entries that are given the same
    /// [`Arc`] share the next hop.
    ///
    /// An implicit null is left out of the labels (RFC 3032 section 2.1). Explicit null may stand
    /// at any position (RFC 4182).
    ///
    /// # Errors
    /// One of the labels is reserved and neither implicit nor explicit null.
    pub fn new(
        next_hop: impl Into<Arc<NextHop>>,
        labels: impl IntoIterator<Item = Label>,
        tunnel_model: TunnelModel,
    ) -> Result<Self, NhlfeError> {
        let mut pushed = SmallVec::new();
        for label in labels {
            match label.special_purpose() {
                Some(SpecialPurposeLabel::ImplicitNull) => {}
                None if label.is_reserved() => return Err(NhlfeError::ReservedLabel(label)),
                None
                | Some(
                    SpecialPurposeLabel::Ipv4ExplicitNull | SpecialPurposeLabel::Ipv6ExplicitNull,
                ) => pushed.push(label),
                Some(_) => return Err(NhlfeError::ReservedLabel(label)),
            }
        }
        Ok(Self {
            labels: pushed,
            tunnel_model,
            ..Self::unlabelled(next_hop)
        })
    }

    /// The entry that sends to `next_hop` without labels.
    pub fn unlabelled(next_hop: impl Into<Arc<NextHop>>) -> Self {
        Self {
            next_hop: next_hop.into(),
            labels: SmallVec::new(),
            tunnel_model: TunnelModel::default(),
            qos_map: QosMapId::DEFAULT,
            entropy_label: None,
            control_word: false,
            upstream_assigned: false,
            tunnel: None,
        }
    }

    /// With an entropy label indicator and an entropy label below the label at this position, 1
    /// for the outermost (RFC 6790 section 4.2).
    ///
    /// # Errors
    /// There is no label at the position.
    pub fn with_entropy_label(self, below: u8) -> Result<Self, NhlfeError> {
        let labels = self.labels.len();
        if below == 0 || usize::from(below) > labels {
            return Err(NhlfeError::EntropyLabel { below, labels });
        }
        Ok(Self {
            entropy_label: Some(below),
            ..self
        })
    }

    /// With a pseudowire control word below the labels (RFC 4385, RFC 4448 section 4.6); its
    /// sequence number is 0, which says that the order is not checked.
    ///
    /// # Errors
    /// There is no label.
    pub fn with_control_word(self) -> Result<Self, NhlfeError> {
        self.needs_label("a control word")?;
        Ok(Self {
            control_word: true,
            ..self
        })
    }

    /// With an outermost label that the sender assigned: frames have the EtherType 0x8848
    /// (RFC 5332 section 4).
    ///
    /// # Errors
    /// There is no label.
    pub fn with_upstream_assigned_label(self) -> Result<Self, NhlfeError> {
        self.needs_label("an upstream-assigned label")?;
        Ok(Self {
            upstream_assigned: true,
            ..self
        })
    }

    /// With the labels carried over IP.
    ///
    /// # Errors
    /// There is no label.
    pub fn with_tunnel(self, tunnel: Tunnel) -> Result<Self, NhlfeError> {
        self.needs_label("an IP tunnel")?;
        Ok(Self {
            tunnel: Some(Box::new(tunnel)),
            ..self
        })
    }

    /// With the code points of this map.
    pub fn with_qos_map(self, qos_map: QosMapId) -> Self {
        Self { qos_map, ..self }
    }

    fn needs_label(&self, what: &'static str) -> Result<(), NhlfeError> {
        if self.labels.is_empty() {
            Err(NhlfeError::NoLabel(what))
        } else {
            Ok(())
        }
    }

    /// The next hop.
    pub fn next_hop(&self) -> &NextHop {
        &self.next_hop
    }

    /// The next hop, to be shared.
    pub(crate) fn shared_next_hop(&self) -> &Arc<NextHop> {
        &self.next_hop
    }

    /// The labels, outermost first, without implicit null and entropy label.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// How pushed labels take TTL and marking over from the packet (RFC 3443, RFC 3270).
    pub fn tunnel_model(&self) -> TunnelModel {
        self.tunnel_model
    }

    /// The map from per-hop behaviour to the code points of what leaves.
    pub fn qos_map(&self) -> QosMapId {
        self.qos_map
    }

    /// The position of the label below which the entropy label stands, 1 for the outermost.
    pub fn entropy_label(&self) -> Option<u8> {
        self.entropy_label
    }

    /// Whether a pseudowire control word is below the labels.
    pub fn has_control_word(&self) -> bool {
        self.control_word
    }

    /// Whether the outermost label is upstream-assigned.
    pub fn is_upstream_assigned(&self) -> bool {
        self.upstream_assigned
    }

    /// The IP tunnel that carries the labels.
    pub fn tunnel(&self) -> Option<&Tunnel> {
        self.tunnel.as_deref()
    }

    /// Octets that the entry puts in front of the packet, behind the Ethernet header.
    pub fn overhead(&self) -> u16 {
        // Far below the range of the type: the labels of an NHLFE are few.
        let labels = 4 * self.labels.len().min(1000) as u16;
        let entropy = if self.entropy_label.is_some() { 8 } else { 0 };
        let control_word = if self.control_word { 4 } else { 0 };
        let tunnel = self.tunnel().map_or(0, Tunnel::overhead);
        labels + entropy + control_word + tunnel
    }
}

/// The largest weight of a path.
pub const MAX_WEIGHT: u16 = 255;

/// How many paths a set has at the most.
pub const MAX_PATHS: usize = 128;

/// One path of a group: an NHLFE, its share of the traffic, and what stands in for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The entry.
    pub nhlfe: Nhlfe,
    /// The share, 1 to [`MAX_WEIGHT`], relative to the sum of the group's weights.
    pub weight: u16,
    /// The largest packet that may enter by this path, in octets before the entry's labels are pushed, where
    /// something further on takes less than the link: the MTU of the LSP at its ingress (RFC 3988 section
    /// 4). The backup path is another LSP, with limits of its own.
    pub mtu: Option<u16>,
    /// The backup path, as of fast reroute (RFC 4090, RFC 5714): used while the entry's port is
    /// down or its next hop cannot be used. Without one, the flows go to the group's other paths.
    pub backup: Option<Box<Nhlfe>>,
}

impl Path {
    /// A path without a backup path, which only the link limits.
    pub fn new(nhlfe: Nhlfe, weight: u16) -> Self {
        Self {
            nhlfe,
            weight,
            mtu: None,
            backup: None,
        }
    }

    /// With the MTU of the LSP, if it is known to be less than the link's.
    pub fn with_mtu(self, mtu: Option<u16>) -> Self {
        Self { mtu, ..self }
    }

    /// With a backup path.
    pub fn with_backup(self, backup: Nhlfe) -> Self {
        Self {
            backup: Some(Box::new(backup)),
            ..self
        }
    }
}

/// The NHLFEs of a FEC or incoming label, among which flows are shared by weight; and with 1:1
/// protection a second set, to which one state switches all groups of a protection domain.
///
/// Two groups of the same paths are equal, in whatever order the paths were given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathGroup {
    // Most groups have one path: then the group is one piece of memory.
    working: SmallVec<[Path; 1]>,
    protecting: Option<Box<(ProtectionId, SmallVec<[Path; 1]>)>>,
}

/// Paths that are no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathGroupError {
    /// There is no path.
    #[error("a path group has at least one path: add a next hop")]
    Empty,
    /// There are more than [`MAX_PATHS`].
    #[error("{0} paths are more than the 128 that a path group takes")]
    TooMany(usize),
    /// A weight is 0 or larger than [`MAX_WEIGHT`].
    #[error("weight {weight} of next hop {next_hop} is outside 1 to 255")]
    Weight {
        /// The next hop of the path.
        next_hop: NextHop,
        /// The stated weight.
        weight: u16,
    },
    /// A path is there twice; its share is its weight.
    #[error("next hop {0} with the same labels is there twice: give it a larger weight instead")]
    Duplicate(NextHop),
}

impl PathGroup {
    /// The group of these paths.
    ///
    /// # Errors
    /// There is no path, there are too many, a weight is out of range, or an NHLFE is there twice.
    pub fn new(paths: impl IntoIterator<Item = Path>) -> Result<Self, PathGroupError> {
        Ok(Self {
            working: path_set(paths)?,
            protecting: None,
        })
    }

    /// The group of these paths with 1:1 protection (RFC 6378): `protecting` carries the traffic
    /// while the domain says so.
    ///
    /// # Errors
    /// As [`PathGroup::new`], for each of the sets.
    pub fn protected(
        working: impl IntoIterator<Item = Path>,
        protection: ProtectionId,
        protecting: impl IntoIterator<Item = Path>,
    ) -> Result<Self, PathGroupError> {
        Ok(Self {
            working: path_set(working)?,
            protecting: Some(Box::new((protection, path_set(protecting)?))),
        })
    }

    /// The group of a single NHLFE.
    pub fn single(nhlfe: Nhlfe) -> Self {
        Self {
            working: smallvec![Path::new(nhlfe, 1)],
            protecting: None,
        }
    }

    /// The working paths in a canonical order; at least one.
    pub fn paths(&self) -> &[Path] {
        &self.working
    }

    /// The protecting paths in a canonical order; none without protection.
    pub fn protecting_paths(&self) -> &[Path] {
        self.protecting
            .as_ref()
            .map_or(&[], |protecting| protecting.1.as_slice())
    }

    /// The protection domain.
    pub fn protection(&self) -> Option<ProtectionId> {
        self.protecting.as_ref().map(|protecting| protecting.0)
    }

    /// The paths of both sets.
    pub fn all_paths(&self) -> impl Iterator<Item = &Path> {
        self.working.iter().chain(self.protecting_paths())
    }

    /// Every NHLFE of the group: of both sets, and the backup paths.
    pub fn nhlfes(&self) -> impl Iterator<Item = &Nhlfe> {
        self.all_paths()
            .flat_map(|path| std::iter::once(&path.nhlfe).chain(path.backup.as_deref()))
    }

    /// Whether an NHLFE has labels.
    pub fn pushes_labels(&self) -> bool {
        self.nhlfes().any(|nhlfe| !nhlfe.labels.is_empty())
    }

    /// Whether an NHLFE has no labels: in the ILM it pops.
    pub fn pops_labels(&self) -> bool {
        self.nhlfes().any(|nhlfe| nhlfe.labels.is_empty())
    }
}

fn path_set(paths: impl IntoIterator<Item = Path>) -> Result<SmallVec<[Path; 1]>, PathGroupError> {
    let mut paths: SmallVec<[Path; 1]> = paths.into_iter().collect();
    paths.sort();
    if paths.is_empty() {
        return Err(PathGroupError::Empty);
    }
    if paths.len() > MAX_PATHS {
        return Err(PathGroupError::TooMany(paths.len()));
    }
    if let Some(path) = paths
        .iter()
        .find(|path| !(1..=MAX_WEIGHT).contains(&path.weight))
    {
        let next_hop = path.nhlfe.next_hop().clone();
        return Err(PathGroupError::Weight {
            next_hop,
            weight: path.weight,
        });
    }
    // Equal NHLFEs are neighbours in the order, whatever their weights.
    if let Some(pair) = paths.windows(2).find(|pair| pair[0].nhlfe == pair[1].nhlfe) {
        return Err(PathGroupError::Duplicate(pair[0].nhlfe.next_hop().clone()));
    }
    Ok(paths)
}

/// The branches of a point-to-multipoint LSP at this LSR: every packet leaves by each of them
/// (RFC 4875 section 4.2, RFC 6388, RFC 5332).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Replication {
    branches: Vec<Nhlfe>,
    local: Option<crate::LabelSpace>,
}

/// Branches that are no replication.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplicationError {
    /// There is neither a branch nor a local one.
    #[error("a replication has at least one branch: add a next hop")]
    Empty,
    /// A branch is there twice: its receivers would get each packet twice.
    #[error("next hop {0} with the same labels is there twice")]
    Duplicate(NextHop),
}

impl Replication {
    /// Packets leave by each of the branches. `local` makes this LSR a bud node (RFC 4461 section
    /// 2), or a leaf alone: one copy is looked up again by the label that it came with, in that
    /// label space, where the label is bound to what the leaf does.
    ///
    /// # Errors
    /// There is no branch at all, or an NHLFE is there twice.
    pub fn new(
        branches: impl IntoIterator<Item = Nhlfe>,
        local: Option<crate::LabelSpace>,
    ) -> Result<Self, ReplicationError> {
        let mut branches: Vec<_> = branches.into_iter().collect();
        branches.sort();
        if branches.is_empty() && local.is_none() {
            return Err(ReplicationError::Empty);
        }
        if let Some(pair) = branches.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ReplicationError::Duplicate(pair[0].next_hop().clone()));
        }
        Ok(Self { branches, local })
    }

    /// The branches in a canonical order.
    pub fn branches(&self) -> &[Nhlfe] {
        &self.branches
    }

    /// The label space of the copy for this LSR.
    pub fn local(&self) -> Option<crate::LabelSpace> {
        self.local
    }
}

impl fmt::Display for Nhlfe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.next_hop)?;
        for (index, label) in self.labels.iter().enumerate() {
            write!(f, "{}{label}", if index == 0 { " labels " } else { "/" })?;
        }
        match &self.tunnel {
            Some(tunnel) => write!(f, " {tunnel}"),
            None => Ok(()),
        }
    }
}

/// Every NHLFE by which packets may leave that have these paths or these branches.
pub(crate) fn nhlfes_of<'a>(
    group: Option<&'a Arc<PathGroup>>,
    replication: Option<&'a Arc<Replication>>,
) -> impl Iterator<Item = &'a Nhlfe> {
    let paths = group.into_iter().flat_map(|group| group.nhlfes());
    let branches = replication.into_iter();
    paths.chain(branches.flat_map(|replication| replication.branches()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(value: u32) -> Label {
        Label::new(value).unwrap()
    }

    fn next_hop(last: u8) -> NextHop {
        NextHop::new("core0", [10, 0, 0, last].into())
    }

    /// RFC 3032 section 2.1: the implicit null label never appears in the encapsulation.
    #[test]
    fn implicit_null_is_never_pushed() {
        let nhlfe = |labels: &[Label]| {
            Nhlfe::new(next_hop(1), labels.iter().copied(), TunnelModel::Uniform).unwrap()
        };
        assert_eq!(nhlfe(&[Label::IMPLICIT_NULL]).labels(), []);
        assert_eq!(
            nhlfe(&[Label::IMPLICIT_NULL, label(100)]).labels(),
            [label(100)]
        );
        assert_eq!(
            nhlfe(&[Label::IPV4_EXPLICIT_NULL]).labels(),
            [Label::IPV4_EXPLICIT_NULL]
        );
    }

    #[test]
    fn reserved_labels_are_not_pushed() {
        for value in [1, 4, 5, 7, 13, 14, 15] {
            assert_eq!(
                Nhlfe::new(next_hop(1), [label(value)], TunnelModel::Pipe),
                Err(NhlfeError::ReservedLabel(label(value)))
            );
        }
    }

    #[test]
    fn the_order_of_paths_does_not_matter() {
        let path = |last, weight| Path::new(Nhlfe::unlabelled(next_hop(last)), weight);
        assert_eq!(
            PathGroup::new([path(1, 1), path(2, 3)]),
            PathGroup::new([path(2, 3), path(1, 1)])
        );
        assert_eq!(PathGroup::new([]), Err(PathGroupError::Empty));
        assert_eq!(
            PathGroup::new([path(1, 1), path(2, 1), path(1, 2)]),
            Err(PathGroupError::Duplicate(next_hop(1)))
        );
        for weight in [0, 256] {
            assert_eq!(
                PathGroup::new([path(1, weight)]),
                Err(PathGroupError::Weight {
                    next_hop: next_hop(1),
                    weight
                })
            );
        }
    }

    /// One NHLFE is there once, whatever the MTUs: with two of them a flow would have two limits.
    #[test]
    fn an_nhlfe_has_one_mtu() {
        let path = |mtu| Path::new(Nhlfe::unlabelled(next_hop(1)), 1).with_mtu(mtu);
        assert_eq!(
            PathGroup::new([path(None), path(Some(1400))]),
            Err(PathGroupError::Duplicate(next_hop(1)))
        );
        let groups = [None, Some(1400)].map(|mtu| PathGroup::new([path(mtu)]).unwrap());
        assert_ne!(groups[0], groups[1]);
        assert!(groups[0].nhlfes().eq(groups[1].nhlfes()));
    }

    /// There is one for each FEC of a full table: the weight and the MTU are in the room that the alignment
    /// of the backup path asks for anyway.
    #[test]
    fn the_mtu_takes_no_space() {
        let pointer = size_of::<usize>();
        assert_eq!(size_of::<Path>(), size_of::<Nhlfe>() + 2 * pointer);
    }

    #[test]
    fn a_set_has_128_paths_at_the_most() {
        let path = |port: u8| Path::new(Nhlfe::unlabelled(next_hop(port)), 1);
        assert!(PathGroup::new((0..128).map(path)).is_ok());
        assert_eq!(
            PathGroup::new((0..129).map(path)),
            Err(PathGroupError::TooMany(129))
        );
    }

    /// RFC 6378: each of the two sets is one of its own.
    #[test]
    fn a_protected_group_has_two_sets() {
        let path = |last| Path::new(Nhlfe::unlabelled(next_hop(last)), 1);
        let protection = ProtectionId::new(7).unwrap();
        let backed = path(1).with_backup(Nhlfe::unlabelled(next_hop(3)));
        let group = PathGroup::protected([backed], protection, [path(2)]).unwrap();
        assert_eq!(group.protection(), Some(protection));
        let hops: Vec<_> = group
            .nhlfes()
            .map(|nhlfe| nhlfe.next_hop().clone())
            .collect();
        assert_eq!(hops, [next_hop(1), next_hop(3), next_hop(2)]);
        assert_eq!(
            PathGroup::protected([path(1)], protection, []),
            Err(PathGroupError::Empty)
        );
    }

    #[test]
    fn what_goes_with_labels_needs_a_label() {
        let bare = Nhlfe::unlabelled(next_hop(1));
        let error = NhlfeError::NoLabel("a control word");
        assert_eq!(bare.clone().with_control_word(), Err(error));
        assert!(bare.clone().with_upstream_assigned_label().is_err());
        let dscp = crate::Dscp::default();
        let (source, destination) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let tunnel = Tunnel::new(crate::TunnelKind::Gre, source, destination, 64, dscp).unwrap();
        assert!(bare.clone().with_tunnel(tunnel).is_err());
        // RFC 6790 section 4.2: the entropy label is below a label.
        for below in [0, 1] {
            let error = NhlfeError::EntropyLabel { below, labels: 0 };
            assert_eq!(bare.clone().with_entropy_label(below), Err(error));
        }
        let full = Nhlfe::new(next_hop(1), [label(16), label(17)], TunnelModel::Pipe).unwrap();
        assert!(full.clone().with_entropy_label(3).is_err());
        let full = full
            .with_entropy_label(2)
            .and_then(Nhlfe::with_control_word)
            .and_then(|nhlfe| nhlfe.with_tunnel(tunnel))
            .unwrap();
        assert_eq!(full.overhead(), 2 * 4 + 8 + 4 + 24);
    }

    #[test]
    fn a_branch_is_there_once() {
        let branch = |last| Nhlfe::unlabelled(next_hop(last));
        let replication = |branches: &[u8], local| {
            Replication::new(branches.iter().map(|&last| branch(last)), local)
        };
        assert_eq!(replication(&[1, 2], None), replication(&[2, 1], None));
        assert_eq!(replication(&[], None), Err(ReplicationError::Empty));
        assert!(replication(&[], Some(crate::LabelSpace::FIRST_CONTEXT)).is_ok());
        assert_eq!(
            replication(&[1, 1], None),
            Err(ReplicationError::Duplicate(next_hop(1)))
        );
    }
}
