//! Whether this machine lets this user make a lab, and if not, what exactly is in the way.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use super::protocol::Failure;

/// Bit of `CapEff` in /proc/self/status (linux/capability.h).
const CAP_SYS_ADMIN: u32 = 21;
const CAP_NET_ADMIN: u32 = 12;

/// Whether this process can make network namespaces without a user namespace around them.
pub(crate) fn may_make_namespaces() -> bool {
    nix::unistd::geteuid().is_root()
        && has_capability(CAP_SYS_ADMIN)
        && has_capability(CAP_NET_ADMIN)
}

fn has_capability(capability: u32) -> bool {
    status_field("CapEff")
        .and_then(|value| u64::from_str_radix(&value, 16).ok())
        .is_some_and(|set| set >> capability & 1 == 1)
}

fn status_field(name: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

fn setting(name: &str) -> Option<i64> {
    fs::read_to_string(Path::new("/proc/sys").join(name))
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// How the action begins that makes a VLAN device.
pub(super) const VLAN_ACTION: &str = "making VLAN device";

/// Why a step of making the sandbox failed, and the command that allows it.
pub(crate) fn remedy(failure: &Failure) -> String {
    let mut advice = Vec::new();
    let denied = matches!(
        failure.errno,
        Some(libc::EPERM | libc::EACCES | libc::ENOSPC | libc::EINVAL)
    );
    if failure.errno == Some(libc::EOPNOTSUPP) || failure.errno == Some(libc::ENODEV) {
        let words = match failure.action.starts_with(VLAN_ACTION) {
            true => {
                "the kernel has no VLAN devices (CONFIG_VLAN_8021Q): `sudo modprobe 8021q`, or \
                     let a router be at the end of the VLAN"
            }
            false => "the kernel has no virtual Ethernet (CONFIG_VETH): `sudo modprobe veth`",
        };
        advice.push(words.to_owned());
    } else if failure.errno == Some(libc::EAFNOSUPPORT) {
        advice.push(
            "the kernel has no packet sockets (CONFIG_PACKET) or no IPv6: \
                     `sudo modprobe af_packet`; IPv6 must not be off (kernel option ipv6.disable=1)"
                .to_owned(),
        );
    } else if failure.action.contains("ipv6") && failure.errno == Some(libc::ENOENT) {
        advice.push("the kernel has no IPv6: boot it without ipv6.disable=1".to_owned());
    } else if denied {
        advice = namespace_obstacles();
    }
    if advice.is_empty() {
        advice.push(format!(
            "this is what the kernel said to {}",
            failure.action
        ));
    }
    advice.join("\n")
}

/// Everything seen on this machine that keeps this user from making namespaces.
fn namespace_obstacles() -> Vec<String> {
    let mut found = Vec::new();
    if setting("user/max_user_namespaces") == Some(0) {
        found.push(
            "user namespaces are switched off (user.max_user_namespaces = 0): \
                    `sudo sysctl -w user.max_user_namespaces=15000`"
                .to_owned(),
        );
    }
    if setting("user/max_net_namespaces") == Some(0) {
        found.push(
            "network namespaces are switched off (user.max_net_namespaces = 0): \
                    `sudo sysctl -w user.max_net_namespaces=15000`"
                .to_owned(),
        );
    }
    // Debian's kernels have this switch.
    if setting("kernel/unprivileged_userns_clone") == Some(0) {
        found.push(
            "unprivileged user namespaces are switched off \
                    (kernel.unprivileged_userns_clone = 0): \
                    `sudo sysctl -w kernel.unprivileged_userns_clone=1`"
                .to_owned(),
        );
    }
    // Ubuntu's kernels, since 23.10.
    if setting("kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        found.push(
            "AppArmor takes the rights away from unprivileged user namespaces \
                    (kernel.apparmor_restrict_unprivileged_userns = 1): \
                    `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
                .to_owned(),
        );
    }
    if !Path::new("/proc/self/ns/user").exists() {
        found.push("the kernel has no user namespaces (CONFIG_USER_NS)".to_owned());
    }
    if status_field("Seccomp").is_some_and(|mode| mode != "0") {
        found.push(
            "a system call filter is in force, as in a container: start the container \
                    with `--privileged`, or with `--cap-add SYS_ADMIN --cap-add NET_ADMIN \
                    --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
                    --device /dev/net/tun`"
                .to_owned(),
        );
    }
    if nix::unistd::geteuid().is_root() {
        if !has_capability(CAP_SYS_ADMIN) {
            found.push(
                "this root user lacks the capability CAP_SYS_ADMIN: run as root outside \
                        of a container, or give the container that capability"
                    .to_owned(),
            );
        }
    } else {
        found.push("root needs none of this: `sudo` in front of the command".to_owned());
    }
    found
}

/// Checks what lsrd needs of the machine beside namespaces: TAP interfaces.
pub(crate) fn check_tap_device() -> Result<(), (Failure, String)> {
    let path = "/dev/net/tun";
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) => {
            let remedy = match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    "let every user open it, as Debian and Ubuntu do: `sudo chmod 0666 /dev/net/tun`; \
                     or run the command with sudo"
                }
                _ => {
                    "load the kernel's TUN/TAP driver: `sudo modprobe tun`; in a container: \
                     start it with `--device /dev/net/tun`"
                }
            };
            Err((
                Failure::new(
                    format!("opening {path} for the routers' TAP interfaces"),
                    &error,
                ),
                remedy.to_owned(),
            ))
        }
    }
}
