//! The results of a run's stages, for other programs.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::RunArgs;
use super::plan::open_inputs;
use crate::config::{self, Config};
use crate::digest::Trust;
use crate::layout::Stage;
use crate::manifest::FinishedFolder;

/// The config of a run, and the finished folders that `stage` would read.
#[derive(Debug)]
pub struct Results {
    /// The config of the run.
    pub config: Config,
    folders: BTreeMap<Stage, FinishedFolder>,
}

impl Results {
    /// # Errors
    /// A usage fault where the config is wrong; an input fault where a stage before `stage` has not run, or its folder is
    /// damaged, which tells the user of `program` what to run.
    pub fn before(stage: Stage, program: &str, args: &RunArgs) -> Result<Results> {
        let config = config::load(&args.config, &args.set)?;
        let folders = open_inputs(program, stage, &config, args, Trust::Stamps)?;
        Ok(Results { config, folders })
    }

    /// The finished folder of `stage`, verified.
    ///
    /// # Errors
    /// A bug, if it is not before the one that the results were opened for.
    pub fn of(&self, stage: Stage) -> Result<&FinishedFolder> {
        self.folders.get(&stage).with_context(|| format!("the results of {stage} were not asked for"))
    }
}
