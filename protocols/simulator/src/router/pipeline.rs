//! A real switch beside the model of one.

use ldp::PrefixFec;

use super::Router;
use crate::network::{Packet, Step};

/// A real switch that holds what the model of a router's switch holds, and forwards by it.
pub trait Pipeline {
    /// What the switch does with a packet of which the model does `step`.
    ///
    /// Gives the same step, with the next hop that the switch has chosen first, or [`Step::Wrong`] where the
    /// switch does something else.
    fn forward(&self, router: &Router, fec: PrefixFec, packet: &Packet, step: Step) -> Step;

    /// What the switch holds and should not, or not so, and what it lacks, in words.
    fn differences(&self, router: &Router) -> Vec<String>;
}
