//! The management interface of lsrd: gRPC messages and service that lsrctl speaks.
