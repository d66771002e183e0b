//! Overlapping windows over a text that is longer than a model takes.

use std::ops::Range;

/// A window, as ranges of piece indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WindowSpan {
    pub(super) shown: Range<usize>,
    /// The pieces that have the most context in this window. Every piece belongs to exactly one window.
    pub(super) own: Range<usize>,
}

/// Splits `pieces` into windows of at most `room` pieces. Each window repeats the last `overlap` pieces of the window before.
///
/// The context of a piece is the smaller number of pieces on either side of it in the window, as in `_check_is_max_context` of
/// the original BERT; the ends of the text do not count. So the first half of an overlap belongs to the first window.
pub(super) fn window_spans(pieces: usize, room: usize, overlap: usize) -> Vec<WindowSpan> {
    let step = room.saturating_sub(overlap).max(1);
    let (mut spans, mut start, mut own_start) = (Vec::new(), 0, 0);
    while start + room < pieces {
        let own_end = start + step + overlap.div_ceil(2);
        spans.push(WindowSpan { shown: start..start + room, own: own_start..own_end });
        (start, own_start) = (start + step, own_end);
    }
    spans.push(WindowSpan { shown: start..pieces, own: own_start..pieces });
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: usize, room: usize, overlap: usize, expect: &[(Range<usize>, Range<usize>)]) {
        let spans = window_spans(pieces, room, overlap);
        let spans: Vec<_> = spans.into_iter().map(|span| (span.shown, span.own)).collect();
        assert_eq!(spans, expect, "{pieces} pieces");
    }

    #[test]
    fn a_text_that_fits_is_one_window() {
        check(0, 4, 2, &[(0..0, 0..0)]);
        check(4, 4, 2, &[(0..4, 0..4)]);
    }

    #[test]
    fn windows_overlap_and_divide_their_shared_pieces() {
        check(5, 4, 2, &[(0..4, 0..3), (2..5, 3..5)]);
        check(8, 4, 2, &[(0..4, 0..3), (2..6, 3..5), (4..8, 5..8)]);
        check(7, 4, 1, &[(0..4, 0..4), (3..7, 4..7)]);
        check(9, 4, 0, &[(0..4, 0..4), (4..8, 4..8), (8..9, 8..9)]);
        check(6, 4, 3, &[(0..4, 0..3), (1..5, 3..4), (2..6, 4..6)]);
    }

    /// The context of a piece on its poorer side.
    fn shown_around(span: &WindowSpan, piece: usize, pieces: usize) -> usize {
        let before = if span.shown.start == 0 { usize::MAX } else { piece - span.shown.start };
        let after = if span.shown.end == pieces { usize::MAX } else { span.shown.end - 1 - piece };
        before.min(after)
    }

    #[test]
    fn no_other_window_shows_more_context() {
        for (room, overlap) in [(4, 0), (4, 1), (4, 2), (4, 3), (9, 4), (9, 7)] {
            for pieces in 0..40 {
                let spans = window_spans(pieces, room, overlap);
                for piece in 0..pieces {
                    let own: Vec<_> = spans.iter().filter(|span| span.own.contains(&piece)).collect();
                    let shown = spans.iter().filter(|span| span.shown.contains(&piece));
                    let most = shown.map(|span| shown_around(span, piece, pieces)).max();
                    assert_eq!(own.len(), 1, "{piece} of {pieces}");
                    assert!(own[0].shown.contains(&piece), "{piece} of {pieces}");
                    assert_eq!(Some(shown_around(own[0], piece, pieces)), most, "{piece} of {pieces}");
                }
            }
        }
    }
}
