// Packet headers.

typedef bit<48> mac_addr_t;
typedef bit<32> ipv4_addr_t;
typedef bit<128> ipv6_addr_t;
typedef bit<9> port_num_t;
typedef bit<12> vlan_id_t;
typedef bit<20> label_t;
typedef bit<16> label_space_t;
typedef bit<16> vrf_t;
typedef bit<32> path_group_t;
typedef bit<32> nhlfe_t;
typedef bit<16> multicast_group_t;
typedef bit<16> protection_t;
// 0: the default map, which leaves codes as they are.
typedef bit<8> qos_map_t;
// A per-hop behaviour (RFC 3270 section 1.2), numbered as its DSCP is by default.
typedef bit<6> phb_t;
// RFC 3443 and RFC 3270 section 2.6: MODEL_UNIFORM, MODEL_PIPE, MODEL_SHORT_PIPE.
typedef bit<2> model_t;
typedef bit<2> payload_t;

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_IPV6 = 0x86dd;
const bit<16> ETHERTYPE_VLAN = 0x8100;
const bit<16> ETHERTYPE_SERVICE_VLAN = 0x88a8;
const bit<16> ETHERTYPE_MPLS = 0x8847;
// The label on top is upstream-assigned (RFC 5332 section 3).
const bit<16> ETHERTYPE_MPLS_UPSTREAM = 0x8848;

const bit<8> PROTOCOL_TCP = 6;
const bit<8> PROTOCOL_UDP = 17;
const bit<8> PROTOCOL_RSVP = 46;
const bit<8> PROTOCOL_GRE = 47;
const bit<8> PROTOCOL_SCTP = 132;
const bit<8> PROTOCOL_MPLS_IN_IP = 137;   // RFC 4023 section 3

const bit<16> PORT_MPLS_IN_UDP = 6635;    // RFC 7510 section 8

const bit<8> IPV4_OPTION_ROUTER_ALERT = 148;   // RFC 2113

// Special-purpose labels (RFC 3032 section 2.1, RFC 6790, RFC 7274).
const label_t LABEL_ROUTER_ALERT = 1;
const label_t LABEL_ENTROPY_INDICATOR = 7;
const label_t LABEL_EXTENSION = 15;
// The smallest label that is not special-purpose.
const label_t LABEL_FIRST_UNRESERVED = 16;

// To the daemon. The packet that follows is as it stands after the pops that are listed here.
@controller_header("packet_in")
@id(CONTROLLER_HEADER_PACKET_IN_ID)
header packet_in_t {
    @id(1) port_num_t ingress_port;
    @id(2) bit<7> reason;
    @id(3) bit<8> popped_count;
    // The first popped label stack entries as they arrived, outermost first; 0 when there was none.
    @id(4) bit<32> popped_1;
    @id(5) bit<32> popped_2;
    @id(6) bit<32> popped_3;
    // With PUNT_MTU_EXCEEDED: the most octets that may follow the Ethernet header and the tag.
    @id(7) bit<16> max_length;
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

// An 802.1Q tag, behind the Ethernet addresses and its own EtherType.
header vlan_t {
    bit<3> pcp;
    bit<1> dei;
    vlan_id_t vlan_id;
    bit<16> ether_type;
}

// A label stack entry, RFC 3032 section 2.1 and RFC 5462.
header mpls_t {
    label_t label;
    bit<3> tc;
    bit<1> bos;
    bit<8> ttl;
}

// The entropy label indicator and its entropy label (RFC 6790 section 3).
header entropy_t {
    label_t indicator;
    bit<3> indicator_tc;
    bit<1> indicator_bos;
    bit<8> indicator_ttl;
    label_t label;
    bit<3> tc;
    bit<1> bos;
    bit<8> ttl;
}

// The control word of a pseudowire (first nibble 0), or an associated channel header (first nibble
// 1): RFC 4385 sections 3 and 5, RFC 4448 section 4.6.
header control_word_t {
    bit<4> nibble;
    bit<12> reserved;
    bit<16> sequence_number;
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

// The rest of a UDP header.
header udp_tail_t {
    bit<16> length;
    bit<16> checksum;
}

header udp_t {
    bit<16> src_port;
    bit<16> dst_port;
    bit<16> length;
    bit<16> checksum;
}

// GRE without options (RFC 2784, RFC 4023 section 3.2).
header gre_t {
    bit<16> flags_version;
    bit<16> protocol;
}

struct headers_t {
    packet_in_t packet_in;
    packet_out_t packet_out;

    // What the NHLFE puts in front, where it does.
    ethernet_t ethernet;
    vlan_t vlan;
    ipv4_t tunnel_ipv4;
    ipv6_t tunnel_ipv6;
    udp_t tunnel_udp;
    gre_t tunnel_gre;
    // Labels to push, outermost first. They stand apart from the parsed stack, so that a push can
    // never shift a label out of its deep end. An entropy label may follow each of them.
    mpls_t[4] out_labels;
    entropy_t entropy_1;
    entropy_t entropy_2;
    entropy_t entropy_3;
    entropy_t entropy_4;
    control_word_t out_control_word;
    // The customer's frame in a pseudowire keeps its own header.
    ethernet_t customer_ethernet;
    vlan_t customer_vlan;

    // What arrived, as far as it was parsed.
    mpls_t[PARSED_LABELS_DEPTH] mpls;
    control_word_t control_word;
    ipv4_t ipv4;
    ipv4_options_t ipv4_options;
    ipv6_t ipv6;
    ports_t ports;
    udp_tail_t udp_tail;
    gre_t gre;
}
