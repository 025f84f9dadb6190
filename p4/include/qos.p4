// Differentiated services (RFC 3270, RFC 5462) and congestion marks (RFC 5129): codes to PHB on the way
// in, PHB to codes on the way out, all of it as entries of numbered maps. Map 0 and whatever a map
// leaves out leave codes as they are.

// The PHB that the packet asks for.
control Classify(inout headers_t hdr, inout metadata_t meta) {
    @id(ACTION_SET_PHB_ID)
    action set_phb(@id(1) phb_t phb, @id(2) bit<1> congestion) {
        meta.phb = phb;
        meta.congestion = congestion;
    }

    // A class selector (RFC 2474 section 4.2.2) for each TC.
    @id(ACTION_DEFAULT_PHB_ID)
    action default_phb() {
        meta.phb = meta.tc ++ 3w0;
    }

    // An E-LSP's map tells the PHB by the TC; an L-LSP's map holds one PHB scheduling class, and its
    // TC tells the drop precedence (RFC 3270 section 1.2).
    @id(TABLE_TC_TO_PHB_ID)
    table tc_to_phb {
        key = {
            meta.tc_qos_map : exact @id(1) @name("qos_map");
            meta.tc : exact @id(2) @name("tc");
        }
        actions = {
            set_phb;
            @defaultonly default_phb;
        }
        const default_action = default_phb();
        size = TC_TO_PHB_SIZE;
    }

    @id(ACTION_SET_DSCP_PHB_ID)
    action set_dscp_phb(@id(1) phb_t phb) {
        meta.phb = phb;
    }

    @id(ACTION_DEFAULT_DSCP_PHB_ID)
    action default_dscp_phb() {
        meta.phb = meta.dscp;
    }

    @id(TABLE_DSCP_TO_PHB_ID)
    table dscp_to_phb {
        key = {
            meta.interface_qos_map : exact @id(1) @name("qos_map");
            meta.dscp : exact @id(2) @name("dscp");
        }
        actions = {
            set_dscp_phb;
            @defaultonly default_dscp_phb;
        }
        const default_action = default_dscp_phb();
        size = DSCP_TO_PHB_SIZE;
    }

    apply {
        if (meta.tc_known == 1) {
            tc_to_phb.apply();
        }
        // What stands below the last label: IP known from the FEC, or nothing that this router reads.
        bit<1> ip = 0;
        bit<2> ecn = 0;
        if (meta.label_operation != LABEL_SWAP && !hdr.mpls[0].isValid()) {
            if (meta.payload == PAYLOAD_IPV4 && hdr.ipv4.isValid()) {
                ip = 1;
                meta.dscp = hdr.ipv4.dscp;
                ecn = hdr.ipv4.ecn;
            } else if (meta.payload == PAYLOAD_IPV6 && hdr.ipv6.isValid()) {
                ip = 1;
                meta.dscp = hdr.ipv6.dscp;
                ecn = hdr.ipv6.ecn;
            }
        }
        // RFC 3270 section 2.6: a packet without labels, or at the end of a short pipe, is treated by
        // its own DSCP.
        if (ip == 1 && (meta.tc_known == 0 || meta.model == MODEL_SHORT_PIPE)) {
            dscp_to_phb.apply();
        }
        // RFC 5129 section 4.6: the end system hears of the congestion, or the packet is lost.
        if (meta.congestion == 1 && ip == 1) {
            if (ecn == 0) {
                meta.step = STEP_DONE;
                meta.drop_reason = DROP_NOT_ECN_CAPABLE;
            } else if (meta.payload == PAYLOAD_IPV4 && hdr.ipv4.isValid()) {
                hdr.ipv4.ecn = 3;
                meta.ipv4_rewritten = 1;
            } else if (hdr.ipv6.isValid()) {
                hdr.ipv6.ecn = 3;
            }
        } else if (meta.congestion == 1 && meta.label_operation == LABEL_POP_ATTACHMENT) {
            meta.step = STEP_DONE;
            meta.resume = RESUME_NONE;
            meta.drop_reason = DROP_NOT_ECN_CAPABLE;
        } else if (ip == 1 && ecn == 3) {
            // RFC 5129 section 4.1: a mark on the packet goes into the labels that are pushed.
            meta.congestion = 1;
        }
    }
}

// The codes that the packet leaves with.
control Encode(inout headers_t hdr, inout metadata_t meta) {
    @id(ACTION_SET_CODES_ID)
    action set_codes(@id(1) bit<3> tc, @id(2) phb_t dscp, @id(3) bit<3> pcp) {
        meta.out_tc = tc;
        meta.out_dscp = dscp;
        meta.out_dscp_known = 1;
        meta.out_pcp = pcp;
    }

    @id(ACTION_DEFAULT_CODES_ID)
    action default_codes() {
        meta.out_tc = meta.phb[5:3];
        meta.out_pcp = meta.phb[5:3];
    }

    @id(TABLE_PHB_ENCODING_ID)
    table phb_encoding {
        key = {
            meta.out_qos_map : exact @id(1) @name("qos_map");
            meta.phb : exact @id(2) @name("phb");
            meta.congestion : exact @id(3) @name("congestion");
        }
        actions = {
            set_codes;
            @defaultonly default_codes;
        }
        const default_action = default_codes();
        size = PHB_ENCODING_SIZE;
    }

    @id(ACTION_SET_MARKED_TC_ID)
    action set_marked_tc(@id(1) bit<3> tc) {
        hdr.mpls[0].tc = tc;
    }

    @id(ACTION_NO_MARK_ID)
    action no_mark() {
    }

    // RFC 5129 section 4.5: under the pipe models the exposed label keeps its PHB, and takes the mark.
    @id(TABLE_CONGESTION_MARK_ID)
    table congestion_mark {
        key = {
            meta.out_qos_map : exact @id(1) @name("qos_map");
            hdr.mpls[0].tc : exact @id(2) @name("tc");
        }
        actions = {
            set_marked_tc;
            @defaultonly no_mark;
        }
        const default_action = no_mark();
        size = CONGESTION_MARK_SIZE;
    }

    apply {
        phb_encoding.apply();
        // RFC 3270 section 2.6.2: under the uniform model the PHB goes on in the header below.
        if (meta.label_operation == LABEL_POP_FORWARD || meta.label_operation == LABEL_POP_IP ||
            meta.label_operation == LABEL_EXPLICIT_NULL ||
            meta.label_operation == LABEL_ENTROPY) {
            if (hdr.mpls[0].isValid()) {
                if (meta.model == MODEL_UNIFORM) {
                    hdr.mpls[0].tc = meta.out_tc;
                } else if (meta.congestion == 1) {
                    congestion_mark.apply();
                }
            } else if (meta.model == MODEL_UNIFORM && meta.out_dscp_known == 1) {
                if (meta.payload == PAYLOAD_IPV4) {
                    hdr.ipv4.dscp = meta.out_dscp;
                    meta.ipv4_rewritten = 1;
                } else if (meta.payload == PAYLOAD_IPV6) {
                    hdr.ipv6.dscp = meta.out_dscp;
                }
            }
        }
    }
}
