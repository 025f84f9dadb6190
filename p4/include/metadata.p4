// What one packet carries from step to step.

// The next step of the ingress pipeline.
const bit<3> STEP_DONE = 0;       // punted, dropped, or sent out by the daemon
const bit<3> STEP_LABEL = 1;      // look up the top label
const bit<3> STEP_IP = 2;         // look up the IP destination
const bit<3> STEP_FORWARD = 3;    // to the path group

// What the ILM says about a label.
const bit<3> LABEL_UNKNOWN = 0;
const bit<3> LABEL_SWAP = 1;
const bit<3> LABEL_POP_FORWARD = 2;
const bit<3> LABEL_POP_IP = 3;
const bit<3> LABEL_POP_LABEL = 4;
const bit<3> LABEL_EXPLICIT_NULL = 5;
const bit<3> LABEL_PUNT = 6;

// What lies below the bottom of the stack. Known from the FEC, never guessed (RFC 9790);
// 0 when the FEC does not tell.
const bit<2> PAYLOAD_IPV4 = 1;
const bit<2> PAYLOAD_IPV6 = 2;

// The meter colour of v1model that means: over the peak rate.
const bit<2> COLOUR_RED = 2;

struct metadata_t {
    bit<3> step;
    port_num_t ingress_port;
    bit<1> mpls_enabled;
    bit<1> admitted;
    vrf_t vrf;
    label_space_t label_space;

    // The label stack as parsed: number of entries, whether the bottom is among them, and the
    // label values, the last one in the low bits (the flow hash reads them).
    bit<8> labels_parsed;
    bit<1> bottom_parsed;
    bit<160> label_values;

    bit<3> label_operation;
    bit<1> ttl_pipe;
    bit<2> payload;
    // The S bit of the label popped last.
    bit<1> popped_bottom;
    bit<8> popped_count;
    bit<32> popped_1;
    bit<32> popped_2;
    bit<32> popped_3;

    // RFC 3443: the TTL that this router decrements, and the TC that goes on.
    bit<8> ttl;
    bit<1> label_ttl_expired;
    bit<3> tc;
    bit<1> ipv4_rewritten;

    bit<16> flow_hash;
    path_group_t path_group;
    nhlfe_t nhlfe;
    // The NHLFE pushes under the pipe model.
    bit<1> push_pipe;

    bit<7> punt_reason;
    bit<8> drop_reason;
    bit<2> punt_colour;
}
