// The packet as it leaves: a branch's NHLFE or the one that ingress chose, the tunnel around it, and the EtherType.

control Rewrite(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    Branch() branch;
    Nhlfe() nhlfe;
    Tunnel() tunnel;

    @id(COUNTER_EGRESS_DROPS_ID)
    counter<bit<8>>(DROP_REASONS, CounterType.packets_and_bytes) egress_drops;

    apply {
        if (meta.recirculate == 0 && !hdr.packet_in.isValid()) {
            if (meta.multicast_group != 0) {
                branch.apply(hdr, meta, standard_metadata.egress_rid);
            }
            if (meta.recirculate == 0 && meta.drop_reason == DROP_NONE) {
                nhlfe.apply(hdr, meta);
                if (meta.tunnel != 0) {
                    tunnel.apply(hdr, meta);
                }
            }
        }
        if (meta.recirculate == 1 && meta.resume == RESUME_ATTACHMENT) {
            // Nothing but the customer's frame is left.
            hdr.ethernet.setInvalid();
            hdr.vlan.setInvalid();
            if (meta.control_word == 1) {
                hdr.control_word.setInvalid();
            }
        } else if (meta.to_attachment == 0) {
            // The EtherType of what now follows the Ethernet header and the tag.
            if (hdr.tunnel_ipv4.isValid()) {
                meta.ether_type = ETHERTYPE_IPV4;
            } else if (hdr.tunnel_ipv6.isValid()) {
                meta.ether_type = ETHERTYPE_IPV6;
            } else if (hdr.out_labels[0].isValid()) {
                meta.ether_type = ETHERTYPE_MPLS;
                if (meta.upstream_assigned == 1) {
                    meta.ether_type = ETHERTYPE_MPLS_UPSTREAM;
                }
            } else if (meta.popped_count != 0 || meta.decapsulate == 1) {
                // A label below those that were popped, or a tunnel's inside, is not upstream-assigned.
                meta.ether_type = ETHERTYPE_MPLS;
                if (!hdr.mpls[0].isValid() && meta.payload == PAYLOAD_IPV4) {
                    meta.ether_type = ETHERTYPE_IPV4;
                } else if (!hdr.mpls[0].isValid() && meta.payload == PAYLOAD_IPV6) {
                    meta.ether_type = ETHERTYPE_IPV6;
                }
            }
            if (hdr.vlan.isValid()) {
                hdr.ethernet.ether_type = ETHERTYPE_VLAN;
                hdr.vlan.ether_type = meta.ether_type;
            } else {
                hdr.ethernet.ether_type = meta.ether_type;
            }
        }
        if (meta.recirculate == 1) {
            recirculate_preserving_field_list(FIELD_LIST_RESUME);
        } else if (meta.drop_reason != DROP_NONE && !hdr.packet_in.isValid()) {
            egress_drops.count(meta.drop_reason);
            mark_to_drop(standard_metadata);
        }
    }
}
