// Headers of every form: for the tests of parser, stacks, checksums, errors and deparser.
#include <core.p4>
#define V1MODEL_VERSION 20200408
#include <v1model.p4>

header command_t {
    bit<8> test;
    bit<8> argument;
}

header item_t {
    bit<7> value;
    bit<1> last;
}

header options_t {
    bit<8>      length;
    varbit<320> data;
}

header mixed_t {
    bit<3>  a;
    bit<13> b;
    bit<1>  c;
    bit<71> d;
    int<8>  e;
}

header sum_t {
    bit<16> first;
    bit<16> second;
    bit<16> checksum;
}

header report_t {
    bit<32> error_value;
    bit<8>  checksum_error;
    bit<8>  size;
}

struct headers_t {
    command_t  command;
    report_t   report;
    item_t[4]  items;
    options_t  options;
    options_t  options_copy;
    mixed_t    mixed;
    sum_t      sum;
}

struct metadata_t {
    bit<8> next_value;
}

error {
    NotWelcome
}

parser TestParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
         inout standard_metadata_t standard_metadata) {
    value_set<bit<8>>(4) favourites;

    state start {
        packet.extract(hdr.command);
        transition select(hdr.command.test) {
            1 .. 3: items;
            4: options;
            5: mixed;
            6: sum;
            7: advance;
            8: verified;
            9: look;
            10: chosen;
            default: accept;
        }
    }
    state items {
        packet.extract(hdr.items.next);
        transition select(hdr.items.last.last) {
            0: items;
            default: accept;
        }
    }
    state options {
        packet.extract(hdr.options, (bit<32>)(packet.lookahead<bit<8>>()) << 3);
        transition accept;
    }
    state mixed {
        packet.extract(hdr.mixed);
        transition accept;
    }
    state sum {
        packet.extract(hdr.sum);
        transition accept;
    }
    state advance {
        packet.advance((bit<32>)hdr.command.argument << 3);
        packet.extract(hdr.sum);
        transition accept;
    }
    state verified {
        verify(hdr.command.argument != 13, error.NotWelcome);
        packet.extract(hdr.sum);
        transition accept;
    }
    state look {
        bit<16> ahead = packet.lookahead<bit<16>>();
        meta.next_value = ahead[7:0];
        transition select(ahead, hdr.command.argument) {
            (0x0100 &&& 0xff00, 1): sum;
            (_, 2): mixed;
            default: accept;
        }
    }
    state chosen {
        transition select(hdr.command.argument) {
            favourites: sum;
            default: accept;
        }
    }
}

control TestVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum(hdr.sum.isValid(), { hdr.sum.first, hdr.sum.second }, hdr.sum.checksum,
                        HashAlgorithm.csum16);
    }
}

control TestIngress(inout headers_t hdr, inout metadata_t meta,
                inout standard_metadata_t standard_metadata) {
    apply {
        standard_metadata.egress_spec = 2;
        if (hdr.command.test == 2) {
            hdr.items.push_front(1);
            hdr.items[0].setValid();
            hdr.items[0].value = hdr.command.argument[6:0];
        } else if (hdr.command.test == 3) {
            hdr.items.pop_front(2);
        } else if (hdr.command.test == 4) {
            hdr.options_copy = hdr.options;
        } else if (hdr.command.test == 5) {
            hdr.mixed.d = hdr.mixed.d + 1;
            if (hdr.mixed.e < 0) {
                hdr.mixed.c = 1;
            }
            hdr.mixed.e = hdr.mixed.e >> 1;
        } else if (hdr.command.test == 6) {
            hdr.sum.first = hdr.sum.first + 1;
        } else if (hdr.command.test == 9) {
            hdr.command.argument = meta.next_value;
        }
        hdr.report.setValid();
        hdr.report.error_value = 0;
        if (standard_metadata.parser_error == error.PacketTooShort) {
            hdr.report.error_value = 1;
        } else if (standard_metadata.parser_error == error.StackOutOfBounds) {
            hdr.report.error_value = 2;
        } else if (standard_metadata.parser_error == error.HeaderTooShort) {
            hdr.report.error_value = 3;
        } else if (standard_metadata.parser_error == error.NotWelcome) {
            hdr.report.error_value = 4;
        } else if (standard_metadata.parser_error != error.NoError) {
            hdr.report.error_value = 5;
        }
        hdr.report.checksum_error = (bit<8>)standard_metadata.checksum_error;
    }
}

control TestEgress(inout headers_t hdr, inout metadata_t meta,
               inout standard_metadata_t standard_metadata) {
    apply {
        hdr.report.size = (bit<8>)standard_metadata.packet_length;
    }
}

control TestCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.sum.isValid(), { hdr.sum.first, hdr.sum.second }, hdr.sum.checksum,
                        HashAlgorithm.csum16);
    }
}

control TestDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

V1Switch(TestParser(), TestVerify(), TestIngress(), TestEgress(),
         TestCompute(), TestDeparser()) main;
