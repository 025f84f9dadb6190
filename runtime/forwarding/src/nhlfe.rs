//! Next hop label forwarding entries and groups of them.

use std::fmt;

use mpls::{Label, SpecialPurposeLabel};
use serde::{Deserialize, Serialize};

use crate::NextHop;

/// How the TTL of a tunnelled packet is handled (RFC 3443 section 2.1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum TtlModel {
    /// The packet below counts every hop of the LSP (RFC 3443 section 3.1).
    #[default]
    Uniform,
    /// The LSP is one hop for the packet below (RFC 3443 section 3.2).
    Pipe,
    /// As pipe; the egress or penultimate hop treats the packet by what was below (RFC 3443
    /// section 3.2 and RFC 3270 section 2.6.3). For the TTL the two pipe models are the same.
    ShortPipe,
}

impl TtlModel {
    /// Whether the TTL of the packet below stays apart from that of the LSP.
    pub const fn is_pipe(self) -> bool {
        matches!(self, Self::Pipe | Self::ShortPipe)
    }
}

impl fmt::Display for TtlModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Uniform => "uniform",
            Self::Pipe => "pipe",
            Self::ShortPipe => "short-pipe",
        })
    }
}

/// A next hop label forwarding entry: the next hop and the labels with which the packet leaves
/// (RFC 3031 section 3.10).
///
/// Used by the FTN it pushes the labels; used by the ILM it replaces the incoming label by them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nhlfe {
    next_hop: NextHop,
    labels: Vec<Label>,
    ttl_model: TtlModel,
}

/// Labels that no packet may leave with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NhlfeError {
    /// A reserved label that only has a meaning to a protocol or in a sub-stack.
    #[error(
        "label {0} cannot be pushed: use 16 to 1048575, or ipv4-explicit-null, \
         ipv6-explicit-null, implicit-null"
    )]
    ReservedLabel(Label),
}

impl Nhlfe {
    /// The entry that sends to `next_hop` with these labels, outermost first.
    ///
    /// An implicit null is left out of the labels (RFC 3032 section 2.1). Explicit null may stand
    /// at any position (RFC 4182).
    ///
    /// # Errors
    /// One of the labels is reserved and neither implicit nor explicit null.
    pub fn new(
        next_hop: NextHop,
        labels: impl IntoIterator<Item = Label>,
        ttl_model: TtlModel,
    ) -> Result<Self, NhlfeError> {
        let mut pushed = Vec::new();
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
            next_hop,
            labels: pushed,
            ttl_model,
        })
    }

    /// The entry that sends to `next_hop` without labels.
    pub fn unlabelled(next_hop: NextHop) -> Self {
        Self {
            next_hop,
            labels: Vec::new(),
            ttl_model: TtlModel::default(),
        }
    }

    /// The next hop.
    pub fn next_hop(&self) -> &NextHop {
        &self.next_hop
    }

    /// The labels, outermost first, without implicit null.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The TTL that pushed labels get (RFC 3443).
    pub fn ttl_model(&self) -> TtlModel {
        self.ttl_model
    }
}

/// The largest weight of a path.
pub const MAX_WEIGHT: u16 = 255;

/// One path of a group: an NHLFE and its share of the traffic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The entry.
    pub nhlfe: Nhlfe,
    /// The share, 1 to [`MAX_WEIGHT`], relative to the sum of the group's weights.
    pub weight: u16,
}

/// The NHLFEs of a FEC or incoming label, among which flows are shared by weight.
///
/// Two groups of the same paths are equal, in whatever order the paths were given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathGroup(Vec<Path>);

/// Paths that are no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathGroupError {
    /// There is no path.
    #[error("a path group has at least one path: add a next hop")]
    Empty,
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
    /// There is no path, a weight is out of range, or an NHLFE is there twice.
    pub fn new(paths: impl IntoIterator<Item = Path>) -> Result<Self, PathGroupError> {
        let mut paths: Vec<_> = paths.into_iter().collect();
        paths.sort();
        if paths.is_empty() {
            return Err(PathGroupError::Empty);
        }
        if let Some(path) = paths
            .iter()
            .find(|path| !(1..=MAX_WEIGHT).contains(&path.weight))
        {
            let next_hop = path.nhlfe.next_hop.clone();
            return Err(PathGroupError::Weight {
                next_hop,
                weight: path.weight,
            });
        }
        // Equal NHLFEs are neighbours in the order, whatever their weights.
        if let Some(pair) = paths.windows(2).find(|pair| pair[0].nhlfe == pair[1].nhlfe) {
            return Err(PathGroupError::Duplicate(pair[0].nhlfe.next_hop.clone()));
        }
        Ok(Self(paths))
    }

    /// The group of a single NHLFE.
    pub fn single(nhlfe: Nhlfe) -> Self {
        Self(vec![Path { nhlfe, weight: 1 }])
    }

    /// The paths in a canonical order; at least one.
    pub fn paths(&self) -> &[Path] {
        &self.0
    }

    /// Whether a path has labels.
    pub fn pushes_labels(&self) -> bool {
        self.0.iter().any(|path| !path.nhlfe.labels.is_empty())
    }

    /// Whether a path has no labels: in the ILM it pops.
    pub fn pops_labels(&self) -> bool {
        self.0.iter().any(|path| path.nhlfe.labels.is_empty())
    }
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
            Nhlfe::new(next_hop(1), labels.iter().copied(), TtlModel::Uniform).unwrap()
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
                Nhlfe::new(next_hop(1), [label(value)], TtlModel::Pipe),
                Err(NhlfeError::ReservedLabel(label(value)))
            );
        }
    }

    #[test]
    fn the_order_of_paths_does_not_matter() {
        let path = |last, weight| Path {
            nhlfe: Nhlfe::unlabelled(next_hop(last)),
            weight,
        };
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
}
