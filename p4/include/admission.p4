// The interface that a frame came in by, and which frames are for this router at all.

control Admission(inout headers_t hdr, inout metadata_t meta, in bit<32> packet_length) {
    @id(COUNTER_INTERFACE_ID)
    direct_counter(CounterType.packets_and_bytes) interface_counter;
    @id(COUNTER_ATTACHMENT_PORT_ID)
    direct_counter(CounterType.packets_and_bytes) attachment_port_counter;
    @id(COUNTER_CONTROL_PACKET_ID)
    direct_counter(CounterType.packets_and_bytes) control_packet_counter;

    // A router interface: a port, or a VLAN on it.
    @id(ACTION_SET_INTERFACE_ID)
    action set_interface(@id(1) bit<1> mpls_enabled,
                         @id(2) vrf_t vrf,
                         @id(3) label_space_t label_space,
                         @id(4) qos_map_t qos_map) {
        meta.mpls_enabled = mpls_enabled;
        meta.vrf = vrf;
        meta.label_space = label_space;
        meta.interface_qos_map = qos_map;
    }

    // An attachment circuit of an Ethernet pseudowire, by port and VLAN: the tag delimits the service
    // and stays here (RFC 4448 section 4.4.1, raw mode).
    @id(ACTION_ATTACHMENT_CIRCUIT_ID)
    action attachment_circuit(@id(1) path_group_t path_group, @id(2) qos_map_t qos_map) {
        meta.label_operation = LABEL_ATTACHMENT;
        meta.path_group = path_group;
        meta.interface_qos_map = qos_map;
        meta.step = STEP_FORWARD;
        hdr.vlan.setInvalid();
        hdr.ethernet.ether_type = meta.ether_type;
    }

    @id(ACTION_NO_INTERFACE_ID)
    action no_interface() {
    }

    @id(TABLE_INTERFACE_ID)
    table interface {
        key = {
            meta.ingress_port : exact @id(1) @name("ingress_port");
            meta.vlan_id : exact @id(2) @name("vlan_id");
        }
        actions = {
            set_interface;
            attachment_circuit;
            @defaultonly no_interface;
        }
        const default_action = no_interface();
        counters = interface_counter;
        size = INTERFACE_SIZE;
    }

    // A port that is an attachment circuit as a whole: tags are the customer's.
    @id(ACTION_ATTACHMENT_CIRCUIT_PORT_ID)
    action attachment_circuit_port(@id(1) path_group_t path_group, @id(2) qos_map_t qos_map) {
        meta.label_operation = LABEL_ATTACHMENT;
        meta.path_group = path_group;
        meta.interface_qos_map = qos_map;
        meta.step = STEP_FORWARD;
    }

    @id(ACTION_NO_ATTACHMENT_ID)
    action no_attachment() {
        meta.drop_reason = DROP_NO_INTERFACE;
    }

    @id(TABLE_ATTACHMENT_PORT_ID)
    table attachment_port {
        key = {
            meta.ingress_port : exact @id(1) @name("ingress_port");
        }
        actions = {
            attachment_circuit_port;
            @defaultonly no_attachment;
        }
        const default_action = no_attachment();
        counters = attachment_port_counter;
        size = ATTACHMENT_PORT_SIZE;
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
    action punt_control(@id(1) bit<7> reason) {
        meta.punt_reason = reason;
    }

    @id(ACTION_NOT_CONTROL_ID)
    action not_control() {
    }

    // Control packets that no address of the router tells: ARP, IPv6 neighbour discovery, IGPs.
    @id(TABLE_CONTROL_PACKET_ID)
    table control_packet {
        key = {
            meta.ingress_port : optional @id(1) @name("ingress_port");
            meta.ether_type : ternary @id(2) @name("ether_type");
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

    // The label space of the upstream LSR that assigned the top label (RFC 5331 section 4, RFC 5332).
    @id(ACTION_SET_UPSTREAM_CONTEXT_ID)
    action set_upstream_context(@id(1) label_space_t label_space) {
        meta.label_space = label_space;
        meta.step = STEP_LABEL;
    }

    @id(ACTION_NO_UPSTREAM_CONTEXT_ID)
    action no_upstream_context() {
        meta.drop_reason = DROP_NO_UPSTREAM_CONTEXT;
    }

    @id(TABLE_UPSTREAM_CONTEXT_ID)
    table upstream_context {
        key = {
            meta.ingress_port : exact @id(1) @name("ingress_port");
            meta.vlan_id : exact @id(2) @name("vlan_id");
            hdr.ethernet.src_addr : exact @id(3) @name("src_addr");
        }
        actions = {
            set_upstream_context;
            @defaultonly no_upstream_context;
        }
        const default_action = no_upstream_context();
        size = UPSTREAM_CONTEXT_SIZE;
    }

    apply {
        meta.length = (bit<16>)packet_length - 14;
        if (hdr.vlan.isValid()) {
            meta.length = meta.length - 4;
        }
        if (hdr.packet_out.isValid()) {
            // It came with 24 bits for this program in front.
            meta.length = meta.length - 3;
        }
        if (!hdr.ethernet.isValid() ||
            (hdr.ethernet.ether_type == ETHERTYPE_VLAN && !hdr.vlan.isValid())) {
            meta.drop_reason = DROP_MALFORMED_FRAME;
        } else if (!interface.apply().hit) {
            attachment_port.apply();
        }
        if (meta.label_operation == LABEL_ATTACHMENT) {
            // IEEE 802.1Q: a bridged frame is treated by the priority of its tag.
            meta.tc = meta.pcp;
            meta.tc_qos_map = meta.interface_qos_map;
            meta.tc_known = 1;
            // All of the frame travels, and its tag where that is the customer's.
            meta.length = meta.length + 14;
            if (hdr.vlan.isValid()) {
                meta.length = meta.length + 4;
            }
        } else if (meta.drop_reason == DROP_NONE) {
            station_mac.apply();
            if (meta.admitted == 1 && (meta.ether_type == ETHERTYPE_MPLS ||
                                       meta.ether_type == ETHERTYPE_MPLS_UPSTREAM)) {
                if (meta.mpls_enabled == 0) {
                    meta.drop_reason = DROP_MPLS_NOT_ENABLED;
                } else if (meta.ether_type == ETHERTYPE_MPLS_UPSTREAM) {
                    upstream_context.apply();
                } else {
                    meta.step = STEP_LABEL;
                }
            } else if (meta.admitted == 1 && meta.ether_type == ETHERTYPE_IPV4) {
                meta.payload = PAYLOAD_IPV4;
                meta.step = STEP_IP;
            } else if (meta.admitted == 1 && meta.ether_type == ETHERTYPE_IPV6) {
                meta.payload = PAYLOAD_IPV6;
                meta.step = STEP_IP;
            } else {
                control_packet.apply();
                if (meta.punt_reason == PUNT_NONE) {
                    if (meta.admitted == 0) {
                        meta.drop_reason = DROP_NOT_FOR_ROUTER;
                    } else if (hdr.vlan.isValid() && (meta.ether_type == ETHERTYPE_VLAN ||
                                                      meta.ether_type == ETHERTYPE_SERVICE_VLAN)) {
                        meta.drop_reason = DROP_VLAN;
                    } else {
                        meta.drop_reason = DROP_ETHER_TYPE;
                    }
                }
            }
        }
    }
}
