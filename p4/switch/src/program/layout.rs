//! Where headers and fields lie in the packet header vector (PHV), a flat array of 64-bit words.
//!
//! Each header takes a word for its validity (0 or 1), then the words of its fields, the least
//! significant word first. So `$valid$` is a field like others, and a header is copied in one go.
//! Elements of a stack lie one after the other. A field of variable length has a word with its
//! length in bits before the words of its value.

pub(crate) type HeaderId = u32;
pub(crate) type StackId = u32;
pub(crate) type UnionId = u32;
pub(crate) type UnionStackId = u32;

/// The whole PHV.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub(crate) words: usize,
    /// Metadata lie at the start, up to here.
    pub(crate) metadata_words: usize,
    /// What metadata are at the start: zero, but valid.
    pub(crate) metadata: Vec<u64>,
    pub(crate) headers: Vec<HeaderLayout>,
    pub(crate) stacks: Vec<StackLayout>,
    pub(crate) unions: Vec<Union>,
    pub(crate) union_stacks: Vec<UnionStack>,
}

/// A header or metadata instance.
#[derive(Debug)]
pub(crate) struct HeaderLayout {
    pub(crate) name: String,
    /// Index of its type: headers with the same can be copied to each other.
    pub(crate) header_type: u32,
    /// The word of its validity; the fields follow.
    pub(crate) start: u32,
    /// How many words it takes.
    pub(crate) words: u32,
    pub(crate) is_metadata: bool,
    /// The union that it is a member of.
    pub(crate) union: Option<UnionId>,
    pub(crate) fields: Vec<HeaderField>,
    /// Size in bytes on the wire, without the field of variable length.
    pub(crate) bytes: u32,
    /// Index of the field of variable length.
    pub(crate) variable: Option<u32>,
    /// Largest size in bytes, if there is a field of variable length.
    pub(crate) max_bytes: u32,
}

impl HeaderLayout {
    /// The words of the header.
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.words) as usize
    }
}

/// A field of a header.
#[derive(Debug, Clone)]
pub(crate) struct HeaderField {
    pub(crate) name: String,
    pub(crate) field: Field,
    /// Offset in bits from the start of the header on the wire; fields after one of variable
    /// length are further on by its length.
    pub(crate) bit_offset: u32,
}

/// A field in the PHV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    /// The first word of its value.
    pub(crate) word: u32,
    /// Width in bits; the largest one for a field of variable length.
    pub(crate) width: u32,
    pub(crate) signed: bool,
    /// Whether its length is variable; the length stands in the word before the value.
    pub(crate) variable: bool,
    /// The header that it belongs to.
    pub(crate) header: HeaderId,
}

impl Field {
    /// The words of the value.
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        let start = self.word as usize;
        start..start + crate::number::words_for(self.width)
    }
}

/// A header stack.
#[derive(Debug)]
pub(crate) struct StackLayout {
    pub(crate) name: String,
    /// The word that holds the index of the next element to extract.
    pub(crate) next: u32,
    /// The elements, one after the other in the PHV.
    pub(crate) elements: Vec<HeaderId>,
    /// The first word of the first element.
    pub(crate) start: u32,
    /// Words of one element.
    pub(crate) stride: u32,
}

/// A header union.
#[derive(Debug)]
pub(crate) struct Union {
    pub(crate) name: String,
    pub(crate) members: Vec<HeaderId>,
}

/// A stack of header unions.
#[derive(Debug)]
pub(crate) struct UnionStack {
    pub(crate) name: String,
    /// The word that holds the index of the next element to extract.
    pub(crate) next: u32,
    pub(crate) elements: Vec<UnionId>,
}
