//! The kernel's settings that the TAPs need.

use std::io;
use std::path::Path;

use tracing::{debug, info};

use super::KernelError;

/// Sets what the network namespace as a whole needs: it is a router.
///
/// # Errors
/// A setting can neither be read as wanted nor be written.
pub fn set_namespace() -> Result<(), KernelError> {
    set("net/ipv4/ip_forward", "1")?;
    // The larger of this one and the interface's counts; packets from an LSP come from anywhere.
    set("net/ipv4/conf/all/rp_filter", "0")?;
    set_if_there("net/ipv6/conf/all/forwarding", "1")
}

/// Sets what a TAP needs, before it goes up.
///
/// # Errors
/// A setting can neither be read as wanted nor be written.
pub fn set_interface(name: &str, duplicate_address_detection: bool) -> Result<(), KernelError> {
    let v4 = |key: &str| format!("net/ipv4/conf/{name}/{key}");
    let v6 = |key: &str| format!("net/ipv6/conf/{name}/{key}");
    set(&v4("rp_filter"), "0")?;
    set(&v4("forwarding"), "1")?;
    // The interface answers for its own addresses only (RFC 1027 is not wanted on a router port).
    set(&v4("arp_ignore"), "1")?;
    set(&v4("arp_announce"), "2")?;
    set(&v4("send_redirects"), "0")?;
    // While no lsrd holds the TAP it has no carrier; neighbours and addresses outlive that.
    set_if_there(&v4("arp_evict_nocarrier"), "0")?;
    set_if_there(&v6("ndisc_evict_nocarrier"), "0")?;
    set_if_there(&v6("keep_addr_on_down"), "1")?;
    set_if_there(&v6("disable_ipv6"), "0")?;
    set_if_there(&v6("forwarding"), "1")?;
    set_if_there(&v6("accept_ra"), "0")?;
    set_if_there(&v6("autoconf"), "0")?;
    let dad = if duplicate_address_detection {
        "1"
    } else {
        "0"
    };
    set_if_there(&v6("accept_dad"), dad)?;
    set_if_there(&v6("dad_transmits"), dad)?;
    // A neighbour whose control plane restarts answers late: it is asked longer before it counts
    // as gone, since its switch forwards all the while.
    set_if_there(&format!("net/ipv4/neigh/{name}/mcast_resolicit"), "10")?;
    set_if_there(&format!("net/ipv6/neigh/{name}/mcast_resolicit"), "10")
}

/// As [`set`], for what older kernels or kernels without IPv6 do not have.
fn set_if_there(key: &str, value: &str) -> Result<(), KernelError> {
    match Path::new("/proc/sys").join(key).try_exists() {
        Ok(false) => {
            debug!(key, "the kernel has no such setting");
            Ok(())
        }
        _ => set(key, value),
    }
}

fn set(key: &str, value: &str) -> Result<(), KernelError> {
    let path = Path::new("/proc/sys").join(key);
    let error = |source: io::Error| KernelError::Sysctl {
        path: path.display().to_string(),
        value: value.to_owned(),
        source,
    };
    let current = std::fs::read_to_string(&path).map_err(error)?;
    if current.trim() == value {
        return Ok(());
    }
    std::fs::write(&path, value).map_err(error)?;
    info!(key, value, was = current.trim(), "kernel setting changed");
    Ok(())
}
