//! The run contract: what every stage binary does around its own work.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::config::{self, Config};
use crate::console::{self, LogFormat};
use crate::digest::{DigestCache, Trust};
use crate::fault::{self, Fault};
use crate::fingerprint::{fingerprint, section};
use crate::layout::{Stage, Work};
use crate::lock::Lock;
use crate::manifest::{FORMAT_VERSION, FinishedFolder, Manifest, Provenance, seal_files};

/// The options that every stage has.
#[derive(Debug, Clone, clap::Args)]
pub struct StageArgs {
    /// The experiment's TOML file.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Overrides one key of the config; may be given many times.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub set: Vec<String>,
    /// Where stage folders and runs are kept.
    #[arg(long, value_name = "DIR", default_value = "work")]
    pub work: PathBuf,
    /// Builds the folder again although it is up to date, or damaged.
    #[arg(long)]
    pub force: bool,
    /// Says which folder would be built or reused, and does nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Hashes every file again instead of trusting sizes and times.
    #[arg(long)]
    pub verify: bool,
    /// Seconds to wait for another process that builds the same folder.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub lock_wait: u64,
    /// How lines are written to stderr.
    #[arg(long, value_enum, default_value_t)]
    pub log: LogFormat,
}

/// What a stage's own work sees.
#[derive(Debug)]
pub struct Job {
    pub config: Config,
    /// The folder to write; it is empty, and finished for the world only when the work returns.
    pub output: PathBuf,
    pub rebuild: Rebuild,
    inputs: BTreeMap<Stage, FinishedFolder>,
}

/// Why the folder is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuild {
    /// It does not exist yet: what this machine has at hand may be used.
    IfNeeded,
    /// `--force`: nothing that was kept from an earlier run is trusted.
    Force,
}

impl Job {
    /// The finished folder of an earlier stage, verified.
    ///
    /// # Errors
    /// A bug, if [`Stage::inputs`] does not list `stage`.
    pub fn input(&self, stage: Stage) -> Result<&FinishedFolder> {
        self.inputs.get(&stage).with_context(|| format!("{stage} is not an input of this stage"))
    }
}

/// Runs `work` as `stage` under the run contract and turns the outcome into an exit code.
///
/// `work` returns the facts for the manifest.
pub fn execute<F: Serialize>(
    stage: Stage,
    args: &StageArgs,
    work: impl FnOnce(&Job) -> Result<F>,
) -> ExitCode {
    console::init(args.log, stage.name());
    let folder = run(stage, args, work).and_then(|folder| console::print_result(&folder.to_string_lossy()));
    match folder {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let kind = fault::kind_of(&error);
            console::report_failure(kind, &format!("{error:#}"));
            kind.exit_code()
        }
    }
}

fn run<F: Serialize>(
    stage: Stage,
    args: &StageArgs,
    work: impl FnOnce(&Job) -> Result<F>,
) -> Result<PathBuf> {
    let config = config::load(&args.config, &args.set)?;
    let place = Work::new(&args.work);
    fs::create_dir_all(place.stage(stage))
        .with_context(|| format!("cannot write the work folder {}", place.root().display()))?;
    let inputs = open_inputs(stage, &config, &place, args)?;
    let fingerprint = own_fingerprint(stage, &config, &inputs, &place, args)?;
    let folder = place.folder(stage, &fingerprint);
    if args.dry_run {
        let verb = if folder.is_dir() && !args.force { "reuse" } else { "build" };
        log::info!("would {verb} {}", folder.display());
        return Ok(folder);
    }
    let mut digests = DigestCache::open(place.digests(stage, &fingerprint), trust(args));
    if !args.force && reuse(&folder, &mut digests)? {
        log::info!("up to date");
    } else {
        let _lock = Lock::take(&place.lock(stage, &fingerprint), Duration::from_secs(args.lock_wait))?;
        // Another process may have finished the folder while this one waited.
        if !args.force && reuse(&folder, &mut digests)? {
            log::info!("up to date");
        } else {
            let rebuild = if args.force { Rebuild::Force } else { Rebuild::IfNeeded };
            let output = place.partial(stage, &fingerprint);
            let job = Job { config: config.clone(), output, rebuild, inputs };
            build(stage, &fingerprint, &job, work)?;
            install(&job.output, &folder, &place.replaced(stage, &fingerprint))?;
            FinishedFolder::open(folder.clone(), &mut digests)?;
        }
    }
    digests.save();
    link_run(&place.run_link(&config.name, stage), &folder)?;
    Ok(folder)
}

fn trust(args: &StageArgs) -> Trust {
    if args.verify { Trust::Nothing } else { Trust::Stamps }
}

