// P4Runtime ids, and the numbers that the daemon and this program share.
//
// An id is never reused: what leaves the program keeps its line, marked as reserved.
// Tables 0x02.., actions 0x01.., action profiles 0x11.., counters 0x12.., direct counters 0x13..,
// direct meters 0x15.. (P4Runtime specification, "P4Info ID Allocation").

// 0x02000001 is reserved: port_config.
#define TABLE_STATION_MAC_ID     0x02000002
#define TABLE_CONTROL_PACKET_ID  0x02000003
#define TABLE_INTERFACE_ID       0x02000004
#define TABLE_ATTACHMENT_PORT_ID 0x02000005
#define TABLE_UPSTREAM_CONTEXT_ID 0x02000006
#define TABLE_ILM_ID             0x02000010
#define TABLE_ILM_SECOND_ID      0x02000011
#define TABLE_ILM_THIRD_ID       0x02000012
#define TABLE_TAIL_SELECTOR_ID   0x02000013
#define TABLE_TC_TO_PHB_ID       0x02000014
#define TABLE_DSCP_TO_PHB_ID     0x02000015
#define TABLE_FTN_IPV4_ID        0x02000020
#define TABLE_FTN_IPV6_ID        0x02000021
#define TABLE_TUNNEL_END_IPV4_ID 0x02000022
#define TABLE_TUNNEL_END_IPV6_ID 0x02000023
#define TABLE_TOPOLOGY_ID        0x02000024
#define TABLE_PATH_GROUP_ID      0x02000030
#define TABLE_NHLFE_ID           0x02000031
#define TABLE_PROTECTION_STATE_ID 0x02000032
#define TABLE_PATH_BUCKET_ID     0x02000033
#define TABLE_PORT_STATE_ID      0x02000034
#define TABLE_BRANCH_ID          0x02000035
#define TABLE_TUNNEL_ENCAPSULATION_ID 0x02000036
#define TABLE_PHB_ENCODING_ID    0x02000037
#define TABLE_CONGESTION_MARK_ID 0x02000038
#define TABLE_PUNT_POLICY_ID     0x02000040
#define TABLE_SERVICE_CLASS_ID   0x02000041

// 0x01000001 and 0x01000002 are reserved: set_port and port_not_configured.
#define ACTION_ADMIT_ID                  0x01000003
#define ACTION_NOT_ADMITTED_ID           0x01000004
#define ACTION_PUNT_CONTROL_ID           0x01000005
#define ACTION_NOT_CONTROL_ID            0x01000006
#define ACTION_SET_INTERFACE_ID          0x01000007
#define ACTION_ATTACHMENT_CIRCUIT_ID     0x01000008
#define ACTION_ATTACHMENT_CIRCUIT_PORT_ID 0x01000009
#define ACTION_NO_INTERFACE_ID           0x0100000a
#define ACTION_NO_ATTACHMENT_ID          0x0100000b
#define ACTION_SET_UPSTREAM_CONTEXT_ID   0x0100000c
#define ACTION_NO_UPSTREAM_CONTEXT_ID    0x0100000d
#define ACTION_SWAP_ID                   0x01000010
#define ACTION_POP_AND_FORWARD_ID        0x01000011
#define ACTION_POP_AND_LOOK_UP_IP_ID     0x01000012
#define ACTION_POP_AND_LOOK_UP_LABEL_ID  0x01000013
#define ACTION_EXPLICIT_NULL_ID          0x01000014
#define ACTION_PUNT_LABEL_ID             0x01000015
#define ACTION_UNKNOWN_LABEL_ID          0x01000016
#define ACTION_POP_TO_ATTACHMENT_CIRCUIT_ID 0x01000017
#define ACTION_REPLICATE_ID              0x01000018
#define ACTION_ENTROPY_LABEL_INDICATOR_ID 0x01000019
#define ACTION_DISCARD_LABEL_ID          0x0100001a
#define ACTION_SELECT_PATH_ID            0x0100001b
#define ACTION_SET_PHB_ID                0x0100001c
#define ACTION_DEFAULT_PHB_ID            0x0100001d
#define ACTION_SET_DSCP_PHB_ID           0x0100001e
#define ACTION_DEFAULT_DSCP_PHB_ID       0x0100001f
#define ACTION_FORWARD_FEC_ID            0x01000020
#define ACTION_TO_ROUTER_ID              0x01000021
#define ACTION_GLEAN_ID                  0x01000022
#define ACTION_DISCARD_ID                0x01000023
#define ACTION_NO_ROUTE_ID               0x01000024
#define ACTION_REPLICATE_FEC_ID          0x01000025
#define ACTION_DECAPSULATE_ID            0x01000026
#define ACTION_NO_TUNNEL_END_ID          0x01000027
#define ACTION_SET_TOPOLOGY_ID           0x01000028
#define ACTION_DEFAULT_TOPOLOGY_ID       0x01000029
#define ACTION_SET_NHLFE_ID              0x01000030
#define ACTION_SET_PATH_GROUP_ID         0x01000031
#define ACTION_NO_PATH_GROUP_ID          0x01000032
#define ACTION_NO_PATH_BUCKET_ID         0x01000033
#define ACTION_SELECT_PROTECTING_ID      0x01000034
#define ACTION_PORT_DOWN_ID              0x01000035
#define ACTION_SET_BRANCH_ID             0x01000036
#define ACTION_LOOK_UP_AGAIN_ID          0x01000037
#define ACTION_NO_BRANCH_ID              0x01000038
#define ACTION_FORWARD_UNLABELLED_ID     0x01000040
#define ACTION_PUSH_1_ID                 0x01000041
#define ACTION_PUSH_2_ID                 0x01000042
#define ACTION_PUSH_3_ID                 0x01000043
#define ACTION_PUSH_4_ID                 0x01000044
#define ACTION_NO_NHLFE_ID               0x01000045
#define ACTION_TO_ATTACHMENT_CIRCUIT_ID  0x01000046
#define ACTION_UDP_IPV4_ID               0x01000047
#define ACTION_UDP_IPV6_ID               0x01000048
#define ACTION_GRE_IPV4_ID               0x01000049
#define ACTION_GRE_IPV6_ID               0x0100004a
#define ACTION_MPLS_IN_IPV4_ID           0x0100004b
#define ACTION_MPLS_IN_IPV6_ID           0x0100004c
#define ACTION_NO_TUNNEL_ID              0x0100004d
#define ACTION_SET_CODES_ID              0x0100004e
#define ACTION_DEFAULT_CODES_ID          0x0100004f
#define ACTION_PUNT_METERED_ID           0x01000050
#define ACTION_PUNT_DROP_ID              0x01000051

