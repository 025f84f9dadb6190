//! End-to-end tests: labs of routers, packet tests of the P4 program.
