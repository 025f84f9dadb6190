// The next hop label forwarding entry (RFC 3031 section 3.10): labels to push, what is around them, and
// the MAC rewrite.

// An entropy label below a label that was pushed (RFC 6790 section 4.2): its TTL is 0, that of the
// indicator is as that of the label above.
control EntropyLabel(inout entropy_t entropy, in mpls_t above, in bit<32> flow_hash) {
    apply {
        entropy.setValid();
        entropy.indicator = LABEL_ENTROPY_INDICATOR;
        entropy.indicator_tc = above.tc;
        entropy.indicator_bos = 0;
        entropy.indicator_ttl = above.ttl;
        // The upper bits of the hash; never a special-purpose label.
        entropy.label = flow_hash[31:12];
        if (entropy.label < LABEL_FIRST_UNRESERVED) {
            entropy.label = entropy.label + LABEL_FIRST_UNRESERVED;
        }
        entropy.tc = above.tc;
        entropy.bos = 0;
        entropy.ttl = 0;
    }
}

control Nhlfe(inout headers_t hdr, inout metadata_t meta) {
    Encode() encode;
    EntropyLabel() entropy_label;

    @id(COUNTER_NHLFE_ID)
    direct_counter(CounterType.packets_and_bytes) nhlfe_counter;

    // An IP next hop, or the next hop of a popped label.
    @id(ACTION_FORWARD_UNLABELLED_ID)
    action forward_unlabelled(@id(1) mac_addr_t src_mac, @id(2) mac_addr_t dst_mac,
                              @id(3) vlan_id_t vlan_id, @id(4) qos_map_t qos_map) {
        hdr.ethernet.src_addr = src_mac;
        hdr.ethernet.dst_addr = dst_mac;
        meta.out_vlan_id = vlan_id;
        meta.out_qos_map = qos_map;
    }

#define PUSH_PARAMETERS                                          \
        @id(1) mac_addr_t src_mac, @id(2) mac_addr_t dst_mac,    \
        @id(3) vlan_id_t vlan_id, @id(4) qos_map_t qos_map,      \
        @id(5) model_t model, @id(6) bit<3> entropy,             \
        @id(7) bit<1> control_word, @id(8) bit<1> upstream,      \
        @id(9) bit<16> tunnel

    // An attachment circuit's frame keeps its own header below the labels; the tag that is still on
    // it is the customer's.
#define PUSH(N)                                                  \
        hdr.customer_ethernet = hdr.ethernet;                    \
        hdr.customer_vlan = hdr.vlan;                            \
        hdr.ethernet.src_addr = src_mac;                         \
        hdr.ethernet.dst_addr = dst_mac;                         \
        meta.out_vlan_id = vlan_id;                              \
        meta.out_qos_map = qos_map;                              \
        meta.push_model = model;                                 \
        meta.entropy = entropy;                                  \
        meta.out_control_word = control_word;                    \
        meta.upstream_assigned = upstream;                       \
        meta.tunnel = tunnel;                                    \
        meta.pushed = N;                                         \
        meta.length = meta.length + (N << 2);

    // push_N: label_1 is the outermost. After a swap the innermost takes the place of the old label.
    @id(ACTION_PUSH_1_ID)
    action push_1(PUSH_PARAMETERS, @id(10) label_t label_1) {
        PUSH(1)
        hdr.out_labels[0].setValid();
        hdr.out_labels[0].label = label_1;
    }

    @id(ACTION_PUSH_2_ID)
    action push_2(PUSH_PARAMETERS, @id(10) label_t label_1, @id(11) label_t label_2) {
        PUSH(2)
        hdr.out_labels[0].setValid();
        hdr.out_labels[0].label = label_1;
        hdr.out_labels[1].setValid();
        hdr.out_labels[1].label = label_2;
    }

    @id(ACTION_PUSH_3_ID)
    action push_3(PUSH_PARAMETERS, @id(10) label_t label_1, @id(11) label_t label_2,
                  @id(12) label_t label_3) {
        PUSH(3)
        hdr.out_labels[0].setValid();
        hdr.out_labels[0].label = label_1;
        hdr.out_labels[1].setValid();
        hdr.out_labels[1].label = label_2;
        hdr.out_labels[2].setValid();
        hdr.out_labels[2].label = label_3;
    }

    @id(ACTION_PUSH_4_ID)
    action push_4(PUSH_PARAMETERS, @id(10) label_t label_1, @id(11) label_t label_2,
                  @id(12) label_t label_3, @id(13) label_t label_4) {
        PUSH(4)
        hdr.out_labels[0].setValid();
        hdr.out_labels[0].label = label_1;
        hdr.out_labels[1].setValid();
        hdr.out_labels[1].label = label_2;
        hdr.out_labels[2].setValid();
        hdr.out_labels[2].label = label_3;
        hdr.out_labels[3].setValid();
        hdr.out_labels[3].label = label_4;
    }

    // The end of a pseudowire: the customer's frame, with the tag that delimits the service if it has
    // one (RFC 4448 section 4.4.1).
    @id(ACTION_TO_ATTACHMENT_CIRCUIT_ID)
    action to_attachment_circuit(@id(1) vlan_id_t vlan_id) {
        meta.to_attachment = 1;
        meta.out_vlan_id = vlan_id;
    }

    @id(ACTION_NO_NHLFE_ID)
    action no_nhlfe() {
        meta.drop_reason = DROP_NO_NHLFE;
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
            to_attachment_circuit;
            @defaultonly no_nhlfe;
        }
        const default_action = no_nhlfe();
        counters = nhlfe_counter;
        size = NHLFE_SIZE;
    }

    // TC, S and TTL of the labels that were pushed; the innermost gets its S bit and TTL afterwards.
    // Writes to the ones that are not valid have no effect (P4-16 section 8.17).
    @hidden
    action complete_labels() {
        // RFC 3443 sections 3.1 and 3.3: a packet that enters a tunnel in a pipe model starts anew.
        bit<8> ttl = meta.push_model == MODEL_UNIFORM ? meta.ttl : 8w255;
        hdr.out_labels[0].tc = meta.out_tc;
        hdr.out_labels[1].tc = meta.out_tc;
        hdr.out_labels[2].tc = meta.out_tc;
        hdr.out_labels[3].tc = meta.out_tc;
        hdr.out_labels[0].bos = 0;
        hdr.out_labels[1].bos = 0;
        hdr.out_labels[2].bos = 0;
        hdr.out_labels[3].bos = 0;
        hdr.out_labels[0].ttl = ttl;
        hdr.out_labels[1].ttl = ttl;
        hdr.out_labels[2].ttl = ttl;
        hdr.out_labels[3].ttl = ttl;
    }

    apply {
        if (nhlfe.apply().hit) {
            if (meta.to_attachment == 1) {
                if (meta.out_vlan_id != 0) {
                    // The customer's own tag stands behind the service's.
                    hdr.customer_vlan = hdr.vlan;
                    hdr.vlan.setValid();
                    hdr.vlan.pcp = meta.phb[5:3];
                    hdr.vlan.dei = 0;
                    hdr.vlan.vlan_id = meta.out_vlan_id;
                    hdr.vlan.ether_type = hdr.ethernet.ether_type;
                    hdr.ethernet.ether_type = ETHERTYPE_VLAN;
                }
            } else {
                if (meta.label_operation != LABEL_ATTACHMENT) {
                    hdr.customer_ethernet.setInvalid();
                    hdr.customer_vlan.setInvalid();
                }
                encode.apply(hdr, meta);
                if (hdr.out_labels[0].isValid()) {
                    complete_labels();
                    // A swapped label carries on the TTL that it had, whatever the tunnel's model.
                    bit<8> innermost_ttl = hdr.out_labels[0].ttl;
                    if (meta.label_operation == LABEL_SWAP) {
                        innermost_ttl = meta.ttl;
                    }
                    bit<1> bottom = 1;
                    if (meta.label_operation != LABEL_ATTACHMENT &&
                        (hdr.mpls[0].isValid() ||
                         (meta.label_operation == LABEL_SWAP && meta.popped_bottom == 0))) {
                        bottom = 0;
                    }
                    bit<1> label_bottom = bottom;
                    if (meta.entropy == meta.pushed) {
                        label_bottom = 0;
                    }
                    if (hdr.out_labels[3].isValid()) {
                        hdr.out_labels[3].bos = label_bottom;
                        hdr.out_labels[3].ttl = innermost_ttl;
                    } else if (hdr.out_labels[2].isValid()) {
                        hdr.out_labels[2].bos = label_bottom;
                        hdr.out_labels[2].ttl = innermost_ttl;
                    } else if (hdr.out_labels[1].isValid()) {
                        hdr.out_labels[1].bos = label_bottom;
                        hdr.out_labels[1].ttl = innermost_ttl;
                    } else {
                        hdr.out_labels[0].bos = label_bottom;
                        hdr.out_labels[0].ttl = innermost_ttl;
                    }
                    if (meta.entropy != 0) {
                        meta.length = meta.length + 8;
                        if (meta.entropy == 1) {
                            entropy_label.apply(hdr.entropy_1, hdr.out_labels[0], meta.flow_hash);
                        } else if (meta.entropy == 2) {
                            entropy_label.apply(hdr.entropy_2, hdr.out_labels[1], meta.flow_hash);
                        } else if (meta.entropy == 3) {
                            entropy_label.apply(hdr.entropy_3, hdr.out_labels[2], meta.flow_hash);
                        } else {
                            entropy_label.apply(hdr.entropy_4, hdr.out_labels[3], meta.flow_hash);
                        }
                        if (meta.entropy == meta.pushed) {
                            // Of these four the one that is there.
                            hdr.entropy_1.bos = bottom;
                            hdr.entropy_2.bos = bottom;
                            hdr.entropy_3.bos = bottom;
                            hdr.entropy_4.bos = bottom;
                        }
                    }
                    if (meta.out_control_word == 1) {
                        // RFC 4448 section 4.6, without sequence numbers.
                        meta.length = meta.length + 4;
                        hdr.out_control_word.setValid();
                        hdr.out_control_word.nibble = 0;
                        hdr.out_control_word.reserved = 0;
                        hdr.out_control_word.sequence_number = 0;
                    }
                }
                if (meta.out_vlan_id != 0) {
                    hdr.vlan.setValid();
                    hdr.vlan.pcp = meta.out_pcp;
                    hdr.vlan.dei = 0;
                    hdr.vlan.vlan_id = meta.out_vlan_id;
                } else {
                    hdr.vlan.setInvalid();
                }
            }
        }
    }
}
