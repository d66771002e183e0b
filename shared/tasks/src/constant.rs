//! Splits in which all rows have the same target. A model learns nothing from them, and their metrics are meaningless.

use shared::schema::{Features, Targets};

/// The target that all `rows` share, as a clause for messages; none if targets differ or are unknown. `outputs` are the names
/// of the model's outputs, in the order of their ids.
pub fn constant_target(rows: &[Features], outputs: &[String]) -> Option<String> {
    let name = |id: i64| usize::try_from(id).ok().and_then(|id| outputs.get(id)).map_or("", String::as_str);
    let first = &rows.first()?.targets;
    let clause = match first {
        Targets::Unknown | Targets::Words(_) => return None,
        Targets::Tags(_) => {
            return constant_tag(rows).map(|tag| match tag {
                Some(tag) => format!("every tag is `{}`", name(tag)),
                None => "no token has a tag".to_owned(),
            });
        }
        Targets::Class(id) => format!("every label is `{}`", name(*id)),
        Targets::Classes(holds) if holds.iter().all(|&holds| holds == 0.0) => {
            "no text has a label".to_owned()
        }
        Targets::Classes(_) => "every text has the same labels".to_owned(),
        Targets::Score(score) => format!("every score is {score}"),
        Targets::Span { start: 0, end: 0 } => "no question has its answer in the context".to_owned(),
        Targets::Span { .. } => return None,
    };
    rows.iter().all(|row| row.targets == *first).then_some(clause)
}

/// The tag that all tagged tokens of the rows share: `Some(None)` without tagged tokens, `None` if tags differ.
fn constant_tag(rows: &[Features]) -> Option<Option<i64>> {
    let tags = rows.iter().flat_map(|row| match &row.targets {
        Targets::Tags(tags) => tags.as_slice(),
        _ => &[],
    });
    let mut tags = tags.copied().filter(|&tag| tag != Targets::IGNORED);
    let first = tags.next();
    tags.all(|tag| Some(tag) == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(targets: &[Targets], expect: Option<&str>) {
        let row = |targets: &Targets| Features {
            example_id: String::new(),
            input_ids: vec![1],
            token_type_ids: vec![0],
            targets: targets.clone(),
            offsets: Vec::new(),
        };
        let rows: Vec<Features> = targets.iter().map(row).collect();
        let outputs = ["O", "PER"].map(str::to_owned);
        assert_eq!(constant_target(&rows, &outputs).as_deref(), expect, "{targets:?}");
    }

    #[test]
    fn a_target_that_all_rows_share_is_described() {
        use Targets::{Class, Classes, Score, Span, Tags, Unknown};
        check(&[], None);
        check(&[Unknown, Unknown], None);
        check(&[Class(1), Class(1)], Some("every label is `PER`"));
        check(&[Class(1), Class(0)], None);
        check(&[Classes(vec![0.0; 2]), Classes(vec![0.0; 2])], Some("no text has a label"));
        check(&[Classes(vec![0.0, 1.0]), Classes(vec![0.0, 1.0])], Some("every text has the same labels"));
        check(&[Classes(vec![0.0, 1.0]), Classes(vec![1.0, 1.0])], None);
        check(&[Score(2.5), Score(2.5)], Some("every score is 2.5"));
        check(&[Score(2.5), Score(2.0)], None);
        check(&[Tags(vec![0, -100]), Tags(vec![0])], Some("every tag is `O`"));
        check(&[Tags(vec![0, -100]), Tags(vec![1])], None);
        check(&[Tags(vec![-100])], Some("no token has a tag"));
        let answer = |start| Span { start, end: start };
        check(&[answer(0), answer(0)], Some("no question has its answer in the context"));
        check(&[answer(0), answer(4)], None);
        check(&[answer(4), answer(4)], None);
    }
}
