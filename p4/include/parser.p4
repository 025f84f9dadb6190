// Parser. It stops after PARSED_LABELS_DEPTH labels: a deeper stack is forwarded by its top labels,
// and the rest is payload (RFC 7325 section 1.3, item 2).
//
// Below the bottom of the stack it takes a first nibble of 4 or 6 as an IP header and of 0 or 1 as a
// control word, so that the header is at hand when the FEC says that there is one. Nothing acts on
// it unless the FEC does (RFC 9790).

parser MplsParser(packet_in packet,
                  out headers_t hdr,
                  inout metadata_t meta,
                  inout standard_metadata_t standard_metadata) {
    state start {
        // A packet that comes round again keeps what the first pass found out about it.
        transition select(meta.resume) {
            RESUME_NONE: parse_first_pass;
            default: parse_ethernet;
        }
    }

    state parse_first_pass {
        meta.ingress_port = standard_metadata.ingress_port;
        transition select(standard_metadata.ingress_port) {
            CPU_PORT: parse_packet_out;
            default: parse_ethernet;
        }
    }

    state parse_packet_out {
        packet.extract(hdr.packet_out);
        meta.ingress_port = hdr.packet_out.ingress_port;
        transition select(hdr.packet_out.submit_to_ingress) {
            1: parse_ethernet;
            default: accept;
        }
    }

    state parse_ethernet {
        packet.extract(hdr.ethernet);
        meta.ether_type = hdr.ethernet.ether_type;
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_VLAN: parse_vlan;
            ETHERTYPE_MPLS: parse_label;
            ETHERTYPE_MPLS_UPSTREAM: parse_label;
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            default: accept;
        }
    }

    state parse_vlan {
        packet.extract(hdr.vlan);
        meta.vlan_id = hdr.vlan.vlan_id;
        meta.pcp = hdr.vlan.pcp;
        meta.ether_type = hdr.vlan.ether_type;
        transition select(hdr.vlan.ether_type) {
            ETHERTYPE_MPLS: parse_label;
            ETHERTYPE_MPLS_UPSTREAM: parse_label;
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            default: accept;
        }
    }

    // The labels that share load (RFC 7325 section 2.4.5.1): no special-purpose label, nothing behind
    // an extension label (RFC 7274 section 3), nothing behind an entropy label (RFC 6790 section 4).
    state parse_label {
        packet.extract(hdr.mpls.next);
        meta.labels_parsed = meta.labels_parsed + 1;
        transition select(hdr.mpls.last.label) {
            LABEL_ENTROPY_INDICATOR: parse_entropy_indicator;
            LABEL_EXTENSION: parse_next_unshared;
            0 &&& 0xffff0: parse_next_label;
            default: parse_shared_label;
        }
    }

    state parse_shared_label {
        meta.shared_labels = (meta.shared_labels << 20) | (bit<160>)hdr.mpls.last.label;
        meta.shared_count = meta.shared_count + 1;
        transition parse_next_label;
    }

    state parse_next_label {
        transition select(hdr.mpls.last.bos, meta.labels_parsed) {
            (1, _): parse_below_stack;
            (0, PARSED_LABELS_DEPTH): accept;
            default: parse_label;
        }
    }

    state parse_entropy_indicator {
        transition select(hdr.mpls.last.bos, meta.labels_parsed) {
            (1, _): parse_below_stack;
            (0, PARSED_LABELS_DEPTH): accept;
            default: parse_entropy_label;
        }
    }

    state parse_entropy_label {
        packet.extract(hdr.mpls.next);
        meta.labels_parsed = meta.labels_parsed + 1;
        meta.shared_labels = (meta.shared_labels << 20) | (bit<160>)hdr.mpls.last.label;
        meta.shared_count = meta.shared_count + 1;
        transition parse_next_unshared;
    }

    state parse_next_unshared {
        transition select(hdr.mpls.last.bos, meta.labels_parsed) {
            (1, _): parse_below_stack;
            (0, PARSED_LABELS_DEPTH): accept;
            default: parse_unshared_label;
        }
    }

    state parse_unshared_label {
        packet.extract(hdr.mpls.next);
        meta.labels_parsed = meta.labels_parsed + 1;
        transition parse_next_unshared;
    }

    state parse_below_stack {
        meta.bottom_parsed = 1;
        transition select(packet.lookahead<bit<4>>()) {
            0 &&& 0xe: parse_control_word;
            4: parse_ipv4;
            6: parse_ipv6;
            default: accept;
        }
    }

    state parse_control_word {
        packet.extract(hdr.control_word);
        transition accept;
    }

    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.ihl) {
            0 .. 4: accept;
            5: parse_ipv4_payload;
            default: parse_ipv4_first_option;
        }
    }

    state parse_ipv4_first_option {
        transition select(packet.lookahead<bit<8>>()) {
            IPV4_OPTION_ROUTER_ALERT: parse_router_alert;
            default: parse_ipv4_options;
        }
    }

    state parse_router_alert {
        meta.router_alert = 1;
        transition parse_ipv4_options;
    }

    state parse_ipv4_options {
        packet.extract(hdr.ipv4_options, ((bit<32>)hdr.ipv4.ihl - 5) << 5);
        transition parse_ipv4_payload;
    }

    // Only a packet that is no fragment has ports that all packets of its flow show.
    state parse_ipv4_payload {
        transition select(hdr.ipv4.more_fragments, hdr.ipv4.fragment_offset, hdr.ipv4.protocol) {
            (0, 0, PROTOCOL_TCP): parse_ports;
            (0, 0, PROTOCOL_UDP): parse_udp;
            (0, 0, PROTOCOL_SCTP): parse_ports;
            (0, 0, PROTOCOL_GRE): parse_gre;
            (0, 0, PROTOCOL_MPLS_IN_IP): parse_mpls_in_ip;
            default: accept;
        }
    }

    state parse_ipv6 {
        packet.extract(hdr.ipv6);
        transition select(hdr.ipv6.next_header) {
            PROTOCOL_TCP: parse_ports;
            PROTOCOL_UDP: parse_udp;
            PROTOCOL_SCTP: parse_ports;
            PROTOCOL_GRE: parse_gre;
            PROTOCOL_MPLS_IN_IP: parse_mpls_in_ip;
            default: accept;
        }
    }

    state parse_ports {
        packet.extract(hdr.ports);
        transition accept;
    }

    state parse_udp {
        packet.extract(hdr.ports);
        transition select(hdr.ports.dst_port) {
            PORT_MPLS_IN_UDP: parse_mpls_in_udp;
            default: accept;
        }
    }

    // Tunnels that carry MPLS. Whether one ends here is for the tables to say; the labels in it are
    // parsed when the packet comes round without its outer header.
    state parse_mpls_in_udp {
        packet.extract(hdr.udp_tail);
        meta.tunnel_kind = TUNNEL_UDP;
        transition accept;
    }

    state parse_gre {
        packet.extract(hdr.gre);
        transition select(hdr.gre.flags_version, hdr.gre.protocol) {
            (0, ETHERTYPE_MPLS): parse_mpls_in_gre;
            default: accept;
        }
    }

    state parse_mpls_in_gre {
        meta.tunnel_kind = TUNNEL_GRE;
        transition accept;
    }

    state parse_mpls_in_ip {
        meta.tunnel_kind = TUNNEL_IP;
        transition accept;
    }
}
