// Punts and drops: the control plane is protected by a meter for each punt class, and no packet
// disappears without a count.

control Verdict(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    @id(COUNTER_DROPS_ID)
    counter<bit<8>>(DROP_REASONS, CounterType.packets_and_bytes) drops;
    @id(COUNTER_PUNT_POLICY_ID)
    direct_counter(CounterType.packets_and_bytes) punt_policy_counter;
    @id(METER_PUNT_ID)
    direct_meter<bit<2>>(MeterType.packets) punt_meter;

    @id(COUNTER_SERVICE_CLASS_ID)
    direct_counter(CounterType.packets_and_bytes) service_class_counter;

    @id(ACTION_SET_SERVICE_CLASS_ID)
    action set_service_class(@id(1) bit<7> reason) {
        meta.punt_reason = reason;
    }

    @id(ACTION_NO_SERVICE_CLASS_ID)
    action no_service_class() {
    }

    // Which protocol an IP packet for the router is of, so that each has a rate of its own
    // (RFC 6192).
    @id(TABLE_SERVICE_CLASS_ID)
    table service_class {
        key = {
            meta.ip_protocol : ternary @id(1) @name("protocol");
            meta.src_port : ternary @id(2) @name("src_port");
            meta.dst_port : ternary @id(3) @name("dst_port");
        }
        actions = {
            set_service_class;
            @defaultonly no_service_class;
        }
        const default_action = no_service_class();
        counters = service_class_counter;
        size = SERVICE_CLASS_SIZE;
    }

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
        size = 128;
    }

    apply {
        if (meta.step == STEP_RECIRCULATE) {
            if (meta.recirculations == RECIRCULATIONS_MAX) {
                meta.drop_reason = DROP_TOO_MANY_POPS;
            } else {
                meta.recirculations = meta.recirculations + 1;
                meta.recirculate = 1;
                standard_metadata.egress_spec = meta.ingress_port;
            }
        }
        if ((meta.punt_reason == PUNT_CONTROL || meta.punt_reason == PUNT_TO_ROUTER) &&
            (hdr.ipv4.isValid() || hdr.ipv6.isValid())) {
            meta.ip_protocol = hdr.ipv4.protocol;
            if (hdr.ipv6.isValid()) {
                meta.ip_protocol = hdr.ipv6.next_header;
            }
            if (hdr.ports.isValid()) {
                meta.src_port = hdr.ports.src_port;
                meta.dst_port = hdr.ports.dst_port;
            }
            service_class.apply();
        }
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
            if (meta.punt_reason == PUNT_MTU_EXCEEDED) {
                hdr.packet_in.max_length = meta.max_length;
            } else {
                hdr.packet_in.max_length = 0;
            }
            standard_metadata.mcast_grp = 0;
            standard_metadata.egress_spec = CPU_PORT;
        } else if (meta.drop_reason != DROP_NONE) {
            mark_to_drop(standard_metadata);
        }
    }
}
