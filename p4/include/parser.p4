// Parser. It stops after PARSED_LABELS_DEPTH labels: a deeper stack is forwarded by its top labels,
// and the rest is payload (RFC 7325 section 1.3, item 2).
//
// Below the bottom of the stack it takes a first nibble of 4 or 6 as an IP header, so that the
// header is at hand when the FEC says that there is one. Nothing acts on it unless the FEC does.

parser MplsParser(packet_in packet,
                  out headers_t hdr,
                  inout metadata_t meta,
                  inout standard_metadata_t standard_metadata) {
    state start {
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
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_MPLS: parse_label;
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            default: accept;
        }
    }

    state parse_label {
        packet.extract(hdr.mpls.next);
        meta.labels_parsed = meta.labels_parsed + 1;
        meta.label_values = (meta.label_values << 20) | (bit<160>)hdr.mpls.last.label;
        transition select(hdr.mpls.last.bos, meta.labels_parsed) {
            (1, _): parse_below_stack;
            (0, PARSED_LABELS_DEPTH): accept;
            default: parse_label;
        }
    }

    state parse_below_stack {
        meta.bottom_parsed = 1;
        transition select(packet.lookahead<bit<4>>()) {
            4: parse_ipv4;
            6: parse_ipv6;
            default: accept;
        }
    }

    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.ihl) {
            0 .. 4: accept;
            5: parse_ipv4_payload;
            default: parse_ipv4_options;
        }
    }

    state parse_ipv4_options {
        packet.extract(hdr.ipv4_options, ((bit<32>)hdr.ipv4.ihl - 5) << 5);
        transition parse_ipv4_payload;
    }

    // Only a packet that is no fragment has ports that all packets of its flow show.
    state parse_ipv4_payload {
        transition select(hdr.ipv4.more_fragments, hdr.ipv4.fragment_offset, hdr.ipv4.protocol) {
            (0, 0, PROTOCOL_TCP): parse_ports;
            (0, 0, PROTOCOL_UDP): parse_ports;
            (0, 0, PROTOCOL_SCTP): parse_ports;
            default: accept;
        }
    }

    state parse_ipv6 {
        packet.extract(hdr.ipv6);
        transition select(hdr.ipv6.next_header) {
            PROTOCOL_TCP: parse_ports;
            PROTOCOL_UDP: parse_ports;
            PROTOCOL_SCTP: parse_ports;
            default: accept;
        }
    }

    state parse_ports {
        packet.extract(hdr.ports);
        transition accept;
    }
}
