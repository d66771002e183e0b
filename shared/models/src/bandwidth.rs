//! The passes of a step over memory, one by one, for the benchmark `benches/bandwidth.rs`; with the feature `bandwidth`
//! alone.

use burn::tensor::{Device, FloatDType, Tensor};
use kernels::DropoutMask;
use kernels::adamw::Update;
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use shared::config::Precision;

use crate::autograd::{adamw, sum_of_squares};
use crate::device::Compute;
use crate::nn::dropout::{MaskKey, Site};
use crate::optim::adamw::Moments;

/// Numbers that one thread copies at a time.
const CHUNK: usize = 1 << 16;
/// Numbers of a row of hidden states, for the masks.
const ROW: usize = 768;

const UPDATE: Update = Update {
    beta1: 0.9,
    beta2: 0.999,
    complement1: 0.1,
    complement2: 0.001,
    epsilon: 1e-8,
    decay: 0.999,
    step_size: 1e-5,
    second_scale: 1.0,
    gradient_scale: 0.5,
};

/// A parameter with all memory that a step moves, on the CPU. Every pass returns the number of bytes that it reads
/// and writes.
#[derive(Debug)]
pub struct Bandwidth {
    parameter: Tensor<1>,
    moments: Moments,
    gradient: Tensor<1>,
    narrow: Tensor<1>,
    from: Vec<f32>,
    to: Vec<f32>,
}

impl Bandwidth {
    pub fn new(numbers: usize, compute: &Compute) -> Bandwidth {
        let device: &Device = &compute.device;
        // Written one by one: memory that is only reserved for zeros is not there yet.
        let filled = || Tensor::<1>::zeros([numbers], device) + 0.001;
        Bandwidth {
            parameter: filled(),
            moments: Moments { first: filled(), second: filled() },
            gradient: filled(),
            narrow: filled().cast(FloatDType::BF16),
            from: vec![0.001; numbers],
            to: vec![0.002; numbers],
        }
    }

    /// A copy of the parameter's size, by all threads: what memory allows.
    pub fn copy(&mut self) -> usize {
        let (from, to) = (self.from.par_chunks(CHUNK), self.to.par_chunks_mut(CHUNK));
        from.zip(to).for_each(|(from, to)| to.copy_from_slice(from));
        2 * size_of_val(self.from.as_slice())
    }

    /// The optimizer's pass.
    pub fn adamw(&mut self, gradients: Precision) -> usize {
        let (gradient, bytes) = self.gradient(gradients);
        let _ = adamw(self.parameter.clone(), gradient, self.moments.clone(), &UPDATE);
        // Parameter and moments are read and written.
        bytes + 3 * 2 * size_of_val(self.from.as_slice())
    }

    /// The sum of squares, for clipping.
    pub fn norm(&mut self, gradients: Precision) -> usize {
        let (gradient, bytes) = self.gradient(gradients);
        let _ = sum_of_squares(gradient);
        bytes
    }

    /// Dropout's masks of hidden states, drawn as the layers do.
    pub fn masks(&mut self) -> usize {
        let masks = MaskKey { seed: 7, step: 1, part: 0 }.mask(Site::Output(0), 0.1);
        let rows = self.to.par_chunks_mut(ROW).enumerate();
        rows.for_each(|(row, mask)| Arch::new().dispatch(Fill { masks, row, mask }));
        size_of_val(self.to.as_slice())
    }

    /// And its bytes.
    fn gradient(&self, precision: Precision) -> (Tensor<1>, usize) {
        let numbers = self.from.len();
        match precision {
            Precision::F32 => (self.gradient.clone(), 4 * numbers),
            Precision::Bf16 => (self.narrow.clone(), 2 * numbers),
        }
    }
}

/// A type, because closures are not compiled for the processor's vector instructions.
struct Fill<'a> {
    masks: DropoutMask,
    row: usize,
    mask: &'a mut [f32],
}

impl NullaryFnOnce for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.masks.fill_row(self.row, self.mask);
    }
}
