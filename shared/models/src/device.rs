//! The device that computes: this file alone chooses it.

use anyhow::Result;
use burn::tensor::Device;
#[cfg(feature = "libtorch")]
use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use shared::config::{DeviceChoice, Precision};

use crate::nn::dropout::{MaskKey, Masks};

/// The implementation of the encoder's layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Implementation {
    /// burn's operations: every backend runs them.
    Plain,
    /// One libtorch operation a layer, differentiated by libtorch.
    #[cfg(feature = "libtorch")]
    Fused(Precision),
}

/// The kind of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DeviceKind {
    Cpu,
    #[cfg(feature = "libtorch")]
    Gpu,
}

/// The role of the thread that opens a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Computes,
    Waits,
}

/// An opened device.
#[derive(Debug, Clone)]
pub struct Compute {
    pub(crate) device: Device,
    pub(crate) implementation: Implementation,
    kind: DeviceKind,
    seed: u64,
    description: String,
}

impl Compute {
    /// Opens the device that `choice` names, with `seed` for dropout and `threads` for its arithmetic
    /// on the CPU (0: one a core), for the whole process.
    ///
    /// # Errors
    /// A usage fault where there is no such device in this binary or on this machine.
    pub fn open(choice: DeviceChoice, precision: Precision, threads: usize, seed: u64) -> Result<Compute> {
        Compute::with(Caller::Waits, choice, precision, threads, seed)
    }

    /// Opens the device and makes the calling thread one of its threads, so that each pass of ours between two operations of
    /// libtorch wakes one thread less.
    ///
    /// # Errors
    /// As [`Compute::open`].
    pub fn open_here(
        choice: DeviceChoice,
        precision: Precision,
        threads: usize,
        seed: u64,
    ) -> Result<Compute> {
        Compute::with(Caller::Computes, choice, precision, threads, seed)
    }

    fn with(
        caller: Caller,
        choice: DeviceChoice,
        precision: Precision,
        threads: usize,
        seed: u64,
    ) -> Result<Compute> {
        limit_threads(threads, caller);
        let (device, kind, description) = backend::open(choice, precision)?;
        Ok(Compute { device, kind, implementation: backend::implementation(precision), seed, description })
    }

    /// Switches to the plain path: burn's operations in float32.
    pub fn plain(mut self) -> Compute {
        self.implementation = Implementation::Plain;
        self
    }

    /// Switches automatic differentiation on.
    pub fn autodiff(mut self) -> Compute {
        self.device = self.device.autodiff();
        self
    }

    /// The dropout masks of `part` of `step`. They follow from the seed, the step and the part alone, so a resumed training draws
    /// the same masks.
    pub(crate) fn masks(&self, step: u64, part: usize) -> Masks {
        match self.kind {
            DeviceKind::Cpu => Masks::Keyed(MaskKey { seed: self.seed, step, part: part as u64 }),
            #[cfg(feature = "libtorch")]
            DeviceKind::Gpu => {
                let mut key = ChaCha8Rng::seed_from_u64(self.seed);
                key.set_stream(step);
                key.set_word_pos(2 * part as u128);
                self.device.clone().inner().seed(key.next_u64());
                Masks::Device
            }
        }
    }

    /// In words, for logs: `cpu (libtorch, 2 threads)`.
    pub fn description(&self) -> &str {
        &self.description
    }
}

fn limit_threads(threads: usize, caller: Caller) {
    // OpenMP counts the machine's cores; a container may have fewer. The user's own word goes before both.
    let told = std::env::var("OMP_NUM_THREADS").ok().and_then(|threads| threads.trim().parse().ok());
    let threads = match (threads, told) {
        (0, Some(told)) if told > 0 => told,
        (0, _) => std::thread::available_parallelism().map_or(1, usize::from),
        (threads, _) => threads,
    };
    #[cfg(feature = "libtorch")]
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    // The pool of a process can be made once; a second device of the same process keeps the first's.
    let mut pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    // Alone in the pool, it would leave other threads' work undone while it waits.
    if caller == Caller::Computes && threads > 1 {
        pool = pool.use_current_thread();
    }
    if let Err(error) = pool.build_global() {
        log::debug!("{error}");
    }
}

#[cfg(feature = "libtorch")]
mod backend {
    use anyhow::{Result, ensure};
    use burn::tensor::Device;
    use shared::config::{DeviceChoice, Precision};
    use shared::fault::Fault;

    use super::{DeviceKind, Implementation};

    #[expect(deprecated, reason = "burn-tch is the owner's backend; the feature `flex` is the way out")]
    pub(super) fn open(choice: DeviceChoice, precision: Precision) -> Result<(Device, DeviceKind, String)> {
        let gpus = usize::try_from(tch::Cuda::device_count()).unwrap_or(0);
        let gpu = match choice {
            DeviceChoice::Cpu => None,
            DeviceChoice::Auto => (gpus > 0).then_some(0),
            DeviceChoice::Cuda(index) => {
                ensure!(
                    index < gpus,
                    Fault::usage(format!(
                        "`device = \"cuda:{index}\"`: libtorch sees {gpus} GPUs on this machine; use `auto` or \
                         `cpu`, or install libtorch with CUDA (`make libtorch`) where `nvidia-smi` answers"
                    ))
                );
                Some(index)
            }
        };
        Ok(match gpu {
            Some(index) => {
                (Device::libtorch_cuda(index), DeviceKind::Gpu, format!("cuda:{index} (libtorch)"))
            }
            None => {
                warn_of_slow_bf16(precision);
                (
                    Device::libtorch(),
                    DeviceKind::Cpu,
                    format!("cpu (libtorch, {} threads)", tch::get_num_threads()),
                )
            }
        })
    }

    /// libtorch's fast bfloat16 products need AVX-512; without it they are slower than float32 by a multiple.
    fn warn_of_slow_bf16(precision: Precision) {
        #[cfg(target_arch = "x86_64")]
        if precision == Precision::Bf16 && !std::arch::is_x86_feature_detected!("avx512bw") {
            log::warn!("this CPU has no AVX-512: `precision = \"bf16\"` is far slower here than \"f32\"");
        }
    }

    pub(super) fn implementation(precision: Precision) -> Implementation {
        Implementation::Fused(precision)
    }
}

#[cfg(not(feature = "libtorch"))]
mod backend {
    use anyhow::{Result, ensure};
    use burn::tensor::Device;
    use shared::config::{DeviceChoice, Precision};
    use shared::fault::Fault;

    use super::{DeviceKind, Implementation};

    pub(super) fn open(choice: DeviceChoice, precision: Precision) -> Result<(Device, DeviceKind, String)> {
        let cpu = matches!(choice, DeviceChoice::Auto | DeviceChoice::Cpu);
        ensure!(
            cpu,
            Fault::usage(format!("`device = \"{choice}\"`: this binary was built for the CPU alone"))
        );
        let f32 = precision == Precision::F32;
        ensure!(f32, Fault::usage("`precision = \"bf16\"` needs the libtorch backend; use `f32`"));
        Ok((Device::flex(), DeviceKind::Cpu, "cpu (flex)".to_owned()))
    }

    pub(super) fn implementation(_: Precision) -> Implementation {
        Implementation::Plain
    }
}
