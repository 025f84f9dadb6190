// The FTN (RFC 3031 section 3.12): the longest prefix of the destination in the VRF is the FEC.

// Takes the outer header of MPLS in IP off. The labels are parsed when the packet comes round.
control LeaveTunnel(inout headers_t hdr, inout metadata_t meta) {
    apply {
        hdr.ipv4.setInvalid();
        hdr.ipv4_options.setInvalid();
        hdr.ipv6.setInvalid();
        hdr.ports.setInvalid();
        hdr.udp_tail.setInvalid();
        hdr.gre.setInvalid();
        meta.decapsulate = 1;
        meta.resume = RESUME_LABEL;
        meta.ttl_carried = 0;
        meta.tc_known = 0;
        meta.congestion = 0;
        meta.payload = 0;
    }
}

control IpLookup(inout headers_t hdr, inout metadata_t meta, in bit<1> checksum_error) {
    LeaveTunnel() leave_tunnel;

    @id(COUNTER_FTN_IPV4_ID)
    direct_counter(CounterType.packets_and_bytes) ftn_ipv4_counter;
    @id(COUNTER_FTN_IPV6_ID)
    direct_counter(CounterType.packets_and_bytes) ftn_ipv6_counter;

    @id(COUNTER_TUNNEL_END_IPV4_ID)
    direct_counter(CounterType.packets_and_bytes) tunnel_end_ipv4_counter;
    @id(COUNTER_TUNNEL_END_IPV6_ID)
    direct_counter(CounterType.packets_and_bytes) tunnel_end_ipv6_counter;

    // To the FEC's path group.
    @id(ACTION_FORWARD_FEC_ID)
    action forward_fec(@id(1) path_group_t path_group) {
        meta.path_group = path_group;
        meta.step = STEP_FORWARD;
    }

    // An address of this router.
    @id(ACTION_TO_ROUTER_ID)
    action to_router() {
        meta.punt_reason = PUNT_TO_ROUTER;
    }

    // A connected prefix of which the neighbour is not resolved: the kernel resolves it.
    @id(ACTION_GLEAN_ID)
    action glean() {
        meta.punt_reason = PUNT_GLEAN;
    }

    @id(ACTION_DISCARD_ID)
    action discard() {
        meta.drop_reason = DROP_DISCARD_ROUTE;
    }

    // The ingress of a point-to-multipoint LSP.
    @id(ACTION_REPLICATE_FEC_ID)
    action replicate_fec(@id(1) multicast_group_t multicast_group, @id(2) bit<16> max_length) {
        meta.multicast_group = multicast_group;
        meta.max_length = max_length;
        meta.step = STEP_FORWARD;
    }

    @id(ACTION_NO_ROUTE_ID)
    action no_route() {
        meta.drop_reason = DROP_NO_ROUTE;
        meta.punt_reason = PUNT_NO_ROUTE;
    }

    // The routing topology of the packet (RFC 7307, RFC 5120 section 5): its FECs stand in the FTN as those of a VRF.
    @id(ACTION_SET_TOPOLOGY_ID)
    action set_topology(@id(1) vrf_t vrf) {
        meta.ftn_vrf = vrf;
    }

    @id(ACTION_DEFAULT_TOPOLOGY_ID)
    action default_topology() {
        meta.ftn_vrf = meta.vrf;
    }

    @id(TABLE_TOPOLOGY_ID)
    table topology {
        key = {
            meta.vrf : exact @id(1) @name("vrf");
            meta.dscp : exact @id(2) @name("dscp");
        }
        actions = {
            set_topology;
            @defaultonly default_topology;
        }
        const default_action = default_topology();
        size = TOPOLOGY_SIZE;
    }

    @id(TABLE_FTN_IPV4_ID)
    table ftn_ipv4 {
        key = {
            meta.ftn_vrf : exact @id(1) @name("vrf");
            hdr.ipv4.dst_addr : lpm @id(2) @name("dst_addr");
        }
        actions = {
            forward_fec;
            to_router;
            glean;
            discard;
            replicate_fec;
            @defaultonly no_route;
        }
        const default_action = no_route();
        counters = ftn_ipv4_counter;
        size = FTN_IPV4_SIZE;
    }

    @id(TABLE_FTN_IPV6_ID)
    table ftn_ipv6 {
        key = {
            meta.ftn_vrf : exact @id(1) @name("vrf");
            hdr.ipv6.dst_addr : lpm @id(2) @name("dst_addr");
        }
        actions = {
            forward_fec;
            to_router;
            glean;
            discard;
            replicate_fec;
            @defaultonly no_route;
        }
        const default_action = no_route();
        counters = ftn_ipv6_counter;
        size = FTN_IPV6_SIZE;
    }

    // The end of a tunnel that carries MPLS: what is inside is a labelled packet in this label space.
    @id(ACTION_DECAPSULATE_ID)
    action decapsulate(@id(1) label_space_t label_space) {
        meta.label_space = label_space;
        meta.decapsulate = 1;
    }

    @id(ACTION_NO_TUNNEL_END_ID)
    action no_tunnel_end() {
    }

    // From whom a tunnel is taken stands in the key: MPLS in IP is believed from nobody else
    // (RFC 4023 section 8.2, RFC 7510 section 6).
    @id(TABLE_TUNNEL_END_IPV4_ID)
    table tunnel_end_ipv4 {
        key = {
            meta.vrf : exact @id(1) @name("vrf");
            meta.tunnel_kind : exact @id(2) @name("kind");
            hdr.ipv4.dst_addr : exact @id(3) @name("dst_addr");
            hdr.ipv4.src_addr : ternary @id(4) @name("src_addr");
        }
        actions = {
            decapsulate;
            @defaultonly no_tunnel_end;
        }
        const default_action = no_tunnel_end();
        counters = tunnel_end_ipv4_counter;
        size = TUNNEL_END_SIZE;
    }

    @id(TABLE_TUNNEL_END_IPV6_ID)
    table tunnel_end_ipv6 {
        key = {
            meta.vrf : exact @id(1) @name("vrf");
            meta.tunnel_kind : exact @id(2) @name("kind");
            hdr.ipv6.dst_addr : exact @id(3) @name("dst_addr");
            hdr.ipv6.src_addr : ternary @id(4) @name("src_addr");
        }
        actions = {
            decapsulate;
            @defaultonly no_tunnel_end;
        }
        const default_action = no_tunnel_end();
        counters = tunnel_end_ipv6_counter;
        size = TUNNEL_END_SIZE;
    }

    apply {
        meta.step = STEP_DONE;
        if (meta.label_operation == LABEL_POP_IP) {
            // The label has told the topology (RFC 7307 section 7).
            meta.ftn_vrf = meta.vrf;
        } else {
            topology.apply();
        }
        if (meta.payload == PAYLOAD_IPV4) {
            // RFC 1812 sections 5.2.2 and 5.3.7. A header with options is whole only if they were
            // extracted; loopback addresses are for packets of an LSP (RFC 8029 section 2.1) alone.
            if (!hdr.ipv4.isValid() || hdr.ipv4.version != 4 || hdr.ipv4.ihl < 5 ||
                (hdr.ipv4.ihl > 5 && !hdr.ipv4_options.isValid()) ||
                hdr.ipv4.total_length < ((bit<16>)hdr.ipv4.ihl << 2) ||
                hdr.ipv4.total_length > meta.length ||
                (hdr.ipv4.dst_addr[31:24] == 127 && meta.popped_count == 0) ||
                checksum_error == 1) {
                meta.drop_reason = DROP_IP_HEADER;
            } else {
                // The label's TTL goes on only under the uniform model (RFC 3443 section 3.3).
                if (meta.popped_count == 0 || meta.model != MODEL_UNIFORM) {
                    meta.ttl = hdr.ipv4.ttl;
                }
                if (meta.router_alert == 1 && hdr.ipv4.protocol == PROTOCOL_RSVP) {
                    // RFC 2205 section 3.11.2: for every RSVP router on the path.
                    meta.punt_reason = PUNT_RSVP;
                } else {
                    if (meta.tunnel_kind != TUNNEL_NONE) {
                        tunnel_end_ipv4.apply();
                    }
                    if (meta.decapsulate == 0) {
                        ftn_ipv4.apply();
                    }
                }
            }
        } else {
            // RFC 8200 section 3.
            if (!hdr.ipv6.isValid() || hdr.ipv6.version != 6 ||
                (bit<32>)hdr.ipv6.payload_length + 40 > (bit<32>)meta.length) {
                meta.drop_reason = DROP_IP_HEADER;
            } else {
                if (meta.popped_count == 0 || meta.model != MODEL_UNIFORM) {
                    meta.ttl = hdr.ipv6.hop_limit;
                }
                if (meta.tunnel_kind != TUNNEL_NONE) {
                    tunnel_end_ipv6.apply();
                }
                if (meta.decapsulate == 0) {
                    ftn_ipv6.apply();
                }
            }
        }
        if (meta.decapsulate == 1) {
            meta.step = STEP_RECIRCULATE;
            if (hdr.udp_tail.isValid() && hdr.udp_tail.checksum != 0) {
                meta.resume = RESUME_TUNNEL;
                meta.decapsulate = 0;
            } else {
                leave_tunnel.apply(hdr, meta);
            }
        } else if (meta.punt_reason == PUNT_TO_ROUTER && meta.tunnel_kind != TUNNEL_NONE) {
            meta.punt_reason = PUNT_NONE;
            meta.drop_reason = DROP_TUNNEL;
        }
    }
}
