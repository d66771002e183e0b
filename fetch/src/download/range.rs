//! The header `Content-Range`: the range of a file that a response holds.

/// A consistent `bytes FIRST-LAST/TOTAL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub(super) first: u64,
    pub(super) last: u64,
    /// The size of the file; none where the server sends `*`.
    pub(super) total: Option<u64>,
}

impl ContentRange {
    /// Parses the header; none where it is malformed or inconsistent.
    pub(super) fn parse(text: &str) -> Option<ContentRange> {
        let (unit, range) = text.trim().split_once(' ')?;
        let (place, total) = range.trim().split_once('/')?;
        let (first, last) = place.split_once('-')?;
        let total = match total.trim() {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        let range =
            ContentRange { first: first.trim().parse().ok()?, last: last.trim().parse().ok()?, total };
        let ordered = range.first <= range.last && range.total.is_none_or(|total| range.last < total);
        (unit.eq_ignore_ascii_case("bytes") && ordered).then_some(range)
    }

    /// The number of bytes in the range.
    pub(super) fn bytes(self) -> u64 {
        // The range includes both ends.
        (self.last - self.first).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_consistent_ranges_are_parsed() {
        let check = |text: &str, expected: Option<(u64, u64, Option<u64>)>| {
            let range = ContentRange::parse(text).map(|range| (range.first, range.last, range.total));
            assert_eq!(range, expected, "{text}");
        };
        check("bytes 4-9/10", Some((4, 9, Some(10))));
        check("Bytes 0-0/*", Some((0, 0, None)));
        for wrong in ["", "bytes", "bytes */10", "bytes 9-4/10", "bytes 4-10/10", "bytes 4-9", "lines 4-9/10"]
        {
            check(wrong, None);
        }
        check("bytes 4-9/x", None);
        check("bytes -1-9/10", None);
    }
}
