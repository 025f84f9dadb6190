#include "begin.p4"
control TheIngress(inout headers_t hdr, inout headers_t meta, inout standard_metadata_t std) {
    apply { }
}
control TheVerify(in headers_t hdr, inout metadata_t meta) { apply { } }
control TheEgress(inout headers_t hdr, inout metadata_t meta) { apply { } }
control TheUpdate(inout headers_t hdr, inout metadata_t meta) { apply { } }
control TheDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr); }
}
V1Switch(TheUpdate(), TheVerify(), TheIngress(), TheEgress(), TheUpdate(), TheParser()) main;
