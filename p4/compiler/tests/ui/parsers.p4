#include "begin.p4"
parser Labels(packet_in packet, out mpls_t[4] mpls)(bit<1> end) {
    state start {
        packet.extract(mpls.next);
        transition select(mpls.last.bos) {
            end : accept;
            default : start;
        }
    }
}
parser Endless(packet_in packet) {
    state start { transition again; }
    state again { transition select(packet.lookahead<bit<8>>()) { _ : start; } }
}
parser Broken(packet_in packet, out headers_t hdr) {
    value_set<bit<16>>(4) types;
    Labels(1) labels;
    Labels(_) other;
    action nothing() { }
    state begin {
        transition missing;
    }
    state select_wrong {
        packet.extract(hdr.ethernet.dst);
        packet.extract(hdr.ethernet, 8);
        packet.extract<ethernet_t>(hdr.mpls.next);
        transition select(hdr.ethernet.dst, hdr.ethernet.type) {
            1 : accept;
            (1, 2) : accept;
            (1 .. 2, _) : accept;
            (hdr.ethernet.src, _) : accept;
            (1 &&& true, _) : accept;
            types : accept;
        }
    }
    state other_types {
        labels.apply(packet, hdr.mpls);
        transition select(hdr.ethernet) { default : accept; }
    }
    state accept { }
    state begin { return; }
    state loops { for (bit<8> i = 0; i < 4; i = i + 1) { } transition accept; }
    state leaves { exit; }
}
