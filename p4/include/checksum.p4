// The IPv4 header checksum, with and without options, and the UDP checksum of tunnels that end here.
//
// A bad checksum only matters to a router that looks at the IP header (RFC 1812 section 5.2.2); a
// label switched packet passes as it is, and its checksum is touched only if its TTL is.

#define IPV4_FIELDS                                                                     \
    hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.dscp, hdr.ipv4.ecn, hdr.ipv4.total_length, \
    hdr.ipv4.identification, hdr.ipv4.reserved, hdr.ipv4.dont_fragment,                 \
    hdr.ipv4.more_fragments, hdr.ipv4.fragment_offset, hdr.ipv4.ttl, hdr.ipv4.protocol, \
    hdr.ipv4.src_addr, hdr.ipv4.dst_addr

control MplsVerifyChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum(hdr.ipv4.isValid() && !hdr.ipv4_options.isValid(),
                        { IPV4_FIELDS },
                        hdr.ipv4.header_checksum, HashAlgorithm.csum16);
        verify_checksum(hdr.ipv4.isValid() && hdr.ipv4_options.isValid(),
                        { IPV4_FIELDS, hdr.ipv4_options.options },
                        hdr.ipv4.header_checksum, HashAlgorithm.csum16);
        // A tunnel that ends here (RFC 7510 section 3.1). In the data is the checksum itself, as 0 and
        // 0xffff are the same there (RFC 768).
        verify_checksum_with_payload(meta.resume == RESUME_TUNNEL && hdr.ipv4.isValid() &&
                                     hdr.udp_tail.isValid(),
                                     { hdr.ipv4.src_addr, hdr.ipv4.dst_addr, 8w0,
                                       hdr.ipv4.protocol, hdr.udp_tail.length,
                                       hdr.ports.src_port, hdr.ports.dst_port,
                                       hdr.udp_tail.length, hdr.udp_tail.checksum },
                                     meta.zero, HashAlgorithm.csum16);
        verify_checksum_with_payload(meta.resume == RESUME_TUNNEL && hdr.ipv6.isValid() &&
                                     hdr.udp_tail.isValid(),
                                     { hdr.ipv6.src_addr, hdr.ipv6.dst_addr, 8w0,
                                       hdr.ipv6.next_header, hdr.udp_tail.length,
                                       hdr.ports.src_port, hdr.ports.dst_port,
                                       hdr.udp_tail.length, hdr.udp_tail.checksum },
                                     meta.zero, HashAlgorithm.csum16);
    }
}

control MplsComputeChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(meta.ipv4_rewritten == 1 && !hdr.ipv4_options.isValid(),
                        { IPV4_FIELDS },
                        hdr.ipv4.header_checksum, HashAlgorithm.csum16);
        update_checksum(meta.ipv4_rewritten == 1 && hdr.ipv4_options.isValid(),
                        { IPV4_FIELDS, hdr.ipv4_options.options },
                        hdr.ipv4.header_checksum, HashAlgorithm.csum16);
        update_checksum(hdr.tunnel_ipv4.isValid(),
                        { hdr.tunnel_ipv4.version, hdr.tunnel_ipv4.ihl, hdr.tunnel_ipv4.dscp,
                          hdr.tunnel_ipv4.ecn, hdr.tunnel_ipv4.total_length,
                          hdr.tunnel_ipv4.identification, hdr.tunnel_ipv4.reserved,
                          hdr.tunnel_ipv4.dont_fragment, hdr.tunnel_ipv4.more_fragments,
                          hdr.tunnel_ipv4.fragment_offset, hdr.tunnel_ipv4.ttl,
                          hdr.tunnel_ipv4.protocol, hdr.tunnel_ipv4.src_addr,
                          hdr.tunnel_ipv4.dst_addr },
                        hdr.tunnel_ipv4.header_checksum, HashAlgorithm.csum16);
    }
}
