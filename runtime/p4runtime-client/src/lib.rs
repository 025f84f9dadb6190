//! A P4Runtime client: sessions, arbitration, typed P4Info, batches and packet I/O.
