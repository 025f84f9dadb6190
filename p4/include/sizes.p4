// Sizes and depths. A hardware profile (hw-profiles/*.toml) sets them through `p4-compiler --profile`,
// or the -D options of any P4 compiler; what stands here is enough for a small lab.

#ifndef PORT_CONFIG_SIZE
#define PORT_CONFIG_SIZE 512
#endif
#ifndef STATION_MAC_SIZE
#define STATION_MAC_SIZE 512
#endif
#ifndef CONTROL_PACKET_SIZE
#define CONTROL_PACKET_SIZE 64
#endif
#ifndef ILM_SIZE
#define ILM_SIZE 1024
#endif
#ifndef FTN_IPV4_SIZE
#define FTN_IPV4_SIZE 1024
#endif
#ifndef FTN_IPV6_SIZE
#define FTN_IPV6_SIZE 1024
#endif
#ifndef PATH_GROUP_SIZE
#define PATH_GROUP_SIZE 1024
#endif
// Members of all path groups together.
#ifndef PATH_GROUP_MEMBERS_SIZE
#define PATH_GROUP_MEMBERS_SIZE 4096
#endif
// Members of one path group at the most.
#ifndef PATH_GROUP_MAX_MEMBERS_SIZE
#define PATH_GROUP_MAX_MEMBERS_SIZE 128
#endif
#ifndef NHLFE_SIZE
#define NHLFE_SIZE 4096
#endif

// Labels that the parser takes apart; what lies deeper is payload (RFC 7325 section 1.3, item 2).
#ifndef PARSED_LABELS_DEPTH
#define PARSED_LABELS_DEPTH 8
#endif

#ifndef CPU_PORT
#define CPU_PORT 510
#endif
