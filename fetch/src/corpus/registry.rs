//! The table of registered corpora.

use anyhow::{Result, bail};
use rows::{Row, Rows};
use shared::config::{CorpusName, FileColumns, FileFormat};
use shared::fault::Fault;
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, Truth, TruthKind};

use super::{Corpus, FileLocation, klue, korean_hate_speech};
use crate::raw::RawFile;

/// One line of the table.
pub(super) struct Registered {
    /// The name in the config.
    pub(super) name: &'static str,
    /// The SPDX name of the licence where it has one.
    pub(super) licence: &'static str,
    /// The address of a description.
    pub(super) homepage: &'static str,
    pub(super) shape: ExampleShape,
    /// The addresses of the files of every split.
    pub(super) files: &'static [(Split, &'static str)],
    /// The number of rows in the files of every split.
    pub(super) known_rows: &'static [(Split, u64)],
    /// The labels or entity types in the order of their ids; empty for other truths.
    pub(super) labels: &'static [&'static str],
    format: Format,
}

/// The format of a corpus' files.
#[derive(Clone, Copy)]
enum Format {
    /// A table with labels by name, or with scores.
    Table(Table),
    /// A table that has the ids of labels, as digits, in place of their names.
    TableWithIds(Table),
    /// JSON in the format of SQuAD.
    Squad,
    /// A format with its own parser.
    Other(fn(&RawFile) -> Result<Rows>),
}

/// The names of a table's columns. A column that the shape does not need is ignored.
#[derive(Clone, Copy)]
struct Table {
    format: FileFormat,
    id: Option<&'static str>,
    text: &'static str,
    text_pair: &'static str,
    label: &'static str,
    /// The value in the label's column of rows without a label; they are skipped.
    no_label: Option<&'static str>,
}

/// A table with pairs of sentences.
const SENTENCES: Table = Table {
    format: FileFormat::Tsv,
    id: None,
    text: "sentence1",
    text_pair: "sentence2",
    label: "label",
    no_label: None,
};

const LABELLED_TEXT: ExampleShape = ExampleShape { texts: Texts::One, truth: TruthKind::Label };
const LABELLED_PAIR: ExampleShape = ExampleShape { texts: Texts::Pair, truth: TruthKind::Label };
const SCORED_PAIR: ExampleShape = ExampleShape { texts: Texts::Pair, truth: TruthKind::Score };
const QUESTION: ExampleShape = ExampleShape { texts: Texts::QuestionInContext, truth: TruthKind::Answers };

const NLI_LABELS: &[&str] = &["entailment", "neutral", "contradiction"];

const KLUE_LICENCE: &str = "CC-BY-SA-4.0";
const KLUE_HOMEPAGE: &str = "https://github.com/KLUE-benchmark/KLUE";

