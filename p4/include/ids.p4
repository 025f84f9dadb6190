// P4Runtime ids, and the numbers that the daemon and this program share.
//
// An id is never reused: what leaves the program keeps its line, marked as reserved.
// Tables 0x02.., actions 0x01.., action profiles 0x11.., counters 0x12.., direct counters 0x13..,
// direct meters 0x15.. (P4Runtime specification, "P4Info ID Allocation").

#define TABLE_PORT_CONFIG_ID     0x02000001
#define TABLE_STATION_MAC_ID     0x02000002
#define TABLE_CONTROL_PACKET_ID  0x02000003
#define TABLE_ILM_ID             0x02000010
#define TABLE_ILM_SECOND_ID      0x02000011
#define TABLE_ILM_THIRD_ID       0x02000012
#define TABLE_FTN_IPV4_ID        0x02000020
#define TABLE_FTN_IPV6_ID        0x02000021
#define TABLE_PATH_GROUP_ID      0x02000030
#define TABLE_NHLFE_ID           0x02000031
#define TABLE_PUNT_POLICY_ID     0x02000040

#define ACTION_SET_PORT_ID               0x01000001
#define ACTION_PORT_NOT_CONFIGURED_ID    0x01000002
#define ACTION_ADMIT_ID                  0x01000003
#define ACTION_NOT_ADMITTED_ID           0x01000004
#define ACTION_PUNT_CONTROL_ID           0x01000005
#define ACTION_NOT_CONTROL_ID            0x01000006
#define ACTION_SWAP_ID                   0x01000010
#define ACTION_POP_AND_FORWARD_ID        0x01000011
#define ACTION_POP_AND_LOOK_UP_IP_ID     0x01000012
#define ACTION_POP_AND_LOOK_UP_LABEL_ID  0x01000013
#define ACTION_EXPLICIT_NULL_ID          0x01000014
#define ACTION_PUNT_LABEL_ID             0x01000015
#define ACTION_UNKNOWN_LABEL_ID          0x01000016
#define ACTION_FORWARD_FEC_ID            0x01000020
#define ACTION_TO_ROUTER_ID              0x01000021
#define ACTION_GLEAN_ID                  0x01000022
#define ACTION_DISCARD_ID                0x01000023
#define ACTION_NO_ROUTE_ID               0x01000024
#define ACTION_SET_NHLFE_ID              0x01000030
#define ACTION_FORWARD_UNLABELLED_ID     0x01000040
#define ACTION_PUSH_1_ID                 0x01000041
#define ACTION_PUSH_2_ID                 0x01000042
#define ACTION_PUSH_3_ID                 0x01000043
#define ACTION_PUSH_4_ID                 0x01000044
#define ACTION_NO_NHLFE_ID               0x01000045
#define ACTION_PUNT_METERED_ID           0x01000050
#define ACTION_PUNT_DROP_ID              0x01000051

#define SELECTOR_NHLFE_ID                0x11000001

#define COUNTER_DROPS_ID                 0x12000001
#define COUNTER_EGRESS_DROPS_ID          0x12000002

#define COUNTER_PORT_CONFIG_ID           0x13000001
#define COUNTER_CONTROL_PACKET_ID        0x13000003
#define COUNTER_ILM_ID                   0x13000010
#define COUNTER_ILM_SECOND_ID            0x13000011
#define COUNTER_ILM_THIRD_ID             0x13000012
#define COUNTER_FTN_IPV4_ID              0x13000020
#define COUNTER_FTN_IPV6_ID              0x13000021
#define COUNTER_NHLFE_ID                 0x13000031
#define COUNTER_PUNT_POLICY_ID           0x13000040

#define METER_PUNT_ID                    0x15000001

#define CONTROLLER_HEADER_PACKET_IN_ID   0x04000001
#define CONTROLLER_HEADER_PACKET_OUT_ID  0x04000002

// Why a packet goes to the daemon: `reason` of the PacketIn header and key of punt_policy.
#define PUNT_NONE           0
#define PUNT_CONTROL        1   // ARP, neighbour discovery, link-local multicast, LLDP, IS-IS
#define PUNT_TO_ROUTER      2   // an address of the router itself
#define PUNT_TTL_EXPIRED    3   // RFC 3032 section 2.4, RFC 1812 section 5.3.1
#define PUNT_UNKNOWN_LABEL  4   // RFC 3031 section 3.18
#define PUNT_GLEAN          5   // connected prefix, neighbour not resolved
#define PUNT_LABEL_ACTION   6   // the ILM entry asks for it
#define PUNT_NO_ROUTE       7

// Why a packet was dropped: index of the counters `drops` and `egress_drops`.
#define DROP_NONE                  0
#define DROP_PORT_NOT_CONFIGURED   1
#define DROP_MALFORMED_FRAME       2   // shorter than an Ethernet header
#define DROP_NOT_FOR_ROUTER        3   // not a station MAC address and no control packet
#define DROP_ETHER_TYPE            4   // for a station MAC address, of a type that is not forwarded
#define DROP_MPLS_NOT_ENABLED      5   // RFC 5920 section 8.1.1
#define DROP_LABEL_STACK           6   // stack without bottom, or pops beyond the bottom
#define DROP_UNKNOWN_LABEL         7   // RFC 3031 section 3.18
#define DROP_TOO_MANY_POPS         8   // more look-ups than this program does in one pass
#define DROP_LABEL_PAYLOAD         9   // below the bottom is not what the FEC says
#define DROP_IP_HEADER            10   // RFC 1812 section 5.2.2, RFC 8200 section 3
#define DROP_TTL_EXPIRED          11
#define DROP_NO_ROUTE             12
#define DROP_DISCARD_ROUTE        13
#define DROP_NO_PATH_GROUP        14
#define DROP_PUNT_RATE            15   // over the rate of its punt class
#define DROP_PUNT_POLICY          16   // the punt class is off
#define DROP_NO_NHLFE             17
#define DROP_REASONS              32
