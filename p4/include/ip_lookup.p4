// The FTN (RFC 3031 section 3.12): the longest prefix of the destination in the VRF is the FEC.

control IpLookup(inout headers_t hdr,
                 inout metadata_t meta,
                 in bit<32> packet_length,
                 in bit<1> checksum_error) {
    @id(COUNTER_FTN_IPV4_ID)
    direct_counter(CounterType.packets_and_bytes) ftn_ipv4_counter;
    @id(COUNTER_FTN_IPV6_ID)
    direct_counter(CounterType.packets_and_bytes) ftn_ipv6_counter;

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

    @id(ACTION_NO_ROUTE_ID)
    action no_route() {
        meta.drop_reason = DROP_NO_ROUTE;
        meta.punt_reason = PUNT_NO_ROUTE;
    }

    @id(TABLE_FTN_IPV4_ID)
    table ftn_ipv4 {
        key = {
            meta.vrf : exact @id(1) @name("vrf");
            hdr.ipv4.dst_addr : lpm @id(2) @name("dst_addr");
        }
        actions = {
            forward_fec;
            to_router;
            glean;
            discard;
            @defaultonly no_route;
        }
        const default_action = no_route();
        counters = ftn_ipv4_counter;
        size = FTN_IPV4_SIZE;
    }

    @id(TABLE_FTN_IPV6_ID)
    table ftn_ipv6 {
        key = {
            meta.vrf : exact @id(1) @name("vrf");
            hdr.ipv6.dst_addr : lpm @id(2) @name("dst_addr");
        }
        actions = {
            forward_fec;
            to_router;
            glean;
            discard;
            @defaultonly no_route;
        }
        const default_action = no_route();
        counters = ftn_ipv6_counter;
        size = FTN_IPV6_SIZE;
    }

    apply {
        meta.step = STEP_DONE;
        // Where the IP header must begin: behind Ethernet and all labels that arrived.
        bit<32> ip_offset = 14 + ((bit<32>)meta.labels_parsed << 2);
        bit<16> src_port = 0;
        bit<16> dst_port = 0;
        if (hdr.ports.isValid()) {
            src_port = hdr.ports.src_port;
            dst_port = hdr.ports.dst_port;
        }
        if (meta.payload == PAYLOAD_IPV4) {
            // RFC 1812 section 5.2.2. A header with options is whole only if they were extracted.
            if (!hdr.ipv4.isValid() || hdr.ipv4.version != 4 || hdr.ipv4.ihl < 5 ||
                (hdr.ipv4.ihl > 5 && !hdr.ipv4_options.isValid()) ||
                hdr.ipv4.total_length < ((bit<16>)hdr.ipv4.ihl << 2) ||
                (bit<32>)hdr.ipv4.total_length + ip_offset > packet_length ||
                checksum_error == 1) {
                meta.drop_reason = DROP_IP_HEADER;
            } else {
                // The label's TTL goes on only under the uniform model (RFC 3443 section 3.3).
                if (meta.popped_count == 0 || meta.ttl_pipe == 1) {
                    meta.ttl = hdr.ipv4.ttl;
                }
                meta.tc = hdr.ipv4.dscp[5:3];
                hash(meta.flow_hash, HashAlgorithm.crc16, (bit<16>)0,
                     { hdr.ipv4.src_addr, hdr.ipv4.dst_addr, hdr.ipv4.protocol, src_port, dst_port },
                     (bit<32>)65536);
                ftn_ipv4.apply();
            }
        } else {
            // RFC 8200 section 3.
            if (!hdr.ipv6.isValid() || hdr.ipv6.version != 6 ||
                (bit<32>)hdr.ipv6.payload_length + 40 + ip_offset > packet_length) {
                meta.drop_reason = DROP_IP_HEADER;
            } else {
                if (meta.popped_count == 0 || meta.ttl_pipe == 1) {
                    meta.ttl = hdr.ipv6.hop_limit;
                }
                meta.tc = hdr.ipv6.dscp[5:3];
                hash(meta.flow_hash, HashAlgorithm.crc16, (bit<16>)0,
                     { hdr.ipv6.src_addr, hdr.ipv6.dst_addr, hdr.ipv6.flow_label,
                       hdr.ipv6.next_header, src_port, dst_port },
                     (bit<32>)65536);
                ftn_ipv6.apply();
            }
        }
    }
}
