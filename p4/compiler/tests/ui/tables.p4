#include "begin.p4"
match_kind { fuzzy }
control TheIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    action drop() { mark_to_drop(std); }
    action swap(bit<20> label) { hdr.mpls[0].label = label; }
    action bound(in bit<8> ttl, bit<8> data) { hdr.mpls[0].ttl = ttl + data; }
    action structured(metadata_t data) { meta = data; }
    direct_counter(CounterType.packets) ilm_counter;
    table without_actions { key = { meta.hash : exact; } }
    table ilm {
        key = {
            hdr.mpls[0].label : exact;
            hdr.mpls[0].label + 1 : ternary;
            hdr.mpls[0].tc : similar;
            hdr.mpls[0].bos : fuzzy;
            hdr.ethernet : exact;
        }
        actions = { drop; drop; swap(1); bound; structured; hidden; meta; }
        default_action = forward();
        size = hdr.mpls[0].label;
        counters = drop;
        meters = ilm_counter;
        implementation = action_selector(HashAlgorithm.crc16, 16, 10, 1);
    }
    table ftn {
        key = { meta.hash : lpm; meta.vrf : exact; hdr.mpls[0].tc : ternary; }
        actions = { drop; swap; @tableonly bound(3); @defaultonly NoAction; }
        const default_action = bound(7);
        const entries = {
            (1 &&& 0xffffff00, (vrf_t) 1, _) : drop();
            (1 &&& 0x00ffffff, (vrf_t) 1, _) : drop();
            (1, _, 2 .. 3) : drop();
            (1, (vrf_t) 1) : drop();
            (1, (vrf_t) 1, 1) : swap();
            (1, (vrf_t) 1, 1) : swap(meta.hash[19:0]);
            priority = 4 : (1, (vrf_t) 1, 1) : swap(1);
            (1, (vrf_t) 1, 1) : NoAction();
        }
        size = 4;
    }
    table twice {
        key = { meta.hash : exact; }
        actions = { drop; }
        size = 1;
        size = 2;
    }
    apply {
        ftn.apply(1);
        ftn.insert();
        if (ftn.apply().found) { drop(); }
        switch (ftn.apply().action_run) {
            swap: { }
            set_label: { }
            Other: { }
            default: { }
            default: { }
        }
        meta.hit = ftn.apply().action_run;
    }
}
#include "end.p4"
