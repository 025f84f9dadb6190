//! How labels are distributed (RFC 5036, 2.6).

use std::net::Ipv4Addr;

use ::ldp::label::{
    ControlMode, EgressLabel, LoopDetection, NoRouteProcedure, Policy, RetentionMode,
};

use super::super::problem::Problems;
use super::super::section::Section;
use super::{filters, seconds};

const CONTROL: &[(&str, ControlMode)] = &[
    ("independent", ControlMode::Independent),
    ("ordered", ControlMode::Ordered),
];
const RETENTION: &[(&str, RetentionMode)] = &[
    ("liberal", RetentionMode::Liberal),
    ("conservative", RetentionMode::Conservative),
];
const EGRESS: &[(&str, EgressLabel)] = &[
    ("implicit-null", EgressLabel::ImplicitNull),
    ("explicit-null", EgressLabel::ExplicitNull),
    ("label", EgressLabel::Real),
];

/// Reads what `[ldp]` says of it.
pub(super) fn read(
    lsr_id: Ipv4Addr,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Policy {
    let mut policy = Policy::new(lsr_id);
    let control = section.word("control", CONTROL, problems);
    policy.control = control.map_or_else(Default::default, |given| given.value);
    policy.split_horizon = section.boolean("split-horizon", false, problems);
    let retention = section.word("retention", RETENTION, problems);
    policy.retention = retention.map_or_else(Default::default, |given| given.value);
    let egress = section.word("egress-label", EGRESS, problems);
    policy.egress_label_ipv4 = egress.map_or_else(Default::default, |given| given.value);
    let egress = section.word("ipv6-egress-label", EGRESS, problems);
    policy.egress_label_ipv6 = egress.map_or(policy.egress_label_ipv4, |given| given.value);
    policy.egress_beyond_peers = section.boolean("egress-beyond-peers", false, problems);
    policy.allocate = filters::read("allocate", false, section, problems);
    policy.accept = filters::read("accept", true, section, problems);
    policy.advertise = filters::read("advertise", true, section, problems);
    policy.default_route = section.boolean("default-route", false, problems);
    policy.longest_match = section.boolean("longest-match", false, problems);
    policy.entropy_label_capable = section.boolean("entropy-label", false, problems);
    policy.forward_unlabelled = section.boolean("forward-unlabelled", true, problems);
    policy.ingress = section.boolean("ingress", true, problems);
    policy.propagate_release = section.boolean("propagate-release", false, problems);
    times(&mut policy, section, problems);
    let most = section.integer(
        "maximum-bindings",
        1..=1 << 20,
        "labels of one neighbour",
        problems,
    );
    if let Some(most) = most {
        policy.max_bindings_per_peer = most.value as usize;
    }
    policy.loop_detection = loop_detection(section, problems);
    policy
}

/// Reads its timers.
fn times(policy: &mut Policy, section: &mut Section<'_, '_>, problems: &mut Problems) {
    let what = "seconds, 0 for no retry (RFC 5036, appendix A)";
    if let Some(time) = seconds("no-route-retry", 0..=3600, what, section, problems) {
        policy.no_route = match time.is_zero() {
            true => NoRouteProcedure::NoRequestRetry,
            false => NoRouteProcedure::RequestRetry(time),
        };
    }
    // RFC 5036, 3.5.9.1: "relatively long (several minutes)".
    let what = "seconds for the answer to a Label Abort Request (RFC 5036, section 3.5.9.1)";
    if let Some(time) = seconds("label-abort-time", 60..=3600, what, section, problems) {
        policy.abort_timeout = time;
    }
    let what = "seconds until a label is asked for again where all are in use";
    if let Some(time) = seconds("label-retry", 1..=3600, what, section, problems) {
        policy.allocation_retry = time;
    }
    let what = "seconds after the last mapping (RFC 5919, section 4.1)";
    if let Some(time) = seconds("end-of-lib-time", 1..=3600, what, section, problems) {
        policy.end_of_lib_timeout = time;
    }
}

fn loop_detection(section: &mut Section<'_, '_>, problems: &mut Problems) -> LoopDetection {
    let mut loops = LoopDetection::default();
    let what = "hops (RFC 5036, section 2.8)";
    let hops = section.integer("hop-count-limit", 1..=255, what, problems);
    let path = section.integer("path-vector-limit", 1..=255, what, problems);
    loops.enabled = section.boolean("loop-detection", false, problems);
    for limit in [&hops, &path].into_iter().flatten() {
        if !loops.enabled {
            problems.add(
                &limit.span,
                "a limit of loop detection without loop detection",
                "of no use",
                "add loop-detection = true, or leave it out",
            );
        }
    }
    // One octet each.
    loops.max_hop_count = hops.map_or(loops.max_hop_count, |limit| limit.value as u8);
    loops.max_path_vector = path.map_or(loops.max_path_vector, |limit| limit.value as u8);
    loops
}
