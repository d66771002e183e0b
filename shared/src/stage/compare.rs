//! The comparison of a stage's result with those of other runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use super::plan::{Plan, command_line, trust};
use super::{Job, StageArgs, conclude, open_console};
use crate::digest::DigestCache;
use crate::fault::Fault;
use crate::layout::{Stage, Work};
use crate::manifest::FinishedFolder;

/// The result of another run.
#[derive(Debug)]
pub struct Named {
    /// As the user named it.
    pub name: String,
    /// Its finished folder.
    pub folder: FinishedFolder,
}

/// Prints what `describe` says of the stage's result, which must stand, and of those of `runs`: names of runs in the
/// work folder, or paths of folders.
pub fn compare(
    stage: Stage,
    args: &StageArgs,
    runs: &[String],
    describe: impl FnOnce(&Job, &FinishedFolder, &[Named]) -> Result<String>,
) -> ExitCode {
    let describe = |plan: Plan<'_>| {
        let own = own_result(&plan, args)?;
        let others = runs.iter().map(|run| named(run, stage, args)).collect::<Result<Vec<_>>>()?;
        describe(&plan.job(), &own, &others)
    };
    conclude(open_console(stage, args).and_then(|()| Plan::new(stage, args)).and_then(describe))
}

fn own_result(plan: &Plan<'_>, args: &StageArgs) -> Result<FinishedFolder> {
    let folder = plan.folder();
    let command = command_line(plan.stage, &args.run);
    let missing = || {
        let what = "there is nothing to compare with yet";
        Fault::input(format!("{what}, since {} does not exist; run `{command}` first", folder.display()))
    };
    ensure!(folder.is_dir(), missing());
    open(folder, plan.stage, args)
}

fn named(run: &str, stage: Stage, args: &StageArgs) -> Result<Named> {
    let place = match run.contains('/') {
        true => PathBuf::from(run),
        false => Work::new(&args.run.work).run_link(run, stage),
    };
    let missing = || {
        Fault::input(format!(
            "{} does not exist; --compare takes the name of a run that has been evaluated, or the path of its folder",
            place.display()
        ))
    };
    let folder = fs::canonicalize(&place).with_context(missing)?;
    Ok(Named { name: run.to_owned(), folder: open(folder, stage, args)? })
}

/// Its checksums are remembered beside it, as those of every folder.
fn open(folder: PathBuf, stage: Stage, args: &StageArgs) -> Result<FinishedFolder> {
    let root = folder.ancestors().nth(2).map_or_else(|| args.run.work.clone(), Path::to_owned);
    let fingerprint = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut digests = DigestCache::open(Work::new(root).digests(stage, &fingerprint), trust(args));
    let opened = FinishedFolder::open(folder, &mut digests)?;
    let is = opened.manifest().stage;
    let path = opened.path().display();
    ensure!(is == stage, Fault::input(format!("{path} is a result of {is}; name one of {stage}")));
    Ok(opened)
}
