// Deparser: what arrived, less what was popped, with what the NHLFE pushes in front.

control MplsDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.vlan);
        packet.emit(hdr.tunnel_ipv4);
        packet.emit(hdr.tunnel_ipv6);
        packet.emit(hdr.tunnel_udp);
        packet.emit(hdr.tunnel_gre);
        packet.emit(hdr.out_labels[0]);
        packet.emit(hdr.entropy_1);
        packet.emit(hdr.out_labels[1]);
        packet.emit(hdr.entropy_2);
        packet.emit(hdr.out_labels[2]);
        packet.emit(hdr.entropy_3);
        packet.emit(hdr.out_labels[3]);
        packet.emit(hdr.entropy_4);
        packet.emit(hdr.out_control_word);
        packet.emit(hdr.customer_ethernet);
        packet.emit(hdr.customer_vlan);
        packet.emit(hdr.mpls);
        packet.emit(hdr.control_word);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv4_options);
        packet.emit(hdr.ipv6);
        packet.emit(hdr.ports);
        packet.emit(hdr.udp_tail);
        packet.emit(hdr.gre);
    }
}
