//! Translates the desired LFIB to table entries of a hardware profile and reconciles the switch with it.
