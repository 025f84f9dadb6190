#include "begin.p4"
#define LABEL 20w0x1fffff
control Unused(inout bit<8> x)(bit<8> n) { apply { x = n; } }
control TheIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    action drop() { mark_to_drop(std); }
    table t {
        key = { hdr.mpls[0].label : range; }
        actions = { drop; }
        idle = 5;
        entries = { 9 .. 3 : drop(); }
    }
    apply {
        hdr.mpls[0].label = LABEL;
        hdr.mpls[0].ttl = 256;
        t.apply();
    }
}
#include "end.p4"
const bit<8> missing = no_such_thing;
