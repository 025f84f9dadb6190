//! A software switch that runs BMv2 JSON with simple_switch's semantics and serves P4Runtime.
