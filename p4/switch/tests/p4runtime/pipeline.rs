//! SetForwardingPipelineConfig and GetForwardingPipelineConfig (sections 14 and 15).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use p4_switch::control::EntryRef;
use p4runtime_proto::p4::v1::{
    ForwardingPipelineConfig, GetForwardingPipelineConfigRequest,
    SetForwardingPipelineConfigRequest, forwarding_pipeline_config::Cookie,
    get_forwarding_pipeline_config_request::ResponseType,
    set_forwarding_pipeline_config_request::Action,
};
use tonic::Code;

use super::program::{PROGRAM, entity, exact, insert, modify, renamed};
use super::support::{Controller, DEVICE, TestSwitch, election};

async fn get(
    controller: &mut Controller,
    wanted: ResponseType,
) -> Option<ForwardingPipelineConfig> {
    let request = GetForwardingPipelineConfigRequest {
        device_id: DEVICE,
        response_type: wanted.into(),
    };
    let answer = controller
        .client
        .get_forwarding_pipeline_config(request)
        .await;
    answer.unwrap().into_inner().config
}

fn with_cookie(cookie: u64) -> ForwardingPipelineConfig {
    ForwardingPipelineConfig {
        cookie: Some(Cookie { cookie }),
        ..PROGRAM.config()
    }
}

#[tokio::test]
async fn the_checks_come_in_the_order_of_the_specification() {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(2).await;
    let mut request = SetForwardingPipelineConfigRequest {
        device_id: DEVICE + 1,
        election_id: Some(election(1)),
        action: Action::Verify.into(),
        ..Default::default()
    };
    let mut client = primary.client.clone();
    let mut code = async |request| {
        let answer = client.set_forwarding_pipeline_config(request).await;
        answer.unwrap_err().code()
    };
    assert_eq!(code(request.clone()).await, Code::NotFound);
    request.device_id = DEVICE;
    assert_eq!(code(request.clone()).await, Code::PermissionDenied);
    request.election_id = Some(election(2));
    assert_eq!(
        code(request.clone()).await,
        Code::InvalidArgument,
        "no config"
    );
    let unset = primary
        .set(Action::Unspecified, Some(PROGRAM.config()))
        .await;
    assert_eq!(unset.unwrap_err().code(), Code::InvalidArgument);
}

/// What cannot be realised, and the words for it.
#[tokio::test]
async fn a_config_that_cannot_be_realised_is_an_invalid_argument_with_words() {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(1).await;
    let with_json = |json: &[u8]| ForwardingPipelineConfig {
        p4_device_config: json.to_vec(),
        ..PROGRAM.config()
    };
    let mut without_info = PROGRAM.config();
    without_info.p4info = None;
    let mut renamed = PROGRAM.config();
    let info = renamed.p4info.as_mut().unwrap();
    info.tables[0].preamble.as_mut().unwrap().name = "TestIngress.other".into();
    let mut widened = PROGRAM.config();
    let info = widened.p4info.as_mut().unwrap();
    let forward = info.actions.iter_mut();
    let mut forward = forward.filter(|a| a.preamble.as_ref().unwrap().name.ends_with("forward"));
    forward.next().unwrap().params[0].bitwidth = 16;
    let cases = [
        (without_info, "p4info is not set"),
        (with_json(b""), "p4_device_config is not set"),
        (with_json(b"\x7fELF"), "not a BMv2 JSON"),
        (with_json(b"{\"tables\": []}"), "not a BMv2 JSON"),
        (renamed, "TestIngress.other"),
        (
            widened,
            "its width is 16 bits in the P4Info but 9 bits in the BMv2 JSON",
        ),
    ];
    for (config, words) in cases {
        for action in [
            Action::Verify,
            Action::VerifyAndSave,
            Action::VerifyAndCommit,
        ] {
            let status = primary.set(action, Some(config.clone())).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
            assert!(status.message().contains(words), "{words}: {status}");
        }
    }
    assert_eq!(get(&mut primary, ResponseType::All).await, None);
}

