//! All paths of the project.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The stages, in the order in which data passes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Downloads a corpus and a model.
    Fetch,
    /// Encodes examples as features.
    Tokenize,
    /// Fine-tunes a model.
    Train,
    /// Evaluates a model.
    Evaluate,
}

impl Stage {
    /// The name in paths and messages.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Fetch => "fetch",
            Stage::Tokenize => "tokenize",
            Stage::Train => "train",
            Stage::Evaluate => "evaluate",
        }
    }

    /// The stages of the same run whose folders this one reads. Fetch may read the training of another run.
    pub fn inputs(self) -> &'static [Stage] {
        match self {
            Stage::Fetch => &[],
            Stage::Tokenize => &[Stage::Fetch],
            Stage::Train => &[Stage::Fetch, Stage::Tokenize],
            Stage::Evaluate => &[Stage::Fetch, Stage::Tokenize, Stage::Train],
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The parts of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Trains the model.
    Train,
    /// Chooses the best model.
    Dev,
    /// Is evaluated at the end.
    Test,
}

impl Split {
    /// All splits.
    pub const ALL: [Split; 3] = [Split::Train, Split::Dev, Split::Test];

    /// The name in paths and messages.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Dev => "dev",
            Split::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The manifest of a stage's folder.
pub const MANIFEST: &str = "manifest.json";

/// The extensions of a folder of saved work while it is written, and while it waits to be deleted.
pub(crate) const PARTIAL: &str = "partial";
pub(crate) const REPLACED: &str = "replaced";

/// The work folder: finished stage folders, and the runs that point at them.
#[derive(Debug, Clone)]
pub struct Work(PathBuf);

impl Work {
    /// The work folder `root`.
    pub fn new(root: impl Into<PathBuf>) -> Work {
        Work(root.into())
    }

    /// The work folder.
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// The folder of a stage's results.
    pub fn stage(&self, stage: Stage) -> PathBuf {
        self.0.join(stage.name())
    }

    /// The finished folder of `fingerprint`.
    pub fn folder(&self, stage: Stage, fingerprint: &str) -> PathBuf {
        self.stage(stage).join(fingerprint)
    }

    /// The path of that folder while it is written: on the same file system.
    pub fn partial(&self, stage: Stage, fingerprint: &str) -> PathBuf {
        self.stage(stage).join(format!("{fingerprint}.partial"))
    }

    /// The path of a finished folder that waits to be deleted once its replacement stands.
    pub fn replaced(&self, stage: Stage, fingerprint: &str) -> PathBuf {
        self.stage(stage).join(format!("{fingerprint}.replaced"))
    }

    /// The saved state of unfinished work, from which the next process continues.
    pub fn progress(&self, stage: Stage, fingerprint: &str) -> PathBuf {
        self.stage(stage).join(format!("{fingerprint}.progress"))
    }

    /// The saved state of a forced run, beside a result that may stand.
    pub fn forced_progress(&self, stage: Stage, fingerprint: &str) -> PathBuf {
        self.stage(stage).join(format!("{fingerprint}.forced.progress"))
    }

    /// The lock of a result.
    pub fn lock(&self, stage: Stage, fingerprint: &str) -> PathBuf {
        self.stage(stage).join(format!("{fingerprint}.lock"))
    }

    /// The memory of checksums for that folder.
    pub fn digests(&self, stage: Stage, fingerprint: &str) -> PathBuf {
        self.stage(stage).join(format!("{fingerprint}.digests.json"))
    }

    /// The memory of checksums of local files that `fetch` reads.
    pub fn input_digests(&self) -> PathBuf {
        self.stage(Stage::Fetch).join("inputs.digests.json")
    }

    /// The link of a named run to the folder of a stage.
    pub fn run_link(&self, run: &str, stage: Stage) -> PathBuf {
        self.0.join("runs").join(run).join(stage.name())
    }
}

/// The extensions of compressed files.
const COMPRESSIONS: [&str; 2] = ["gz", "zst"];

/// The extension that tells a file's format, which stands before that of its compression.
pub fn content_extension(path: &Path) -> Option<String> {
    let compressed = path.extension().is_some_and(|last| COMPRESSIONS.iter().any(|known| last == *known));
    let name = if compressed { Path::new(path.file_stem()?) } else { path };
    Some(name.extension()?.to_string_lossy().into_owned())
}

/// The path at which the file `path` is written before it is complete: on the same file system.
pub fn partial_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{PARTIAL}"));
    name.into()
}

