// Every kind of table: for the tests of lookups, action profiles, counters, meters and registers.
#include <core.p4>
#define V1MODEL_VERSION 20200408
#include <v1model.p4>

header request_t {
    bit<8>   test;
    bit<8>   small;
    bit<16>  medium;
    bit<32>  address;
    bit<128> wide;
    bit<32>  entropy;
    bit<32>  result;
}

struct headers_t {
    request_t request;
}

struct metadata_t {
    bit<2> colour;
}

parser TestParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
         inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.request);
        transition accept;
    }
}

control TestVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control TestIngress(inout headers_t hdr, inout metadata_t meta,
                inout standard_metadata_t standard_metadata) {
    direct_counter(CounterType.packets_and_bytes) exact_counter;
    direct_meter<bit<2>>(MeterType.packets) meter_by_entry;
    counter<bit<4>>(16, CounterType.packets_and_bytes) totals;
    meter<bit<4>>(16, MeterType.bytes) byte_meter;
    register<bit<48>, bit<4>>(16) memory;
    action_selector(HashAlgorithm.crc16, 8, 16) members;
    action_profile(4) profile;

    action answer(bit<32> value) {
        hdr.request.result = value;
    }
    action metered() {
        meter_by_entry.read(meta.colour);
    }
    action drop() {
        mark_to_drop(standard_metadata);
    }

    table by_exact {
        key = {
            hdr.request.small: exact;
            hdr.request.medium: exact;
        }
        actions = { answer; drop; NoAction; }
        default_action = answer(0xdefa);
        counters = exact_counter;
        size = 4;
    }
    table by_action {
        key = { hdr.request.small: exact; }
        actions = { answer; drop; NoAction; }
    }
    table by_wide {
        key = { hdr.request.wide: exact; }
        actions = { answer; NoAction; }
    }
    table by_prefix {
        key = {
            hdr.request.small: exact;
            hdr.request.address: lpm;
        }
        actions = { answer; NoAction; }
    }
    table by_wide_prefix {
        key = { hdr.request.wide: lpm; }
        actions = { answer; NoAction; }
    }
    table by_mask {
        key = {
            hdr.request.medium: ternary;
            hdr.request.small: optional;
            hdr.request.isValid(): exact;
        }
        actions = { answer; NoAction; }
    }
    table by_range {
        key = {
            hdr.request.medium: range;
            hdr.request.small: ternary;
        }
        actions = { answer; NoAction; }
    }
    table fixed {
        key = { hdr.request.medium: ternary; }
        actions = { answer; NoAction; }
        const default_action = answer(9);
        const entries = {
            0x1000 &&& 0xf000: answer(1);
            0x1200 &&& 0xff00: answer(2);
            0x2000: answer(3);
        }
    }
    table by_member {
        key = { hdr.request.small: exact; }
        actions = { answer; drop; NoAction; }
        implementation = profile;
    }
    table by_group {
        key = {
            hdr.request.small: exact;
            hdr.request.entropy: selector;
        }
        actions = { answer; drop; NoAction; }
        implementation = members;
    }
    table by_meter {
        key = { hdr.request.small: exact; }
        actions = { metered; NoAction; }
        meters = meter_by_entry;
    }

    apply {
        standard_metadata.egress_spec = 2;
        if (hdr.request.test == 1) {
            by_exact.apply();
        } else if (hdr.request.test == 2) {
            by_wide.apply();
        } else if (hdr.request.test == 3) {
            by_prefix.apply();
        } else if (hdr.request.test == 4) {
            by_wide_prefix.apply();
        } else if (hdr.request.test == 5) {
            by_mask.apply();
        } else if (hdr.request.test == 6) {
            by_range.apply();
        } else if (hdr.request.test == 7) {
            fixed.apply();
        } else if (hdr.request.test == 8) {
            by_member.apply();
        } else if (hdr.request.test == 9) {
            if (by_group.apply().miss) {
                hdr.request.result = 0x3155;
            }
        } else if (hdr.request.test == 10) {
            by_meter.apply();
            hdr.request.result = (bit<32>)meta.colour;
        } else if (hdr.request.test == 11) {
            totals.count(hdr.request.small[3:0]);
        } else if (hdr.request.test == 12) {
            bit<2> colour;
            byte_meter.execute_meter(hdr.request.small[3:0], colour);
            hdr.request.result = (bit<32>)colour;
        } else if (hdr.request.test == 13) {
            bit<48> value;
            memory.read(value, hdr.request.small[3:0]);
            memory.write(hdr.request.small[3:0], value + (bit<48>)hdr.request.address);
            hdr.request.result = value[31:0];
        } else if (hdr.request.test == 14) {
            switch (by_action.apply().action_run) {
                answer: { hdr.request.entropy = 1; }
                drop: { hdr.request.entropy = 2; }
            }
        }
    }
}

control TestEgress(inout headers_t hdr, inout metadata_t meta,
               inout standard_metadata_t standard_metadata) {
    apply {}
}

control TestCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control TestDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.request);
    }
}

V1Switch(TestParser(), TestVerify(), TestIngress(), TestEgress(),
         TestCompute(), TestDeparser()) main;