fn reuse(folder: &Path, digests: &mut DigestCache) -> Result<bool> {
    Ok(folder.is_dir() && FinishedFolder::open(folder.to_owned(), digests).map(|_| true)?)
}

/// The input folders of `stage`, found by computing their fingerprints from the same config, and verified.
fn open_inputs(
    stage: Stage,
    config: &Config,
    place: &Work,
    args: &StageArgs,
) -> Result<BTreeMap<Stage, FinishedFolder>> {
    let mut open = BTreeMap::new();
    for &input in stage.inputs() {
        let earlier = open.clone();
        let fingerprint = own_fingerprint(input, config, &earlier, place, args)?;
        let folder = place.folder(input, &fingerprint);
        if !folder.is_dir() {
            let command = command_line(input, args);
            bail!(Fault::input(format!(
                "{stage} needs the result of {input}, and {} does not exist; run `{command}` first",
                folder.display()
            )));
        }
        let mut digests = DigestCache::open(place.digests(input, &fingerprint), trust(args));
        open.insert(input, FinishedFolder::open(folder, &mut digests)?);
        digests.save();
    }
    Ok(open)
}

fn own_fingerprint(
    stage: Stage,
    config: &Config,
    inputs: &BTreeMap<Stage, FinishedFolder>,
    place: &Work,
    args: &StageArgs,
) -> Result<String> {
    let mut digests = DigestCache::open(place.input_digests(), trust(args));
    let fingerprint = fingerprint(stage, config, &content_digests(stage, inputs)?, &mut digests)?;
    digests.save();
    Ok(fingerprint)
}

fn content_digests(
    stage: Stage,
    inputs: &BTreeMap<Stage, FinishedFolder>,
) -> Result<BTreeMap<Stage, String>> {
    let own = inputs.iter().filter(|(input, _)| stage.inputs().contains(input));
    own.map(|(&input, folder)| Ok((input, folder.manifest().content_digest()?))).collect()
}

fn command_line(stage: Stage, args: &StageArgs) -> String {
    let mut command = format!("{stage} --config {}", args.config.display());
    for option in &args.set {
        command.push_str(&format!(" --set '{option}'"));
    }
    if args.work != Path::new("work") {
        command.push_str(&format!(" --work {}", args.work.display()));
    }
    command
}

/// Does the stage's work in a fresh folder and seals it with a manifest.
fn build<F: Serialize>(
    stage: Stage,
    fingerprint: &str,
    job: &Job,
    work: impl FnOnce(&Job) -> Result<F>,
) -> Result<()> {
    let started = Instant::now();
    remove(&job.output)?;
    fs::create_dir_all(&job.output).with_context(|| format!("cannot write {}", job.output.display()))?;
    let facts = work(job)?;
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        stage,
        fingerprint: fingerprint.to_owned(),
        config: section(stage, &job.config)?,
        inputs: content_digests(stage, &job.inputs)?,
        facts: serde_json::to_value(facts)?,
        files: seal_files(&job.output)?,
        provenance: Provenance {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            wall_seconds: started.elapsed().as_secs_f64(),
            peak_memory_bytes: console::peak_memory_bytes(),
        },
        digest: String::new(),
    };
    let manifest = manifest.write(&job.output)?;
    let memory = manifest.provenance.peak_memory_bytes.unwrap_or(0) >> 20;
    log::info!("done in {:.1} s, peak memory {memory} MiB", manifest.provenance.wall_seconds);
    Ok(())
}

/// Puts the sealed folder in its place. A reader sees the old one, none for an instant, or the new one.
fn install(partial: &Path, folder: &Path, replaced: &Path) -> Result<()> {
    let context = || format!("cannot put {} in its place", folder.display());
    remove(replaced)?;
    if folder.exists() {
        fs::rename(folder, replaced).with_context(context)?;
    }
    fs::rename(partial, folder).with_context(context)?;
    if let Some(parent) = folder.parent() {
        fs::File::open(parent).and_then(|parent| parent.sync_all()).with_context(context)?;
    }
    remove(replaced)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot delete {}", folder.display()))?;
    }
    Ok(())
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
    let temporary = link.with_extension(format!("{}.tmp", std::process::id()));
    std::os::unix::fs::symlink(&target, &temporary).with_context(context)?;
    fs::rename(&temporary, link).with_context(context)
}

/// From `work/runs/<name>/` to the folder, so that a work folder can be moved.
fn relative_target(folder: &Path) -> PathBuf {
    let mut tail: Vec<_> = folder.components().rev().take(2).collect();
    tail.reverse();
    Path::new("../..").join(tail.iter().collect::<PathBuf>())
}