#[tokio::test]
async fn verify_changes_nothing() {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(1).await;
    primary
        .set(Action::Verify, Some(PROGRAM.config()))
        .await
        .unwrap();
    assert_eq!(get(&mut primary, ResponseType::All).await, None);
    primary.load().await.unwrap();
    primary.write(vec![insert(&exact(1, 1))]).await;
    primary
        .set(Action::Verify, Some(with_cookie(9)))
        .await
        .unwrap();
    assert_eq!(
        get(&mut primary, ResponseType::CookieOnly)
            .await
            .unwrap()
            .cookie,
        None
    );
    assert_eq!(primary.read(entity(&exact(1, 1))).await.len(), 1);
}

#[tokio::test]
async fn verify_and_commit_clears_the_forwarding_state() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    primary.write(vec![insert(&exact(1, 1))]).await;
    primary.load().await.unwrap();
    assert_eq!(primary.read(entity(&exact(1, 1))).await, []);
}

/// Section 14: requests refer to the saved config, packets to the old one, until COMMIT.
#[tokio::test]
async fn commit_realises_what_verify_and_save_saved_with_the_writes_since() {
    use super::program::frame;
    let (test, mut primary) = TestSwitch::with_program().await;
    primary.write(vec![insert(&exact(1, 1))]).await;
    primary
        .set(Action::VerifyAndSave, Some(with_cookie(2)))
        .await
        .unwrap();
    assert_eq!(primary.read(entity(&exact(1, 1))).await, []);
    let ternary = "table_entry { table_id: $ternary_table \
        match { field_id: 1 ternary { value: \"\\x02\" mask: \"\\x03\" } } \
        match { field_id: 2 exact { value: \"\\x05\" } } priority: 3 \
        action { action { action_id: $read_colour } } \
        meter_config { cir: 1 cburst: 2 pir: 3 pburst: 4 } metadata: \"x\" }";
    let counter = "counter_entry { counter_id: $port_counter index { index: 3 } \
        data { packet_count: 5 byte_count: 6 } }";
    let default = "table_entry { table_id: $range_table is_default_action: true \
        action { action { action_id: $drop } } }";
    let updates = vec![
        insert(&exact(1, 2)),
        insert(ternary),
        modify(counter),
        modify(default),
    ];
    primary.write(updates).await;
    let port = |output: Vec<(u32, Vec<u8>)>| output.first().map(|(port, _)| *port);
    assert_eq!(
        port(test.switch.process(4, &frame(1, 9, 7))),
        Some(1),
        "the old program"
    );
    primary.set(Action::Commit, None).await.unwrap();
    for text in [
        exact(1, 2),
        ternary.to_owned(),
        counter.to_owned(),
        default.to_owned(),
    ] {
        assert_eq!(primary.read(entity(&text)).await, [entity(&text)]);
    }
    assert_eq!(
        get(&mut primary, ResponseType::All).await,
        Some(with_cookie(2))
    );
}

#[tokio::test]
async fn commit_without_saved_config_is_not_found_and_with_a_config_invalid() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let status = primary.set(Action::Commit, None).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    primary
        .set(Action::VerifyAndSave, Some(PROGRAM.config()))
        .await
        .unwrap();
    let status = primary
        .set(Action::Commit, Some(PROGRAM.config()))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    primary.set(Action::Commit, None).await.unwrap();
    let status = primary.set(Action::Commit, None).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn reconcile_and_commit_keeps_the_forwarding_state() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    primary.write(vec![insert(&exact(1, 1))]).await;
    primary
        .set(Action::ReconcileAndCommit, Some(with_cookie(5)))
        .await
        .unwrap();
    assert_eq!(
        primary.read(entity(&exact(1, 1))).await,
        [entity(&exact(1, 1))]
    );
    let cookie = get(&mut primary, ResponseType::CookieOnly)
        .await
        .unwrap()
        .cookie;
    assert_eq!(cookie, Some(Cookie { cookie: 5 }));
    // Another P4Info of the same program: the state is carried over.
    primary
        .set(Action::ReconcileAndCommit, Some(renamed(PROGRAM.config())))
        .await
        .unwrap();
    assert_eq!(
        primary.read(entity(&exact(1, 1))).await,
        [entity(&exact(1, 1))]
    );
}

