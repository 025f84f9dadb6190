#include "begin.p4"
#include "swap.p4"
control TheIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    SWAP(hdr.ethernet.dst, hdr.mpls[0].label)
    apply { swap(); COUNT }
}
#include "end.p4"
