//! Sending many frames with one system call.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};

/// Frames that are sent with one call at most.
pub const BURST: usize = 64;

/// Sends frames in their order with few calls, and tells what came of each: the frame's place, and
/// what the system says. One that is refused keeps none of the others back.
///
/// A frame is in `PARTS` parts, such as a header that the socket wants before it.
pub fn send<const PARTS: usize>(
    socket: &impl AsFd,
    frames: &[[IoSlice<'_>; PARTS]],
    mut done: impl FnMut(usize, io::Result<()>),
) {
    for (chunk, frames) in frames.chunks(BURST).enumerate() {
        // SAFETY: all zeros is a valid `mmsghdr`.
        let mut messages: [libc::mmsghdr; BURST] = unsafe { std::mem::zeroed() };
        for (message, parts) in messages.iter_mut().zip(frames) {
            // An `IoSlice` is an `iovec`, which the kernel only reads.
            message.msg_hdr.msg_iov = parts.as_ptr().cast_mut().cast();
            message.msg_hdr.msg_iovlen = PARTS;
        }
        let mut sent = 0;
        while sent < frames.len() {
            let left = &mut messages[sent..frames.len()];
            // SAFETY: each message points to parts that outlive the call; `left` has as many
            // messages as are given.
            let count = unsafe {
                libc::sendmmsg(
                    socket.as_fd().as_raw_fd(),
                    left.as_mut_ptr(),
                    left.len() as libc::c_uint,
                    0,
                )
            };
            let place = chunk * BURST + sent;
            match usize::try_from(count) {
                Ok(count) if count > 0 => {
                    (place..place + count).for_each(|place| done(place, Ok(())));
                    sent += count;
                }
                // The first of those that are left was refused.
                _ => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        done(place, Err(error));
                        sent += 1;
                    }
                }
            }
        }
    }
}
