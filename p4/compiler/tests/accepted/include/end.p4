control TheVerify(inout headers_t hdr, inout metadata_t meta) { apply { } }
control TheEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply { }
}
control TheUpdate(inout headers_t hdr, inout metadata_t meta) { apply { } }
control TheDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr); }
}
V1Switch(TheParser(), TheVerify(), TheIngress(), TheEgress(), TheUpdate(), TheDeparser()) main;
