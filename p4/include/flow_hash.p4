// The hash of a flow (RFC 7325 section 2.4.5.1): the label values that the parser and the label look-up
// have left to it, never TC, S or TTL; the IP header only where the FEC says that there is one
// (RFC 9790). CRC-32, of which each router takes other bits (path_group's hash_shift), so that
// routers in a row do not all choose alike.

control FlowHash(in headers_t hdr, inout metadata_t meta) {
    apply {
        bit<16> src_port = 0;
        bit<16> dst_port = 0;
        if (hdr.ports.isValid()) {
            src_port = hdr.ports.src_port;
            dst_port = hdr.ports.dst_port;
        }
        payload_t ip = meta.payload;
        bit<96> frame = 0;
        if (meta.label_operation == LABEL_ATTACHMENT) {
            frame = hdr.ethernet.dst_addr ++ hdr.ethernet.src_addr;
            if (meta.ether_type == ETHERTYPE_IPV4) {
                ip = PAYLOAD_IPV4;
            } else if (meta.ether_type == ETHERTYPE_IPV6) {
                ip = PAYLOAD_IPV6;
            }
        } else if (meta.label_operation == LABEL_SWAP || hdr.mpls[0].isValid()) {
            ip = 0;
        }
        if (ip == PAYLOAD_IPV4 && hdr.ipv4.isValid()) {
            hash(meta.flow_hash, HashAlgorithm.crc32, 32w0,
                 { frame, meta.shared_labels, hdr.ipv4.src_addr, hdr.ipv4.dst_addr,
                   hdr.ipv4.protocol, src_port, dst_port },
                 64w0x100000000);
        } else if (ip == PAYLOAD_IPV6 && hdr.ipv6.isValid()) {
            hash(meta.flow_hash, HashAlgorithm.crc32, 32w0,
                 { frame, meta.shared_labels, hdr.ipv6.src_addr, hdr.ipv6.dst_addr,
                   4w0, hdr.ipv6.flow_label, hdr.ipv6.next_header, src_port, dst_port },
                 64w0x100000000);
        } else {
            hash(meta.flow_hash, HashAlgorithm.crc32, 32w0,
                 { frame, meta.shared_labels },
                 64w0x100000000);
        }
    }
}
