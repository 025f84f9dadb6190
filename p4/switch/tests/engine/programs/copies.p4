// Packets that become several, come again or are cut: clone, multicast, resubmit, recirculate,
// digest, truncate, drop, the CPU port.
#include <core.p4>
#define V1MODEL_VERSION 20200408
#include <v1model.p4>

header command_t {
    bit<8>  test;
    bit<8>  argument;
    bit<8>  round;
    bit<8>  instance_type;
    bit<16> port;
    bit<16> rid;
    bit<32> kept;
    bit<32> lost;
}

struct headers_t {
    command_t command;
}

struct metadata_t {
    @field_list(1)
    bit<32> kept;
    bit<32> lost;
    @field_list(1)
    bit<8>  round;
}

struct news_t {
    bit<8>  argument;
    bit<9>  port;
    bit<48> time;
}

parser TestParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
         inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.command);
        transition accept;
    }
}

control TestVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control TestIngress(inout headers_t hdr, inout metadata_t meta,
                inout standard_metadata_t standard_metadata) {
    apply {
        standard_metadata.egress_spec = 2;
        if (hdr.command.test == 1) {
            meta.kept = 0x11;
            meta.lost = 0x22;
            hdr.command.argument = 0xff;
            clone_preserving_field_list(CloneType.I2E, 5, 1);
        } else if (hdr.command.test == 2) {
            standard_metadata.mcast_grp = (bit<16>)hdr.command.argument;
        } else if (hdr.command.test == 3) {
            if (meta.round < hdr.command.argument) {
                meta.round = meta.round + 1;
                meta.kept = meta.kept + 10;
                meta.lost = 1;
                resubmit_preserving_field_list(1);
            }
        } else if (hdr.command.test == 5) {
            digest<news_t>(1, { hdr.command.argument, standard_metadata.ingress_port,
                                standard_metadata.ingress_global_timestamp });
        } else if (hdr.command.test == 6) {
            truncate((bit<32>)hdr.command.argument);
        } else if (hdr.command.test == 7) {
            mark_to_drop(standard_metadata);
        } else if (hdr.command.test == 8) {
            standard_metadata.egress_spec = 510;
        } else if (hdr.command.test == 9) {
            standard_metadata.mcast_grp = 1;
            mark_to_drop(standard_metadata);
            exit;
        }
        hdr.command.round = meta.round;
    }
}

control TestEgress(inout headers_t hdr, inout metadata_t meta,
               inout standard_metadata_t standard_metadata) {
    apply {
        hdr.command.instance_type = (bit<8>)standard_metadata.instance_type;
        hdr.command.port = (bit<16>)standard_metadata.egress_port;
        hdr.command.rid = standard_metadata.egress_rid;
        hdr.command.kept = meta.kept;
        hdr.command.lost = meta.lost;
        if (hdr.command.test == 4 && hdr.command.argument != 0) {
            hdr.command.argument = hdr.command.argument - 1;
            meta.kept = meta.kept + 1;
            meta.lost = 1;
            recirculate_preserving_field_list(1);
        } else if (hdr.command.test == 10 &&
                   standard_metadata.instance_type == 0) {
            meta.kept = 0x33;
            hdr.command.argument = 0xee;
            clone_preserving_field_list(CloneType.E2E, 5, 1);
            mark_to_drop(standard_metadata);
        } else if (hdr.command.test == 11) {
            mark_to_drop(standard_metadata);
        }
    }
}

control TestCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control TestDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.command);
    }
}

V1Switch(TestParser(), TestVerify(), TestIngress(), TestEgress(),
         TestCompute(), TestDeparser()) main;
