//! Receiving from memory that is shared with the kernel: no system call for a frame.
//!
//! It is the second version of the kernel's rings (TPACKET_V2). The third one hands over frames in
//! blocks, which is no faster here, and at low rates late.

use std::io::{self, IoSliceMut};
use std::mem::{offset_of, size_of};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use crate::socket::{Flag, set, set_option};
use crate::{VlanTag, receive};

/// Octets of a `virtio_net_hdr`.
pub const VIRTIO_HEADER: usize = 10;
/// Octets from one slot of the ring to the next. A frame of the usual MTU fits with what the kernel
/// writes before it.
const SLOT: usize = 2048;
/// Octets that the kernel takes in one piece.
const BLOCK: usize = 1 << 16;
/// The longest frame: the largest MTU with its Ethernet header and tags.
const LONGEST: usize = 65_536 + 64;

/// A ring of slots, one for each frame that waits. What is longer than a slot comes through the
/// socket's queue, in its turn.
#[derive(Debug)]
pub struct Ring {
    memory: MmapRaw,
    slots: usize,
    /// The slot that the kernel fills next, or has filled already.
    next: usize,
    /// Room for a long frame, once there was one.
    long: Vec<u8>,
}

/// A frame that was received.
#[derive(Debug)]
pub struct Frame<'r> {
    /// What is left to hardware.
    pub virtio: [u8; VIRTIO_HEADER],
    /// The tag that is to be put back.
    pub tag: Option<VlanTag>,
    /// Whether this host sent the frame.
    pub outgoing: bool,
    /// Room for a tag ([`VlanTag::LENGTH`]), then the frame.
    pub octets: &'r mut [u8],
}

/// What a slot has.
enum Slot {
    /// A frame with octets from one place of the slot to another.
    Short {
        outgoing: bool,
        tag: Option<VlanTag>,
        start: usize,
        end: usize,
    },
    /// The frame is in the socket's queue.
    Long,
    /// The frame was longer than a slot, and there was no room in the queue.
    Lost,
}

