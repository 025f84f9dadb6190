// An IPv4 router as many of them are written: checksums, options, sub-parsers, direct counters.
#include <core.p4>
#define V1MODEL_VERSION 20200408
#include <v1model.p4>

#define MAX_PORTS 512
#define FIELD(name, width) bit<width> name

const bit<16> TYPE_IPV4 = 0x800;

header ethernet_t {
    FIELD(dst, 48);
    FIELD(src, 48);
    FIELD(type, 16);
}

header ipv4_t {
    bit<4> version;
    bit<4> ihl;
    bit<8> tos;
    bit<16> total_length;
    bit<16> identification;
    bit<3> flags;
    bit<13> fragment;
    bit<8> ttl;
    bit<8> protocol;
    bit<16> checksum;
    bit<32> src;
    bit<32> dst;
    varbit<320> options;
}

@controller_header("packet_in")
header packet_in_t {
    @id(1) bit<16> port;
}

struct headers_t {
    packet_in_t packet_in;
    ethernet_t ethernet;
    ipv4_t ipv4;
}

struct metadata_t {
    @field_list(1) bit<32> next_hop;
}

parser RouterParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            TYPE_IPV4 : ipv4;
            default : accept;
        }
    }
    state ipv4 {
        bit<4> ihl = packet.lookahead<bit<8>>()[3:0];
        verify(ihl >= 5, error.ParserInvalidArgument);
        packet.extract(hdr.ipv4, ((bit<32>) ihl - 5) * 32);
        transition accept;
    }
}

control Verify(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum(hdr.ipv4.isValid(),
                        { hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.tos, hdr.ipv4.total_length,
                          hdr.ipv4.identification, hdr.ipv4.flags, hdr.ipv4.fragment,
                          hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst,
                          hdr.ipv4.options },
                        hdr.ipv4.checksum, HashAlgorithm.csum16);
    }
}

control RouterIngress(inout headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t std) {
    counter<PortId_t>(MAX_PORTS, CounterType.packets) ports;
    action drop() {
        mark_to_drop(std);
    }
    action forward(bit<32> next_hop, PortId_t port) {
        meta.next_hop = next_hop;
        std.egress_spec = port;
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
    }
    table routes {
        key = { hdr.ipv4.dst : lpm; }
        actions = { forward; drop; }
        default_action = drop();
        const entries = {
            0x0a000000 &&& 0xff000000 : forward(1, 2);
            0x0a010203 : drop();
            _ : forward(9, 10);
        }
    }
    apply {
        ports.count(std.ingress_port);
        if (hdr.ipv4.isValid() && hdr.ipv4.ttl > 1) {
            routes.apply();
        } else {
            clone_preserving_field_list(CloneType.I2E, 5, 1);
            drop();
        }
    }
}

control RouterEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply {
        if (std.egress_port == 510) {
            hdr.packet_in = { (bit<16>) std.ingress_port };
        }
    }
}

control Update(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.ipv4.isValid(),
                        { hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.tos, hdr.ipv4.total_length,
                          hdr.ipv4.identification, hdr.ipv4.flags, hdr.ipv4.fragment,
                          hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst,
                          hdr.ipv4.options },
                        hdr.ipv4.checksum, HashAlgorithm.csum16);
    }
}

control RouterDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

V1Switch(RouterParser(), Verify(), RouterIngress(), RouterEgress(), Update(),
         RouterDeparser()) main;
