// Where a packet goes on that comes round.

control Resume(inout headers_t hdr,
               inout metadata_t meta,
               in bit<32> packet_length,
               in bit<1> checksum_error) {
    LeaveTunnel() leave_tunnel;

    apply {
        if (meta.resume == RESUME_ATTACHMENT) {
            // The customer's frame, on its way to the attachment circuit.
            meta.resume = RESUME_NONE;
            meta.length = (bit<16>)packet_length;
            meta.label_operation = LABEL_ATTACHMENT;
            meta.step = STEP_FORWARD;
        } else if (meta.resume == RESUME_LABEL) {
            meta.resume = RESUME_NONE;
            meta.length = (bit<16>)packet_length - 14;
            if (hdr.vlan.isValid()) {
                meta.length = meta.length - 4;
            }
            meta.step = STEP_LABEL;
        } else if (checksum_error == 1) {
            meta.resume = RESUME_NONE;
            meta.drop_reason = DROP_TUNNEL;
        } else {
            meta.step = STEP_RECIRCULATE;
            leave_tunnel.apply(hdr, meta);
        }
    }
}
