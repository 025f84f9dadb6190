#include "../include/begin.p4"
void half(in bool flag, out bit<8> a, out bit<8> b) {
    a = 1;
    if (flag) { b = 2; return; }
    a = 3;
}
control TheIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    bit<8> sometimes;
    bit<8> always;
    metadata_t other;
    mpls_t label;
    bit<8> by_action;
    action write() { by_action = 1; }
    table t { actions = { write; } }
    apply {
        if (meta.hit) { sometimes = 1; always = 1; } else { always = 2; }
        hdr.mpls[0].ttl = always;
        hdr.mpls[0].ttl = sometimes;
        other.hit = true;
        meta = other;
        hdr.mpls[0].ttl = label.ttl;
        label.setValid();
        hdr.mpls[0].ttl = label.ttl;
        hdr.ethernet.setInvalid();
        hdr.ethernet.src = 1;
        t.apply();
        hdr.mpls[0].ttl = by_action;
        half(true, hdr.mpls[0].ttl, hdr.mpls[1].ttl);
        switch (meta.hash) {
            1: { exit; }
            default: { by_action = 2; }
        }
    }
}
#include "../include/end.p4"
