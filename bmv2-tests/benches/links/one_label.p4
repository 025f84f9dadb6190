// A label switching router as small as one can be: one label, pushed, swapped or popped.
//
// It is here to be measured beside p4/mpls.p4: what a switch costs when the program costs little.

#include <core.p4>
#include <v1model.p4>

typedef bit<48> mac_addr_t;
typedef bit<9> port_num_t;

const bit<16> ETHER_TYPE_IPV4 = 0x0800;
const bit<16> ETHER_TYPE_MPLS = 0x8847;

header ethernet_t {
    mac_addr_t dst_addr;
    mac_addr_t src_addr;
    bit<16> ether_type;
}

// RFC 3032 section 2.1.
header mpls_t {
    bit<20> label;
    bit<3> tc;
    bit<1> bos;
    bit<8> ttl;
}

// RFC 791 section 3.1.
header ipv4_t {
    bit<4> version;
    bit<4> ihl;
    bit<8> diffserv;
    bit<16> total_length;
    bit<16> identification;
    bit<3> flags;
    bit<13> fragment_offset;
    bit<8> ttl;
    bit<8> protocol;
    bit<16> checksum;
    bit<32> src_addr;
    bit<32> dst_addr;
}

struct headers_t {
    ethernet_t ethernet;
    mpls_t mpls;
    ipv4_t ipv4;
}

struct metadata_t {
    bit<16> next_hop;
}

parser OneLabelParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            ETHER_TYPE_MPLS: parse_mpls;
            ETHER_TYPE_IPV4: parse_ipv4;
            default: accept;
        }
    }
    state parse_mpls {
        packet.extract(hdr.mpls);
        transition select(hdr.mpls.bos) {
            1: parse_ipv4;
            default: accept;
        }
    }
    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        transition accept;
    }
}

control OneLabelVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control OneLabelIngress(inout headers_t hdr, inout metadata_t meta,
                        inout standard_metadata_t standard_metadata) {
    action drop() {
        mark_to_drop(standard_metadata);
    }

    // RFC 3031 section 3.13.
    action swap(bit<20> label, bit<16> next_hop) {
        hdr.mpls.label = label;
        hdr.mpls.ttl = hdr.mpls.ttl - 1;
        meta.next_hop = next_hop;
    }

    // RFC 3031 section 3.16, in the uniform model of RFC 3443 section 3.1.
    action pop(bit<16> next_hop) {
        hdr.ipv4.ttl = hdr.mpls.ttl - 1;
        hdr.mpls.setInvalid();
        hdr.ethernet.ether_type = ETHER_TYPE_IPV4;
        meta.next_hop = next_hop;
    }

    direct_counter(CounterType.packets_and_bytes) ilm_counter;

    table ilm {
        key = { hdr.mpls.label: exact; }
        actions = { swap; pop; drop; }
        default_action = drop();
        counters = ilm_counter;
        size = 16384;
    }

    action push(bit<20> label, bit<16> next_hop) {
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
        hdr.mpls.setValid();
        hdr.mpls.label = label;
        hdr.mpls.tc = 0;
        hdr.mpls.bos = 1;
        hdr.mpls.ttl = hdr.ipv4.ttl;
        hdr.ethernet.ether_type = ETHER_TYPE_MPLS;
        meta.next_hop = next_hop;
    }

    direct_counter(CounterType.packets_and_bytes) ftn_counter;

    table ftn {
        key = { hdr.ipv4.dst_addr: lpm; }
        actions = { push; drop; }
        default_action = drop();
        counters = ftn_counter;
        size = 16384;
    }

    action forward(port_num_t port, mac_addr_t src_addr, mac_addr_t dst_addr) {
        standard_metadata.egress_spec = port;
        hdr.ethernet.src_addr = src_addr;
        hdr.ethernet.dst_addr = dst_addr;
    }

    table next_hop {
        key = { meta.next_hop: exact; }
        actions = { forward; drop; }
        default_action = drop();
        size = 1024;
    }

    apply {
        if (hdr.mpls.isValid()) {
            if (hdr.mpls.ttl > 1) {
                ilm.apply();
            } else {
                drop();
            }
        } else if (hdr.ipv4.isValid() && hdr.ipv4.ttl > 1) {
            ftn.apply();
        } else {
            drop();
        }
        if (meta.next_hop != 0) {
            next_hop.apply();
        }
    }
}

control OneLabelEgress(inout headers_t hdr, inout metadata_t meta,
                       inout standard_metadata_t standard_metadata) {
    apply {}
}

control OneLabelCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(
            hdr.ipv4.isValid(),
            {
                hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.diffserv, hdr.ipv4.total_length,
                hdr.ipv4.identification, hdr.ipv4.flags, hdr.ipv4.fragment_offset,
                hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src_addr, hdr.ipv4.dst_addr
            },
            hdr.ipv4.checksum, HashAlgorithm.csum16);
    }
}

control OneLabelDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.mpls);
        packet.emit(hdr.ipv4);
    }
}

V1Switch(OneLabelParser(), OneLabelVerify(), OneLabelIngress(), OneLabelEgress(), OneLabelCompute(),
         OneLabelDeparser()) main;
