// The v1model architecture as the target simple_switch of BMv2 implements it: a parser, a
// control that verifies checksums, ingress, egress, a control that updates checksums, and a
// deparser. The behaviour is that of
// https://github.com/p4lang/behavioral-model/blob/main/docs/simple_switch.md.
//
// V1MODEL_VERSION 20200408 and later give indexed externs (counter, meter, register) a type
// parameter for their index, and name the type of port numbers.

#ifndef _V1_MODEL_P4_
#define _V1_MODEL_P4_

#include "core.p4"

#ifndef V1MODEL_VERSION
#define V1MODEL_VERSION 20180101
#endif

match_kind {
    /// From a lowest to a highest value, both included.
    range,
    /// All bits equal, or any value.
    optional,
    /// Not matched: an input of the hash of the table's action selector.
    selector
}

const bit<32> __v1model_version = V1MODEL_VERSION;

#if V1MODEL_VERSION >= 20200408
/// The number of a port of the switch.
typedef bit<9> PortId_t;
#endif

/// What the architecture and the program tell each other about a packet. `@alias` is the
/// name by which simple_switch itself knows a field.
@metadata @name("standard_metadata")
struct standard_metadata_t {
#if V1MODEL_VERSION >= 20200408
    /// Where the packet came in.
    PortId_t ingress_port;
    /// Where ingress sends the packet; mark_to_drop sets the port that drops.
    PortId_t egress_spec;
    /// In egress: the port where the packet goes out.
    PortId_t egress_port;
#else
    /// Where the packet came in.
    bit<9> ingress_port;
    /// Where ingress sends the packet; mark_to_drop sets the port that drops.
    bit<9> egress_spec;
    /// In egress: the port where the packet goes out.
    bit<9> egress_port;
#endif
    /// 0 for a packet from the wire, 1 and 2 for clones of ingress and egress, 4 for a
    /// recirculated packet, 5 for a replica, 6 for a resubmitted packet.
    bit<32> instance_type;
    /// Length in bytes.
    bit<32> packet_length;
    /// When the packet entered the egress queue, in microseconds since the switch started.
    @alias("queueing_metadata.enq_timestamp")
    bit<32> enq_timestamp;
    /// The queue's depth then, in packets.
    @alias("queueing_metadata.enq_qdepth")
    bit<19> enq_qdepth;
    /// How long the packet was queued, in microseconds.
    @alias("queueing_metadata.deq_timedelta")
    bit<32> deq_timedelta;
    /// The queue's depth when the packet left it, in packets.
    @alias("queueing_metadata.deq_qdepth")
    bit<19> deq_qdepth;
    /// When ingress began, in microseconds since the switch started.
    @alias("intrinsic_metadata.ingress_global_timestamp")
    bit<48> ingress_global_timestamp;
    /// When egress began, in microseconds since the switch started.
    @alias("intrinsic_metadata.egress_global_timestamp")
    bit<48> egress_global_timestamp;
    /// The multicast group to replicate to; 0 for none.
    @alias("intrinsic_metadata.mcast_grp")
    bit<16> mcast_grp;
    /// The replication id of this replica.
    @alias("intrinsic_metadata.egress_rid")
    bit<16> egress_rid;
    /// 1 when a verify_checksum found a wrong checksum.
    bit<1> checksum_error;
    /// What the parser signalled.
    error parser_error;
    /// The egress queue's priority.
    @alias("intrinsic_metadata.priority")
    bit<3> priority;
}

/// What a counter counts.
enum CounterType {
    packets,
    bytes,
    packets_and_bytes
}

/// What a meter measures.
enum MeterType {
    packets,
    bytes
}

/// An array of counters that the control plane reads. An index past the end counts nothing.
extern counter
#if V1MODEL_VERSION >= 20200408
<I>
#endif
{
    counter(bit<32> size, CounterType type);
    /// Counts the packet in the counter at `index`.
#if V1MODEL_VERSION >= 20200408
    void count(in I index);
#else
    void count(in bit<32> index);
#endif
}

/// One counter per entry of the table that names it in its `counters` property. Every packet
/// that hits the entry is counted, whether the action calls count() or not.
extern direct_counter {
    direct_counter(CounterType type);
    void count();
}

#define V1MODEL_METER_COLOR_GREEN  0
#define V1MODEL_METER_COLOR_YELLOW 1
#define V1MODEL_METER_COLOR_RED    2

/// An array of two-rate three-colour meters (RFC 2698).
extern meter
#if V1MODEL_VERSION >= 20200408
<I>
#endif
{
    meter(bit<32> size, MeterType type);
    /// Measures the packet in the meter at `index` and gives its colour, a
    /// V1MODEL_METER_COLOR_*. T is bit<W> with W at least 2.
#if V1MODEL_VERSION >= 20200408
    void execute_meter<T>(in I index, out T result);
#else
    void execute_meter<T>(in bit<32> index, out T result);
#endif
}

/// One meter per entry of the table that names it in its `meters` property.
extern direct_meter<T> {
    direct_meter(MeterType type);
    /// The colour that the meter of the matched entry gave the packet. T is bit<W> with W at
    /// least 2.
    void read(out T result);
}

/// An array of values that outlive a packet.
#if V1MODEL_VERSION >= 20200408
extern register<T, I>
#else
extern register<T>
#endif
{
    register(bit<32> size);
    /// The value at `index`; unspecified past the end.
    @noSideEffects
#if V1MODEL_VERSION >= 20200408
    void read(out T result, in I index);
#else
    void read(out T result, in bit<32> index);
#endif
    /// Stores `value` at `index`; past the end nothing is stored.
#if V1MODEL_VERSION >= 20200408
    void write(in I index, in T value);
#else
    void write(in bit<32> index, in T value);
#endif
}

