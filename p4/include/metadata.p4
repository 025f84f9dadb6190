// What one packet carries from step to step.

// The next step of the ingress pipeline.
const bit<3> STEP_DONE = 0;         // punted, dropped, or sent out by the daemon
const bit<3> STEP_LABEL = 1;        // look up the top label
const bit<3> STEP_IP = 2;           // look up the IP destination
const bit<3> STEP_FORWARD = 3;      // to the path group, or to the branches
const bit<3> STEP_RECIRCULATE = 4;  // once more through the pipeline

// What the ILM says about a label.
const bit<4> LABEL_UNKNOWN = 0;
const bit<4> LABEL_SWAP = 1;
const bit<4> LABEL_POP_FORWARD = 2;
const bit<4> LABEL_POP_IP = 3;
const bit<4> LABEL_POP_LABEL = 4;
const bit<4> LABEL_EXPLICIT_NULL = 5;
const bit<4> LABEL_PUNT = 6;
const bit<4> LABEL_POP_ATTACHMENT = 7;
const bit<4> LABEL_ENTROPY = 8;
const bit<4> LABEL_DISCARD = 9;
// No label at all: the frame of an attachment circuit.
const bit<4> LABEL_ATTACHMENT = 10;

// What lies below the bottom of the stack. Known from the FEC, never guessed (RFC 9790);
// 0 when the FEC does not tell.
const payload_t PAYLOAD_IPV4 = 1;
const payload_t PAYLOAD_IPV6 = 2;

// 1 is the pipe model: whatever is not one of these.
const model_t MODEL_UNIFORM = 0;
const model_t MODEL_SHORT_PIPE = 2;

// How MPLS is carried in IP: key of tunnel_end.
const bit<2> TUNNEL_NONE = 0;
const bit<2> TUNNEL_UDP = 1;   // RFC 7510
const bit<2> TUNNEL_GRE = 2;   // RFC 4023 section 3.2
const bit<2> TUNNEL_IP = 3;    // RFC 4023 section 3.1

// Where a packet that comes round goes on.
const bit<2> RESUME_NONE = 0;
const bit<2> RESUME_LABEL = 1;        // more labels than one pass looks up, or a tunnel's inside
const bit<2> RESUME_ATTACHMENT = 2;   // a pseudowire's frame, to its attachment circuit
const bit<2> RESUME_TUNNEL = 3;       // a tunnel's end, to have its UDP checksum verified

// The meter colour of v1model that means: over the peak rate.
const bit<2> COLOUR_RED = 2;

// Metadata that a packet takes along when it comes round.
#define FIELD_LIST_RESUME 1

struct metadata_t {
    @field_list(FIELD_LIST_RESUME) bit<2> resume;
    @field_list(FIELD_LIST_RESUME) bit<3> recirculations;
    bit<1> recirculate;

    bit<3> step;
    @field_list(FIELD_LIST_RESUME) port_num_t ingress_port;
    vlan_id_t vlan_id;
    // The EtherType behind the tag, if there is one.
    bit<16> ether_type;
    // Octets behind the Ethernet header and the tag, less what was popped; of an attachment circuit's
    // frame all octets.
    bit<16> length;
    bit<1> mpls_enabled;
    bit<1> admitted;
    @field_list(FIELD_LIST_RESUME) vrf_t vrf;
    @field_list(FIELD_LIST_RESUME) label_space_t label_space;
    @field_list(FIELD_LIST_RESUME) qos_map_t interface_qos_map;

    // The label stack as parsed: number of entries, whether the bottom is among them, and the labels
    // that share load, the last one in the low bits.
    bit<8> labels_parsed;
    bit<1> bottom_parsed;
    bit<160> shared_labels;
    bit<8> shared_count;

    bit<4> label_operation;
    model_t model;
    payload_t payload;
    bit<1> control_word;
    // An entropy label is taken off with the label above it.
    bit<1> pop_entropy;
    // The S bit of the label popped last, and that label stack entry.
    bit<1> popped_bottom;
    bit<32> popped_last;
    @field_list(FIELD_LIST_RESUME) bit<8> popped_count;
    @field_list(FIELD_LIST_RESUME) bit<32> popped_1;
    @field_list(FIELD_LIST_RESUME) bit<32> popped_2;
    @field_list(FIELD_LIST_RESUME) bit<32> popped_3;

    // RFC 3443: the TTL that this router decrements. carried: it comes from a label popped above,
    // under the uniform model.
    @field_list(FIELD_LIST_RESUME) bit<8> ttl;
    @field_list(FIELD_LIST_RESUME) bit<1> ttl_carried;
    @field_list(FIELD_LIST_RESUME) bit<1> label_ttl_expired;

    // RFC 3270: the TC that tells the PHB, and the map that it is read by. known: a label gave it.
    qos_map_t label_qos_map;
    @field_list(FIELD_LIST_RESUME) bit<3> tc;
    @field_list(FIELD_LIST_RESUME) qos_map_t tc_qos_map;
    @field_list(FIELD_LIST_RESUME) bit<1> tc_known;
    @field_list(FIELD_LIST_RESUME) phb_t phb;
    // RFC 5129: congestion was marked on the way.
    @field_list(FIELD_LIST_RESUME) bit<1> congestion;
    phb_t dscp;
    // The priority of the 802.1Q tag.
    bit<3> pcp;
    // Out: the codes of the PHB.
    qos_map_t out_qos_map;
    bit<3> out_tc;
    bit<3> out_pcp;
    phb_t out_dscp;
    bit<1> out_dscp_known;
    bit<1> ipv4_rewritten;

    // The VRF of the FTN: that of the packet, or of its topology (RFC 7307).
    vrf_t ftn_vrf;
    bit<2> tunnel_kind;
    // What a checksum over a checksum has to be.
    bit<16> zero;
    bit<1> router_alert;
    bit<1> decapsulate;

    // Protection at the tail (RFC 6378): the pair of paths, and which of them this one is; as the ILM
    // entry of one label says, then of the packet.
    protection_t tail_protection;
    bit<1> tail_protecting;
    protection_t tail_selection;
    bit<1> tail_path;
    bit<1> selected_path;

    @field_list(FIELD_LIST_RESUME) path_group_t path_group;
    bit<32> flow_hash;
    protection_t protection;
    bit<1> protecting;
    bit<10> working_mask;
    bit<10> protecting_mask;
    bit<5> hash_shift;
    bit<10> bucket;
    nhlfe_t nhlfe;
    port_num_t port;
    bit<16> max_length;
    nhlfe_t backup_nhlfe;
    port_num_t backup_port;
    bit<16> backup_max_length;
    multicast_group_t multicast_group;

    // Out: what the NHLFE says.
    vlan_id_t out_vlan_id;
    bit<1> to_attachment;
    model_t push_model;
    bit<3> pushed;
    bit<3> entropy;
    bit<1> out_control_word;
    bit<1> upstream_assigned;
    bit<16> tunnel;

    bit<8> ip_protocol;
    bit<16> src_port;
    bit<16> dst_port;
    bit<7> punt_reason;
    bit<8> drop_reason;
    bit<2> punt_colour;
}
