//! The labels of a corpus, or its classes of entities.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use shared::fault::Fault;
use shared::schema::TruthKind;

use crate::corpus::Corpus;

pub(super) enum Labels {
    /// In the order of their ids.
    Listed(Vec<String>),
    /// Those seen in train so far.
    Open(BTreeSet<String>),
}

impl Labels {
    pub(super) fn of(corpus: &dyn Corpus, truth: TruthKind) -> Labels {
        match truth {
            TruthKind::Label | TruthKind::Labels | TruthKind::Entities => {
                corpus.labels().map_or(Labels::Open(BTreeSet::new()), Labels::Listed)
            }
            TruthKind::Nothing | TruthKind::Score | TruthKind::Answers => Labels::Listed(Vec::new()),
        }
    }

    /// # Errors
    /// An input fault where the label is empty or not in the list.
    pub(super) fn check(&mut self, label: &str) -> Result<()> {
        match self {
            Labels::Open(seen) if !seen.contains(label) => {
                ensure!(!label.is_empty(), Fault::input("the label is empty"));
                seen.insert(label.to_owned());
            }
            Labels::Listed(labels) if !labels.iter().any(|known| known == label) => {
                let known = labels.join("`, `");
                bail!(Fault::input(format!("the label `{label}` is none of `{known}`")));
            }
            Labels::Open(_) | Labels::Listed(_) => {}
        }
        Ok(())
    }

    /// After train, which stands in `shown`: its labels, sorted, are the list that the other splits are held to.
    pub(super) fn close(&mut self, truth: TruthKind, shown: &str) -> Result<()> {
        if let Labels::Open(seen) = self {
            let few = if truth == TruthKind::Label {
                (seen.len() < 2).then_some("has one label only, and a classifier needs two")
            } else {
                seen.is_empty().then_some("has not one label")
            };
            ensure!(few.is_none(), Fault::input(format!("{shown} {}", few.unwrap_or_default())));
            *self = Labels::Listed(std::mem::take(seen).into_iter().collect());
        }
        Ok(())
    }

    pub(super) fn into_list(self) -> Vec<String> {
        match self {
            Labels::Listed(labels) => labels,
            Labels::Open(seen) => seen.into_iter().collect(),
        }
    }
}
