// Where a packet goes on that comes round.

control Resume(inout headers_t hdr, inout metadata_t meta, in bit<32> packet_length) {
    apply {
        if (meta.resume == RESUME_ATTACHMENT) {
            // The customer's frame, on its way to the attachment circuit.
            meta.length = (bit<16>)packet_length;
            meta.label_operation = LABEL_ATTACHMENT;
            meta.step = STEP_FORWARD;
        } else {
            meta.length = (bit<16>)packet_length - 14;
            if (hdr.vlan.isValid()) {
                meta.length = meta.length - 4;
            }
            meta.step = STEP_LABEL;
        }
        meta.resume = RESUME_NONE;
    }
}
