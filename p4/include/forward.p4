// The one decrement of the TTL, and the choice of an NHLFE from the path group.

control Forward(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    FlowHash() flow_hash;

    // The paths of a FEC or a label: buckets of the working and of the protecting set, a power of two
    // each. FTN and ILM point here, so that a failed path is repaired by one write however many LSPs
    // use it (RFC 5654 requirement 97).
    @id(ACTION_SET_PATH_GROUP_ID)
    action set_path_group(@id(1) protection_t protection,
                          @id(2) bit<10> working_mask,
                          @id(3) bit<10> protecting_mask,
                          @id(4) bit<5> hash_shift) {
        meta.protection = protection;
        meta.working_mask = working_mask;
        meta.protecting_mask = protecting_mask;
        meta.hash_shift = hash_shift;
    }

    @id(ACTION_NO_PATH_GROUP_ID)
    action no_path_group() {
        meta.drop_reason = DROP_NO_PATH_GROUP;
    }

    @id(TABLE_PATH_GROUP_ID)
    table path_group {
        key = {
            meta.path_group : exact @id(1) @name("path_group");
        }
        actions = {
            set_path_group;
            @defaultonly no_path_group;
        }
        const default_action = no_path_group();
        size = PATH_GROUP_SIZE;
    }

    @id(ACTION_SELECT_PROTECTING_ID)
    action select_protecting(@id(1) bit<1> protecting) {
        meta.protecting = protecting;
    }

    // 1:1 protection (RFC 6378): one entry moves every path group of the pair.
    @id(TABLE_PROTECTION_STATE_ID)
    table protection_state {
        key = {
            meta.protection : exact @id(1) @name("protection");
        }
        actions = {
            select_protecting;
        }
        default_action = select_protecting(0);
        size = PROTECTION_STATE_SIZE;
    }

    // The NHLFE and the port that it leaves by; the longest packet before its labels are pushed; and
    // the same of what takes its place while the port is down (RFC 4090).
    @id(ACTION_SET_NHLFE_ID)
    action set_nhlfe(@id(1) nhlfe_t nhlfe,
                     @id(2) port_num_t port,
                     @id(3) bit<16> max_length,
                     @id(4) nhlfe_t backup_nhlfe,
                     @id(5) port_num_t backup_port,
                     @id(6) bit<16> backup_max_length) {
        meta.nhlfe = nhlfe;
        meta.port = port;
        meta.max_length = max_length;
        meta.backup_nhlfe = backup_nhlfe;
        meta.backup_port = backup_port;
        meta.backup_max_length = backup_max_length;
    }

    @id(ACTION_NO_PATH_BUCKET_ID)
    action no_path_bucket() {
        meta.drop_reason = DROP_NO_PATH_GROUP;
    }

    // Flows stay where they are while other members come and go: only the buckets of a member that
    // goes are given to others.
    @id(TABLE_PATH_BUCKET_ID)
    table path_bucket {
        key = {
            meta.path_group : exact @id(1) @name("path_group");
            meta.protecting : exact @id(2) @name("protecting");
            meta.bucket : exact @id(3) @name("bucket");
        }
        actions = {
            set_nhlfe;
            @defaultonly no_path_bucket;
        }
        const default_action = no_path_bucket();
        size = PATH_BUCKET_SIZE;
    }

    @id(ACTION_PORT_DOWN_ID)
    action port_down() {
        meta.nhlfe = meta.backup_nhlfe;
        meta.port = meta.backup_port;
        meta.max_length = meta.backup_max_length;
    }

    // Ports that are down: one entry moves every path group off the port.
    @id(TABLE_PORT_STATE_ID)
    table port_state {
        key = {
            meta.port : exact @id(1) @name("port");
        }
        actions = {
            port_down;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = PORT_STATE_SIZE;
    }

    apply {
        meta.step = STEP_DONE;
        if (meta.label_operation != LABEL_ATTACHMENT &&
            (meta.ttl <= 1 || meta.label_ttl_expired == 1)) {
            meta.drop_reason = DROP_TTL_EXPIRED;
            meta.punt_reason = PUNT_TTL_EXPIRED;
        } else {
            flow_hash.apply(hdr, meta);
            if (meta.multicast_group == 0 && path_group.apply().hit) {
                meta.bucket = (bit<10>)(meta.flow_hash >> meta.hash_shift);
                if (meta.protection != 0) {
                    protection_state.apply();
                }
                if (meta.protecting == 0) {
                    meta.bucket = meta.bucket & meta.working_mask;
                } else {
                    meta.bucket = meta.bucket & meta.protecting_mask;
                }
                if (path_bucket.apply().hit) {
                    port_state.apply();
                    if (meta.nhlfe == 0) {
                        meta.drop_reason = DROP_PORT_DOWN;
                    }
                }
            }
            if (meta.drop_reason == DROP_NONE && meta.length > meta.max_length) {
                meta.drop_reason = DROP_MTU_EXCEEDED;
                // A bridge tells nobody (RFC 4448 section 4.8).
                if (meta.label_operation != LABEL_ATTACHMENT) {
                    meta.punt_reason = PUNT_MTU_EXCEEDED;
                }
            }
        }
        if (meta.drop_reason == DROP_NONE) {
            if (meta.multicast_group != 0) {
                standard_metadata.mcast_grp = meta.multicast_group;
            } else {
                standard_metadata.egress_spec = meta.port;
            }
            if (meta.label_operation == LABEL_ATTACHMENT) {
                // RFC 3985 section 5.1.2: a pseudowire's label starts anew.
                meta.ttl = 255;
            } else {
                meta.ttl = meta.ttl - 1;
                // Which header carries the TTL on: a swapped label gets it with the NHLFE; below a
                // popped label it is the exposed header, under the uniform model alone; without
                // labels it is the IP header that was looked up (RFC 3443 section 3).
                if (meta.label_operation != LABEL_SWAP) {
                    if (hdr.mpls[0].isValid()) {
                        if (meta.model == MODEL_UNIFORM) {
                            hdr.mpls[0].ttl = meta.ttl;
                        }
                    } else if (meta.label_operation != LABEL_POP_FORWARD ||
                               meta.model == MODEL_UNIFORM) {
                        if (meta.payload == PAYLOAD_IPV4 && hdr.ipv4.isValid()) {
                            hdr.ipv4.ttl = meta.ttl;
                            meta.ipv4_rewritten = 1;
                        } else if (hdr.ipv6.isValid()) {
                            hdr.ipv6.hop_limit = meta.ttl;
                        }
                    }
                }
            }
            // Where a penultimate hop writes to an IPv4 header its checksum is made anew: a header
            // that is not whole or not right must not become one that looks right.
            if (meta.ipv4_rewritten == 1 && hdr.ipv4.isValid() &&
                (standard_metadata.checksum_error == 1 || hdr.ipv4.version != 4 || hdr.ipv4.ihl < 5 ||
                 (hdr.ipv4.ihl > 5 && !hdr.ipv4_options.isValid()))) {
                meta.drop_reason = DROP_IP_HEADER;
            }
        }
    }
}
