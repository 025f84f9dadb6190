// Packet headers.

typedef bit<48> mac_addr_t;
typedef bit<32> ipv4_addr_t;
typedef bit<128> ipv6_addr_t;
typedef bit<9> port_num_t;
typedef bit<20> label_t;
typedef bit<16> label_space_t;
typedef bit<16> vrf_t;
typedef bit<32> path_group_t;
typedef bit<32> nhlfe_t;

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_IPV6 = 0x86dd;
const bit<16> ETHERTYPE_MPLS = 0x8847;

const bit<8> PROTOCOL_TCP = 6;
const bit<8> PROTOCOL_UDP = 17;
const bit<8> PROTOCOL_SCTP = 132;

// To the daemon. The packet that follows is as it stands after the pops that are listed here.
@controller_header("packet_in")
@id(CONTROLLER_HEADER_PACKET_IN_ID)
header packet_in_t {
    @id(1) port_num_t ingress_port;
    @id(2) bit<7> reason;
    @id(3) bit<8> popped_count;
    // Popped label stack entries as they arrived, outermost first; 0 when there was none.
    @id(4) bit<32> popped_1;
    @id(5) bit<32> popped_2;
    @id(6) bit<32> popped_3;
}

// From the daemon.
@controller_header("packet_out")
@id(CONTROLLER_HEADER_PACKET_OUT_ID)
header packet_out_t {
    @id(1) port_num_t egress_port;
    // 0: the frame leaves by egress_port as it is. 1: it is treated as received on ingress_port.
    @id(2) bit<1> submit_to_ingress;
    @id(3) port_num_t ingress_port;
    @id(4) bit<5> unused;
}

header ethernet_t {
    mac_addr_t dst_addr;
    mac_addr_t src_addr;
    bit<16> ether_type;
}

// A label stack entry, RFC 3032 section 2.1 and RFC 5462.
header mpls_t {
    label_t label;
    bit<3> tc;
    bit<1> bos;
    bit<8> ttl;
}

header ipv4_t {
    bit<4> version;
    bit<4> ihl;
    bit<6> dscp;
    bit<2> ecn;
    bit<16> total_length;
    bit<16> identification;
    bit<1> reserved;
    bit<1> dont_fragment;
    bit<1> more_fragments;
    bit<13> fragment_offset;
    bit<8> ttl;
    bit<8> protocol;
    bit<16> header_checksum;
    ipv4_addr_t src_addr;
    ipv4_addr_t dst_addr;
}

header ipv4_options_t {
    varbit<320> options;
}

header ipv6_t {
    bit<4> version;
    bit<6> dscp;
    bit<2> ecn;
    bit<20> flow_label;
    bit<16> payload_length;
    bit<8> next_header;
    bit<8> hop_limit;
    ipv6_addr_t src_addr;
    ipv6_addr_t dst_addr;
}

// The first 32 bits of TCP, UDP and SCTP.
header ports_t {
    bit<16> src_port;
    bit<16> dst_port;
}

struct headers_t {
    packet_in_t packet_in;
    packet_out_t packet_out;
    ethernet_t ethernet;
    // Labels that the NHLFE puts on the packet, outermost first. They stand apart from the parsed
    // stack, so that a push can never shift a label out of its deep end.
    mpls_t[4] out_labels;
    // Labels that arrived, as far as they were parsed.
    mpls_t[PARSED_LABELS_DEPTH] mpls;
    ipv4_t ipv4;
    ipv4_options_t ipv4_options;
    ipv6_t ipv6;
    ports_t ports;
}
