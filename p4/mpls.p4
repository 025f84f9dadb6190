// p4lsr: MPLS forwarding for v1model (BMv2, p4-switch).
//
//   ingress                                                          egress
//   admission ──► label lookup ──► IP lookup ──► forward ──► verdict ──► NHLFE ──► EtherType
//   port, station   ILM, 1 to 3      FTN of the    TTL, path   punts       push,
//   MAC, control    labels           VRF           group       and drops   MAC rewrite
//
// ILM and FTN name a path group, a path group picks an NHLFE, and the NHLFE says which labels and MAC
// addresses the packet leaves with (RFC 3031 sections 3.10 to 3.12).

#define V1MODEL_VERSION 20200408
#include <core.p4>
#include <v1model.p4>

#include "include/sizes.p4"
#include "include/ids.p4"
#include "include/headers.p4"
#include "include/metadata.p4"
#include "include/parser.p4"
#include "include/checksum.p4"
#include "include/admission.p4"
#include "include/label_lookup.p4"
#include "include/ip_lookup.p4"
#include "include/forward.p4"
#include "include/verdict.p4"
#include "include/nhlfe.p4"
#include "include/deparser.p4"

control MplsIngress(inout headers_t hdr,
                    inout metadata_t meta,
                    inout standard_metadata_t standard_metadata) {
    Admission() admission;
    LabelLookup() label_lookup;
    IpLookup() ip_lookup;
    Forward() forward;
    Verdict() verdict;

    apply {
        if (hdr.packet_out.isValid() && hdr.packet_out.submit_to_ingress == 0) {
            // The daemon sends a whole frame.
            standard_metadata.egress_spec = hdr.packet_out.egress_port;
        } else {
            admission.apply(hdr, meta);
            if (meta.step == STEP_LABEL) {
                label_lookup.apply(hdr, meta);
            }
            if (meta.step == STEP_IP) {
                ip_lookup.apply(hdr, meta, standard_metadata.packet_length,
                                standard_metadata.checksum_error);
            }
            if (meta.step == STEP_FORWARD) {
                forward.apply(hdr, meta, standard_metadata);
            }
            verdict.apply(hdr, meta, standard_metadata);
        }
    }
}

control MplsEgress(inout headers_t hdr,
                   inout metadata_t meta,
                   inout standard_metadata_t standard_metadata) {
    Nhlfe() nhlfe;

    apply {
        if (!hdr.packet_out.isValid() || hdr.packet_out.submit_to_ingress == 1) {
            if (!hdr.packet_in.isValid()) {
                nhlfe.apply(hdr, meta, standard_metadata);
            }
            // The EtherType names what now follows the Ethernet header.
            if (hdr.out_labels[0].isValid() || hdr.mpls[0].isValid()) {
                hdr.ethernet.ether_type = ETHERTYPE_MPLS;
            } else if (meta.payload == PAYLOAD_IPV4) {
                hdr.ethernet.ether_type = ETHERTYPE_IPV4;
            } else if (meta.payload == PAYLOAD_IPV6) {
                hdr.ethernet.ether_type = ETHERTYPE_IPV6;
            }
        }
    }
}

V1Switch(MplsParser(),
         MplsVerifyChecksum(),
         MplsIngress(),
         MplsEgress(),
         MplsComputeChecksum(),
         MplsDeparser()) main;