/// The registered corpus with this name.
pub(super) fn registered(name: CorpusName) -> Registered {
    match name {
        // The Naver sentiment movie corpus: Korean movie reviews. The files look like pandas' tab-separated output, and are
        // read without quoting: some hundred reviews begin with a quote that is never closed.
        CorpusName::Nsmc => Registered {
            name: "nsmc",
            licence: "CC0-1.0",
            homepage: "https://github.com/e9t/nsmc",
            shape: LABELLED_TEXT,
            files: &[
                (Split::Train, "https://raw.githubusercontent.com/e9t/nsmc/master/ratings_train.txt"),
                (Split::Test, "https://raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt"),
            ],
            known_rows: &[(Split::Train, 150_000), (Split::Test, 50_000)],
            labels: &["negative", "positive"],
            format: Format::TableWithIds(Table { id: Some("id"), text: "document", ..SENTENCES }),
        },
        // Premises with hypotheses that they entail or not.
        CorpusName::KlueNli => Registered {
            name: "klue-nli",
            licence: KLUE_LICENCE,
            homepage: KLUE_HOMEPAGE,
            shape: LABELLED_PAIR,
            files: &[
                (
                    Split::Train,
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-nli-v1.1/klue-nli-v1.1_train.json",
                ),
                (
                    Split::Dev,
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-nli-v1.1/klue-nli-v1.1_dev.json",
                ),
            ],
            known_rows: &[(Split::Train, 24_998), (Split::Dev, 3_000)],
            labels: NLI_LABELS,
            format: Format::Other(klue::nli),
        },
        // Pairs of sentences with their similarity from 0 to 5.
        CorpusName::KlueSts => Registered {
            name: "klue-sts",
            licence: KLUE_LICENCE,
            homepage: KLUE_HOMEPAGE,
            shape: SCORED_PAIR,
            files: &[
                (
                    Split::Train,
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-sts-v1.1/klue-sts-v1.1_train.json",
                ),
                (
                    Split::Dev,
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-sts-v1.1/klue-sts-v1.1_dev.json",
                ),
            ],
            known_rows: &[(Split::Train, 11_668), (Split::Dev, 519)],
            labels: &[],
            format: Format::Other(klue::sts),
        },
        // Persons, places, organizations, dates, times and quantities, tagged by character.
        CorpusName::KlueNer => Registered {
            name: "klue-ner",
            licence: KLUE_LICENCE,
            homepage: KLUE_HOMEPAGE,
            shape: ExampleShape { texts: Texts::One, truth: TruthKind::Entities },
            files: &[
                (
                    Split::Train,
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-ner-v1.1/klue-ner-v1.1_train.tsv",
                ),
                (
                    Split::Dev,
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-ner-v1.1/klue-ner-v1.1_dev.tsv",
                ),
            ],
            known_rows: &[(Split::Train, 21_008), (Split::Dev, 5_000)],
            labels: &["PS", "LC", "OG", "DT", "TI", "QT"],
            format: Format::Other(klue::ner),
        },
        // Questions on news and Wikipedia, some of which have no answer in the text.
        CorpusName::KlueMrc => Registered {
            name: "klue-mrc",
            licence: KLUE_LICENCE,
            homepage: KLUE_HOMEPAGE,
            shape: QUESTION,
            files: &[
                (
                    Split::Train,
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-mrc-v1.1/klue-mrc-v1.1_train.json",
                ),
                (
                    Split::Dev,
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-mrc-v1.1/klue-mrc-v1.1_dev.json",
                ),
            ],
            known_rows: &[(Split::Train, 17_554), (Split::Dev, 5_841)],
            labels: &[],
            format: Format::Squad,
        },
        // SNLI and MultiNLI translated by machine for train, XNLI translated by people for dev and test. Quotes are part of
        // the sentences.
        CorpusName::Kornli => Registered {
            name: "kornli",
            licence: "CC-BY-SA-4.0",
            homepage: "https://github.com/kakaobrain/KorNLUDatasets",
            shape: LABELLED_PAIR,
            files: &[
                (
                    Split::Train,
                    "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorNLI/multinli.train.ko.tsv",
                ),
                (
                    Split::Train,
                    "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorNLI/snli_1.0_train.ko.tsv",
                ),
                (
                    Split::Dev,
                    "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorNLI/xnli.dev.ko.tsv",
                ),
                (
                    Split::Test,
                    "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorNLI/xnli.test.ko.tsv",
                ),
            ],
            known_rows: &[(Split::Train, 392_702 + 550_152), (Split::Dev, 2_490), (Split::Test, 5_010)],
            labels: NLI_LABELS,
            format: Format::Table(Table { label: "gold_label", ..SENTENCES }),
        },
        // The STS benchmark in Korean: pairs of sentences with their similarity from 0 to 5. Quotes are part of the
        // sentences. The column `id` is not unique: it counts within a source and a year.
        CorpusName::Korsts => Registered {
            name: "korsts",
            licence: "CC-BY-SA-4.0",
            homepage: "https://github.com/kakaobrain/KorNLUDatasets",
            shape: SCORED_PAIR,
            files: &[
                (
                    Split::Train,
                    "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorSTS/sts-train.tsv",
                ),
                (
                    Split::Dev,
                    "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorSTS/sts-dev.tsv",
                ),
                (
                    Split::Test,
                    "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorSTS/sts-test.tsv",
                ),
            ],
            known_rows: &[(Split::Train, 5_749), (Split::Dev, 1_500), (Split::Test, 1_379)],
            labels: &[],
            format: Format::Table(SENTENCES),
        },
        // The Korean part of PAWS-X (Yang et al., 2019, <https://arxiv.org/abs/1908.11828>): pairs of sentences with the same
        // words in another order. Train is translated by machine, dev and test by people; the label -1 marks pairs whose
        // label was lost in translation. The ids are not used, since every file counts from 1.
        CorpusName::PawsXKo => Registered {
            name: "paws-x-ko",
            licence: "free for any purpose, naming Google LLC as the source",
            homepage: "https://huggingface.co/datasets/google-research-datasets/paws-x",
            shape: LABELLED_PAIR,
            files: &[
                (
                    Split::Train,
                    "https://huggingface.co/datasets/google-research-datasets/paws-x/resolve/main/ko/train-00000-of-00001.parquet",
                ),
                (
                    Split::Dev,
                    "https://huggingface.co/datasets/google-research-datasets/paws-x/resolve/main/ko/validation-00000-of-00001.parquet",
                ),
                (
                    Split::Test,
                    "https://huggingface.co/datasets/google-research-datasets/paws-x/resolve/main/ko/test-00000-of-00001.parquet",
                ),
            ],
            known_rows: &[(Split::Train, 49_401), (Split::Dev, 2_000), (Split::Test, 2_000)],
            labels: &["different", "paraphrase"],
            format: Format::TableWithIds(Table {
                format: FileFormat::Parquet,
                no_label: Some("-1"),
                ..SENTENCES
            }),
        },
        // Pairs of everyday questions. In the column `is_duplicate`, 0 marks a pair with the same meaning, and 1 another.
        CorpusName::QuestionPair => Registered {
            name: "question-pair",
            licence: "MIT",
            homepage: "https://github.com/songys/Question_pair",
            shape: LABELLED_PAIR,
            files: &[
                (
                    Split::Train,
                    "https://raw.githubusercontent.com/songys/Question_pair/master/kor_pair_train.csv",
                ),
                (
                    Split::Test,
                    "https://raw.githubusercontent.com/songys/Question_pair/master/kor_Pair_test.csv",
                ),
            ],
            known_rows: &[(Split::Train, 6_888), (Split::Test, 688)],
            labels: &["duplicate", "different"],
            format: Format::TableWithIds(Table {
                format: FileFormat::Csv,
                text: "question1",
                text_pair: "question2",
                label: "is_duplicate",
                ..SENTENCES
            }),
        },
        // Comments on celebrity news, with their bias and whether they offend. The labels of test are not public.
        CorpusName::KoreanHateSpeech => Registered {
            name: "korean-hate-speech",
            licence: "CC-BY-SA-4.0",
            homepage: "https://github.com/kocohub/korean-hate-speech",
            shape: ExampleShape { texts: Texts::One, truth: TruthKind::Labels },
            files: &[
                (
                    Split::Train,
                    "https://raw.githubusercontent.com/kocohub/korean-hate-speech/master/labeled/train.tsv",
                ),
                (
                    Split::Dev,
                    "https://raw.githubusercontent.com/kocohub/korean-hate-speech/master/labeled/dev.tsv",
                ),
            ],
            known_rows: &[(Split::Train, 7_896), (Split::Dev, 471)],
            labels: &korean_hate_speech::LABELS,
            format: Format::Other(korean_hate_speech::rows),
        },
        // KorQuAD 1.0: questions on Korean Wikipedia. The test split is not public. SPDX has no name for the licence, which
        // is the Korean port.
        CorpusName::KorquadV1 => Registered {
            name: "korquad-v1",
            licence: "CC BY-ND 2.0 KR",
            homepage: "https://korquad.github.io",
            shape: QUESTION,
            files: &[
                (Split::Train, "https://korquad.github.io/dataset/KorQuAD_v1.0_train.json"),
                (Split::Dev, "https://korquad.github.io/dataset/KorQuAD_v1.0_dev.json"),
            ],
            known_rows: &[(Split::Train, 60_407), (Split::Dev, 5_774)],
            labels: &[],
            format: Format::Squad,
        },
    }
}

