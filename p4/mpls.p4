// p4lsr: MPLS forwarding for v1model (BMv2, p4-switch).
//
//   ingress                                                                            egress
//   admission ──► label lookup ──► classify ──► IP lookup ──► forward ──► verdict ──► branch ──► NHLFE ──► tunnel
//   interface,    ILM, 1 to 3      PHB, ECN     FTN of the    TTL, path   punts                  push,
//   station MAC   labels                        VRF           group       and drops              MAC rewrite
//
// ILM and FTN name a path group, a path group picks an NHLFE, and the NHLFE says which labels and MAC
// addresses the packet leaves with (RFC 3031 sections 3.10 to 3.12). A packet with more labels than one
// pass looks up, the inside of a tunnel, and the frame of a pseudowire come round a second time.

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
#include "include/qos.p4"
#include "include/ip_lookup.p4"
#include "include/resume.p4"
#include "include/flow_hash.p4"
#include "include/forward.p4"
#include "include/verdict.p4"
#include "include/branch.p4"
#include "include/nhlfe.p4"
#include "include/tunnel.p4"
#include "include/rewrite.p4"
#include "include/deparser.p4"

control MplsIngress(inout headers_t hdr,
                    inout metadata_t meta,
                    inout standard_metadata_t standard_metadata) {
    Admission() admission;
    Resume() resume;
    LabelLookup() label_lookup;
    Classify() classify;
    IpLookup() ip_lookup;
    Forward() forward;
    Verdict() verdict;

    apply {
        if (hdr.packet_out.isValid() && hdr.packet_out.submit_to_ingress == 0) {
            // The daemon sends a whole frame.
            standard_metadata.egress_spec = hdr.packet_out.egress_port;
        } else {
            if (meta.resume == RESUME_NONE) {
                admission.apply(hdr, meta, standard_metadata.packet_length);
            } else {
                resume.apply(hdr, meta, standard_metadata.packet_length,
                             standard_metadata.checksum_error);
            }
            if (meta.step == STEP_LABEL) {
                label_lookup.apply(hdr, meta);
            }
            classify.apply(hdr, meta);
            if (meta.step == STEP_IP) {
                ip_lookup.apply(hdr, meta, standard_metadata.checksum_error);
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
    Rewrite() rewrite;

    apply {
        if (!hdr.packet_out.isValid() || hdr.packet_out.submit_to_ingress == 1) {
            rewrite.apply(hdr, meta, standard_metadata);
        }
    }
}

V1Switch(MplsParser(),
         MplsVerifyChecksum(),
         MplsIngress(),
         MplsEgress(),
         MplsComputeChecksum(),
         MplsDeparser()) main;
