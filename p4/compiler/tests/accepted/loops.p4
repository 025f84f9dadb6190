// Loops, and slices that move.
#include "begin.p4"
action fold(in bit<32> seed) { }
bit<32> power(in bit<32> base, in bit<8> exponent) {
    bit<32> result = 1;
    for (bit<8> i = 0; i < exponent; i = i + 1) {
        result = result * base;
    }
    return result;
}
control TheIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    bit<32> sum = 0;
    action rounds(bit<8> count) {
        for (bit<8> i = 0, bit<8> j = count; i < j; i = i + 1, j = j - 1) {
            if (i == 3) { continue; }
            for (bit<4> k in 0 .. 15) {
                if (sum[8 + 0 +: 8] > 100) { break; }
                sum[k +: 2] = 3;
            }
        }
    }
    table t {
        key = { meta.hash : exact; }
        actions = { rounds; NoAction; }
    }
    apply {
        t.apply();
        for (bit<8> i in 1 .. 4) {
            sum += power(2, i);
            fold(sum);
            if (sum > 1000) { exit; }
        }
        meta.hash = sum;
    }
}
#include "end.p4"
