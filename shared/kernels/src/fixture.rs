//! Inputs and reference results of the tests.

use half::bf16;

use crate::element::Element;
use crate::philox::{self, LANES};

/// Numbers between -2 and 2, most of them near 0: sums of four uniform ones.
pub(crate) fn random(seed: u32, len: usize) -> Vec<f32> {
    let block = |block: usize| {
        let lanes = std::array::from_fn(|lane| (block * LANES + lane) as u32);
        let words = philox::blocks([lanes, [0; LANES], [0; LANES], [0; LANES]], [seed, 7]);
        std::array::from_fn::<f32, LANES, _>(|lane| {
            words.iter().map(|word| word[lane] as f32 / u32::MAX as f32 - 0.5).sum()
        })
    };
    let mut numbers: Vec<f32> = (0..len.div_ceil(LANES)).flat_map(block).collect();
    numbers.truncate(len);
    numbers
}

/// [`random`], rounded.
pub(crate) fn random_bf16(seed: u32, len: usize) -> Vec<bf16> {
    random(seed, len).into_iter().map(Element::cast).collect()
}

/// The values in float32.
pub(crate) fn to_f32(values: &[bf16]) -> Vec<f32> {
    values.iter().map(|value| value.as_f32()).collect()
}

/// `A·B` by the definition: `[m, k]` and `[k, n]` → `[m, n]`.
pub(crate) fn product(a: &[f32], b: &[f32], [m, k, n]: [usize; 3]) -> Vec<f32> {
    let mut out = vec![0.0; m * n];
    for row in 0..m {
        let out = &mut out[row * n..][..n];
        for inner in 0..k {
            let factor = a[row * k + inner];
            out.iter_mut().zip(&b[inner * n..][..n]).for_each(|(out, b)| *out += factor * b);
        }
    }
    out
}

/// `[rows, columns]` → `[columns, rows]`
pub(crate) fn transpose(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns;
    (0..matrix.len()).map(|place| matrix[place % rows * columns + place / rows]).collect()
}

/// The Euclidean norm of the difference by that of `expect`.
pub(crate) fn relative_error(ours: &[f32], expect: &[f32]) -> f64 {
    assert_eq!(ours.len(), expect.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    let error = norm(&mut ours.iter().zip(expect).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    error / norm(&mut expect.iter().map(|x| f64::from(*x)))
}

/// Runs `f` in a pool of `threads` threads.
pub(crate) fn on_threads<T: Send>(threads: usize, f: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}