/// A name beside `path` that no other process has, be it in another container with the same process number.
pub(crate) fn temporary_beside(path: &Path) -> PathBuf {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    path.with_extension(format!("{}-{since}.tmp", std::process::id()))
}

/// Paths inside fetch's folder.
pub mod fetched {
    use super::{Path, PathBuf, Split};

    /// The files as their hosts serve them.
    pub fn raw(folder: &Path) -> PathBuf {
        folder.join("raw")
    }

    /// The examples of a split.
    pub fn examples(folder: &Path, split: Split) -> PathBuf {
        folder.join("examples").join(format!("{split}.parquet"))
    }

    /// The folder of the model.
    pub fn model(folder: &Path) -> PathBuf {
        folder.join("model")
    }
}

/// Paths inside tokenize's folder.
pub mod tokenized {
    use super::{Path, PathBuf, Split};

    /// Shard `index` of `count` of a split's features.
    pub fn features(folder: &Path, split: Split, index: usize, count: usize) -> PathBuf {
        folder.join("features").join(format!("{split}-{index:05}-of-{count:05}.parquet"))
    }

    /// The path of a shard while it is written, before the number of shards is known.
    pub fn growing(folder: &Path, split: Split, index: usize) -> PathBuf {
        folder.join("features").join(format!("{split}-{index:05}.parquet"))
    }
}

/// Paths inside train's folder.
pub mod trained {
    use super::{Path, PathBuf};

    /// The best model, in the Hub layout.
    pub fn model(folder: &Path) -> PathBuf {
        folder.join("model")
    }

    /// The models kept by `save_top_k` beside the best, each in the Hub layout.
    pub fn kept(folder: &Path, step: u64) -> PathBuf {
        folder.join("kept").join(format!("step-{step:08}"))
    }

    /// The file of metrics.
    pub fn metrics(folder: &Path) -> PathBuf {
        folder.join("metrics.jsonl")
    }

    /// The training log for TensorBoard.
    pub fn tensorboard(folder: &Path) -> PathBuf {
        folder.join("tensorboard").join("events.out.tfevents.0.bertline")
    }
}

/// Paths inside the folder of a training that is not finished.
pub mod checkpoints {
    use super::{Path, PathBuf};

    /// The folder of all checkpoints.
    pub fn all(progress: &Path) -> PathBuf {
        progress.join("checkpoints")
    }

    /// The state after `step` steps.
    pub fn at(progress: &Path, step: u64) -> PathBuf {
        all(progress).join(format!("step-{step:08}"))
    }

    /// The step that [`at`] was given, read from a folder's name.
    pub fn step_of(checkpoint: &Path) -> Option<u64> {
        checkpoint.file_name()?.to_str()?.strip_prefix("step-")?.parse().ok()
    }

    /// The optimizer's moments.
    pub fn optimizer(checkpoint: &Path) -> PathBuf {
        checkpoint.join("optimizer.safetensors")
    }

    /// The state of the training.
    pub fn state(checkpoint: &Path) -> PathBuf {
        checkpoint.join("state.json")
    }
}

/// Paths inside evaluate's folder.
pub mod evaluated {
    use super::{Path, PathBuf};

    /// The file of metrics.
    pub fn metrics(folder: &Path) -> PathBuf {
        folder.join("metrics.json")
    }

    /// The file of predictions.
    pub fn predictions(folder: &Path) -> PathBuf {
        folder.join("predictions.parquet")
    }

    /// For people: figures, plots and errors in one page.
    pub fn report(folder: &Path) -> PathBuf {
        folder.join("report.html")
    }
}

/// File names of a model in the Hub layout.
pub mod hub {
    /// The architecture.
    pub const CONFIG: &str = "config.json";
    /// Weights in one file.
    pub const WEIGHTS: &str = "model.safetensors";
    /// The index of weights in shards.
    pub const WEIGHTS_INDEX: &str = "model.safetensors.index.json";
    /// Weights as PyTorch saves them.
    pub const PYTORCH_WEIGHTS: &str = "pytorch_model.bin";
    /// The index of PyTorch's shards.
    pub const PYTORCH_WEIGHTS_INDEX: &str = "pytorch_model.bin.index.json";
    /// The tokenizer.
    pub const TOKENIZER: &str = "tokenizer.json";
    /// The rules of the tokenizer.
    pub const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
    /// The special tokens.
    pub const SPECIAL_TOKENS: &str = "special_tokens_map.json";
    /// Tokens beside the vocabulary.
    pub const ADDED_TOKENS: &str = "added_tokens.json";
    /// A WordPiece vocabulary.
    pub const VOCAB: &str = "vocab.txt";
}
