// One object of every kind that P4Runtime knows, for the tests of the server.

#define V1MODEL_VERSION 20200408
#include <core.p4>
#include <v1model.p4>

#define CPU_PORT 510
#define ETHERTYPE_PUNT 0x88b5
#define ETHERTYPE_LEARN 0x88b6

@controller_header("packet_in")
header packet_in_t {
    bit<9> ingress_port;
    bit<7> reason;
}

@controller_header("packet_out")
header packet_out_t {
    bit<9> egress_port;
    bit<7> unused;
}

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> ether_type;
}

header ipv4_t {
    bit<64> start;
    bit<32> rest;
    bit<32> src;
    bit<32> dst;
}

struct headers_t {
    packet_in_t packet_in;
    packet_out_t packet_out;
    ethernet_t ethernet;
    ipv4_t ipv4;
}

struct metadata_t {
    bit<2> colour;
}

struct learned_t {
    bit<48> src;
    bit<9> port;
}

parser TestParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard_metadata) {
    value_set<bit<16>>(2) ip_types;

    state start {
        transition select(standard_metadata.ingress_port) {
            CPU_PORT: packet_out;
            default: ethernet;
        }
    }
    state packet_out {
        packet.extract(hdr.packet_out);
        transition ethernet;
    }
    state ethernet {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            0x0800: ipv4;
            ip_types: ipv4;
            default: accept;
        }
    }
    state ipv4 {
        packet.extract(hdr.ipv4);
        transition accept;
    }
}

control TestVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control TestIngress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard_metadata) {
    direct_counter(CounterType.packets_and_bytes) exact_counter;
    direct_meter<bit<2>>(MeterType.packets) ternary_meter;
    counter<bit<4>>(16, CounterType.packets_and_bytes) port_counter;
    meter<bit<3>>(8, MeterType.bytes) port_meter;
    register<bit<32>, bit<3>>(8) cells;

    action drop() {
        mark_to_drop(standard_metadata);
    }
    action forward(bit<9> port) {
        standard_metadata.egress_spec = port;
    }
    action multicast(bit<16> group) {
        standard_metadata.mcast_grp = group;
    }
    action mirror() {
        clone(CloneType.I2E, 7);
    }
    action rewrite(bit<48> dst, bit<9> port) {
        hdr.ethernet.dst = dst;
        standard_metadata.egress_spec = port;
    }
    action read_colour() {
        ternary_meter.read(meta.colour);
    }

    table exact_table {
        key = { hdr.ethernet.dst: exact; }
        actions = { forward; multicast; mirror; drop; NoAction; }
        default_action = NoAction();
        counters = exact_counter;
        size = 4;
    }
    table lpm_table {
        key = { hdr.ipv4.dst: lpm; }
        actions = { forward; @tableonly drop; @defaultonly NoAction; }
        default_action = NoAction();
    }
    table ternary_table {
        key = {
            hdr.ethernet.src: ternary;
            hdr.ethernet.ether_type: exact;
        }
        actions = { read_colour; NoAction; }
        default_action = NoAction();
        meters = ternary_meter;
    }
    table range_table {
        key = { hdr.ethernet.ether_type: range; }
        actions = { drop; NoAction; }
        default_action = NoAction();
    }
    table optional_table {
        key = {
            hdr.ethernet.dst: optional;
            standard_metadata.ingress_port: optional;
        }
        actions = { drop; NoAction; }
        default_action = NoAction();
    }
    table const_table {
        key = { hdr.ethernet.ether_type: exact; }
        actions = { drop; NoAction; }
        const default_action = NoAction();
        const entries = {
            0xdead: drop();
            0xbeef: NoAction();
        }
    }
    table keyless_table {
        actions = { forward; NoAction; }
        default_action = NoAction();
    }
    table selector_table {
        key = {
            hdr.ethernet.dst: exact;
            hdr.ethernet.src: selector;
        }
        actions = { rewrite; NoAction; }
        @name("paths") implementation = action_selector(HashAlgorithm.crc16, 64, 14);
        size = 16;
    }
    table profile_table {
        key = { hdr.ethernet.src: exact; }
        actions = { forward; NoAction; }
        @name("hops") implementation = action_profile(2);
        size = 16;
    }

    apply {
        if (hdr.packet_out.isValid()) {
            standard_metadata.egress_spec = hdr.packet_out.egress_port;
            hdr.packet_out.setInvalid();
        } else {
            port_counter.count((bit<4>)standard_metadata.ingress_port);
            keyless_table.apply();
            lpm_table.apply();
            ternary_table.apply();
            optional_table.apply();
            selector_table.apply();
            profile_table.apply();
            exact_table.apply();
            range_table.apply();
            const_table.apply();
            if (hdr.ethernet.ether_type == ETHERTYPE_LEARN) {
                bit<32> seen;
                cells.read(seen, 0);
                cells.write(0, seen + 1);
                port_meter.execute_meter((bit<3>)standard_metadata.ingress_port, meta.colour);
                digest<learned_t>(1, { hdr.ethernet.src, standard_metadata.ingress_port });
            }
            if (hdr.ethernet.ether_type == ETHERTYPE_PUNT) {
                hdr.packet_in.setValid();
                hdr.packet_in.ingress_port = standard_metadata.ingress_port;
                hdr.packet_in.reason = 5;
                standard_metadata.egress_spec = CPU_PORT;
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
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

V1Switch(TestParser(), TestVerify(), TestIngress(), TestEgress(), TestCompute(), TestDeparser()) main;