/// As a table's `implementation`: the entries of the table name members of the profile, and
/// the members hold the actions.
extern action_profile {
    action_profile(bit<32> size);
}

/// A uniformly distributed random number from `lo` to `hi`, both included.
extern void random<T>(out T result, in T lo, in T hi);

/// Sends the values of `data` to the control plane. In ingress only.
extern void digest<T>(in bit<32> receiver, in T data);

/// The hash functions of simple_switch.
enum HashAlgorithm {
    crc32,
    crc32_custom,
    crc16,
    crc16_custom,
    random,
    identity,
    csum16,
    xor16
}

@deprecated("Please use mark_to_drop(standard_metadata) instead.")
extern void mark_to_drop();

/// Sets egress_spec to the port that drops, and mcast_grp to 0. Whether the packet is
/// dropped in the end depends on what later steps write to these fields.
@pure
extern void mark_to_drop(inout standard_metadata_t standard_metadata);

/// `result` becomes base + (hash of `data`) modulo `max`, or `base` if `max` is 0.
@pure
extern void hash<O, T, D, M>(out O result, in HashAlgorithm algo, in T base, in D data, in M max);

/// An action profile with groups: the hash of the key fields with match kind `selector`
/// picks the member of a group.
extern action_selector {
    action_selector(HashAlgorithm algorithm, bit<32> size, bit<32> outputWidth);
}

/// Which pipeline clones.
enum CloneType {
    /// Ingress to egress: the packet as it came in.
    I2E,
    /// Egress to egress: the packet as it goes out.
    E2E
}

@deprecated("Please use verify_checksum/update_checksum instead.")
extern Checksum16 {
    Checksum16();
    bit<16> get<D>(in D data);
}

/// If `condition` holds and the checksum of `data` differs from `checksum`, sets
/// checksum_error. In VerifyChecksum only.
extern void verify_checksum<T, O>(in bool condition, in T data, in O checksum, HashAlgorithm algo);

/// If `condition` holds, writes the checksum of `data` to `checksum`. In ComputeChecksum only.
@pure
extern void update_checksum<T, O>(in bool condition, in T data, inout O checksum, HashAlgorithm algo);

/// As verify_checksum, with the bytes that the parser left after `data`.
extern void verify_checksum_with_payload<T, O>(in bool condition, in T data, in O checksum, HashAlgorithm algo);

/// As update_checksum, with the bytes that the parser left after `data`.
@noSideEffects
extern void update_checksum_with_payload<T, O>(in bool condition, in T data, inout O checksum, HashAlgorithm algo);

/// Clones the packet to the ports of a clone session, with no user metadata.
extern void clone(in CloneType type, in bit<32> session);

@deprecated("Please use 'resubmit_preserving_field_list' instead")
extern void resubmit<T>(in T data);

/// At the end of ingress the packet, as it came in, goes to the parser again, with the user
/// metadata fields that are annotated with `@field_list(index)`.
extern void resubmit_preserving_field_list(bit<8> index);

@deprecated("Please use 'recirculate_preserving_field_list' instead")
extern void recirculate<T>(in T data);

/// At the end of egress the packet, as it was deparsed, goes to the parser again, with the
/// user metadata fields that are annotated with `@field_list(index)`.
extern void recirculate_preserving_field_list(bit<8> index);

@deprecated("Please use 'clone_preserving_field_list' instead")
extern void clone3<T>(in CloneType type, in bit<32> session, in T data);

/// Clones the packet to the ports of a clone session, with the user metadata fields that are
/// annotated with `@field_list(index)`. `type` is I2E in ingress and E2E in egress.
extern void clone_preserving_field_list(in CloneType type, in bit<32> session, bit<8> index);

/// Cuts the packet to at most `length` bytes when it leaves.
extern void truncate(in bit<32> length);

/// Stops the switch with a log line if `check` is false.
extern void assert(in bool check);

/// As assert; formal tools read it as a promise about the packets.
extern void assume(in bool check);

/// Writes `msg` to the switch's log.
extern void log_msg(string msg);
/// Writes `msg` to the switch's log, with each `{}` replaced by the next value of `data`.
extern void log_msg<T>(string msg, in T data);

// The package: M is a struct, H a struct whose members are headers, header stacks or header
// unions.

parser Parser<H, M>(packet_in b,
                    out H parsedHdr,
                    inout M meta,
                    inout standard_metadata_t standard_metadata);

/// Only calls of verify_checksum and verify_checksum_with_payload.
control VerifyChecksum<H, M>(inout H hdr,
                             inout M meta);
@pipeline
control Ingress<H, M>(inout H hdr,
                      inout M meta,
                      inout standard_metadata_t standard_metadata);
@pipeline
control Egress<H, M>(inout H hdr,
                     inout M meta,
                     inout standard_metadata_t standard_metadata);

/// Only calls of update_checksum and update_checksum_with_payload.
control ComputeChecksum<H, M>(inout H hdr,
                              inout M meta);

/// Only calls of packet_out.emit.
@deparser
control Deparser<H>(packet_out b, in H hdr);

package V1Switch<H, M>(Parser<H, M> p,
                       VerifyChecksum<H, M> vr,
                       Ingress<H, M> ig,
                       Egress<H, M> eg,
                       ComputeChecksum<H, M> ck,
                       Deparser<H> dep);

#endif
