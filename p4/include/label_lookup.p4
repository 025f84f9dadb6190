// The incoming label map (RFC 3031 section 3.11): what happens to the top label, up to three labels
// in one pass.

// Takes the top label off and keeps a copy of it for the daemon.
control PopLabel(inout headers_t hdr, inout metadata_t meta) {
    apply {
        bit<32> entry = hdr.mpls[0].label ++ hdr.mpls[0].tc ++ hdr.mpls[0].bos ++ hdr.mpls[0].ttl;
        if (meta.popped_count == 0) {
            meta.popped_1 = entry;
        } else if (meta.popped_count == 1) {
            meta.popped_2 = entry;
        } else {
            meta.popped_3 = entry;
        }
        meta.popped_count = meta.popped_count + 1;
        meta.popped_bottom = hdr.mpls[0].bos;
        meta.tc = hdr.mpls[0].tc;
        hdr.mpls.pop_front(1);
    }
}

// Does what the ILM says, and leaves in meta.step what comes next.
control LabelOperation(inout headers_t hdr, inout metadata_t meta) {
    PopLabel() pop_label;

    apply {
        // RFC 3443 section 3.5: an expired label is not forwarded, whatever lies below it. meta.ttl is
        // the TTL in force at this label: its own, or the one above it under the uniform model.
        if (meta.ttl <= 1) {
            meta.label_ttl_expired = 1;
        }
        meta.step = STEP_DONE;
        if (meta.label_operation == LABEL_UNKNOWN) {
            meta.drop_reason = DROP_UNKNOWN_LABEL;
            meta.punt_reason = PUNT_UNKNOWN_LABEL;
        } else if (meta.label_operation == LABEL_PUNT) {
            meta.punt_reason = PUNT_LABEL_ACTION;
        } else if (meta.label_operation == LABEL_SWAP) {
            meta.step = STEP_FORWARD;
        } else {
            // All that remain pop. What may follow depends on the S bit.
            if (hdr.mpls[0].bos == 1) {
                if (meta.label_operation == LABEL_POP_LABEL) {
                    meta.drop_reason = DROP_LABEL_STACK;
                } else if ((meta.payload == PAYLOAD_IPV4 && hdr.ipv4.isValid()) ||
                           (meta.payload == PAYLOAD_IPV6 && hdr.ipv6.isValid())) {
                    if (meta.label_operation == LABEL_POP_FORWARD) {
                        meta.step = STEP_FORWARD;
                    } else {
                        meta.step = STEP_IP;
                    }
                } else {
                    meta.drop_reason = DROP_LABEL_PAYLOAD;
                }
            } else if (meta.label_operation == LABEL_POP_IP) {
                meta.drop_reason = DROP_LABEL_PAYLOAD;
            } else if (!hdr.mpls[1].isValid()) {
                // The next label lies deeper than the parser went.
                meta.drop_reason = DROP_LABEL_STACK;
            } else if (meta.label_operation == LABEL_POP_FORWARD) {
                meta.step = STEP_FORWARD;
            } else {
                meta.step = STEP_LABEL;
            }
        }

        // A swapped label is popped here and pushed by the NHLFE. On a label of which the next step
        // is not known the packet stays as it came, for the daemon to see.
        if (meta.step != STEP_DONE) {
            pop_label.apply(hdr, meta);
            // RFC 3443 section 3.3: under the pipe model the inner TTL is the one that goes on; a
            // penultimate hop does not look at it.
            if (meta.ttl_pipe == 1 && meta.step == STEP_LABEL) {
                meta.ttl = hdr.mpls[0].ttl;
            }
        }
    }
}

