#include "begin.p4"
control TheIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    @name(drop) action drop() { mark_to_drop(std); }
    @id(0x100000000) action other() { }
    @hidden(1) action third() { }
    @my_note[level = 3, text = hdr.mpls[0].ttl] action fourth() { }
    apply { }
}
@p4runtime_translation("mpls/vrf") type bit<16> translated_t;
struct lists_t { @field_list(300) bit<8> a; }
#include "end.p4"
