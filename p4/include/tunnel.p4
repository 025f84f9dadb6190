// MPLS in UDP (RFC 7510), in GRE and in IP (RFC 4023): the outer header.

control Tunnel(inout headers_t hdr, inout metadata_t meta) {
    // The octets that follow the IP header.
    @hidden
    action outer_ipv4(bit<8> protocol, ipv4_addr_t src_addr, ipv4_addr_t dst_addr, bit<8> ttl,
                      phb_t dscp, bit<16> header_length) {
        hdr.tunnel_ipv4.setValid();
        hdr.tunnel_ipv4.version = 4;
        hdr.tunnel_ipv4.ihl = 5;
        hdr.tunnel_ipv4.dscp = dscp;
        hdr.tunnel_ipv4.ecn = 0;
        hdr.tunnel_ipv4.total_length = meta.length + 20 + header_length;
        hdr.tunnel_ipv4.identification = 0;
        hdr.tunnel_ipv4.reserved = 0;
        // RFC 4023 section 4.2: what does not fit is told to the sender, not cut on the way.
        hdr.tunnel_ipv4.dont_fragment = 1;
        hdr.tunnel_ipv4.more_fragments = 0;
        hdr.tunnel_ipv4.fragment_offset = 0;
        hdr.tunnel_ipv4.ttl = ttl;
        hdr.tunnel_ipv4.protocol = protocol;
        hdr.tunnel_ipv4.header_checksum = 0;
        hdr.tunnel_ipv4.src_addr = src_addr;
        hdr.tunnel_ipv4.dst_addr = dst_addr;
    }

    @hidden
    action outer_ipv6(bit<8> next_header, ipv6_addr_t src_addr, ipv6_addr_t dst_addr, bit<8> ttl,
                      phb_t dscp, bit<16> header_length) {
        hdr.tunnel_ipv6.setValid();
        hdr.tunnel_ipv6.version = 6;
        hdr.tunnel_ipv6.dscp = dscp;
        hdr.tunnel_ipv6.ecn = 0;
        // RFC 6438: the flow of what is inside.
        hdr.tunnel_ipv6.flow_label = meta.flow_hash[19:0];
        hdr.tunnel_ipv6.payload_length = meta.length + header_length;
        hdr.tunnel_ipv6.next_header = next_header;
        hdr.tunnel_ipv6.hop_limit = ttl;
        hdr.tunnel_ipv6.src_addr = src_addr;
        hdr.tunnel_ipv6.dst_addr = dst_addr;
    }

    // RFC 7510 section 3: the source port is of the dynamic ports and tells the flow; the checksum may
    // be 0, as each label switched packet is already what its sender made it.
    @hidden
    action outer_udp() {
        hdr.tunnel_udp.setValid();
        hdr.tunnel_udp.src_port = 2w3 ++ meta.flow_hash[13:0];
        hdr.tunnel_udp.dst_port = PORT_MPLS_IN_UDP;
        hdr.tunnel_udp.length = meta.length + 8;
        hdr.tunnel_udp.checksum = 0;
    }

    @hidden
    action outer_gre() {
        hdr.tunnel_gre.setValid();
        hdr.tunnel_gre.flags_version = 0;
        hdr.tunnel_gre.protocol = ETHERTYPE_MPLS;
    }

#define TUNNEL_PARAMETERS(ADDR)                                  \
        @id(1) ADDR src_addr, @id(2) ADDR dst_addr,              \
        @id(3) bit<8> ttl, @id(4) phb_t dscp

    @id(ACTION_UDP_IPV4_ID)
    action udp_ipv4(TUNNEL_PARAMETERS(ipv4_addr_t)) {
        outer_ipv4(PROTOCOL_UDP, src_addr, dst_addr, ttl, dscp, 8);
        outer_udp();
    }

    @id(ACTION_UDP_IPV6_ID)
    action udp_ipv6(TUNNEL_PARAMETERS(ipv6_addr_t)) {
        outer_ipv6(PROTOCOL_UDP, src_addr, dst_addr, ttl, dscp, 8);
        outer_udp();
    }

    @id(ACTION_GRE_IPV4_ID)
    action gre_ipv4(TUNNEL_PARAMETERS(ipv4_addr_t)) {
        outer_ipv4(PROTOCOL_GRE, src_addr, dst_addr, ttl, dscp, 4);
        outer_gre();
    }

    @id(ACTION_GRE_IPV6_ID)
    action gre_ipv6(TUNNEL_PARAMETERS(ipv6_addr_t)) {
        outer_ipv6(PROTOCOL_GRE, src_addr, dst_addr, ttl, dscp, 4);
        outer_gre();
    }

    @id(ACTION_MPLS_IN_IPV4_ID)
    action mpls_in_ipv4(TUNNEL_PARAMETERS(ipv4_addr_t)) {
        outer_ipv4(PROTOCOL_MPLS_IN_IP, src_addr, dst_addr, ttl, dscp, 0);
    }

    @id(ACTION_MPLS_IN_IPV6_ID)
    action mpls_in_ipv6(TUNNEL_PARAMETERS(ipv6_addr_t)) {
        outer_ipv6(PROTOCOL_MPLS_IN_IP, src_addr, dst_addr, ttl, dscp, 0);
    }

    @id(ACTION_NO_TUNNEL_ID)
    action no_tunnel() {
        meta.drop_reason = DROP_TUNNEL;
    }

    @id(TABLE_TUNNEL_ENCAPSULATION_ID)
    table tunnel_encapsulation {
        key = {
            meta.tunnel : exact @id(1) @name("tunnel");
        }
        actions = {
            udp_ipv4;
            udp_ipv6;
            gre_ipv4;
            gre_ipv6;
            mpls_in_ipv4;
            mpls_in_ipv6;
            @defaultonly no_tunnel;
        }
        const default_action = no_tunnel();
        size = TUNNEL_ENCAPSULATION_SIZE;
    }

    apply {
        tunnel_encapsulation.apply();
    }
}
