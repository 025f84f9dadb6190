//! The form of a trace for a terminal.

use std::fmt;

use super::{NamedValue, Trace, TraceEvent};

/// Bytes in one line of a packet.
const LINE: usize = 16;

pub(super) fn write(trace: &Trace, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(
        f,
        "packet of {} bytes in at port {}",
        trace.packet.len() / 2,
        trace.port
    )?;
    write_bytes(&trace.packet, f)?;
    for event in &trace.events {
        write_event(event, f)?;
    }
    Ok(())
}

fn write_event(event: &TraceEvent, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match event {
        TraceEvent::Ingress { reason, length } => {
            writeln!(f, "parser ({reason}, {length} bytes)")
        }
        TraceEvent::Egress { port, reason } => writeln!(f, "to port {port} ({reason})"),
        TraceEvent::State { name } => writeln!(f, "  state {name}"),
        TraceEvent::Extracted { header, fields } => {
            writeln!(f, "    {header}: {}", list(fields, " "))
        }
        TraceEvent::Parsed { error: None, bytes } => {
            writeln!(f, "  accepted, {bytes} bytes of headers")
        }
        TraceEvent::Parsed {
            error: Some(error),
            bytes,
        } => writeln!(f, "  stopped with {error} after {bytes} bytes"),
        TraceEvent::Checksum {
            name,
            computed,
            found: None,
        } => writeln!(f, "  checksum {name} set to {computed}"),
        TraceEvent::Checksum {
            name,
            computed,
            found: Some(found),
        } => {
            if computed == found {
                writeln!(f, "  checksum {name} is right: {found}")
            } else {
                writeln!(
                    f,
                    "  checksum {name} is WRONG: {found}, computed {computed}"
                )
            }
        }
        TraceEvent::Pipeline { name } => writeln!(f, "{name}"),
        TraceEvent::PipelineDone { name, packet } => {
            writeln!(f, "packet of {} bytes after {name}", packet.len() / 2)?;
            write_bytes(packet, f)
        }
        TraceEvent::Condition {
            name,
            source,
            holds,
        } => {
            let what = source.as_deref().unwrap_or(name);
            writeln!(f, "  if {what}: {}", if *holds { "yes" } else { "no" })
        }
        // Made by the compiler: what its action does says it all.
        TraceEvent::Table {
            key,
            hit: None,
            name,
            ..
        } if key.is_empty() && is_hidden(name) => Ok(()),
        TraceEvent::Table {
            name,
            key,
            hit,
            selection,
        } => {
            write!(f, "  table {name}")?;
            if !key.is_empty() {
                write!(f, " [{}]", list(key, ", "))?;
            }
            match hit {
                Some(entry) => write!(f, ": HIT {entry}")?,
                None => write!(f, ": miss")?,
            }
            if let Some(selection) = selection {
                write!(f, " ({selection})")?;
            }
            writeln!(f)
        }
        TraceEvent::Action { name, .. } if is_hidden(name) => Ok(()),
        TraceEvent::Action { name, arguments } => {
            writeln!(f, "    {name}({})", list(arguments, ", "))
        }
        TraceEvent::Operation { text } => writeln!(f, "      {text}"),
        TraceEvent::Note { text } => writeln!(f, "  {text}"),
        TraceEvent::Dropped { reason } => writeln!(f, "DROPPED {reason}"),
        TraceEvent::Sent { port, packet } => {
            writeln!(f, "packet of {} bytes out of port {port}", packet.len() / 2)?;
            write_bytes(packet, f)
        }
    }
}

/// Whether a table or action was made by the compiler: p4c names tables `tbl_act_1` and actions
/// after the file and line (`mpls71`), both without the name of a control before it.
fn is_hidden(name: &str) -> bool {
    !name.contains('.') && name != "NoAction"
}

fn list(values: &[NamedValue], separator: &str) -> String {
    let parts: Vec<String> = values
        .iter()
        .map(|item| format!("{}={}", item.name, item.value))
        .collect();
    parts.join(separator)
}

/// Bytes in hexadecimal, with their offsets.
fn write_bytes(hex: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let digits = hex.as_bytes();
    for (line, chunk) in digits.chunks(2 * LINE).enumerate() {
        write!(f, "    {:04x} ", line * LINE)?;
        for byte in chunk.chunks(2) {
            // The text was made of pairs of hexadecimal digits.
            write!(f, " {}", String::from_utf8_lossy(byte))?;
        }
        writeln!(f)?;
    }
    Ok(())
}