impl From<Registered> for Corpus {
    fn from(registered: Registered) -> Corpus {
        let Registered { name, licence, shape, files, known_rows, labels, format, .. } = registered;
        Corpus {
            name,
            licence,
            shape,
            files: files.iter().map(|&(split, url)| (split, FileLocation::Url(url))).collect(),
            labels: (!labels.is_empty()).then(|| labels.iter().map(|&label| label.to_owned()).collect()),
            known_rows: known_rows.iter().copied().collect(),
            parser: Box::new(move |file| format.rows(file, shape, labels)),
        }
    }
}

impl Format {
    /// The rows of `file`, with labels by name.
    fn rows(self, file: &RawFile, shape: ExampleShape, labels: &'static [&'static str]) -> Result<Rows> {
        match self {
            Format::Table(table) => table.rows(file, shape),
            Format::TableWithIds(table) => Ok(with_names(table.rows(file, shape)?, &file.shown, labels)),
            Format::Squad => rows::open(file.input()?, FileFormat::Squad, &FileColumns::default(), shape),
            Format::Other(parse) => parse(file),
        }
    }
}

impl Table {
    fn rows(self, file: &RawFile, shape: ExampleShape) -> Result<Rows> {
        let columns = FileColumns {
            id: self.id.map(Into::into),
            text: self.text.into(),
            text_pair: self.text_pair.into(),
            label: self.label.into(),
            ..FileColumns::default()
        };
        let rows = rows::open(file.input()?, self.format, &columns, shape)?;
        Ok(match self.no_label {
            None => rows,
            Some(no_label) => {
                Box::new(rows.filter(move |row| !row.as_ref().is_ok_and(|row| has(row, no_label))))
            }
        })
    }
}

fn has(row: &Row, label: &str) -> bool {
    row.truth.as_label().is_some_and(|own| own == label)
}

/// Replaces the ids of labels by their names.
fn with_names(rows: Rows, shown: &str, labels: &'static [&'static str]) -> Rows {
    let shown = shown.to_owned();
    Box::new(rows.map(move |row| {
        let row = row?;
        let label = row.truth.as_label().map_or("", String::as_str);
        match labels.iter().enumerate().find(|(id, _)| id.to_string() == label) {
            Some((_, name)) => Ok(Row { truth: Truth::Label((*name).to_owned()), ..row }),
            None => {
                let known = labels.iter().enumerate().map(|(id, name)| format!("`{id}` ({name})"));
                let known = known.collect::<Vec<_>>().join(" or ");
                bail!(Fault::input(format!("{shown}, {}: the label `{label}` should be {known}", row.place)))
            }
        }
    }))
}
