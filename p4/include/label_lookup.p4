// The incoming label map (RFC 3031 section 3.11): what happens to the top label, up to three labels
// in one pass. A packet with more comes round.

// Does what the ILM says, and leaves in meta.step what comes next.
control LabelOperation(inout headers_t hdr, inout metadata_t meta) {
    // Takes the top label off and keeps a copy of the first ones for the daemon.
    @hidden
    action pop_label() {
        meta.popped_last = hdr.mpls[0].label ++ hdr.mpls[0].tc ++ hdr.mpls[0].bos ++ hdr.mpls[0].ttl;
        meta.popped_1 = meta.popped_count == 0 ? meta.popped_last : meta.popped_1;
        meta.popped_2 = meta.popped_count == 1 ? meta.popped_last : meta.popped_2;
        meta.popped_3 = meta.popped_count == 2 ? meta.popped_last : meta.popped_3;
        meta.popped_count = meta.popped_count + 1;
        meta.popped_bottom = hdr.mpls[0].bos;
        meta.length = meta.length - 4;
        hdr.mpls.pop_front(1);
    }

    // RFC 7325 section 2.4.5.1: a label that is popped here, at the LSP's end, shares no load.
    @hidden
    action unshare_label() {
        meta.shared_count = meta.shared_count - 1;
        meta.shared_labels = meta.shared_labels & ~(160w0xfffff << (meta.shared_count * 20));
    }

    apply {
        // RFC 3443 section 3.5: an expired label is not forwarded, whatever lies below it. meta.ttl is
        // the TTL in force at this label: its own, or the one above it under the uniform model.
        if (meta.ttl <= 1) {
            meta.label_ttl_expired = 1;
        }
        // RFC 3270 section 2.6: the label that tells the PHB, and the map that it is read by.
        if (meta.tc_known == 0) {
            meta.tc_known = 1;
            meta.tc = hdr.mpls[0].tc;
            meta.tc_qos_map = meta.label_qos_map;
            if (meta.label_qos_map == 0) {
                meta.tc_qos_map = meta.interface_qos_map;
            }
        }
        meta.step = STEP_DONE;
        if (meta.label_operation == LABEL_UNKNOWN) {
            meta.drop_reason = DROP_UNKNOWN_LABEL;
            meta.punt_reason = PUNT_UNKNOWN_LABEL;
        } else if (meta.label_operation == LABEL_DISCARD) {
            meta.drop_reason = DROP_SPECIAL_PURPOSE_LABEL;
        } else if (meta.label_operation == LABEL_PUNT) {
            // The one label of these that has no bottom below it (RFC 3032 section 2.1).
            if (hdr.mpls[0].label == LABEL_ROUTER_ALERT && hdr.mpls[0].bos == 1) {
                meta.punt_reason = PUNT_NONE;
                meta.drop_reason = DROP_SPECIAL_PURPOSE_LABEL;
            }
        } else if (meta.label_operation == LABEL_SWAP) {
            meta.step = STEP_FORWARD;
        } else if (meta.tail_protection != 0 && meta.tail_selection != 0) {
            // One pass selects one tail; nobody protects a path by paths that end where it ends.
            meta.drop_reason = DROP_NOT_SELECTED;
        } else {
            if (meta.tail_protection != 0) {
                meta.tail_selection = meta.tail_protection;
                meta.tail_path = meta.tail_protecting;
                meta.tail_protection = 0;
            }
            // All that remain pop. What may follow depends on the S bit: of this label, or of the
            // entropy label if there is one (RFC 6790 sections 4.3 and 4.4).
            bit<1> bottom = hdr.mpls[0].bos;
            bool next = hdr.mpls[1].isValid();
            label_t next_label = hdr.mpls[1].label;
            bool broken = false;
            if (meta.label_operation == LABEL_ENTROPY) {
                broken = bottom == 1 || !hdr.mpls[1].isValid();
                bottom = hdr.mpls[1].bos;
                next = hdr.mpls[2].isValid();
                next_label = hdr.mpls[2].label;
            } else if (bottom == 0 && hdr.mpls[1].isValid() &&
                       hdr.mpls[0].label != LABEL_EXTENSION &&
                       hdr.mpls[1].label == LABEL_ENTROPY_INDICATOR) {
                // Behind an extension label it is looked up like any other (RFC 7274 section 3.1).
                meta.pop_entropy = 1;
                broken = hdr.mpls[1].bos == 1 || !hdr.mpls[2].isValid();
                bottom = hdr.mpls[2].bos;
                next = hdr.mpls[3].isValid();
                next_label = hdr.mpls[3].label;
            }
            if (broken) {
                meta.drop_reason = DROP_LABEL_STACK;
            } else if (bottom == 1) {
                if (meta.label_operation == LABEL_POP_LABEL) {
                    meta.drop_reason = DROP_LABEL_STACK;
                } else if (meta.label_operation == LABEL_POP_ATTACHMENT) {
                    if (meta.control_word == 0 ||
                        (hdr.control_word.isValid() && hdr.control_word.nibble == 0)) {
                        meta.step = STEP_RECIRCULATE;
                    } else if (hdr.control_word.isValid()) {
                        // RFC 4385 section 5: the pseudowire's associated channel.
                        meta.punt_reason = PUNT_G_ACH;
                    } else {
                        meta.drop_reason = DROP_CONTROL_WORD;
                    }
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
            } else if (!next) {
                // The next label lies deeper than the parser went.
                meta.drop_reason = DROP_LABEL_STACK;
            } else if (meta.label_operation == LABEL_POP_FORWARD) {
                meta.step = STEP_FORWARD;
            } else if ((meta.label_operation == LABEL_POP_IP ||
                        meta.label_operation == LABEL_POP_ATTACHMENT) &&
                       next_label >= LABEL_FIRST_UNRESERVED) {
                meta.drop_reason = DROP_LABEL_PAYLOAD;
            } else {
                // Below the last label of its own the router takes special-purpose labels alone: an
                // explicit null (RFC 4182), the generic associated channel (RFC 5586).
                meta.step = STEP_LABEL;
            }
        }

        // A swapped label is popped here and pushed by the NHLFE. On a label of which the next step
        // is not known the packet stays as it came, for the daemon to see.
        if (meta.step != STEP_DONE) {
            if (meta.label_operation == LABEL_ENTROPY ||
                (meta.step != STEP_FORWARD && meta.shared_count != 0 &&
                 hdr.mpls[0].label >= LABEL_FIRST_UNRESERVED)) {
                unshare_label();
            }
            pop_label();
            if (meta.pop_entropy == 1) {
                pop_label();
                pop_label();
                meta.pop_entropy = 0;
                if (meta.step != STEP_FORWARD) {
                    unshare_label();
                }
            } else if (meta.label_operation == LABEL_ENTROPY) {
                pop_label();
            }
            // RFC 3443 section 3.3, RFC 3270 section 2.6: under the pipe models the inner header's TTL
            // and PHB are the ones that go on; a penultimate hop does not look at them.
            if (meta.step == STEP_LABEL) {
                if (meta.model == MODEL_UNIFORM) {
                    meta.ttl_carried = 1;
                } else {
                    meta.ttl_carried = 0;
                    meta.ttl = hdr.mpls[0].ttl;
                    meta.tc_known = 0;
                }
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
    action swap(@id(1) path_group_t path_group, @id(2) qos_map_t qos_map) {
        meta.label_operation = LABEL_SWAP;
        meta.path_group = path_group;
        meta.label_qos_map = qos_map;
    }

    // Penultimate hop popping.
    @id(ACTION_POP_AND_FORWARD_ID)
    action pop_and_forward(@id(1) path_group_t path_group,
                           @id(2) payload_t payload,
                           @id(3) model_t model,
                           @id(4) qos_map_t qos_map) {
        meta.label_operation = LABEL_POP_FORWARD;
        meta.path_group = path_group;
        meta.payload = payload;
        meta.model = model;
        meta.label_qos_map = qos_map;
    }

    // The egress of an LSP that carries IP.
    @id(ACTION_POP_AND_LOOK_UP_IP_ID)
    action pop_and_look_up_ip(@id(1) vrf_t vrf,
                              @id(2) payload_t payload,
                              @id(3) model_t model,
                              @id(4) qos_map_t qos_map,
                              @id(5) protection_t protection,
                              @id(6) bit<1> protecting) {
        meta.label_operation = LABEL_POP_IP;
        meta.vrf = vrf;
        meta.payload = payload;
        meta.model = model;
        meta.label_qos_map = qos_map;
        meta.tail_protection = protection;
        meta.tail_protecting = protecting;
    }

    // The egress of an LSP that carries other LSPs. The next label's space: the platform's, an
    // interface's, or that of a context label (RFC 5331); behind an extension label that of the
    // extended special-purpose labels (RFC 7274).
    @id(ACTION_POP_AND_LOOK_UP_LABEL_ID)
    action pop_and_look_up_label(@id(1) label_space_t label_space,
                                 @id(2) model_t model,
                                 @id(3) qos_map_t qos_map,
                                 @id(4) protection_t protection,
                                 @id(5) bit<1> protecting) {
        meta.label_operation = LABEL_POP_LABEL;
        meta.label_space = label_space;
        meta.model = model;
        meta.label_qos_map = qos_map;
        meta.tail_protection = protection;
        meta.tail_protecting = protecting;
    }

    // The egress of an Ethernet pseudowire (RFC 4448).
    @id(ACTION_POP_TO_ATTACHMENT_CIRCUIT_ID)
    action pop_to_attachment_circuit(@id(1) path_group_t path_group,
                                     @id(2) bit<1> control_word,
                                     @id(3) qos_map_t qos_map,
                                     @id(4) protection_t protection,
                                     @id(5) bit<1> protecting) {
        meta.label_operation = LABEL_POP_ATTACHMENT;
        meta.path_group = path_group;
        meta.control_word = control_word;
        meta.label_qos_map = qos_map;
        meta.tail_protection = protection;
        meta.tail_protecting = protecting;
    }

    // A point-to-multipoint LSP: the label is replaced on each branch by the branch's labels.
    @id(ACTION_REPLICATE_ID)
    action replicate(@id(1) multicast_group_t multicast_group,
                     @id(2) bit<16> max_length,
                     @id(3) qos_map_t qos_map) {
        meta.label_operation = LABEL_SWAP;
        meta.multicast_group = multicast_group;
        meta.max_length = max_length;
        meta.label_qos_map = qos_map;
    }

    // IPv4 and IPv6 Explicit NULL (RFC 3032 section 2.1), at any position in the stack (RFC 4182).
    @id(ACTION_EXPLICIT_NULL_ID)
    action explicit_null(@id(1) payload_t payload, @id(2) model_t model) {
        meta.label_operation = LABEL_EXPLICIT_NULL;
        meta.payload = payload;
        meta.model = model;
        meta.label_qos_map = 0;
    }

    // An entropy label indicator on top, which remains of an LSP with PHP (RFC 6790 section 4.3).
    @id(ACTION_ENTROPY_LABEL_INDICATOR_ID)
    action entropy_label_indicator(@id(1) payload_t payload, @id(2) model_t model) {
        meta.label_operation = LABEL_ENTROPY;
        meta.payload = payload;
        meta.model = model;
        meta.label_qos_map = 0;
    }

    @id(ACTION_PUNT_LABEL_ID)
    action punt_label(@id(1) bit<7> reason) {
        meta.label_operation = LABEL_PUNT;
        meta.punt_reason = reason;
    }

    // A special-purpose label that may not stand here (RFC 7274 section 3, RFC 9017).
    @id(ACTION_DISCARD_LABEL_ID)
    action discard_label() {
        meta.label_operation = LABEL_DISCARD;
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
            pop_to_attachment_circuit;                           \
            replicate;                                           \
            explicit_null;                                       \
            entropy_label_indicator;                             \
            punt_label;                                          \
            discard_label;                                       \
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

    // 1+1 protection (RFC 6378): the tail takes packets of one of the two paths.
    @id(ACTION_SELECT_PATH_ID)
    action select_path(@id(1) bit<1> protecting) {
        meta.selected_path = protecting;
    }

    @id(TABLE_TAIL_SELECTOR_ID)
    table tail_selector {
        key = {
            meta.tail_selection : exact @id(1) @name("protection");
        }
        actions = {
            select_path;
        }
        default_action = select_path(0);
        size = TAIL_SELECTOR_SIZE;
    }

    apply {
        // A stack that ends with the packet has no bottom.
        if (!hdr.mpls[0].isValid() ||
            (meta.bottom_parsed == 0 && meta.labels_parsed != PARSED_LABELS_DEPTH)) {
            meta.step = STEP_DONE;
            meta.drop_reason = DROP_LABEL_STACK;
        } else {
            if (meta.ttl_carried == 0) {
                meta.ttl = hdr.mpls[0].ttl;
            }
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
            if (meta.tail_selection != 0) {
                tail_selector.apply();
                if (meta.tail_path != meta.selected_path) {
                    meta.step = STEP_DONE;
                    meta.punt_reason = PUNT_NONE;
                    meta.drop_reason = DROP_NOT_SELECTED;
                }
            }
            if (meta.step == STEP_LABEL) {
                meta.step = STEP_RECIRCULATE;
                meta.resume = RESUME_LABEL;
            } else if (meta.step == STEP_RECIRCULATE) {
                if (meta.label_ttl_expired == 1) {
                    meta.step = STEP_DONE;
                    meta.drop_reason = DROP_TTL_EXPIRED;
                    meta.punt_reason = PUNT_TTL_EXPIRED;
                } else {
                    meta.resume = RESUME_ATTACHMENT;
                }
            }
        }
    }
}
