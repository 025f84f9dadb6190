//! Discovery: Hello adjacencies of links and of targeted peers (RFC 5036 section 2.4, RFC 7552 section 5).
