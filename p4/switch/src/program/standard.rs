//! The fields that the switch itself reads and writes (`docs/simple_switch.md` of BMv2).

use super::Field;

/// Where the program has them.
#[derive(Debug)]
pub(crate) struct StandardMetadata {
    pub(crate) ingress_port: Field,
    pub(crate) packet_length: Field,
    pub(crate) instance_type: Field,
    pub(crate) egress_spec: Field,
    pub(crate) egress_port: Field,
    pub(crate) parser_error: Option<Field>,
    pub(crate) checksum_error: Option<Field>,
    pub(crate) multicast_group: Option<Field>,
    pub(crate) egress_rid: Option<Field>,
    pub(crate) ingress_timestamp: Option<Field>,
    pub(crate) egress_timestamp: Option<Field>,
    pub(crate) enqueue_timestamp: Option<Field>,
    pub(crate) enqueue_depth: Option<Field>,
    pub(crate) dequeue_delay: Option<Field>,
    pub(crate) dequeue_depth: Option<Field>,
}

impl StandardMetadata {
    /// Forgets the times that a program does not look at, so that no packet reads the clock for
    /// them.
    pub(crate) fn keep(&mut self, named: impl Fn(&Field) -> bool) {
        let unless_named = |field: &mut Option<Field>| {
            *field = field.filter(|field| named(field));
        };
        unless_named(&mut self.ingress_timestamp);
        unless_named(&mut self.egress_timestamp);
        unless_named(&mut self.dequeue_delay);
        if self.dequeue_delay.is_none() {
            unless_named(&mut self.enqueue_timestamp);
        }
    }
}
