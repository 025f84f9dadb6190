// Arithmetic in all widths: the result of each operation, cut to the width of its field.
#include <core.p4>
#define V1MODEL_VERSION 20200408
#include <v1model.p4>

header input_t {
    bit<8>   a;
    bit<8>   b;
    int<8>   s;
    int<8>   t;
    bit<64>  c;
    bit<64>  d;
    bit<128> x;
    bit<128> y;
    bit<200> v;
    bit<200> w;
    bit<8>   n;
}

header output_t {
    bit<8>   sum;
    bit<8>   difference;
    bit<16>  product;
    bit<8>   saturated_sum;
    bit<8>   saturated_difference;
    int<8>   signed_sum;
    int<8>   signed_saturated;
    int<8>   signed_shift;
    bit<8>   signed_less;
    bit<64>  long_sum;
    bit<64>  long_shift;
    bit<8>   long_greater;
    bit<128> wide_sum;
    bit<128> wide_product;
    bit<128> wide_shift;
    bit<8>   wide_less;
    bit<200> huge_sum;
    bit<200> huge_shift;
    bit<8>   slices;
    bit<16>  joined;
    bit<8>   chosen;
    bit<8>   logic;
    bit<16>  crc16_hash;
    bit<32>  crc32_hash;
    bit<16>  checksum;
    bit<16>  identity_hash;
}

struct headers_t {
    input_t  i;
    output_t o;
}

struct metadata_t {}

parser TestParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
         inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.i);
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
        hdr.o.setValid();
        hdr.o.sum = hdr.i.a + hdr.i.b;
        hdr.o.difference = hdr.i.a - hdr.i.b;
        hdr.o.product = (bit<16>)hdr.i.a * (bit<16>)hdr.i.b;
        hdr.o.saturated_sum = hdr.i.a |+| hdr.i.b;
        hdr.o.saturated_difference = hdr.i.a |-| hdr.i.b;
        hdr.o.signed_sum = hdr.i.s + hdr.i.t;
        hdr.o.signed_saturated = hdr.i.s |+| hdr.i.t;
        hdr.o.signed_shift = hdr.i.s >> 2;
        if (hdr.i.s < hdr.i.t) {
            hdr.o.signed_less = 1;
        }
        hdr.o.long_sum = hdr.i.c + hdr.i.d;
        hdr.o.long_shift = hdr.i.c << hdr.i.n;
        if (hdr.i.c > hdr.i.d) {
            hdr.o.long_greater = 1;
        }
        hdr.o.wide_sum = hdr.i.x + hdr.i.y;
        hdr.o.wide_product = hdr.i.x * hdr.i.y;
        hdr.o.wide_shift = (hdr.i.x << 20) | (bit<128>)hdr.i.a;
        if (hdr.i.x < hdr.i.y) {
            hdr.o.wide_less = 1;
        }
        hdr.o.huge_sum = hdr.i.v + hdr.i.w;
        hdr.o.huge_shift = hdr.i.v >> hdr.i.n;
        hdr.o.slices = hdr.i.c[35:28] ^ hdr.i.x[127:120];
        hdr.o.joined = hdr.i.a ++ hdr.i.b;
        hdr.o.chosen = hdr.i.a > hdr.i.b ? hdr.i.a : ~hdr.i.b;
        if (!(hdr.i.a == 0) && (hdr.i.b != 7 || hdr.i.n >= 3)) {
            hdr.o.logic = (hdr.i.a & hdr.i.b) | (hdr.i.a ^ 0x5a);
        }
        hash(hdr.o.crc16_hash, HashAlgorithm.crc16, (bit<16>)0, { hdr.i.a, hdr.i.c, hdr.i.x },
             (bit<32>)65536);
        hash(hdr.o.crc32_hash, HashAlgorithm.crc32, (bit<16>)10, { hdr.i.a, hdr.i.c, hdr.i.x },
             (bit<32>)1000);
        hash(hdr.o.checksum, HashAlgorithm.csum16, (bit<16>)0, { hdr.i.a, hdr.i.c, hdr.i.x },
             (bit<32>)65536);
        hash(hdr.o.identity_hash, HashAlgorithm.identity, (bit<16>)0, { hdr.i.a, hdr.i.b },
             (bit<32>)65536);
        hdr.i.setInvalid();
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
        packet.emit(hdr);
    }
}

V1Switch(TestParser(), TestVerify(), TestIngress(), TestEgress(),
         TestCompute(), TestDeparser()) main;
