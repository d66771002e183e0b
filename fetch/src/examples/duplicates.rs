//! Counts of texts that occur more than once, by their hashes.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};

use shared::layout::Split;
use shared::schema::{Example, Truth};

/// The maximum number of different texts in memory; they take about 50 MB.
const MAX_TEXTS: usize = 1 << 20;

/// The texts of a corpus by hash. If there are too many, only hashes that end with a number of zero bits are kept. This is a
/// sample by content: it has all duplicates of a text or none.
pub(super) struct Duplicates {
    texts: HashMap<u64, Occurrences>,
    zeros: u32,
    max_texts: usize,
}

/// The numbers of a text's occurrences by split.
#[derive(Default)]
struct Occurrences {
    train: u32,
    dev: u32,
    test: u32,
    /// The hash of its labels in train.
    labels: Option<u64>,
    contradictory: bool,
}

impl Duplicates {
    pub(super) fn new() -> Duplicates {
        Duplicates::with_capacity(MAX_TEXTS)
    }

    fn with_capacity(max_texts: usize) -> Duplicates {
        Duplicates { texts: HashMap::new(), zeros: 0, max_texts }
    }

    /// Counts the input of `example`: its text, or both texts of a pair.
    pub(super) fn add(&mut self, split: Split, example: &Example) {
        let text = hash(&(&example.text, &example.text_pair));
        if text.trailing_zeros() < self.zeros {
            return;
        }
        let occurrences = self.texts.entry(text).or_default();
        *match split {
            Split::Train => &mut occurrences.train,
            Split::Dev => &mut occurrences.dev,
            Split::Test => &mut occurrences.test,
        } += 1;
        if let (Split::Train, Some(labels)) = (split, labels(&example.truth)) {
            occurrences.contradictory |= *occurrences.labels.get_or_insert(labels) != labels;
        }
        while self.texts.len() > self.max_texts {
            self.zeros += 1;
            self.texts.retain(|text, _| text.trailing_zeros() >= self.zeros);
        }
    }

    /// One sentence for every kind of duplicates that occurs. `rows` are the numbers of rows by split.
    pub(super) fn report(&self, rows: &BTreeMap<Split, u64>) -> Vec<String> {
        let about = if self.zeros > 0 { "about " } else { "" };
        let dev = self.rows(|text| if text.train > 0 { text.dev } else { 0 });
        let test = self.rows(|text| if text.train > 0 { text.test } else { 0 });
        let in_either = self.rows(|text| if text.train + text.dev > 0 { text.test } else { 0 });
        let or_dev = if in_either > test { format!(", {in_either} in train or dev") } else { String::new() };
        let effect = "metrics on them measure memorization";
        let both = [(Split::Dev, dev, dev, String::new()), (Split::Test, test, in_either, or_dev)];
        let both = both.into_iter().filter(|(_, _, all, _)| *all > 0).map(|(split, count, _, more)| {
            let rows = rows.get(&split).copied().unwrap_or_default();
            format!("{split}: {about}{count} of {rows} texts are also in train{more}; {effect}")
        });
        let texts = self.rows(|text| u32::from(text.contradictory));
        let rows = self.rows(|text| if text.contradictory { text.train } else { 0 });
        let contradictory = (texts > 0).then(|| {
            format!("train: {about}{texts} texts have different labels in different rows, in {rows} rows")
        });
        both.chain(contradictory).collect()
    }

    /// The sum of `count` over all texts, estimated from the sample.
    fn rows(&self, count: impl Fn(&Occurrences) -> u32) -> u64 {
        self.texts.values().map(|text| u64::from(count(text))).sum::<u64>() << self.zeros
    }
}

/// The hash of the labels. None for other truths: equal texts may have different scores, and a question several answers.
fn labels(truth: &Truth) -> Option<u64> {
    match truth {
        Truth::Label(label) => Some(hash(label)),
        Truth::Labels(labels) => {
            let mut labels: Vec<&String> = labels.iter().collect();
            labels.sort();
            Some(hash(&labels))
        }
        Truth::Unknown | Truth::Score(_) | Truth::Entities(_) | Truth::Answers(_) => None,
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(text: &str, text_pair: Option<&str>, truth: Truth) -> Example {
        Example { example_id: "1".into(), text: text.into(), text_pair: text_pair.map(str::to_owned), truth }
    }

    fn label(label: &str) -> Truth {
        Truth::Label(label.into())
    }

    fn check(rows: &[(Split, Example)], expect: &[&str]) {
        let mut duplicates = Duplicates::new();
        rows.iter().for_each(|(split, example)| duplicates.add(*split, example));
        let count = |split| (split, rows.iter().filter(|row| row.0 == split).count() as u64);
        let sentences = duplicates.report(&Split::ALL.map(count).into());
        assert_eq!(sentences.len(), expect.len(), "{sentences:?}");
        sentences.iter().zip(expect).for_each(|(found, start)| assert!(found.starts_with(start), "{found}"));
    }

    #[test]
    fn texts_of_test_and_dev_that_are_also_in_train_are_counted() {
        let rows = |split, texts: &str| {
            texts
                .chars()
                .map(|text| (split, example(&text.to_string(), None, label("x"))))
                .collect::<Vec<_>>()
        };
        let all = [rows(Split::Test, "aab"), rows(Split::Train, "acc"), rows(Split::Dev, "bcd")].concat();
        check(
            &all,
            &[
                "dev: 1 of 3 texts are also in train;",
                "test: 2 of 3 texts are also in train, 3 in train or dev;",
            ],
        );
        check(&[rows(Split::Train, "aa"), rows(Split::Test, "b")].concat(), &[]);
        let dev_too = [rows(Split::Train, "a"), rows(Split::Dev, "b"), rows(Split::Test, "abbc")].concat();
        check(&dev_too, &["test: 1 of 4 texts are also in train, 3 in train or dev;"]);
    }

    #[test]
    fn both_texts_of_a_pair_count() {
        let row = |split, pair| (split, example("a", Some(pair), Truth::Score(1.0)));
        check(&[row(Split::Train, "b"), row(Split::Test, "c")], &[]);
        check(&[row(Split::Train, "b"), row(Split::Test, "b")], &["test: 1 of 1 "]);
    }

    #[test]
    fn contradictory_labels_are_counted() {
        let row = |text, truth| (Split::Train, example(text, None, truth));
        let rows = [row("a", label("x")), row("a", label("y")), row("a", label("x")), row("b", label("y"))];
        check(&rows, &["train: 1 texts have different labels in different rows, in 3 rows"]);
        let set = |labels: [&str; 2]| Truth::Labels(labels.map(str::to_owned).into());
        check(&[row("a", set(["x", "y"])), row("a", set(["y", "x"]))], &[]);
        check(&[row("a", Truth::Score(1.0)), row("a", Truth::Score(2.0))], &[]);
    }

    #[test]
    fn too_many_texts_are_estimated_from_a_sample() {
        let mut duplicates = Duplicates::with_capacity(1_000);
        for number in 0..40_000 {
            let text = number.to_string();
            duplicates.add(Split::Train, &example(&text, None, Truth::Unknown));
            if number % 2 == 0 {
                duplicates.add(Split::Test, &example(&text, None, Truth::Unknown));
            }
        }
        assert!(duplicates.texts.len() <= 1_000);
        let sentences = duplicates.report(&BTreeMap::from([(Split::Test, 20_000)]));
        let count = sentences[0].strip_prefix("test: about ").unwrap().split(' ').next().unwrap();
        assert!((16_000..24_000).contains(&count.parse::<u64>().unwrap()), "{sentences:?}");
    }
}
