//! The labels of a corpus, or its entity types.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Result, bail, ensure};
use shared::fault::Fault;
use shared::names::listed;
use shared::schema::{Truth, TruthKind};
use shared::spelling;

use crate::corpus::Corpus;

/// A number of labels that public corpora of intents, emotions or entities do not exceed.
const MANY: usize = 300;
/// A number of labels that may all occur once, as in a corpus for a first try.
const FEW: usize = 20;
/// The maximum number of spellings in a message, and one more, which shows that there are others.
const SHOWN: usize = 11;

/// The labels and their names. Every label has one name; other spellings in a file are read as that name.
pub(super) struct Labels {
    truth: TruthKind,
    list: List,
    /// The names by the spellings in files.
    names: HashMap<String, String>,
    respelled: Respelled,
    /// The number of labels checked so far, with repetitions.
    checked: u64,
    /// The labels of the examples that are written to train.
    trained: HashSet<String>,
}

/// The state of the list of labels.
enum List {
    /// The final labels in the order of their ids.
    Closed(Vec<String>),
    /// Train is not complete: every new label extends the list.
    Open,
}

/// The labels of the current files that are spelled differently from their names.
#[derive(Default)]
struct Respelled {
    /// Their number.
    count: u64,
    /// Some of the spellings, with their names.
    some: BTreeMap<String, String>,
}

impl Labels {
    pub(super) fn of(corpus: &Corpus, truth: TruthKind) -> Labels {
        let labels = match truth {
            TruthKind::Label | TruthKind::Labels | TruthKind::Entities => corpus.labels.clone(),
            TruthKind::Nothing | TruthKind::Score | TruthKind::Answers => Some(Vec::new()),
        };
        let spellings = |name: &String| [name.clone(), spelling::of_label(name).into_owned()];
        let names = labels.iter().flatten();
        let names = names.flat_map(|name| spellings(name).map(|spelling| (spelling, name.clone()))).collect();
        let list = labels.map_or(List::Open, List::Closed);
        let respelled = Respelled::default();
        Labels { truth, list, names, respelled, checked: 0, trained: HashSet::new() }
    }

    /// Replaces `label` by its name. An open list takes new labels.
    ///
    /// # Errors
    /// An input fault where the label is empty or not in a closed list.
    pub(super) fn normalize(&mut self, label: &mut String) -> Result<()> {
        self.checked += 1;
        let spelling = match self.names.get(label.as_str()) {
            Some(name) if name == label => return Ok(()),
            Some(_) => label.clone(),
            None => spelling::of_label(label).into_owned(),
        };
        ensure!(!spelling.is_empty(), Fault::input("the label is empty"));
        let name = match (self.names.get(&spelling), &self.list) {
            (Some(name), _) => name.clone(),
            (None, List::Closed(labels)) => {
                bail!(Fault::input(format!("the label `{label}` is none of {}", listed(labels))))
            }
            (None, List::Open) => {
                self.names.insert(spelling.clone(), spelling.clone());
                spelling
            }
        };
        if *label != name {
            self.respelled.count += 1;
            if self.respelled.some.len() < SHOWN {
                self.respelled.some.insert(label.clone(), name.clone());
            }
            *label = name;
        }
        Ok(())
    }

    /// Records the labels of an example that is written to train.
    pub(super) fn add_trained(&mut self, truth: &Truth) {
        let mut add = |label: &String| {
            if !self.trained.contains(label) {
                self.trained.insert(label.clone());
            }
        };
        match truth {
            Truth::Label(label) => add(label),
            Truth::Labels(labels) => labels.iter().for_each(add),
            Truth::Entities(entities) => entities.iter().for_each(|entity| add(&entity.label)),
            Truth::Unknown | Truth::Score(_) | Truth::Answers(_) => {}
        }
    }

    /// A sentence about labels that are spelled differently from their names, in the files since the last call.
    pub(super) fn respelled(&mut self) -> Option<String> {
        let Respelled { count, some } = std::mem::take(&mut self.respelled);
        let pairs: Vec<String> =
            some.iter().take(SHOWN - 1).map(|(spelling, name)| format!("`{spelling}` as `{name}`")).collect();
        let more = if some.len() == SHOWN { " and others" } else { "" };
        let rule = "Unicode forms, white space at the ends and `.0` do not distinguish labels";
        let pairs = pairs.join(", ");
        (count > 0)
            .then(|| format!("{count} labels are spelled differently and read as one, {pairs}{more}; {rule}"))
    }

    /// Closes an open list after train: the sorted labels of train are the only labels of the other splits. `shown` names
    /// the files of train.
    ///
    /// # Errors
    /// An input fault where train has too few labels for the task.
    pub(super) fn close(&mut self, shown: &str) -> Result<()> {
        if let List::Open = self.list {
            let mut labels: Vec<String> = self.names.values().cloned().collect();
            labels.sort_by(|left, right| spelling::order(left, right));
            let few = if self.truth == TruthKind::Label {
                (labels.len() < 2).then_some("has one label only, and a classifier needs two")
            } else {
                labels.is_empty().then_some("has no labels")
            };
            ensure!(few.is_none(), Fault::input(format!("{shown} {}", few.unwrap_or_default())));
            self.list = List::Closed(labels);
        }
        Ok(())
    }

    /// Warnings about labels of train that are probably wrong.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut labels: Vec<&String> = self.names.values().collect();
        labels.sort();
        labels.dedup();
        let warnings = [self.too_many(labels.len()), fractions(&labels)];
        warnings.into_iter().flatten().chain(similar(&labels)).collect()
    }

    fn too_many(&self, count: usize) -> Option<String> {
        let often_once = self.truth == TruthKind::Label && count > FEW && 2 * count as u64 > self.checked;
        (count > MANY || often_once).then(|| {
            let rows = self.checked;
            format!("{count} different labels in {rows} rows; is the column a score, an id or a text?")
        })
    }

    /// A warning about labels of the list without an example in train.
    pub(super) fn untrained(&self) -> Option<String> {
        let List::Closed(labels) = &self.list else { return None };
        let missing: Vec<&String> = labels.iter().filter(|label| !self.trained.contains(*label)).collect();
        (!missing.is_empty()).then(|| {
            let plural = if missing.len() == 1 { "label" } else { "labels" };
            format!("no example of train has the {plural} {}, so no model can learn this", listed(missing))
        })
    }

    pub(super) fn into_list(self) -> Vec<String> {
        match self.list {
            List::Closed(labels) => labels,
            List::Open => Vec::new(),
        }
    }
}

/// A warning where all labels are numbers and some are not whole.
fn fractions(labels: &[&String]) -> Option<String> {
    let numbers = labels.iter().all(|label| spelling::number(label).is_some());
    let broken: Vec<&String> = labels.iter().filter(|label| label.contains('.')).copied().collect();
    let advice = "are numbers that are not whole; scores need a task with a score";
    (numbers && !broken.is_empty()).then(|| format!("the labels {} {advice}", listed(broken)))
}

/// Warnings about different labels that look the same.
fn similar(labels: &[&String]) -> Vec<String> {
    let mut groups: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    labels.iter().for_each(|label| groups.entry(spelling::likeness(label)).or_default().push(label));
    let doubled = groups.into_values().filter(|group| group.len() > 1);
    doubled
        .take(SHOWN - 1)
        .map(|group| format!("the labels {} look alike, and are different labels", listed(group)))
        .collect()
}
