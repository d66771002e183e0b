//! The build of a stage's folder, from empty to sealed and installed.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;

use super::Job;
use super::plan::{Plan, content_digests};
use crate::atomic_dir::{put_in_place, remove};
use crate::console;
use crate::fingerprint::section;
use crate::manifest::{FORMAT_VERSION, Manifest, Provenance, seal_files};

/// Does the stage's work in a fresh folder, seals it with a manifest and puts it in its place.
pub(super) fn build<F: Serialize>(plan: Plan<'_>, work: impl FnOnce(&Job) -> Result<F>) -> Result<PathBuf> {
    let started = Instant::now();
    let job = plan.job();
    remove(&job.output)?;
    fs::create_dir_all(&job.output).with_context(|| format!("cannot write {}", job.output.display()))?;
    let metadata = work(&job)?;
    plan.check_local_files()?;
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        stage: plan.stage,
        fingerprint: plan.fingerprint.clone(),
        config: section(plan.stage, &plan.config)?,
        inputs: content_digests(plan.stage, &job.inputs)?,
        metadata: serde_json::to_value(metadata)?,
        files: seal_files(&job.output)?,
        provenance: Provenance {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            wall_seconds: started.elapsed().as_secs_f64(),
            peak_memory_bytes: console::peak_memory_bytes(),
        },
        digest: String::new(),
    };
    let Provenance { wall_seconds, peak_memory_bytes, .. } = manifest.write(&job.output)?.provenance;
    put_in_place(&job.output, &plan.folder(), &plan.place.replaced(plan.stage, &plan.fingerprint))?;
    remove(&plan.place.progress(plan.stage, &plan.fingerprint))?;
    remove(&job.progress)?;
    plan.link_run()?;
    log::info!("done in {wall_seconds:.1} s, peak memory {} MiB", peak_memory_bytes.unwrap_or(0) >> 20);
    Ok(plan.folder())
}
