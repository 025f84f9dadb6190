//! The keys of sessions and of Hellos.

use ::ldp::engine::{HelloAuthentication, HelloKey, KeyLifetime, SessionKey, TcpAoAlgorithm};
use ::ldp::packet::AuthenticationAlgorithm;

use super::super::problem::Problems;
use super::super::section::{At, Section};
use crate::ldp::options::MAX_KEY;

const TCP_AO: &[(&str, TcpAoAlgorithm)] = &[
    ("hmac-sha-1-96", TcpAoAlgorithm::HmacSha1),
    ("aes-128-cmac-96", TcpAoAlgorithm::AesCmac),
];
const HELLO: &[(&str, AuthenticationAlgorithm)] = &[
    ("hmac-sha-1", AuthenticationAlgorithm::HmacSha1),
    ("hmac-sha-256", AuthenticationAlgorithm::HmacSha256),
    ("hmac-sha-384", AuthenticationAlgorithm::HmacSha384),
    ("hmac-sha-512", AuthenticationAlgorithm::HmacSha512),
];

/// Reads `password` or `tcp-ao`, of which a neighbour has one at the most.
pub(super) fn session(
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<SessionKey> {
    let password = secret("password", MAX_KEY, section, problems);
    let ao = tcp_ao(section, problems);
    match (password, ao) {
        (Some(password), Some((_, span))) => {
            problems.add_conflict(
                &span,
                &password.span,
                "a neighbour has both a password and TCP-AO",
                ("this one", "and this one"),
                "a connection has TCP MD5 signatures or TCP-AO (RFC 5925, section 2): leave one out",
            );
            None
        }
        (Some(password), None) => Some(SessionKey::Md5(password.value.into())),
        (None, ao) => ao.map(|(key, _)| key),
    }
}

fn tcp_ao(
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<(SessionKey, super::super::problem::Span)> {
    let mut table = section.table("tcp-ao", "tcp-ao", problems)?;
    let span = table.span.clone();
    let what = "KeyIDs (RFC 5925, section 3.1)";
    for key in ["send-id", "receive-id"] {
        if table.get(key).is_none() {
            table.missing(key, &format!("{key} = 1"), problems);
        }
    }
    let send_id = table.integer("send-id", 0..=255, what, problems);
    let receive_id = table.integer("receive-id", 0..=255, what, problems);
    let algorithm = table.word("algorithm", TCP_AO, problems);
    let key = need_secret("key", MAX_KEY, &mut table, problems);
    table.finish(problems);
    Some((
        SessionKey::TcpAo {
            // Both fit in an octet.
            send_id: send_id?.value as u8,
            receive_id: receive_id?.value as u8,
            algorithm: algorithm.map_or(TcpAoAlgorithm::HmacSha1, |given| given.value),
            secret: key?.value.into(),
        },
        span,
    ))
}

/// Reads `hello-authentication`, or another key for the same (RFC 7349).
pub(super) fn hello(
    name: &'static str,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<HelloAuthentication> {
    let mut table = section.table(name, name, problems)?;
    let accept = table.tables("accept", "a key of `accept`", problems);
    let accept = accept.into_iter().filter_map(|mut key| {
        let read = hello_key(&mut key, false, problems);
        key.finish(problems);
        read
    });
    let accept: Vec<HelloKey> = accept.collect();
    let send = hello_key(&mut table, true, problems);
    table.finish(problems);
    send.map(|send| HelloAuthentication { send, accept })
}

/// Reads a key; `sent` is one that Hellos are sent with even if it does not say when.
fn hello_key(
    section: &mut Section<'_, '_>,
    sent: bool,
    problems: &mut Problems,
) -> Option<HelloKey> {
    let what = "Security Association IDs (RFC 7349, section 2.1)";
    let id = section.need_integer("id", "id = 1", 0..=u64::from(u32::MAX), what, problems);
    let algorithm = section.word("algorithm", HELLO, problems);
    let key = need_secret("key", usize::from(u8::MAX), section, problems);
    let lifetime = lifetime(section, sent, problems);
    Some(HelloKey {
        security_association: id?.value as u32,
        algorithm: algorithm.map_or(AuthenticationAlgorithm::HmacSha256, |given| given.value),
        secret: key?.value.into(),
        lifetime,
    })
}

/// When a key is used: RFC 7349, section 2.2.
fn lifetime(section: &mut Section<'_, '_>, sent: bool, problems: &mut Problems) -> KeyLifetime {
    let start_accept = section.instant("start-accept", problems);
    let start_generate = section.instant("start-generate", problems);
    let stop_generate = section.instant("stop-generate", problems);
    let stop_accept = section.instant("stop-accept", problems);
    let help = "neighbours whose clocks differ a little must still understand each other: a key is accepted \
                before Hellos are sent with it, and after that (RFC 7349, section 2.2)";
    let value = |at: &Option<At<u64>>| at.as_ref().map(|at| at.value);
    if let Some(accept) = &start_accept
        && value(&start_generate).is_some_and(|generate| accept.value > generate)
    {
        problems.add(
            &accept.span,
            "`start-accept` is after `start-generate`",
            "too late",
            help,
        );
    }
    if let Some(accept) = &stop_accept
        && (sent || start_generate.is_some())
        && value(&stop_generate).is_none_or(|generate| generate > accept.value)
    {
        problems.add(
            &accept.span,
            "`stop-accept` is before `stop-generate`",
            "too early",
            help,
        );
    }
    if let Some(stop) = &stop_generate
        && value(&start_generate).is_some_and(|start| start >= stop.value)
    {
        problems.add(
            &stop.span,
            "`stop-generate` is not after `start-generate`",
            "no Hello would be sent with the key",
            "exchange them",
        );
    }
    KeyLifetime {
        start_accept: value(&start_accept),
        start_generate: value(&start_generate),
        stop_generate: value(&stop_generate),
        stop_accept: value(&stop_accept),
    }
}

fn need_secret<'a>(
    key: &'static str,
    most: usize,
    section: &mut Section<'a, '_>,
    problems: &mut Problems,
) -> Option<At<&'a str>> {
    if section.get(key).is_none() {
        section.missing(key, &format!("{key} = \"a secret\""), problems);
        return None;
    }
    secret(key, most, section, problems)
}

fn secret<'a>(
    key: &'static str,
    most: usize,
    section: &mut Section<'a, '_>,
    problems: &mut Problems,
) -> Option<At<&'a str>> {
    let given = section.text(key, problems)?;
    if (1..=most).contains(&given.value.len()) {
        return Some(given);
    }
    problems.add(
        &given.span,
        format!("`{key}` has {} octets", given.value.len()),
        "too short or too long",
        format!("write 1 to {most} octets"),
    );
    None
}
