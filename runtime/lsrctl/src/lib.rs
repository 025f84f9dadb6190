//! The operator's command line, and labs.
