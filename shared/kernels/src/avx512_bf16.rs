//! Products of small bfloat16 matrices by AVX512-BF16: `sum + a₀·b₀ + a₁·b₁` in float32, for 16 columns at a time.

use std::sync::LazyLock;

use half::bf16;

/// Columns of one vector register.
pub(crate) const LANES: usize = 16;

/// 16 columns of two rows of B, as pairs: one vector register.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct PairVector(pub(crate) [[bf16; 2]; LANES]);

impl PairVector {
    pub(crate) const ZERO: PairVector = PairVector([[bf16::ZERO; 2]; LANES]);
}

/// 16 rows of 16 pairs.
pub(crate) type Square = [PairVector; LANES];

/// The block of accumulators that registers hold: its rows, and the vectors of each.
pub(crate) const MR: usize = 6;
pub(crate) const NR_VECTORS: usize = 4;

/// Rows whose distance is `stride`: a block of columns of a larger matrix.
pub(crate) struct Strided<T> {
    pub(crate) values: T,
    pub(crate) stride: usize,
}

/// Rows of A, and the distance of the pairs of a row.
pub(crate) struct Lhs<'a> {
    pub(crate) rows: Strided<&'a [bf16]>,
    pub(crate) pair_stride: usize,
}

impl<'a> Lhs<'a> {
    /// Rows whose pairs are adjacent.
    #[inline(always)]
    pub(crate) fn from_rows(values: &'a [bf16], stride: usize) -> Lhs<'a> {
        Lhs { rows: Strided { values, stride }, pair_stride: 2 }
    }

    /// The transpose of a packed B that is `vectors` wide, from column `first` on.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn from_transposed(rhs: &'a [PairVector], vectors: usize, first: usize) -> Lhs<'a> {
        // SAFETY: `PairVector` is the array alone, whose size is a multiple of the alignment.
        let values =
            unsafe { std::slice::from_raw_parts(rhs.as_ptr().cast(), size_of_val(rhs) / size_of::<bf16>()) };
        Lhs { rows: Strided { values: &values[2 * first..], stride: 2 }, pair_stride: 2 * LANES * vectors }
    }
}

/// Proof that the processor has AVX512-BF16.
#[derive(Debug, Clone, Copy)]
pub struct Avx512Bf16(());

static TOKEN: LazyLock<Option<Avx512Bf16>> =
    LazyLock::new(|| instructions::are_available().then_some(Avx512Bf16(())));

impl Avx512Bf16 {
    /// None where the processor does not have the instructions.
    pub fn detect() -> Option<Avx512Bf16> {
        *TOKEN
    }

    /// `out = lhs·rhs` for `rows` rows, at most [`MR`]; `rhs` has `vectors`, at most [`NR_VECTORS`], for every pair of the
    /// inner dimension.
    #[inline(always)]
    pub(crate) fn multiply(
        self,
        lhs: &Lhs<'_>,
        rhs: &[PairVector],
        out: &mut Strided<&mut [f32]>,
        (rows, vectors): (usize, usize),
    ) {
        assert!((1..=MR).contains(&rows) && (1..=NR_VECTORS).contains(&vectors));
        let pairs = rhs.len() / vectors;
        let last = (rows - 1) * lhs.rows.stride + pairs.saturating_sub(1) * lhs.pair_stride;
        assert!(last + 1 < lhs.rows.values.len());
        assert!((rows - 1) * out.stride + vectors * LANES <= out.values.len());
        instructions::multiply(lhs, rhs, out, (rows, vectors));
    }

