#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> a; bit<8> b; }
struct headers_t { h_t h; }
struct metadata_t { bit<8> m; }
parser P(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    bit<8> count;
    state start {
        packet.extract(hdr.h);
        transition select(hdr.h.a, hdr.h.b) {
            (0x10 &&& 0xf0, _): next;
            (0x12, 5): accept;
            (1 .. 9, 7): accept;
            (3, 7): reject;
            default: accept;
            (200, 1): accept;
        }
    }
    state next {
        meta.m = count;
        count = 1;
        transition select(hdr.h.b) { 1: next; _: accept; }
    }
    state lost { transition accept; }
}
control V(inout headers_t hdr, inout metadata_t meta) { apply { } }
control I(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    action drop() { mark_to_drop(std); }
    action_profile(4) profile;
    table t {
        key = { hdr.h.a : ternary; hdr.h.b : exact; }
        actions = { drop; NoAction; }
        const entries = {
            (_, 1): drop();
            (5, 1): NoAction();
            (5, 2): NoAction();
        }
    }
    table through {
        key = { hdr.h.a : exact; }
        actions = { drop; }
        default_action = drop();
        implementation = profile;
    }
    apply { t.apply(); through.apply(); }
}
control E(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) { apply { } }
control C(inout headers_t hdr, inout metadata_t meta) { apply { } }
control D(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.h); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
