// Punts and drops: the control plane is protected by a meter for each punt class, and no packet
// disappears without a count.

control Verdict(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    @id(COUNTER_DROPS_ID)
    counter<bit<8>>(DROP_REASONS, CounterType.packets_and_bytes) drops;
    @id(COUNTER_PUNT_POLICY_ID)
    direct_counter(CounterType.packets_and_bytes) punt_policy_counter;
    @id(METER_PUNT_ID)
    direct_meter<bit<2>>(MeterType.packets) punt_meter;

    @id(ACTION_PUNT_METERED_ID)
    action punt_metered() {
        punt_meter.read(meta.punt_colour);
    }

    @id(ACTION_PUNT_DROP_ID)
    action punt_drop() {
        meta.punt_reason = PUNT_NONE;
    }

    @id(TABLE_PUNT_POLICY_ID)
    table punt_policy {
        key = {
            meta.punt_reason : exact @id(1) @name("reason");
        }
        actions = {
            punt_metered;
            punt_drop;
        }
        const default_action = punt_drop();
        counters = punt_policy_counter;
        meters = punt_meter;
        size = 16;
    }

    apply {
        if (meta.punt_reason != PUNT_NONE) {
            punt_policy.apply();
            if (meta.punt_reason == PUNT_NONE) {
                if (meta.drop_reason == DROP_NONE) {
                    meta.drop_reason = DROP_PUNT_POLICY;
                }
            } else if (meta.punt_colour == COLOUR_RED) {
                meta.punt_reason = PUNT_NONE;
                if (meta.drop_reason == DROP_NONE) {
                    meta.drop_reason = DROP_PUNT_RATE;
                }
            }
        }
        // A packet with a drop reason may go to the daemon as well: it is discarded as traffic, and
        // the daemon is told (RFC 3031 section 3.18, RFC 1812 section 5.3.1).
        if (meta.drop_reason != DROP_NONE) {
            drops.count(meta.drop_reason);
        }
        if (meta.punt_reason != PUNT_NONE) {
            hdr.packet_in.setValid();
            hdr.packet_in.ingress_port = meta.ingress_port;
            hdr.packet_in.reason = meta.punt_reason;
            hdr.packet_in.popped_count = meta.popped_count;
            hdr.packet_in.popped_1 = meta.popped_1;
            hdr.packet_in.popped_2 = meta.popped_2;
            hdr.packet_in.popped_3 = meta.popped_3;
            standard_metadata.egress_spec = CPU_PORT;
        } else if (meta.drop_reason != DROP_NONE) {
            mark_to_drop(standard_metadata);
        }
    }
}
