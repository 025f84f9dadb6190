#include "../include/begin.p4"
register<bit<8>>(4) idle;
bit<8> helper(in bit<8> x) { return x; }
action outside() { }
control TheIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    counter(4, CounterType.packets) seen;
    bit<8> nothing;
    @noWarn("unused") bit<8> wanted;
    action drop() { mark_to_drop(std); }
    action used() { }
    table t { actions = { used; } }
    table never { actions = { used; } }
    apply { t.apply(); }
}
#include "../include/end.p4"
