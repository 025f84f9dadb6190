// Everything of the language that the compiler takes, at least once.
#define OWN_PARSER
#include "begin.p4"

const bit<8> EIGHT = 8;
const int HUGE = 1 << 100;
const bit<8> FOLDED = (bit<8>) (HUGE >> 98) + (EIGHT[3:2] ++ 6w1);
const bool ASSERTED = static_assert(FOLDED == 8w0x85, "constants are folded");
const mpls_t DEFAULT_ENTRY = { label = 16, tc = 0, bos = 1, ttl = 64 };
const tuple<bit<8>, bool> PAIR = { 1, true };

error { LabelTooSmall }

struct digest_t {
    bit<20> label;
    bit<9> port;
}

bit<8> smaller(in bit<8> a, in bit<8> b) {
    if (a < b) {
        return a;
    }
    return b;
}

action clear(inout bit<32> x) {
    x = 0;
}

parser Labels(packet_in packet, out headers_t hdr, in bit<8> limit)(bit<1> last) {
    bit<8> count = 0;
    state start {
        packet.extract(hdr.mpls.next);
        count += 1;
        verify(hdr.mpls.last.label > 2, error.LabelTooSmall);
        transition select(hdr.mpls.last.bos, count == limit, hdr.mpls.lastIndex) {
            (last, _, _) : accept;
            (_, true, _) : accept;
            (_, _, 3 .. 4) : accept;
            default : start;
        }
    }
}

parser TheParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                 inout standard_metadata_t std) {
    value_set<bit<48>>(4) station_macs;
    Labels(1) labels;
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.dst, hdr.ethernet.type) {
            (0x0180c2000000 &&& 0xfffffffffff0, _) : reject;
            (_, ether_type_t.MPLS) : mpls;
            default : other;
        }
    }
    state mpls {
        labels.apply(packet, hdr, 3);
        transition accept;
    }
    state other {
        packet.advance(16);
        meta.hit = packet.lookahead<bit<1>>() == 1;
        transition select(hdr.ethernet.src) {
            station_macs : accept;
            default : reject;
        }
    }
}

control Hash(in headers_t hdr, inout metadata_t meta)(bit<32> seed, bool wide) {
    apply {
        hash(meta.hash, HashAlgorithm.crc32, 32w0,
             { hdr.ethernet.src, hdr.ethernet.dst, seed }, 32w0xffff);
        if (wide) {
            meta.hash = meta.hash ^ seed;
        }
    }
}

control Count(in bit<9> port) {
    @name("port_packets") counter(512, CounterType.packets) packets;
    apply {
        packets.count((bit<32>) port);
    }
}

control TheIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    Hash(7, true) hash_a;
    Hash(wide = false, seed = 9) hash_b;
    register<bit<32>>(16) last_hash;
    direct_counter(CounterType.packets_and_bytes) ilm_counter;
    direct_meter<bit<2>>(MeterType.packets) ilm_meter;
    bit<2> colour = 0;
    bit<32> scratch = 0;

    action drop() {
        mark_to_drop(std);
    }
    action swap(in bit<8> ttl, bit<20> label, @optional_note("x") bit<9> port) {
        ilm_meter.read(colour);
        hdr.mpls[0].label = label;
        hdr.mpls[0].ttl = smaller(ttl, 64);
        std.egress_spec = port;
    }
    action pop(bit<9> port) {
        hdr.mpls.pop_front(1);
        std.egress_spec = port;
    }
    @name("push_one") action push(bit<20> label) {
        hdr.mpls.push_front(1);
        hdr.mpls[0].setValid();
        hdr.mpls[0] = { label, 0, 0, 64 };
    }

    table ilm {
        key = {
            hdr.mpls[0].label : exact @name("label");
            hdr.mpls[0].isValid() : exact;
        }
        actions = { swap(hdr.mpls[0].ttl); pop; @defaultonly drop; }
        default_action = drop();
        size = 1024;
        counters = ilm_counter;
        meters = ilm_meter;
    }
    table ftn {
        key = {
            hdr.ethernet.dst[47:24] : ternary;
            std.ingress_port & 0x1f : range;
            meta.vrf : optional;
        }
        actions = { push; NoAction; }
        entries = {
            (0xaabbcc, 1 .. 4, _) : push(100);
            (0x110000 &&& 0xff0000, _, (vrf_t) 7) : push(label = 200);
        }
    }
    table nhlfe {
        key = {
            meta.vrf : exact;
            meta.hash : selector;
        }
        actions = { push; drop; }
        implementation = action_selector(HashAlgorithm.crc16, 64, 10);
        size = 64;
    }
    table fixed_entries {
        key = { hdr.ethernet.type : exact; }
        actions = { push; drop; }
        const default_action = drop;
        const entries = {
            ether_type_t.IPV4 : push(16);
            ether_type_t.MPLS : push(17);
        }
    }

    apply {
        hash_a.apply(hdr, meta);
        hash_b.apply(hdr, meta);
        Count.apply(std.ingress_port);
        clear(scratch);
        if (hdr.mpls[0].isValid() && ilm.apply().hit) {
            last_hash.write((bit<32>) std.ingress_port & 15, meta.hash);
        } else if (!hdr.ethernet.isValid()) {
            drop();
            exit;
        }
        switch (ftn.apply().action_run) {
            push: {
                nhlfe.apply();
            }
            NoAction:
            default: {
                fixed_entries.apply();
            }
        }
        switch (hdr.ethernet.type) {
            ether_type_t.IPV4: { scratch = 4; }
            ether_type_t.MPLS: { scratch = 6; }
            default: { }
        }
        if (scratch |+| 1 == 5 || (int<8>) hdr.mpls[0].ttl < -1) {
            hdr.mpls[1] = DEFAULT_ENTRY;
            hdr.mpls[1].ttl = PAIR[1] ? PAIR[0] : 2;
            hdr.ethernet.dst[7:0] = hdr.mpls[1].ttl;
        }
        if (colour == V1MODEL_METER_COLOR_RED) {
            digest<digest_t>(1, { hdr.mpls[0].label, std.ingress_port });
            return;
        }
        random(scratch, 0, 255);
        log_msg("hash {} of {}", { meta.hash, scratch });
    }
}

#include "end.p4"
