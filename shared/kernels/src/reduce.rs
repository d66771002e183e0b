//! Reductions over many numbers at a time, in an order that depends neither on the machine nor on the threads.

/// Partial results that are kept side by side: one vector register of float32.
const LANES: usize = 16;

/// The sum of `f` over the pairs of two slices.
#[inline(always)]
pub(crate) fn sum<A: Copy, B: Copy>(a: &[A], b: &[B], f: impl Fn(A, B) -> f32) -> f32 {
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += f(a[lane], b[lane]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(&a, &b)| f(a, b)).sum();
    tree_reduce(lanes, |a, b| a + b) + rest
}

/// The largest number; `-∞` for an empty slice.
#[inline(always)]
pub(crate) fn max(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = greater(lanes[lane], chunk[lane]);
        }
    }
    rest.iter().fold(tree_reduce(lanes, greater), |max, &x| greater(max, x))
}

/// The first where either is a NaN.
#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// Combines the first half of the lanes with the second, and so on down to one. Not inlined: the compiler would else
/// vectorize the loop before it two lanes at a time, as the last step here needs it.
#[inline(never)]
pub(crate) fn tree_reduce(mut lanes: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = f(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_maxima_take_every_number() {
        for len in [0_usize, 1, 15, 16, 17, 40] {
            let numbers: Vec<f32> = (0..len).map(|index| index as f32).collect();
            let expect = (len * len.saturating_sub(1) / 2) as f32;
            assert_eq!(sum(&numbers, &numbers, |a, _| a), expect);
            let expect = if len == 0 { f32::NEG_INFINITY } else { len as f32 - 1.0 };
            assert_eq!(max(&numbers), expect);
        }
    }
}
