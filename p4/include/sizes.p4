// Sizes and depths. A hardware profile (hw-profiles/*.toml) sets them through `p4-compiler --profile`,
// or the -D options of any P4 compiler; what stands here is enough for a small lab.

#ifndef INTERFACE_SIZE
#define INTERFACE_SIZE 512
#endif
#ifndef ATTACHMENT_PORT_SIZE
#define ATTACHMENT_PORT_SIZE 512
#endif
#ifndef STATION_MAC_SIZE
#define STATION_MAC_SIZE 1024
#endif
#ifndef CONTROL_PACKET_SIZE
#define CONTROL_PACKET_SIZE 64
#endif
#ifndef UPSTREAM_CONTEXT_SIZE
#define UPSTREAM_CONTEXT_SIZE 256
#endif
#ifndef ILM_SIZE
#define ILM_SIZE 1024
#endif
#ifndef TAIL_SELECTOR_SIZE
#define TAIL_SELECTOR_SIZE 256
#endif
#ifndef TC_TO_PHB_SIZE
#define TC_TO_PHB_SIZE 256
#endif
#ifndef DSCP_TO_PHB_SIZE
#define DSCP_TO_PHB_SIZE 1024
#endif
#ifndef FTN_IPV4_SIZE
#define FTN_IPV4_SIZE 1024
#endif
#ifndef FTN_IPV6_SIZE
#define FTN_IPV6_SIZE 1024
#endif
#ifndef TOPOLOGY_SIZE
#define TOPOLOGY_SIZE 64
#endif
// Of each IP version.
#ifndef TUNNEL_END_SIZE
#define TUNNEL_END_SIZE 256
#endif
#ifndef PATH_GROUP_SIZE
#define PATH_GROUP_SIZE 1024
#endif
#ifndef PROTECTION_STATE_SIZE
#define PROTECTION_STATE_SIZE 256
#endif
// Buckets of all path groups together.
#ifndef PATH_BUCKET_SIZE
#define PATH_BUCKET_SIZE 16384
#endif
#ifndef PORT_STATE_SIZE
#define PORT_STATE_SIZE 512
#endif
#ifndef BRANCH_SIZE
#define BRANCH_SIZE 1024
#endif
#ifndef NHLFE_SIZE
#define NHLFE_SIZE 4096
#endif
#ifndef TUNNEL_ENCAPSULATION_SIZE
#define TUNNEL_ENCAPSULATION_SIZE 256
#endif
#ifndef PHB_ENCODING_SIZE
#define PHB_ENCODING_SIZE 1024
#endif
#ifndef CONGESTION_MARK_SIZE
#define CONGESTION_MARK_SIZE 256
#endif
#ifndef SERVICE_CLASS_SIZE
#define SERVICE_CLASS_SIZE 64
#endif

// Labels that the parser takes apart; what lies deeper is payload (RFC 7325 section 1.3, item 2).
#ifndef PARSED_LABELS_DEPTH
#define PARSED_LABELS_DEPTH 8
#endif

#ifndef CPU_PORT
#define CPU_PORT 510
#endif

// How often a packet with more labels than one pass looks up, or with tunnels in tunnels, may come
// round.
#ifndef RECIRCULATIONS_MAX
#define RECIRCULATIONS_MAX 4
#endif
