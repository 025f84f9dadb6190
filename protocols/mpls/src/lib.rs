//! MPLS labels, label stack entries and special-purpose labels.
