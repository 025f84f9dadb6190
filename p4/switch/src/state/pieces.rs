//! Memory in pieces that are never moved, in huge pages where there is much of it: with pages of 4 KiB a
//! look-up in a table of a million entries waits for the page tables besides the entry.

use std::ptr::NonNull;

use nix::sys::mman::{MmapAdvise, madvise};

/// The size of a huge page. Where it is another, less is gained.
const HUGE_PAGE: usize = 2 << 20;
/// What is allocated piece by piece before huge pages are used, in octets: a huge page takes memory as a
/// whole, so they never make a table's memory more than about twice as large.
const SMALL: usize = HUGE_PAGE;
/// What is asked of the allocator at once, in octets. Pages of it that are not yet used take no memory.
const SLAB: usize = 8 * HUGE_PAGE;

/// Pieces in the order in which they were added.
#[derive(Debug)]
pub(super) struct Pieces<T> {
    small: Vec<Box<T>>,
    /// Of [`Pieces::IN_SLAB`] pieces each; none is ever reallocated.
    slabs: Vec<Vec<T>>,
}

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self {
            small: Vec::new(),
            slabs: Vec::new(),
        }
    }
}

impl<T> Pieces<T> {
    const IN_SMALL: usize = SMALL / size_of::<T>();
    const IN_SLAB: usize = SLAB / size_of::<T>();

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        match index.checked_sub(Self::IN_SMALL) {
            None => Some(self.small.get(index)?),
            Some(index) => self
                .slabs
                .get(index / Self::IN_SLAB)?
                .get(index % Self::IN_SLAB),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        match index.checked_sub(Self::IN_SMALL) {
            None => Some(self.small.get_mut(index)?),
            Some(index) => self
                .slabs
                .get_mut(index / Self::IN_SLAB)?
                .get_mut(index % Self::IN_SLAB),
        }
    }

    /// Adds a piece, and gives its address.
    pub(super) fn push(&mut self, piece: T) -> usize {
        if self.small.len() < Self::IN_SMALL {
            let piece = Box::new(piece);
            let address: *const T = &raw const *piece;
            self.small.push(piece);
            return address as usize;
        }
        match self.slabs.last_mut() {
            Some(slab) if slab.len() < Self::IN_SLAB => Self::push_in(slab, piece),
            _ => {
                let mut slab = Vec::with_capacity(Self::IN_SLAB);
                ask_for_huge_pages(&slab);
                let address = Self::push_in(&mut slab, piece);
                self.slabs.push(slab);
                address
            }
        }
    }

    /// Adds a piece to a slab that has a place for it.
    fn push_in(slab: &mut Vec<T>, piece: T) -> usize {
        let address = slab.as_ptr().wrapping_add(slab.len());
        slab.push(piece);
        address as usize
    }
}

/// Asks the kernel for huge pages where this will be stored. Without them all works as well, so that a
/// kernel that has none is no error.
fn ask_for_huge_pages<T>(slab: &Vec<T>) {
    let start = slab.as_ptr() as usize;
    let first = start.next_multiple_of(HUGE_PAGE);
    let end = (start + slab.capacity() * size_of::<T>()) / HUGE_PAGE * HUGE_PAGE;
    let Some(address) = NonNull::new(first as *mut std::ffi::c_void) else {
        return;
    };
    if first < end {
        #[allow(unsafe_code)]
        // SAFETY: the range lies in what `slab` owns, and the advice changes no content of it.
        let asked = unsafe { madvise(address, end - first, MmapAdvise::MADV_HUGEPAGE) };
        if let Err(error) = asked {
            tracing::debug!("no huge pages for a table: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stay_where_they_are() {
        type Piece = [u64; 4096];
        let count = (2 * SLAB + 3 * SMALL) / size_of::<Piece>();
        let mut pieces = Pieces::<Piece>::default();
        let addresses: Vec<usize> = (0..count)
            .map(|index| pieces.push([index as u64; 4096]))
            .collect();
        for (index, address) in addresses.into_iter().enumerate() {
            let piece: *const Piece = pieces.get(index).expect("it was added");
            assert_eq!(piece as usize, address);
            let piece = pieces.get_mut(index).expect("it was added");
            assert_eq!(piece, &[index as u64; 4096]);
        }
        assert!(pieces.get(count).is_none());
    }
}
