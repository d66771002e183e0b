//! The optimizer's step over the memory of one parameter: one pass, in place.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use crate::element::Element;
use crate::reduce::sum;

/// Elements of one parallel task: few enough to share evenly, enough to stream.
const CHUNK: usize = 1 << 16;

/// The sum of squares, in one pass; chunks are added in order, in float64.
pub fn sum_of_squares<N: Element>(gradient: &[N]) -> f32 {
    let chunks = gradient.par_chunks(CHUNK);
    // Collected first, so that they are added in their order.
    let squares: Vec<f32> = chunks.map(|chunk| Arch::new().dispatch(Squares(chunk))).collect();
    squares.iter().map(|&square| f64::from(square)).sum::<f64>() as f32
}

struct Squares<'a, N>(&'a [N]);

impl<N: Element> NullaryFnOnce for Squares<'_, N> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        sum(self.0, self.0, |x, _| x.as_f32() * x.as_f32())
    }
}

/// One step of AdamW (Loshchilov and Hutter, 2019, <https://arxiv.org/abs/1711.05101>) for one parameter.
#[derive(Debug, Clone, Copy)]
pub struct Update {
    /// `β₁`
    pub beta1: f32,
    /// `β₂`
    pub beta2: f32,
    /// `1 - β₁`
    pub complement1: f32,
    /// `1 - β₂`
    pub complement2: f32,
    /// `ε`
    pub epsilon: f32,
    /// `1 - learning rate · weight decay`
    pub decay: f32,
    /// `learning rate / (1 - β₁ᵗ)`
    pub step_size: f32,
    /// `1 / √(1 - β₂ᵗ)`
    pub second_scale: f32,
    /// The factor that the gradient is clipped by.
    pub gradient_scale: f32,
}

/// A parameter and its moments, which a step updates in place; all of one length.
#[derive(Debug)]
pub struct State<'a> {
    /// The parameter itself.
    pub parameter: &'a mut [f32],
    /// The running mean of the gradient.
    pub first_moment: &'a mut [f32],
    /// The running mean of the gradient's square.
    pub second_moment: &'a mut [f32],
}

/// Updates `state` in one parallel pass. Panics if the lengths differ.
pub fn step<N: Element>(state: State<'_>, gradient: &[N], update: &Update) {
    let State { parameter, first_moment, second_moment } = state;
    let lengths = [parameter.len(), first_moment.len(), second_moment.len()];
    assert!(lengths.iter().all(|&len| len == gradient.len()), "{lengths:?} of {}", gradient.len());
    let [parameter, first, second] =
        [parameter, first_moment, second_moment].map(|values| values.par_chunks_mut(CHUNK));
    parameter.zip(first).zip(second).zip(gradient.par_chunks(CHUNK)).for_each(
        |(((parameter, first), second), gradient)| {
            Arch::new().dispatch(StepChunk { parameter, first, second, gradient, update });
        },
    );
}

struct StepChunk<'a, N> {
    parameter: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradient: &'a [N],
    update: &'a Update,
}

impl<N: Element> NullaryFnOnce for StepChunk<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Update { beta1, beta2, complement1, complement2, .. } = *self.update;
        let Update { epsilon, decay, step_size, second_scale, gradient_scale, .. } = *self.update;
        let elements = self.parameter.iter_mut().zip(self.first).zip(self.second).zip(self.gradient);
        for (((p, m), v), g) in elements {
            let g = g.as_f32() * gradient_scale;
            *m = beta1 * *m + complement1 * g;
            *v = beta2 * *v + complement2 * g * g;
            *p = *p * decay - step_size * *m / (v.sqrt() * second_scale + epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;
    use crate::fixture::{random, random_bf16, to_f32};

    const LEN: usize = CHUNK + 100;

    #[test]
    fn a_step_equals_the_formula() {
        let update = Update {
            beta1: 0.9,
            beta2: 0.99,
            complement1: 0.1,
            complement2: 0.01,
            epsilon: 1e-3,
            decay: 0.98,
            step_size: 0.2,
            second_scale: 1.5,
            gradient_scale: 0.7,
        };
        let gradient: Vec<bf16> = random_bf16(1, LEN);
        let (parameter, first) = (random(2, LEN), random(3, LEN));
        let second: Vec<f32> = random(4, LEN).into_iter().map(f32::abs).collect();
        let (mut p, mut m, mut v) = (parameter.clone(), first.clone(), second.clone());
        let state = State { parameter: &mut p, first_moment: &mut m, second_moment: &mut v };
        step(state, &gradient, &update);
        for index in 0..LEN {
            let g = 0.7 * f64::from(gradient[index].to_f32());
            let expect_m = 0.9 * f64::from(first[index]) + 0.1 * g;
            let expect_v = 0.99 * f64::from(second[index]) + 0.01 * g * g;
            let step = 0.2 * expect_m / (expect_v.sqrt() * 1.5 + 1e-3);
            let expect_p = 0.98 * f64::from(parameter[index]) - step;
            let ours = [p[index], m[index], v[index]].map(f64::from);
            let near = ours.iter().zip([expect_p, expect_m, expect_v]).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(near, "{index}: {ours:?}");
        }
    }

    #[test]
    fn the_sum_of_squares_equals_the_definition() {
        let gradient = random_bf16(1, LEN);
        let expect: f64 = to_f32(&gradient).into_iter().map(|x| f64::from(x) * f64::from(x)).sum();
        for sum in [sum_of_squares(&gradient), sum_of_squares(&to_f32(&gradient))] {
            assert!((f64::from(sum) / expect - 1.0).abs() < 1e-5, "{sum} is not {expect}");
        }
    }
}