control LabelLookup(inout headers_t hdr, inout metadata_t meta) {
    LabelOperation() label_operation;

    @id(COUNTER_ILM_ID)
    direct_counter(CounterType.packets_and_bytes) ilm_counter;
    @id(COUNTER_ILM_SECOND_ID)
    direct_counter(CounterType.packets_and_bytes) ilm_second_counter;
    @id(COUNTER_ILM_THIRD_ID)
    direct_counter(CounterType.packets_and_bytes) ilm_third_counter;

    // Replace the label by the NHLFE's label or labels.
    @id(ACTION_SWAP_ID)
    action swap(@id(1) path_group_t path_group) {
        meta.label_operation = LABEL_SWAP;
        meta.path_group = path_group;
    }

    // Penultimate hop popping.
    @id(ACTION_POP_AND_FORWARD_ID)
    action pop_and_forward(@id(1) path_group_t path_group,
                           @id(2) bit<2> payload,
                           @id(3) bit<1> ttl_pipe) {
        meta.label_operation = LABEL_POP_FORWARD;
        meta.path_group = path_group;
        meta.payload = payload;
        meta.ttl_pipe = ttl_pipe;
    }

    // The egress of an LSP that carries IP.
    @id(ACTION_POP_AND_LOOK_UP_IP_ID)
    action pop_and_look_up_ip(@id(1) vrf_t vrf,
                              @id(2) bit<2> payload,
                              @id(3) bit<1> ttl_pipe) {
        meta.label_operation = LABEL_POP_IP;
        meta.vrf = vrf;
        meta.payload = payload;
        meta.ttl_pipe = ttl_pipe;
    }

    // The egress of an LSP that carries other LSPs.
    @id(ACTION_POP_AND_LOOK_UP_LABEL_ID)
    action pop_and_look_up_label(@id(1) bit<1> ttl_pipe) {
        meta.label_operation = LABEL_POP_LABEL;
        meta.ttl_pipe = ttl_pipe;
    }

    // IPv4 and IPv6 Explicit NULL (RFC 3032 section 2.1), at any position in the stack (RFC 4182).
    @id(ACTION_EXPLICIT_NULL_ID)
    action explicit_null(@id(1) bit<2> payload, @id(2) bit<1> ttl_pipe) {
        meta.label_operation = LABEL_EXPLICIT_NULL;
        meta.payload = payload;
        meta.ttl_pipe = ttl_pipe;
    }

    @id(ACTION_PUNT_LABEL_ID)
    action punt_label() {
        meta.label_operation = LABEL_PUNT;
    }

    @id(ACTION_UNKNOWN_LABEL_ID)
    action unknown_label() {
        meta.label_operation = LABEL_UNKNOWN;
    }

#define ILM_PROPERTIES                                           \
        key = {                                                  \
            meta.label_space : exact @id(1) @name("label_space");\
            hdr.mpls[0].label : exact @id(2) @name("label");     \
        }                                                        \
        actions = {                                              \
            swap;                                                \
            pop_and_forward;                                     \
            pop_and_look_up_ip;                                  \
            pop_and_look_up_label;                               \
            explicit_null;                                       \
            punt_label;                                          \
            @defaultonly unknown_label;                          \
        }                                                        \
        const default_action = unknown_label();                  \
        size = ILM_SIZE;

    @id(TABLE_ILM_ID)
    table ilm {
        ILM_PROPERTIES
        counters = ilm_counter;
    }

    // The same entries again, for the label below one that was popped.
    @id(TABLE_ILM_SECOND_ID)
    table ilm_second {
        ILM_PROPERTIES
        counters = ilm_second_counter;
    }

    @id(TABLE_ILM_THIRD_ID)
    table ilm_third {
        ILM_PROPERTIES
        counters = ilm_third_counter;
    }

    apply {
        // A stack that ends with the packet has no bottom.
        if (!hdr.mpls[0].isValid() ||
            (meta.bottom_parsed == 0 && meta.labels_parsed != PARSED_LABELS_DEPTH)) {
            meta.step = STEP_DONE;
            meta.drop_reason = DROP_LABEL_STACK;
        } else {
            meta.ttl = hdr.mpls[0].ttl;
            hash(meta.flow_hash, HashAlgorithm.crc16, (bit<16>)0, { meta.label_values },
                 (bit<32>)65536);
            ilm.apply();
            label_operation.apply(hdr, meta);
            if (meta.step == STEP_LABEL) {
                ilm_second.apply();
                label_operation.apply(hdr, meta);
            }
            if (meta.step == STEP_LABEL) {
                ilm_third.apply();
                label_operation.apply(hdr, meta);
            }
            if (meta.step == STEP_LABEL) {
                meta.step = STEP_DONE;
                meta.drop_reason = DROP_TOO_MANY_POPS;
            }
        }
    }
}
