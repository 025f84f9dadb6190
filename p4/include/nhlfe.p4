// The next hop label forwarding entry (RFC 3031 section 3.10): labels to push and the MAC rewrite.

control Nhlfe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    @id(COUNTER_NHLFE_ID)
    direct_counter(CounterType.packets_and_bytes) nhlfe_counter;
    @id(COUNTER_EGRESS_DROPS_ID)
    counter<bit<8>>(DROP_REASONS, CounterType.packets_and_bytes) egress_drops;

    // An IP next hop, or the next hop of a popped label.
    @id(ACTION_FORWARD_UNLABELLED_ID)
    action forward_unlabelled(@id(1) mac_addr_t src_mac, @id(2) mac_addr_t dst_mac) {
        hdr.ethernet.src_addr = src_mac;
        hdr.ethernet.dst_addr = dst_mac;
    }

    // push_N: label_1 is the outermost. After a swap the innermost takes the place of the old label.
    @id(ACTION_PUSH_1_ID)
    action push_1(@id(1) mac_addr_t src_mac, @id(2) mac_addr_t dst_mac, @id(3) bit<1> ttl_pipe,
                  @id(4) label_t label_1) {
        hdr.ethernet.src_addr = src_mac;
        hdr.ethernet.dst_addr = dst_mac;
        meta.push_pipe = ttl_pipe;
        hdr.out_labels[0].setValid();
        hdr.out_labels[0].label = label_1;
    }

    @id(ACTION_PUSH_2_ID)
    action push_2(@id(1) mac_addr_t src_mac, @id(2) mac_addr_t dst_mac, @id(3) bit<1> ttl_pipe,
                  @id(4) label_t label_1, @id(5) label_t label_2) {
        hdr.ethernet.src_addr = src_mac;
        hdr.ethernet.dst_addr = dst_mac;
        meta.push_pipe = ttl_pipe;
        hdr.out_labels[0].setValid();
        hdr.out_labels[0].label = label_1;
        hdr.out_labels[1].setValid();
        hdr.out_labels[1].label = label_2;
    }

    @id(ACTION_PUSH_3_ID)
    action push_3(@id(1) mac_addr_t src_mac, @id(2) mac_addr_t dst_mac, @id(3) bit<1> ttl_pipe,
                  @id(4) label_t label_1, @id(5) label_t label_2, @id(6) label_t label_3) {
        hdr.ethernet.src_addr = src_mac;
        hdr.ethernet.dst_addr = dst_mac;
        meta.push_pipe = ttl_pipe;
        hdr.out_labels[0].setValid();
        hdr.out_labels[0].label = label_1;
        hdr.out_labels[1].setValid();
        hdr.out_labels[1].label = label_2;
        hdr.out_labels[2].setValid();
        hdr.out_labels[2].label = label_3;
    }

    @id(ACTION_PUSH_4_ID)
    action push_4(@id(1) mac_addr_t src_mac, @id(2) mac_addr_t dst_mac, @id(3) bit<1> ttl_pipe,
                  @id(4) label_t label_1, @id(5) label_t label_2, @id(6) label_t label_3,
                  @id(7) label_t label_4) {
        hdr.ethernet.src_addr = src_mac;
        hdr.ethernet.dst_addr = dst_mac;
        meta.push_pipe = ttl_pipe;
        hdr.out_labels[0].setValid();
        hdr.out_labels[0].label = label_1;
        hdr.out_labels[1].setValid();
        hdr.out_labels[1].label = label_2;
        hdr.out_labels[2].setValid();
        hdr.out_labels[2].label = label_3;
        hdr.out_labels[3].setValid();
        hdr.out_labels[3].label = label_4;
    }

    @id(ACTION_NO_NHLFE_ID)
    action no_nhlfe() {
        meta.drop_reason = DROP_NO_NHLFE;
    }

    // TC, S and TTL of the labels that were pushed; the innermost gets its S bit and TTL afterwards.
    // Writes to the ones that are not valid have no effect (P4-16 section 8.17).
    @hidden
    action complete_labels() {
        // RFC 3443 sections 3.1 and 3.3: a packet that enters a tunnel in the pipe model starts anew.
        bit<8> ttl = meta.push_pipe == 1 ? 8w255 : meta.ttl;
        hdr.out_labels[0].tc = meta.tc;
        hdr.out_labels[1].tc = meta.tc;
        hdr.out_labels[2].tc = meta.tc;
        hdr.out_labels[3].tc = meta.tc;
        hdr.out_labels[0].bos = 0;
        hdr.out_labels[1].bos = 0;
        hdr.out_labels[2].bos = 0;
        hdr.out_labels[3].bos = 0;
        hdr.out_labels[0].ttl = ttl;
        hdr.out_labels[1].ttl = ttl;
        hdr.out_labels[2].ttl = ttl;
        hdr.out_labels[3].ttl = ttl;
    }

    @id(TABLE_NHLFE_ID)
    table nhlfe {
        key = {
            meta.nhlfe : exact @id(1) @name("nhlfe");
        }
        actions = {
            forward_unlabelled;
            push_1;
            push_2;
            push_3;
            push_4;
            @defaultonly no_nhlfe;
        }
        const default_action = no_nhlfe();
        counters = nhlfe_counter;
        size = NHLFE_SIZE;
    }

    apply {
        if (nhlfe.apply().hit) {
            if (hdr.out_labels[0].isValid()) {
                complete_labels();
                // A swapped label carries on the TTL that it had, whatever the tunnel's model.
                bit<8> innermost_ttl = hdr.out_labels[0].ttl;
                if (meta.label_operation == LABEL_SWAP) {
                    innermost_ttl = meta.ttl;
                }
                bit<1> bottom = 1;
                if (hdr.mpls[0].isValid() ||
                    (meta.label_operation == LABEL_SWAP && meta.popped_bottom == 0)) {
                    bottom = 0;
                }
                if (hdr.out_labels[3].isValid()) {
                    hdr.out_labels[3].bos = bottom;
                    hdr.out_labels[3].ttl = innermost_ttl;
                } else if (hdr.out_labels[2].isValid()) {
                    hdr.out_labels[2].bos = bottom;
                    hdr.out_labels[2].ttl = innermost_ttl;
                } else if (hdr.out_labels[1].isValid()) {
                    hdr.out_labels[1].bos = bottom;
                    hdr.out_labels[1].ttl = innermost_ttl;
                } else {
                    hdr.out_labels[0].bos = bottom;
                    hdr.out_labels[0].ttl = innermost_ttl;
                }
            }
        } else {
            egress_drops.count(meta.drop_reason);
            mark_to_drop(standard_metadata);
        }
    }
}
