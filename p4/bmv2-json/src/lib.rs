//! The BMv2 JSON format as serde types: one definition for the compiler and the switch.
