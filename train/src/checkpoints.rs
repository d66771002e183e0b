//! Checkpoints: full states of an unfinished training on disk, the last two and those of the best models.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use shared::atomic_dir::{self, Condition};
use shared::config::TrainConfig;
use shared::fault::Fault;
use shared::layout::{checkpoints, trained};

use crate::learner::Learner;
use crate::state::State;
use crate::training_log::TrainingLog;

/// Two, since a failing disk may have damaged the newest.
const KEPT: usize = 2;

#[derive(Debug)]
pub(crate) struct Checkpoints {
    progress: PathBuf,
    every_steps: Option<u64>,
    every: Option<Duration>,
    written: Instant,
    newest: Option<u64>,
}

/// An intact checkpoint.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    pub(crate) folder: PathBuf,
    pub(crate) state: State,
}

impl Checkpoints {
    pub(crate) fn new(progress: &Path, config: &TrainConfig) -> Checkpoints {
        let minutes = config.checkpoint_every_minutes;
        Checkpoints {
            progress: progress.to_owned(),
            every_steps: config.checkpoint_every_steps,
            every: (minutes > 0.0).then(|| Duration::from_secs_f64(60.0 * minutes)),
            written: Instant::now(),
            newest: None,
        }
    }

    /// Finds the newest intact checkpoint, and deletes damaged ones after it.
    ///
    /// # Errors
    /// An input fault where the best model of its ranking is damaged, or another version saved it.
    pub(crate) fn resume(&mut self) -> Result<Option<Checkpoint>> {
        atomic_dir::tidy(&checkpoints::all(&self.progress))?;
        for step in self.steps()?.into_iter().rev() {
            let folder = checkpoints::at(&self.progress, step);
            match atomic_dir::check(&folder)? {
                Condition::Intact => {
                    let state = read_state(&folder)?;
                    self.check_best(&state, step)?;
                    self.newest = Some(step);
                    return Ok(Some(Checkpoint { folder, state }));
                }
                Condition::Damaged(what) => {
                    log::warn!("{what}; the checkpoint is not used");
                    atomic_dir::remove(&folder)?;
                }
            }
        }
        Ok(None)
    }

    fn check_best(&self, state: &State, step: u64) -> Result<()> {
        for best in state.ranking.steps().filter(|&best| best != step) {
            if let Condition::Damaged(what) = atomic_dir::check(&checkpoints::at(&self.progress, best))? {
                let advice = "delete the folder to begin again";
                let folder = self.progress.display();
                bail!(Fault::input(format!(
                    "{what}, which is of one of the best models; {folder}: {advice}"
                )));
            }
        }
        Ok(())
    }

    /// True where a checkpoint is due, by steps or by the clock.
    pub(crate) fn due(&self, step: u64) -> bool {
        let by_steps = self.every_steps.is_some_and(|every| step > 0 && step.is_multiple_of(every));
        let by_time = self.every.is_some_and(|every| self.written.elapsed() >= every);
        (by_steps || by_time) && !self.have(step)
    }

    /// True where the newest checkpoint is of this step.
    pub(crate) fn have(&self, step: u64) -> bool {
        self.newest == Some(step)
    }

    pub(crate) fn write(
        &mut self,
        learner: &Learner,
        state: &State,
        training_log: &TrainingLog,
    ) -> Result<()> {
        atomic_dir::save(&checkpoints::at(&self.progress, state.step), |folder| {
            learner.save(folder)?;
            training_log.copy_to(folder)?;
            let path = checkpoints::state(folder);
            let bytes = serde_json::to_vec_pretty(state)?;
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
        })?;
        self.newest = Some(state.step);
        self.written = Instant::now();
        self.prune(state)
    }

    /// The newest checkpoint, in words for a message.
    pub(crate) fn newest(&self) -> String {
        match self.newest {
            Some(step) => {
                format!("the last checkpoint is {}", checkpoints::at(&self.progress, step).display())
            }
            None => "there is no checkpoint yet".to_owned(),
        }
    }

    fn prune(&self, state: &State) -> Result<()> {
        let steps = self.steps()?;
        let mut needed: BTreeSet<u64> = steps.iter().rev().take(KEPT).copied().collect();
        for step in needed.clone() {
            needed.extend(read_state(&checkpoints::at(&self.progress, step))?.ranking.steps());
        }
        needed.extend(state.ranking.steps());
        let spare = steps.into_iter().filter(|step| !needed.contains(step));
        spare
            .map(|step| checkpoints::at(&self.progress, step))
            .try_for_each(|folder| atomic_dir::remove(&folder))
    }

    /// The steps of all checkpoints, in order.
    fn steps(&self) -> Result<BTreeSet<u64>> {
        let folder = checkpoints::all(&self.progress);
        if !folder.is_dir() {
            return Ok(BTreeSet::new());
        }
        let context = || format!("cannot read {}", folder.display());
        let mut steps = BTreeSet::new();
        for entry in fs::read_dir(&folder).with_context(context)? {
            steps.extend(checkpoints::step_of(&entry.with_context(context)?.path()));
        }
        Ok(steps)
    }

    /// Installs the best model as the result, and the other models of the ranking beside it.
    pub(crate) fn install(&self, state: &State, output: &Path) -> Result<()> {
        for (place, step) in state.ranking.steps().enumerate() {
            let to = if place == 0 { trained::model(output) } else { trained::kept(output, step) };
            link_files(&trained::model(&checkpoints::at(&self.progress, step)), &to)?;
        }
        Ok(())
    }
}

fn read_state(checkpoint: &Path) -> Result<State> {
    let path = checkpoints::state(checkpoint);
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| atomic_dir::other_version(checkpoint))
}

/// Links the files where the file system can, else copies them: the checkpoint stays whole until the result is sealed.
fn link_files(from: &Path, to: &Path) -> Result<()> {
    let context = || format!("cannot copy {} to {}", from.display(), to.display());
    fs::create_dir_all(to).with_context(context)?;
    for entry in fs::read_dir(from).with_context(context)? {
        let entry = entry.with_context(context)?;
        let target = to.join(entry.file_name());
        if fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target).with_context(context)?;
        }
    }
    Ok(())
}
