//! The folder of a stage's result, and whether it stands already.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::{Job, Rebuild, RunArgs, StageArgs};
use crate::atomic_dir;
use crate::config::{self, Config, ModelSource};
use crate::digest::{DigestCache, Trust};
use crate::fault::Fault;
use crate::fingerprint::fingerprint;
use crate::layout::{Stage, Work, temporary_beside};
use crate::lock::Lock;
use crate::manifest::FinishedFolder;

/// A result's name and everything that it follows from.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) stage: Stage,
    pub(super) config: Config,
    /// Finished and verified.
    pub(super) inputs: BTreeMap<Stage, FinishedFolder>,
    pub(super) fingerprint: String,
    pub(super) place: Work,
    args: &'a StageArgs,
    digests: DigestCache,
}

impl<'a> Plan<'a> {
    /// # Errors
    /// A usage fault where the config is wrong; an input fault where an earlier stage has not run, or its folder is
    /// damaged.
    pub(super) fn new(stage: Stage, args: &'a StageArgs) -> Result<Plan<'a>> {
        let config = config::load(&args.run.config, &args.run.set)?;
        let place = Work::new(&args.run.work);
        fs::create_dir_all(place.stage(stage)).with_context(|| {
            Fault::usage(format!(
                "cannot write the work folder {}; name another one with --work",
                place.root().display()
            ))
        })?;
        let inputs = open_inputs(stage.name(), stage, &config, &args.run, trust(args))?;
        let fingerprint = own_fingerprint(stage, &config, &inputs, &place, trust(args))?;
        let digests = DigestCache::open(place.digests(stage, &fingerprint), trust(args));
        Ok(Plan { stage, config, inputs, fingerprint, place, args, digests })
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.place.folder(self.stage, &self.fingerprint)
    }

    /// The work that the plan is for.
    pub(super) fn job(&self) -> Job {
        Job {
            config: self.config.clone(),
            output: self.place.partial(self.stage, &self.fingerprint),
            progress: self.progress(),
            rebuild: self.rebuild(),
            inputs: self.inputs.clone(),
        }
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.place.lock(self.stage, &self.fingerprint)
    }

    /// A forced run that was stopped goes on by being forced again.
    pub(super) fn progress(&self) -> PathBuf {
        match self.rebuild() {
            Rebuild::IfNeeded => self.place.progress(self.stage, &self.fingerprint),
            Rebuild::Force => self.place.forced_progress(self.stage, &self.fingerprint),
        }
    }

    pub(super) fn rebuild(&self) -> Rebuild {
        if self.args.force { Rebuild::Force } else { Rebuild::IfNeeded }
    }

    /// The folder, if there is nothing to build: it stands and verifies, or this is a dry run.
    pub(super) fn reuse(&mut self) -> Result<Option<PathBuf>> {
        let folder = self.folder();
        let stands = !self.args.force && folder.is_dir();
        if self.args.dry_run {
            log::info!("would {} {}", if stands { "reuse" } else { "build" }, folder.display());
            return Ok(Some(folder));
        }
        if !stands {
            return Ok(None);
        }
        FinishedFolder::open(folder.clone(), &mut self.digests)?;
        self.digests.save();
        self.remove_progress()?;
        self.link_run()?;
        log::info!("up to date");
        Ok(Some(folder))
    }

    /// Removes the state of a process that was killed after its result stood, unless another process works on it.
    fn remove_progress(&self) -> Result<()> {
        let progress = self.place.progress(self.stage, &self.fingerprint);
        if progress.is_dir()
            && let Ok(_lock) = Lock::take(&self.lock(), Duration::ZERO)
        {
            atomic_dir::remove(&progress)?;
        }
        Ok(())
    }

    /// Checks that local files did not change while fetch read them: the result would stand under the fingerprint of their former
    /// content.
    pub(super) fn check_local_files(&self) -> Result<()> {
        if self.stage != Stage::Fetch {
            return Ok(());
        }
        let now = own_fingerprint(self.stage, &self.config, &self.inputs, &self.place, trust(self.args))?;
        let changed =
            "a file of `fetch.files` or of the folder of `fetch.model` was changed while it was read";
        ensure!(now == self.fingerprint, Fault::retry(format!("{changed}; run the same command again")));
        Ok(())
    }

    /// Points the run at the finished folder.
    pub(super) fn link_run(&self) -> Result<()> {
        link_run(&self.place.run_link(&self.config.name, self.stage), &self.folder())
    }
}

pub(super) fn trust(args: &StageArgs) -> Trust {
    if args.verify { Trust::Nothing } else { Trust::Stamps }
}

/// The input folders of `stage`, which `program` asks for, found by computing their fingerprints from the same config,
/// and verified.
pub(super) fn open_inputs(
    program: &str,
    stage: Stage,
    config: &Config,
    args: &RunArgs,
    trust: Trust,
) -> Result<BTreeMap<Stage, FinishedFolder>> {
    let place = &Work::new(&args.work);
    let run = open_model_run(config, place, trust)?;
    if stage == Stage::Fetch {
        return Ok(run);
    }
    let mut open = BTreeMap::new();
    for &input in stage.inputs() {
        let earlier = if input == Stage::Fetch { run.clone() } else { open.clone() };
        let fingerprint = own_fingerprint(input, config, &earlier, place, trust)?;
        let folder = place.folder(input, &fingerprint);
        if !folder.is_dir() {
            let command = command_line(input, args);
            bail!(Fault::input(format!(
                "{program} needs the result of {input}, and {} does not exist; run `{command}` first",
                folder.display()
            )));
        }
        let mut digests = DigestCache::open(place.digests(input, &fingerprint), trust);
        open.insert(input, FinishedFolder::open(folder, &mut digests)?);
        digests.save();
    }
    Ok(open)
}

/// The training whose model fetch takes, where the config names one: the only input that is of another run.
fn open_model_run(config: &Config, place: &Work, trust: Trust) -> Result<BTreeMap<Stage, FinishedFolder>> {
    let ModelSource::Run(run) = config.fetch.model_source() else { return Ok(BTreeMap::new()) };
    let link = place.run_link(&run, Stage::Train);
    let missing = || {
        let todo = "train it first, by `make all CONFIG=…` with its config";
        Fault::input(format!("`fetch.model` is the run {run}, and {} does not exist; {todo}", link.display()))
    };
    let target = fs::read_link(&link).with_context(missing)?;
    let fingerprint = target.file_name().with_context(missing)?.to_string_lossy();
    let folder = place.folder(Stage::Train, &fingerprint);
    ensure!(folder.is_dir(), missing());
    let mut digests = DigestCache::open(place.digests(Stage::Train, &fingerprint), trust);
    let opened = FinishedFolder::open(folder, &mut digests)?;
    digests.save();
    Ok(BTreeMap::from([(Stage::Train, opened)]))
}

fn own_fingerprint(
    stage: Stage,
    config: &Config,
    inputs: &BTreeMap<Stage, FinishedFolder>,
    place: &Work,
    trust: Trust,
) -> Result<String> {
    let mut digests = DigestCache::open(place.input_digests(), trust);
    let fingerprint = fingerprint(stage, config, &content_digests(stage, inputs)?, &mut digests)?;
    digests.save();
    Ok(fingerprint)
}

pub(super) fn content_digests(
    stage: Stage,
    inputs: &BTreeMap<Stage, FinishedFolder>,
) -> Result<BTreeMap<Stage, String>> {
    let own = inputs.iter().filter(|(input, _)| stage == Stage::Fetch || stage.inputs().contains(input));
    own.map(|(&input, folder)| Ok((input, folder.manifest().content_digest()?))).collect()
}

pub(super) fn command_line(stage: Stage, args: &RunArgs) -> String {
    let own = std::env::current_exe().unwrap_or_default();
    let program = own.with_file_name(stage.name());
    let mut command = format!("{} --config {}", program.display(), args.config.display());
    for option in &args.set {
        command.push_str(&format!(" --set '{}'", config::shown(option)));
    }
    if args.work != Path::new("work") {
        command.push_str(&format!(" --work {}", args.work.display()));
    }
    command
}

/// Points `work/runs/<name>/<stage>` at the folder, replacing an older link atomically.
fn link_run(link: &Path, folder: &Path) -> Result<()> {
    let target = relative_target(folder);
    if fs::read_link(link).is_ok_and(|current| current == target) {
        return Ok(());
    }
    let context = || format!("cannot write the link {}", link.display());
    if let Some(parent) = link.parent() {
        fs::create_dir_all(parent).with_context(context)?;
    }
    let temporary = temporary_beside(link);
    std::os::unix::fs::symlink(&target, &temporary).with_context(context)?;
    fs::rename(&temporary, link).with_context(context)
}

/// From `work/runs/<name>/` to the folder, so that a work folder can be moved.
fn relative_target(folder: &Path) -> PathBuf {
    let mut tail: Vec<_> = folder.components().rev().take(2).collect();
    tail.reverse();
    Path::new("../..").join(tail.iter().collect::<PathBuf>())
}

#[cfg(test)]
mod tests;
