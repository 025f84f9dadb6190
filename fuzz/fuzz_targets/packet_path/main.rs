//! Packets through mpls.p4 on p4-switch, with entries in every table: none may end in a panic or an
//! endless loop, and what comes out has to be a packet. Compiled code has to give what the interpreter gives.

#![no_main]

mod frame;
mod tables;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use p4_switch::{Engine, Switch};

use tables::{ATTACHMENT_PORT, CPU_PORT};

static COMPILED: LazyLock<Switch> = LazyLock::new(|| tables::switch(Engine::Compiled));
static INTERPRETED: LazyLock<Switch> = LazyLock::new(|| tables::switch(Engine::Interpreter));

fuzz_target!(|octets: &[u8]| {
    let (port, frame) = frame::build(octets);
    let outputs = COMPILED.process(port.into(), &frame);
    assert_eq!(
        outputs,
        INTERPRETED.process(port.into(), &frame),
        "{frame:02x?} on port {port}"
    );
    // Five branches, of which the bud node's copy may be replicated again, four times at the most.
    assert!(
        outputs.len() <= 5 * 5,
        "{} copies of {frame:02x?}",
        outputs.len()
    );
    for (out, sent) in outputs {
        if out == u32::from(CPU_PORT) {
            // packet_in's header, and a frame that is no longer than what came.
            assert!(
                sent.len() >= 17,
                "{sent:02x?} to the daemon from {frame:02x?}"
            );
        } else if out != u32::from(ATTACHMENT_PORT)
            && let Err(wrong) = frame::check(&frame, &sent)
        {
            panic!("{wrong}: {sent:02x?} from {frame:02x?} on port {port}");
        }
    }
});
