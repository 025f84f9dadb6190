// The port's settings, and which packets are for this router at all.

control Admission(inout headers_t hdr, inout metadata_t meta) {
    @id(COUNTER_PORT_CONFIG_ID)
    direct_counter(CounterType.packets_and_bytes) port_config_counter;
    @id(COUNTER_CONTROL_PACKET_ID)
    direct_counter(CounterType.packets_and_bytes) control_packet_counter;

    @id(ACTION_SET_PORT_ID)
    action set_port(@id(1) bit<1> mpls_enabled,
                    @id(2) vrf_t vrf,
                    @id(3) label_space_t label_space) {
        meta.mpls_enabled = mpls_enabled;
        meta.vrf = vrf;
        meta.label_space = label_space;
    }

    @id(ACTION_PORT_NOT_CONFIGURED_ID)
    action port_not_configured() {
        meta.drop_reason = DROP_PORT_NOT_CONFIGURED;
    }

    @id(TABLE_PORT_CONFIG_ID)
    table port_config {
        key = {
            meta.ingress_port : exact @id(1) @name("ingress_port");
        }
        actions = {
            set_port;
            @defaultonly port_not_configured;
        }
        const default_action = port_not_configured();
        counters = port_config_counter;
        size = PORT_CONFIG_SIZE;
    }

    @id(ACTION_ADMIT_ID)
    action admit() {
        meta.admitted = 1;
    }

    @id(ACTION_NOT_ADMITTED_ID)
    action not_admitted() {
        meta.admitted = 0;
    }

    // The MAC addresses of the router on each port: only packets to them are routed or switched.
    @id(TABLE_STATION_MAC_ID)
    table station_mac {
        key = {
            meta.ingress_port : exact @id(1) @name("ingress_port");
            hdr.ethernet.dst_addr : exact @id(2) @name("dst_addr");
        }
        actions = {
            admit;
            @defaultonly not_admitted;
        }
        const default_action = not_admitted();
        size = STATION_MAC_SIZE;
    }

    @id(ACTION_PUNT_CONTROL_ID)
    action punt_control() {
        meta.punt_reason = PUNT_CONTROL;
    }

    @id(ACTION_NOT_CONTROL_ID)
    action not_control() {
    }

    // Control packets that no address of the router tells: ARP, IPv6 neighbour discovery, IGPs.
    @id(TABLE_CONTROL_PACKET_ID)
    table control_packet {
        key = {
            meta.ingress_port : optional @id(1) @name("ingress_port");
            hdr.ethernet.ether_type : ternary @id(2) @name("ether_type");
            hdr.ethernet.dst_addr : ternary @id(3) @name("dst_addr");
        }
        actions = {
            punt_control;
            @defaultonly not_control;
        }
        const default_action = not_control();
        counters = control_packet_counter;
        size = CONTROL_PACKET_SIZE;
    }

    apply {
        if (!hdr.ethernet.isValid()) {
            meta.drop_reason = DROP_MALFORMED_FRAME;
        } else if (port_config.apply().hit) {
            station_mac.apply();
            if (meta.admitted == 1 && hdr.ethernet.ether_type == ETHERTYPE_MPLS) {
                if (meta.mpls_enabled == 0) {
                    meta.drop_reason = DROP_MPLS_NOT_ENABLED;
                } else {
                    meta.step = STEP_LABEL;
                }
            } else if (meta.admitted == 1 && hdr.ethernet.ether_type == ETHERTYPE_IPV4) {
                meta.payload = PAYLOAD_IPV4;
                meta.step = STEP_IP;
            } else if (meta.admitted == 1 && hdr.ethernet.ether_type == ETHERTYPE_IPV6) {
                meta.payload = PAYLOAD_IPV6;
                meta.step = STEP_IP;
            } else {
                control_packet.apply();
                if (meta.punt_reason == PUNT_NONE) {
                    if (meta.admitted == 1) {
                        meta.drop_reason = DROP_ETHER_TYPE;
                    } else {
                        meta.drop_reason = DROP_NOT_FOR_ROUTER;
                    }
                }
            }
        }
    }
}
