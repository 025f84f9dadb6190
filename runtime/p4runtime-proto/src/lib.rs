//! P4Runtime 1.5 messages and gRPC services.
