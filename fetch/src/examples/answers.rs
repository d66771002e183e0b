//! Answers at their places in the context.

use anyhow::{Context, Result};
use shared::fault::Fault;
use shared::schema::Answer;

/// How many characters off its place an answer may stand: the tools that annotate now and then count a space too many.
const NEAR: u32 = 8;

/// How an answer was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    InPlace,
    Moved,
}

/// Sees that `answer` stands in `context` where it says, or moves it to the nearest place not far from there.
///
/// # Errors
/// An input fault where it is nowhere near.
pub(super) fn settle(answer: &mut Answer, context: &str) -> Result<Found> {
    if stands(answer, context, answer.start) {
        return Ok(Found::InPlace);
    }
    let around = (1..=NEAR).flat_map(|far| [answer.start.checked_sub(far), answer.start.checked_add(far)]);
    let place = around.flatten().find(|&start| stands(answer, context, start));
    answer.start = place.with_context(|| {
        let Answer { start, text } = &*answer;
        let unit = "`answer_start` counts characters, from 0";
        Fault::input(format!("the answer `{text}` does not stand at {start} of its context; {unit}"))
    })?;
    Ok(Found::Moved)
}

fn stands(answer: &Answer, context: &str, start: u32) -> bool {
    let Ok(start) = usize::try_from(start) else { return false };
    let byte = context.char_indices().map(|(byte, _)| byte).nth(start);
    let rest = byte.and_then(|byte| context.get(byte..));
    !answer.text.is_empty() && rest.is_some_and(|rest| rest.starts_with(&answer.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: &str = "𝒜 서울은 한국의 수도다. 서울은 크다.";

    fn check(start: u32, text: &str, expect: Option<(Found, u32)>) {
        let mut answer = Answer { start, text: text.into() };
        let found = settle(&mut answer, CONTEXT).ok();
        assert_eq!(found.map(|found| (found, answer.start)), expect, "`{text}` at {start}");
    }

    #[test]
    fn places_are_in_characters() {
        check(0, "𝒜", Some((Found::InPlace, 0)));
        check(2, "서울", Some((Found::InPlace, 2)));
        check(15, "서울은 크다.", Some((Found::InPlace, 15)));
    }

    #[test]
    fn an_answer_nearby_is_moved_to_the_nearest() {
        check(4, "서울", Some((Found::Moved, 2)));
        check(12, "서울", Some((Found::Moved, 15)));
        check(23, "크다", Some((Found::Moved, 19)));
    }

    #[test]
    fn an_answer_elsewhere_is_refused() {
        check(0, "부산", None);
        check(40, "서울", None);
        check(u32::MAX, "서울", None);
        check(0, "", None);
    }
}
