// The first half of a program for v1model; `end.p4` is the other one.
#include <core.p4>
#include <v1model.p4>

typedef bit<48> mac_t;
enum bit<16> ether_type_t { IPV4 = 0x0800, MPLS = 0x8847 }
enum color_t { RED, GREEN }
type bit<16> vrf_t;

header ethernet_t {
    mac_t dst;
    mac_t src;
    ether_type_t type;
}

header mpls_t {
    bit<20> label;
    bit<3> tc;
    bit<1> bos;
    bit<8> ttl;
}

struct headers_t {
    ethernet_t ethernet;
    mpls_t[4] mpls;
}

struct metadata_t {
    vrf_t vrf;
    bit<32> hash;
    bool hit;
}

parser TheParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                 inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.ethernet);
        transition accept;
    }
}
