#include "begin.p4"
const bit<8> EIGHT = 8;
control TheIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    bit<8> a;
    bit<16> b;
    int<8> c;
    apply {
        a = b;
        a = a + b;
        a = (bit<8>) c + 1w1;
        b = (bit<16>) c;
        meta.hit = a;
        meta.hit = a && true;
        meta.vrf = 16w5;
        meta.vrf = meta.vrf + (vrf_t) 1;
        a = b[8:1] ++ a;
        a = b[16:9];
        a = b[0:7];
        a = 5[3:0];
        a = hdr.mpls[4].ttl;
        a = hdr.mpls[1].tll;
        a = hdr.mpls.last.ttl;
        a = hdr.ethernet;
        a = undeclared;
        hdr.ethernet = { 1, 2 };
        hdr.ethernet = { dst = 1, source = 2, type = ether_type_t.IPV4 };
        hdr.ethernet.type = 0x0800;
        hdr.ethernet.type = ether_type_t.IPV6;
        meta.hit = color_t.RED == ether_type_t.IPV4;
        meta.hit = meta.hit < true;
        a = 1 / 0;
        a = a / 0;
        a = 1 << a;
        a = a << -1;
        a = meta.hit ? 1 : 2w3;
        b = meta.hit ? 1 : 2;
        a = -true;
        std.ingress_port = ~hdr.mpls;
        EIGHT = a;
        hdr.mpls.size = 3;
        a = { 1, 2 };
        a = error.Missing;
    }
}
#include "end.p4"
