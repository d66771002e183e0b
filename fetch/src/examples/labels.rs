//! The labels of a corpus, or its classes of entities.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Result, bail, ensure};
use shared::fault::Fault;
use shared::names::listed;
use shared::schema::{Truth, TruthKind};
use shared::spelling;

use crate::corpus::Corpus;

/// Public corpora of intents, emotions or entities have no more labels.
const MANY: usize = 300;
/// So few labels may all stand once, in a corpus that was made to try things out.
const FEW: usize = 20;
/// Other spellings that a message may show, and one more, which tells that there are more.
const SHOWN: usize = 11;

/// Every label has one name. Another spelling of it in a file is read as that name.
pub(super) struct Labels {
    truth: TruthKind,
    list: List,
    /// By the spellings that are met in files.
    names: HashMap<String, String>,
    respelled: Respelled,
    /// Labels checked so far, each as often as it stands in a file.
    checked: u64,
    /// Those of the examples that are written to train.
    learnt: HashSet<String>,
}

enum List {
    /// In the order of their ids.
    Closed(Vec<String>),
    /// Those seen in train so far.
    Open,
}

/// What a file writes otherwise.
#[derive(Default)]
struct Respelled {
    labels: u64,
    /// Some of the spellings, with the names that they are read as.
    some: BTreeMap<String, String>,
}

impl Labels {
    pub(super) fn of(corpus: &dyn Corpus, truth: TruthKind) -> Labels {
        let labels = match truth {
            TruthKind::Label | TruthKind::Labels | TruthKind::Entities => corpus.labels(),
            TruthKind::Nothing | TruthKind::Score | TruthKind::Answers => Some(Vec::new()),
        };
        let spellings = |name: &String| [name.clone(), spelling::of_label(name).into_owned()];
        let names = labels.iter().flatten();
        let names = names.flat_map(|name| spellings(name).map(|spelling| (spelling, name.clone()))).collect();
        let list = labels.map_or(List::Open, List::Closed);
        let respelled = Respelled::default();
        Labels { truth, list, names, respelled, checked: 0, learnt: HashSet::new() }
    }

    /// Sees that `label` is one of the list, or adds it, and gives it the label's name.
    ///
    /// # Errors
    /// An input fault where the label is empty or not in the list.
    pub(super) fn settle(&mut self, label: &mut String) -> Result<()> {
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
            self.respelled.labels += 1;
            if self.respelled.some.len() < SHOWN {
                self.respelled.some.insert(label.clone(), name.clone());
            }
            *label = name;
        }
        Ok(())
    }

    /// Takes note of an example that is written to train.
    pub(super) fn learn(&mut self, truth: &Truth) {
        let mut learn = |label: &String| {
            if !self.learnt.contains(label) {
                self.learnt.insert(label.clone());
            }
        };
        match truth {
            Truth::Label(label) => learn(label),
            Truth::Labels(labels) => labels.iter().for_each(learn),
            Truth::Entities(entities) => entities.iter().for_each(|entity| learn(&entity.label)),
            Truth::Unknown | Truth::Score(_) | Truth::Answers(_) => {}
        }
    }

    /// What the files since the last call write otherwise than the labels are called.
    pub(super) fn respelled(&mut self) -> Option<String> {
        let Respelled { labels, some } = std::mem::take(&mut self.respelled);
        let pairs: Vec<String> =
            some.iter().take(SHOWN - 1).map(|(spelling, name)| format!("`{spelling}` as `{name}`")).collect();
        let more = if some.len() == SHOWN { " and others" } else { "" };
        let apart = "Unicode's forms, white space at the ends and `.0` make no label of its own";
        let pairs = pairs.join(", ");
        (labels > 0).then(|| format!("{labels} labels are read in another spelling, {pairs}{more}; {apart}"))
    }

    /// After train, which stands in `shown`: its labels, sorted, are the list that the other splits are held to.
    pub(super) fn close(&mut self, shown: &str) -> Result<()> {
        if let List::Open = self.list {
            let mut labels: Vec<String> = self.names.values().cloned().collect();
            labels.sort_by(|left, right| spelling::order(left, right));
            let few = if self.truth == TruthKind::Label {
                (labels.len() < 2).then_some("has one label only, and a classifier needs two")
            } else {
                labels.is_empty().then_some("has not one label")
            };
            ensure!(few.is_none(), Fault::input(format!("{shown} {}", few.unwrap_or_default())));
            self.list = List::Closed(labels);
        }
        Ok(())
    }

    /// What may be wrong with the labels of train.
    pub(super) fn doubts(&self) -> Vec<String> {
        let mut labels: Vec<&String> = self.names.values().collect();
        labels.sort();
        labels.dedup();
        let doubts = [self.too_many(labels.len()), fractions(&labels)];
        doubts.into_iter().flatten().chain(alike(&labels)).collect()
    }

    fn too_many(&self, count: usize) -> Option<String> {
        let often_once = self.truth == TruthKind::Label && count > FEW && 2 * count as u64 > self.checked;
        (count > MANY || often_once).then(|| {
            let rows = self.checked;
            format!("{count} different labels stand {rows} times; is the column a score, an id or a text?")
        })
    }

    /// A label of the list that no example of train has cannot be learnt.
    pub(super) fn not_learnt(&self) -> Option<String> {
        let List::Closed(labels) = &self.list else { return None };
        let missing: Vec<&String> = labels.iter().filter(|label| !self.learnt.contains(*label)).collect();
        (!missing.is_empty()).then(|| {
            let plural = if missing.len() == 1 { "label" } else { "labels" };
            format!("no example of train has the {plural} {}, which nothing can learn", listed(missing))
        })
    }

    pub(super) fn into_list(self) -> Vec<String> {
        match self.list {
            List::Closed(labels) => labels,
            List::Open => Vec::new(),
        }
    }
}

/// Whether all labels are numbers, and some are not whole.
fn fractions(labels: &[&String]) -> Option<String> {
    let numbers = labels.iter().all(|label| spelling::number(label).is_some());
    let broken: Vec<&String> = labels.iter().filter(|label| label.contains('.')).copied().collect();
    let doubt = "are numbers that are not whole; scores are learnt by a task with a score";
    (numbers && !broken.is_empty()).then(|| format!("the labels {} {doubt}", listed(broken)))
}

/// Labels that a reader would take for one.
fn alike(labels: &[&String]) -> Vec<String> {
    let mut groups: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    labels.iter().for_each(|label| groups.entry(spelling::likeness(label)).or_default().push(label));
    let doubled = groups.into_values().filter(|group| group.len() > 1);
    doubled
        .take(SHOWN - 1)
        .map(|group| format!("the labels {} look alike, and are different labels", listed(group)))
        .collect()
}
