//! Long lists are sent in pieces that every client takes.

use prost::Message;

/// Bytes of one piece, unless a single element has more: a quarter of what clients take by default
/// (section 21.4.2).
pub(super) const PIECE: usize = 1 << 20;

/// Cuts a list into pieces of at most [`PIECE`] bytes, or of one element. No list gives no piece.
pub(super) fn pieces<T: Message>(list: Vec<T>) -> Vec<Vec<T>> {
    let mut pieces = Vec::new();
    let (mut piece, mut bytes) = (Vec::new(), 0);
    for element in list {
        let length = element.encoded_len();
        if bytes + length > PIECE && !piece.is_empty() {
            pieces.push(std::mem::take(&mut piece));
            bytes = 0;
        }
        bytes += length;
        piece.push(element);
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use p4runtime_proto::p4::v1::TableEntry;

    use super::*;

    #[test]
    fn a_list_is_cut_by_its_bytes_and_no_element_is_lost() {
        let entry = |id, length| TableEntry {
            table_id: id,
            metadata: vec![0; length],
            ..Default::default()
        };
        let lengths = [PIECE / 2, PIECE / 4, PIECE / 2, 2 * PIECE, 1, 1];
        let list: Vec<_> = (1..).zip(lengths).map(|(id, n)| entry(id, n)).collect();
        let cut = pieces(list.clone());
        let counts: Vec<_> = cut.iter().map(Vec::len).collect();
        assert_eq!(counts, [2, 1, 1, 2]);
        assert_eq!(cut.concat(), list);
        assert!(pieces::<TableEntry>(Vec::new()).is_empty());
    }
}
