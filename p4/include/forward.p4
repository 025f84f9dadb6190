// The one decrement of the TTL, and the choice of an NHLFE from the path group.

control Forward(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    // One member of the path group: the NHLFE, and the port that it leaves by.
    @id(ACTION_SET_NHLFE_ID)
    action set_nhlfe(@id(1) nhlfe_t nhlfe, @id(2) port_num_t port) {
        meta.nhlfe = nhlfe;
        standard_metadata.egress_spec = port;
    }

    @id(SELECTOR_NHLFE_ID)
    @max_group_size(PATH_GROUP_MAX_MEMBERS_SIZE)
    action_selector(HashAlgorithm.crc16, PATH_GROUP_MEMBERS_SIZE, 16) nhlfe_selector;

    // FTN and ILM point here, so that a failed path is repaired by one write however many LSPs use
    // it (RFC 5654 requirement 97).
    @id(TABLE_PATH_GROUP_ID)
    table path_group {
        key = {
            meta.path_group : exact @id(1) @name("path_group");
            meta.flow_hash : selector;
        }
        actions = {
            set_nhlfe;
            @defaultonly NoAction;
        }
        implementation = nhlfe_selector;
        size = PATH_GROUP_SIZE;
    }

    apply {
        meta.step = STEP_DONE;
        if (meta.ttl <= 1 || meta.label_ttl_expired == 1) {
            meta.drop_reason = DROP_TTL_EXPIRED;
            meta.punt_reason = PUNT_TTL_EXPIRED;
        } else if (path_group.apply().hit) {
            meta.ttl = meta.ttl - 1;
            // Which header carries the TTL on: a swapped label gets it with the NHLFE; below a
            // popped label it is the exposed header, under the uniform model alone; without labels
            // it is the IP header that was looked up (RFC 3443 section 3).
            if (meta.label_operation != LABEL_SWAP) {
                if (hdr.mpls[0].isValid()) {
                    if (meta.ttl_pipe == 0) {
                        hdr.mpls[0].ttl = meta.ttl;
                    }
                } else if (meta.label_operation != LABEL_POP_FORWARD || meta.ttl_pipe == 0) {
                    if (meta.payload == PAYLOAD_IPV4) {
                        hdr.ipv4.ttl = meta.ttl;
                        meta.ipv4_rewritten = 1;
                    } else {
                        hdr.ipv6.hop_limit = meta.ttl;
                    }
                }
            }
        } else {
            meta.drop_reason = DROP_NO_PATH_GROUP;
        }
    }
}
