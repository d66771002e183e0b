//! Checks the offsets of answers in their context, and corrects small errors.

use anyhow::{Context, Result};
use shared::fault::Fault;
use shared::schema::Answer;

/// The maximum error of an offset in characters. Annotation tools sometimes count spaces wrong.
const MAX_ERROR: u32 = 8;

/// The state of an answer's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offset {
    Exact,
    Corrected,
}

/// Checks that `answer` is in `context` at its offset, or corrects the offset to the nearest occurrence.
///
/// # Errors
/// An input fault where the answer does not occur within [`MAX_ERROR`] characters of its offset.
pub(super) fn correct_offset(answer: &mut Answer, context: &str) -> Result<Offset> {
    if occurs_at(answer, context, answer.start) {
        return Ok(Offset::Exact);
    }
    let nearby =
        (1..=MAX_ERROR).flat_map(|error| [answer.start.checked_sub(error), answer.start.checked_add(error)]);
    let place = nearby.flatten().find(|&start| occurs_at(answer, context, start));
    answer.start = place.with_context(|| {
        let Answer { start, text } = &*answer;
        let unit = "`answer_start` counts characters, from 0";
        Fault::input(format!("the answer `{text}` is not at character {start} of its context; {unit}"))
    })?;
    Ok(Offset::Corrected)
}

fn occurs_at(answer: &Answer, context: &str, start: u32) -> bool {
    let Ok(start) = usize::try_from(start) else { return false };
    let byte = context.char_indices().map(|(byte, _)| byte).nth(start);
    let rest = byte.and_then(|byte| context.get(byte..));
    !answer.text.is_empty() && rest.is_some_and(|rest| rest.starts_with(&answer.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: &str = "𝒜 서울은 한국의 수도다. 서울은 크다.";

    fn check(start: u32, text: &str, expect: Option<(Offset, u32)>) {
        let mut answer = Answer { start, text: text.into() };
        let offset = correct_offset(&mut answer, CONTEXT).ok();
        assert_eq!(offset.map(|offset| (offset, answer.start)), expect, "`{text}` at {start}");
    }

    #[test]
    fn offsets_are_in_characters() {
        check(0, "𝒜", Some((Offset::Exact, 0)));
        check(2, "서울", Some((Offset::Exact, 2)));
        check(15, "서울은 크다.", Some((Offset::Exact, 15)));
    }

    #[test]
    fn a_wrong_offset_is_corrected_to_the_nearest_occurrence() {
        check(4, "서울", Some((Offset::Corrected, 2)));
        check(12, "서울", Some((Offset::Corrected, 15)));
        check(23, "크다", Some((Offset::Corrected, 19)));
    }

    #[test]
    fn an_answer_elsewhere_is_refused() {
        check(0, "부산", None);
        check(40, "서울", None);
        check(u32::MAX, "서울", None);
        check(0, "", None);
    }
}
