// The branches of a point-to-multipoint LSP (RFC 4875, RFC 6388): each copy gets its own NHLFE.

control Branch(inout headers_t hdr, inout metadata_t meta, in bit<16> replica) {
    @id(COUNTER_BRANCH_ID)
    direct_counter(CounterType.packets_and_bytes) branch_counter;

    @id(ACTION_SET_BRANCH_ID)
    action set_branch(@id(1) nhlfe_t nhlfe) {
        meta.nhlfe = nhlfe;
    }

    // A bud node is a leaf as well: its own copy gets the label back and is looked up again, in a
    // label space that says what the leaf does.
    @id(ACTION_LOOK_UP_AGAIN_ID)
    action look_up_again(@id(1) label_space_t label_space) {
        hdr.out_labels[0].setValid();
        hdr.out_labels[0].label = meta.popped_last[31:12];
        hdr.out_labels[0].tc = meta.popped_last[11:9];
        hdr.out_labels[0].bos = meta.popped_last[8:8];
        hdr.out_labels[0].ttl = meta.popped_last[7:0];
        meta.popped_count = meta.popped_count - 1;
        meta.label_space = label_space;
        meta.ttl_carried = 0;
        meta.tc_known = 0;
        meta.resume = RESUME_LABEL;
        meta.recirculate = 1;
    }

    @id(ACTION_NO_BRANCH_ID)
    action no_branch() {
        meta.drop_reason = DROP_NO_BRANCH;
    }

    @id(TABLE_BRANCH_ID)
    table branch {
        key = {
            meta.multicast_group : exact @id(1) @name("multicast_group");
            replica : exact @id(2) @name("replica");
        }
        actions = {
            set_branch;
            look_up_again;
            @defaultonly no_branch;
        }
        const default_action = no_branch();
        counters = branch_counter;
        size = BRANCH_SIZE;
    }

    apply {
        branch.apply();
        if (meta.recirculate == 1) {
            if (meta.label_operation != LABEL_SWAP) {
                // It came without a label that could be put back.
                meta.recirculate = 0;
                meta.drop_reason = DROP_NO_BRANCH;
            } else if (meta.recirculations == RECIRCULATIONS_MAX) {
                meta.recirculate = 0;
                meta.drop_reason = DROP_TOO_MANY_POPS;
            } else {
                meta.recirculations = meta.recirculations + 1;
            }
        }
    }
}