impl Ring {
    /// Gives a socket that is not bound yet a ring with at least so many slots. Its frames come with a
    /// `virtio_net_hdr`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new(socket: &impl AsFd, slots: usize) -> io::Result<Self> {
        set(socket, Flag::VirtioHeader)?;
        set(socket, Flag::Auxiliary)?;
        let set = |name, value: libc::c_int| set_option(socket, (libc::SOL_PACKET, name), &value);
        set(
            libc::PACKET_VERSION,
            libc::tpacket_versions::TPACKET_V2 as libc::c_int,
        )?;
        // Longer frames are put into the queue.
        set(libc::PACKET_COPY_THRESH, 1)?;
        let blocks = (slots * SLOT).div_ceil(BLOCK);
        let slots = blocks * (BLOCK / SLOT);
        let request = libc::tpacket_req {
            tp_block_size: BLOCK as libc::c_uint,
            tp_block_nr: blocks as libc::c_uint,
            tp_frame_size: SLOT as libc::c_uint,
            tp_frame_nr: slots as libc::c_uint,
        };
        let name = (libc::SOL_PACKET, libc::PACKET_RX_RING);
        set_option(socket, name, &request)?;
        let memory = MmapOptions::new()
            .len(blocks * BLOCK)
            .map_raw(socket.as_fd().as_raw_fd())?;
        Ok(Self {
            memory,
            slots,
            next: 0,
            long: Vec::new(),
        })
    }

    /// Hands the frames that have come to `take`, at most so many; `None` stands for one that was lost
    /// since it was too long for a slot and for the socket's queue. Gives how many there were.
    ///
    /// `socket` is the one that the ring was made for.
    pub fn receive(
        &mut self,
        socket: &impl AsFd,
        limit: usize,
        mut take: impl FnMut(Option<Frame<'_>>),
    ) -> usize {
        for count in 0..limit {
            let Some(slot) = self.examine() else {
                return count;
            };
            match slot {
                Slot::Short {
                    outgoing,
                    tag,
                    start,
                    end,
                } => {
                    let slot = self.octets();
                    let (before, octets) = slot[..end].split_at_mut(start - VlanTag::LENGTH);
                    // The header ends where the frame starts.
                    let mut virtio = [0; VIRTIO_HEADER];
                    let (first, last) = virtio.split_at_mut(VIRTIO_HEADER - VlanTag::LENGTH);
                    first.copy_from_slice(&before[before.len() - first.len()..]);
                    last.copy_from_slice(&octets[..last.len()]);
                    take(Some(Frame {
                        virtio,
                        tag,
                        outgoing,
                        octets,
                    }));
                }
                Slot::Long => take(receive_long(socket, &mut self.long)),
                Slot::Lost => take(None),
            }
            self.status()
                .store(libc::TP_STATUS_KERNEL, Ordering::Release);
            self.next = (self.next + 1) % self.slots;
        }
        limit
    }

    fn slot(&self) -> *mut u8 {
        // SAFETY: `next` is less than the number of slots, all of which are mapped.
        unsafe { self.memory.as_mut_ptr().add(self.next * SLOT) }
    }

    /// Who owns the next slot, and what it has.
    fn status(&self) -> &AtomicU32 {
        let place = offset_of!(libc::tpacket2_hdr, tp_status);
        // SAFETY: the slot begins with a `tpacket2_hdr`, aligned as the slot is, which lives as long
        // as the ring; kernel and program both read and write the status at once.
        unsafe { AtomicU32::from_ptr(self.slot().add(place).cast()) }
    }

    /// The octets of the next slot, which the kernel must have handed over.
    fn octets(&mut self) -> &mut [u8] {
        // SAFETY: the kernel does not touch a slot that it handed over until its status is set back,
        // for which this borrow has to end.
        unsafe { std::slice::from_raw_parts_mut(self.slot(), SLOT) }
    }

    /// What the next slot has, if the kernel has handed it over.
    fn examine(&self) -> Option<Slot> {
        let status = self.status().load(Ordering::Acquire);
        if status & libc::TP_STATUS_USER == 0 {
            return None;
        }
        if status & libc::TP_STATUS_COPY != 0 {
            return Some(Slot::Long);
        }
        // SAFETY: the kernel has handed the slot over, which begins with this, aligned, and has a
        // `sockaddr_ll` behind it.
        let (header, address) = unsafe {
            let header = self.slot().cast::<libc::tpacket2_hdr>();
            (
                header.read(),
                header.add(1).cast::<libc::sockaddr_ll>().read(),
            )
        };
        let start = usize::from(header.tp_mac);
        let end = start + header.tp_snaplen as usize;
        let least = size_of::<libc::tpacket2_hdr>() + VIRTIO_HEADER;
        if header.tp_snaplen < header.tp_len || end > SLOT || start < least {
            return Some(Slot::Lost);
        }
        Some(Slot::Short {
            outgoing: address.sll_pkttype == libc::PACKET_OUTGOING,
            tag: VlanTag::read(status, header.tp_vlan_tpid, header.tp_vlan_tci),
            start,
            end,
        })
    }
}

/// Receives a frame from the socket's queue.
fn receive_long<'m>(socket: &impl AsFd, memory: &'m mut Vec<u8>) -> Option<Frame<'m>> {
    memory.resize(VlanTag::LENGTH + LONGEST, 0);
    let mut virtio = [0; VIRTIO_HEADER];
    let mut buffers = [
        IoSliceMut::new(&mut virtio),
        IoSliceMut::new(&mut memory[VlanTag::LENGTH..]),
    ];
    let received = receive(socket, &mut buffers).ok()?;
    let length = received.length.checked_sub(VIRTIO_HEADER)?;
    (!received.truncated).then_some(Frame {
        virtio,
        tag: received.tag,
        outgoing: received.outgoing,
        octets: &mut memory[..VlanTag::LENGTH + length],
    })
}