#[tokio::test]
async fn reconcile_and_commit_is_an_invalid_argument_if_the_state_cannot_be_kept() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    primary.write(vec![insert(&exact(1, 1))]).await;
    let mut other = PROGRAM.config();
    // The P4Info has no id for the action of the entry any more.
    let forward = PROGRAM.id("forward");
    let info = other.p4info.as_mut().unwrap();
    info.actions
        .retain(|action| action.preamble.as_ref().unwrap().id != forward);
    for table in &mut info.tables {
        table.action_refs.retain(|action| action.id != forward);
    }
    let status = primary
        .set(Action::ReconcileAndCommit, Some(other))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("cannot be kept"), "{status}");
    assert_eq!(
        primary.read(entity(&exact(1, 1))).await,
        [entity(&exact(1, 1))]
    );
}

#[tokio::test]
async fn get_gives_what_the_response_type_asks_for() {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(1).await;
    primary
        .set(Action::VerifyAndCommit, Some(with_cookie(7)))
        .await
        .unwrap();
    let full = with_cookie(7);
    assert_eq!(
        get(&mut primary, ResponseType::All).await,
        Some(full.clone())
    );
    let cookie = ForwardingPipelineConfig {
        cookie: full.cookie,
        ..Default::default()
    };
    assert_eq!(
        get(&mut primary, ResponseType::CookieOnly).await,
        Some(cookie.clone())
    );
    let info = ForwardingPipelineConfig {
        p4info: full.p4info,
        ..cookie.clone()
    };
    assert_eq!(
        get(&mut primary, ResponseType::P4infoAndCookie).await,
        Some(info)
    );
    let device = ForwardingPipelineConfig {
        p4_device_config: full.p4_device_config,
        ..cookie
    };
    assert_eq!(
        get(&mut primary, ResponseType::DeviceConfigAndCookie).await,
        Some(device)
    );
    let request = GetForwardingPipelineConfigRequest {
        device_id: 9,
        response_type: 0,
    };
    let answer = primary.client.get_forwarding_pipeline_config(request).await;
    assert_eq!(answer.unwrap_err().code(), Code::NotFound);
}

/// What packets do while the next pipeline is made is not lost.
#[tokio::test(flavor = "multi_thread")]
async fn reconcile_and_commit_keeps_what_packets_do_meanwhile() {
    use super::program::frame;
    let (test, mut primary) = TestSwitch::with_program().await;
    primary.write(vec![insert(&exact(1, 1))]).await;
    let switch = test.switch.clone();
    let packets = Arc::new(AtomicU64::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let sender = std::thread::spawn({
        let (packets, over) = (packets.clone(), over.clone());
        move || {
            while !over.load(Ordering::Relaxed) {
                // It counts for the port and the entry, and up a register.
                let _ = switch.process(3, &frame(1, 2, 0x88b6));
                packets.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let mut config = PROGRAM.config();
    for round in 0..3 {
        let info = config.p4info.as_mut().unwrap();
        info.pkg_info.get_or_insert_default().name = format!("round {round}");
        let before = packets.load(Ordering::Relaxed);
        primary
            .set(Action::ReconcileAndCommit, Some(config.clone()))
            .await
            .unwrap();
        assert!(
            packets.load(Ordering::Relaxed) > before,
            "no packet meanwhile"
        );
    }
    over.store(true, Ordering::Relaxed);
    sender.join().unwrap();
    let sent = packets.load(Ordering::Relaxed);
    let (of_port, of_entry, register) = test
        .switch
        .read(|state| {
            let entry = state.entries("TestIngress.exact_table")?.remove(0);
            let entry = EntryRef::Key(entry.key);
            Ok((
                state.counter("TestIngress.port_counter", 3)?.packets,
                state
                    .direct_counter("TestIngress.exact_table", &entry)?
                    .packets,
                state.register("TestIngress.cells", 0)?,
            ))
        })
        .unwrap();
    assert_eq!((of_port, of_entry), (sent, sent));
    let register = register
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte));
    assert_eq!(register, sent);
}