#define ACTION_SET_SERVICE_CLASS_ID      0x01000052
#define ACTION_NO_SERVICE_CLASS_ID       0x01000053
#define ACTION_SET_MARKED_TC_ID          0x01000054
#define ACTION_NO_MARK_ID                0x01000055

// 0x11000001 is reserved: nhlfe_selector.

#define COUNTER_DROPS_ID                 0x12000001
#define COUNTER_EGRESS_DROPS_ID          0x12000002

// 0x13000001 is reserved: the counter of port_config.
#define COUNTER_CONTROL_PACKET_ID        0x13000003
#define COUNTER_INTERFACE_ID             0x13000004
#define COUNTER_ATTACHMENT_PORT_ID       0x13000005
#define COUNTER_ILM_ID                   0x13000010
#define COUNTER_ILM_SECOND_ID            0x13000011
#define COUNTER_ILM_THIRD_ID             0x13000012
#define COUNTER_FTN_IPV4_ID              0x13000020
#define COUNTER_FTN_IPV6_ID              0x13000021
#define COUNTER_TUNNEL_END_IPV4_ID       0x13000022
#define COUNTER_TUNNEL_END_IPV6_ID       0x13000023
#define COUNTER_NHLFE_ID                 0x13000031
#define COUNTER_BRANCH_ID                0x13000035
#define COUNTER_PUNT_POLICY_ID           0x13000040
#define COUNTER_SERVICE_CLASS_ID         0x13000041

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
#define PUNT_LDP            8   // RFC 5036
#define PUNT_RSVP           9   // RFC 2205, RFC 3209
#define PUNT_BFD           10   // RFC 5880 and its applications
#define PUNT_LSP_PING      11   // RFC 8029
#define PUNT_G_ACH         12   // RFC 5586: GAL, or a pseudowire's associated channel
#define PUNT_ROUTER_ALERT  13   // label 1, RFC 3032 section 2.1
#define PUNT_MTU_EXCEEDED  14   // RFC 3032 section 3

// Why a packet was dropped: index of the counters `drops` and `egress_drops`.
#define DROP_NONE                  0
#define DROP_NO_INTERFACE          1   // port and VLAN ID are not configured
#define DROP_MALFORMED_FRAME       2   // shorter than an Ethernet header, or than its tag
#define DROP_NOT_FOR_ROUTER        3   // not a station MAC address and no control packet
#define DROP_ETHER_TYPE            4   // for a station MAC address, of a type that is not forwarded
#define DROP_MPLS_NOT_ENABLED      5   // RFC 5920 section 8.1.1
#define DROP_LABEL_STACK           6   // stack without bottom, or pops beyond the bottom
#define DROP_UNKNOWN_LABEL         7   // RFC 3031 section 3.18
#define DROP_TOO_MANY_POPS         8   // more look-ups than RECIRCULATIONS_MAX allows
#define DROP_LABEL_PAYLOAD         9   // below the bottom is not what the FEC says
#define DROP_IP_HEADER            10   // RFC 1812 section 5.2.2, RFC 8200 section 3
#define DROP_TTL_EXPIRED          11
#define DROP_NO_ROUTE             12
#define DROP_DISCARD_ROUTE        13
#define DROP_NO_PATH_GROUP        14
#define DROP_PUNT_RATE            15   // over the rate of its punt class
#define DROP_PUNT_POLICY          16   // the punt class is off
#define DROP_NO_NHLFE             17
#define DROP_SPECIAL_PURPOSE_LABEL 18  // a special-purpose label that may not stand here
#define DROP_NOT_SELECTED         19   // the path of 1+1 protection that is not selected, RFC 6378
#define DROP_MTU_EXCEEDED         20   // RFC 3032 section 3
#define DROP_CONTROL_WORD         21   // no control word where there should be one, RFC 4385
#define DROP_NO_UPSTREAM_CONTEXT  22   // EtherType 0x8848 from a neighbour without a label space
#define DROP_TUNNEL               23   // MPLS in IP that is no tunnel of the router's, or damaged
#define DROP_NOT_ECN_CAPABLE      24   // RFC 5129 section 4.6
#define DROP_VLAN                 25   // more than one tag
#define DROP_NO_BRANCH            26
#define DROP_PORT_DOWN            27   // and no backup
#define DROP_REASONS              32