    /// Transposes in place.
    #[inline(always)]
    pub(crate) fn transpose(self, square: &mut Square) {
        instructions::transpose(square);
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod instructions {
    use std::arch::x86_64::*;
    use std::mem::transmute;

    use super::{LANES, Lhs, PairVector, Square, Strided};

    pub(crate) fn are_available() -> bool {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
    }

    #[inline(always)]
    pub(crate) fn multiply(
        lhs: &Lhs<'_>,
        rhs: &[PairVector],
        out: &mut Strided<&mut [f32]>,
        (rows, vectors): (usize, usize),
    ) {
        macro_rules! block {
            ($rows:literal) => {
                match vectors {
                    1 => block::<$rows, 1>(lhs, rhs, out),
                    2 => block::<$rows, 2>(lhs, rhs, out),
                    3 => block::<$rows, 3>(lhs, rhs, out),
                    _ => block::<$rows, 4>(lhs, rhs, out),
                }
            };
        }
        // SAFETY: an `Avx512Bf16` exists only where the processor has the instructions, and `Avx512Bf16::multiply` has
        // checked that all rows and vectors lie in their slices.
        unsafe {
            match rows {
                1 => block!(1),
                2 => block!(2),
                3 => block!(3),
                4 => block!(4),
                5 => block!(5),
                _ => block!(6),
            }
        }
    }

    /// The rows and vectors must lie in their slices.
    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn block<const ROWS: usize, const VECTORS: usize>(
        lhs: &Lhs<'_>,
        rhs: &[PairVector],
        out: &mut Strided<&mut [f32]>,
    ) {
        let Lhs { rows: Strided { values, stride }, pair_stride } = lhs;
        let mut accumulators = [[_mm512_setzero_ps(); VECTORS]; ROWS];
        for (pair, rhs) in rhs.as_chunks::<VECTORS>().0.iter().enumerate() {
            // SAFETY: both types have one size, and every bit pattern is valid.
            let columns = rhs.map(|pairs| unsafe { transmute::<PairVector, __m512bh>(pairs) });
            for (row, accumulators) in accumulators.iter_mut().enumerate() {
                let place = values.as_ptr().wrapping_add(row * stride + pair * pair_stride);
                // SAFETY: the caller guarantees the last pair of the last row.
                let pair = _mm512_set1_epi32(unsafe { place.cast::<i32>().read_unaligned() });
                // SAFETY: as for the columns.
                let pair = unsafe { transmute::<__m512i, __m512bh>(pair) };
                for (sum, columns) in accumulators.iter_mut().zip(columns) {
                    *sum = _mm512_dpbf16_ps(*sum, pair, columns);
                }
            }
        }
        for (row, accumulators) in accumulators.into_iter().enumerate() {
            for (vector, sum) in accumulators.into_iter().enumerate() {
                let place = out.values.as_mut_ptr().wrapping_add(row * out.stride + vector * LANES);
                // SAFETY: the caller guarantees the last vector of the last row.
                unsafe { _mm512_storeu_ps(place, sum) };
            }
        }
    }

    pub(crate) fn transpose(square: &mut Square) {
        // SAFETY: an `Avx512Bf16` exists only where the processor has the instructions; a square is 16 rows of 64 bytes.
        unsafe { transpose_rows(square.as_mut_ptr().cast()) }
    }

    /// Transposes 16 rows of 16 lanes of 32 bits. There must be 16 rows of 64 bytes, at any address.
    #[target_feature(enable = "avx512f")]
    pub(crate) unsafe fn transpose_rows(first: *mut __m512i) {
        let mut rows = [_mm512_setzero_si512(); LANES];
        for (row, values) in rows.iter_mut().enumerate() {
            // SAFETY: the caller guarantees the rows.
            *values = unsafe { _mm512_loadu_si512(first.wrapping_add(row)) };
        }
        swap_bit::<1>(&mut rows);
        swap_bit::<2>(&mut rows);
        swap_bit::<4>(&mut rows);
        swap_bit::<8>(&mut rows);
        for (row, values) in rows.iter().enumerate() {
            // SAFETY: as for the first.
            unsafe { _mm512_storeu_si512(first.wrapping_add(row), *values) };
        }
    }

    /// Swaps this bit of the row index with that of the lane index. One bit a function, so that rows stay in registers.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn swap_bit<const BIT: usize>(rows: &mut [__m512i; LANES]) {
        let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let (step, other_row) = (_mm512_set1_epi32(BIT as i32), _mm512_set1_epi32(LANES as i32));
        let set = _mm512_test_epi32_mask(lanes, step);
        // The lanes that each row takes, of the 32 lanes of two rows.
        let of_first = _mm512_mask_add_epi32(lanes, set, _mm512_sub_epi32(lanes, step), other_row);
        let of_second = _mm512_mask_add_epi32(_mm512_add_epi32(lanes, step), set, lanes, other_row);
        for first in 0..LANES {
            let second = first | BIT;
            if first == second {
                continue;
            }
            let (upper, lower) = (rows[first], rows[second]);
            rows[first] = _mm512_permutex2var_epi32(upper, of_first, lower);
            rows[second] = _mm512_permutex2var_epi32(upper, of_second, lower);
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use instructions::transpose_rows;

#[cfg(not(target_arch = "x86_64"))]
mod instructions {
    use super::{Lhs, PairVector, Square, Strided};

    pub(crate) fn are_available() -> bool {
        false
    }

    pub(crate) fn multiply(_: &Lhs<'_>, _: &[PairVector], _: &mut Strided<&mut [f32]>, _: (usize, usize)) {
        unreachable!("only x86-64 has the instructions");
    }

    pub(crate) fn transpose(_: &mut Square) {
        unreachable!("only x86-64 has the instructions");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_transposed() {
        let Some(token) = Avx512Bf16::detect() else {
            eprintln!("skipped: this processor does not have AVX512-BF16");
            return;
        };
        let pair_at = |row: usize, pair: usize| [bf16::from_f32(row as f32), bf16::from_f32(pair as f32)];
        let square_of = |pair_at: &dyn Fn(usize, usize) -> [bf16; 2]| -> Square {
            std::array::from_fn(|row| PairVector(std::array::from_fn(|pair| pair_at(row, pair))))
        };
        let mut square = square_of(&pair_at);
        token.transpose(&mut square);
        let expect = square_of(&|row, pair| pair_at(pair, row));
        assert!(square.iter().zip(&expect).all(|(ours, expect)| ours.0 == expect.0));
    }
}
