//! The same lab over the BMv2 project's switch and the P4 project's compiler, where they are on
//! PATH: both are drop-in replacements for ours.

use bmv2_tests::{PING, assert_no_loss, chain, options, ping, start};
use lsrctl::lab::running::{CompilerKind, LabOptions, SwitchKind};

async fn hosts_ping_each_other(options: LabOptions) {
    let Some(lab) = start(options).await else {
        return;
    };
    for ipv6 in [false, true] {
        for (from, to) in [("h1", "h2"), ("h2", "h1")] {
            assert_no_loss(&ping(&lab, from, to, ipv6, PING).await);
        }
    }
}

fn installed(options: &LabOptions, program: &str) -> bool {
    let found = options.programs.foreign(program, "").is_ok();
    if !found {
        println!("skipped: {program} is not on PATH");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lab_runs_on_simple_switch_grpc() {
    let mut options = options(&chain());
    options.switch = SwitchKind::Bmv2;
    if installed(&options, "simple_switch_grpc") {
        hosts_ping_each_other(options).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lab_runs_a_program_compiled_by_p4c() {
    let mut options = options(&chain());
    options.compiler = CompilerKind::P4c;
    if installed(&options, "p4c-bm2-ss") {
        hosts_ping_each_other(options).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lab_runs_on_both() {
    let mut options = options(&chain());
    (options.switch, options.compiler) = (SwitchKind::Bmv2, CompilerKind::P4c);
    if installed(&options, "simple_switch_grpc") && installed(&options, "p4c-bm2-ss") {
        hosts_ping_each_other(options).await;
    }
}
