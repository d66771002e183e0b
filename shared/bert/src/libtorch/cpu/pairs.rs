//! Products of small bfloat16 matrices by AVX-512's dot products of pairs, `sum + a₀·b₀ + a₁·b₁` in float32.

use std::sync::LazyLock;

use half::bf16;

/// Columns that are taken side by side.
pub(super) const LANES: usize = 16;

/// Two rows of a right factor, in pairs.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Pairs(pub(super) [[bf16; 2]; LANES]);

impl Pairs {
    pub(super) const ZERO: Pairs = Pairs([[bf16::ZERO; 2]; LANES]);
}

/// As many rows as pairs in a row.
pub(super) type Square = [Pairs; LANES];

/// Rows and lanes of the sums that registers hold.
pub(super) const TILE_ROWS: usize = 6;
pub(super) const TILE_LANES: usize = 4;

/// The same columns of some rows, whose distance is `stride`.
pub(super) struct Rows<T> {
    pub(super) numbers: T,
    pub(super) stride: usize,
}

/// Rows of a left factor, and the distance of a row's pairs.
pub(super) struct Left<'a> {
    pub(super) rows: Rows<&'a [bf16]>,
    pub(super) pair_stride: usize,
}

impl<'a> Left<'a> {
    /// Whose pairs are one behind the other.
    #[inline(always)]
    pub(super) fn of_rows(numbers: &'a [bf16], stride: usize) -> Left<'a> {
        Left { rows: Rows { numbers, stride }, pair_stride: 2 }
    }

    /// The columns of a right factor that is `lanes` wide, from number `first` on.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(super) fn of_columns(right: &'a [Pairs], lanes: usize, first: usize) -> Left<'a> {
        // SAFETY: `Pairs` is the array alone, whose size is a multiple of the alignment.
        let numbers = unsafe {
            std::slice::from_raw_parts(right.as_ptr().cast(), size_of_val(right) / size_of::<bf16>())
        };
        Left { rows: Rows { numbers: &numbers[2 * first..], stride: 2 }, pair_stride: 2 * LANES * lanes }
    }
}

/// Proof that the processor has the instructions.
#[derive(Clone, Copy)]
pub(super) struct Processor(());

static PROCESSOR: LazyLock<Option<Processor>> =
    LazyLock::new(|| instructions::are_there().then_some(Processor(())));

impl Processor {
    pub(super) fn with_pairs() -> Option<Processor> {
        *PROCESSOR
    }

    /// `left`·`right`, of `rows` rows, at most [`TILE_ROWS`]: `right` has `lanes`, at most [`TILE_LANES`], for every pair of the
    /// left rows.
    #[inline(always)]
    pub(super) fn multiply(
        self,
        left: &Left<'_>,
        right: &[Pairs],
        product: &mut Rows<&mut [f32]>,
        (rows, lanes): (usize, usize),
    ) {
        assert!((1..=TILE_ROWS).contains(&rows) && (1..=TILE_LANES).contains(&lanes));
        let pairs = right.len() / lanes;
        let last = (rows - 1) * left.rows.stride + pairs.saturating_sub(1) * left.pair_stride;
        assert!(last + 1 < left.rows.numbers.len());
        assert!((rows - 1) * product.stride + lanes * LANES <= product.numbers.len());
        instructions::multiply(left, right, product, (rows, lanes));
    }

    /// Makes rows of columns.
    #[inline(always)]
    pub(super) fn transpose(self, square: &mut Square) {
        instructions::transpose(square);
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod instructions {
    use std::arch::x86_64::*;
    use std::mem::transmute;

    use super::{LANES, Left, Pairs, Rows, Square};

    pub(super) fn are_there() -> bool {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
    }

    #[inline(always)]
    pub(super) fn multiply(
        left: &Left<'_>,
        right: &[Pairs],
        product: &mut Rows<&mut [f32]>,
        (rows, lanes): (usize, usize),
    ) {
        macro_rules! tile {
            ($rows:literal) => {
                match lanes {
                    1 => tile::<$rows, 1>(left, right, product),
                    2 => tile::<$rows, 2>(left, right, product),
                    3 => tile::<$rows, 3>(left, right, product),
                    _ => tile::<$rows, 4>(left, right, product),
                }
            };
        }
        // SAFETY: a `Processor` exists only where the instructions are there, and `Processor::multiply` has checked that all
        // rows and lanes lie in their slices.
        unsafe {
            match rows {
                1 => tile!(1),
                2 => tile!(2),
                3 => tile!(3),
                4 => tile!(4),
                5 => tile!(5),
                _ => tile!(6),
            }
        }
    }

    /// The rows and lanes must lie in their slices.
    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn tile<const ROWS: usize, const WIDE: usize>(
        left: &Left<'_>,
        right: &[Pairs],
        product: &mut Rows<&mut [f32]>,
    ) {
        let Left { rows: Rows { numbers, stride }, pair_stride } = left;
        let mut sums = [[_mm512_setzero_ps(); WIDE]; ROWS];
        for (pair, right) in right.as_chunks::<WIDE>().0.iter().enumerate() {
            // SAFETY: both are as many numbers, whatever their bits.
            let columns = right.map(|pairs| unsafe { transmute::<Pairs, __m512bh>(pairs) });
            for (row, sums) in sums.iter_mut().enumerate() {
                let place = numbers.as_ptr().wrapping_add(row * stride + pair * pair_stride);
                // SAFETY: the caller vouches for the last pair of the last row.
                let pair = _mm512_set1_epi32(unsafe { place.cast::<i32>().read_unaligned() });
                // SAFETY: as for the columns.
                let pair = unsafe { transmute::<__m512i, __m512bh>(pair) };
                for (sum, columns) in sums.iter_mut().zip(columns) {
                    *sum = _mm512_dpbf16_ps(*sum, pair, columns);
                }
            }
        }
        for (row, sums) in sums.into_iter().enumerate() {
            for (lane, sum) in sums.into_iter().enumerate() {
                let place = product.numbers.as_mut_ptr().wrapping_add(row * product.stride + lane * LANES);
                // SAFETY: the caller vouches for the last lane of the last row.
                unsafe { _mm512_storeu_ps(place, sum) };
            }
        }
    }

    pub(super) fn transpose(square: &mut Square) {
        // SAFETY: a `Processor` exists only where the instructions are there; a square is 16 rows of 64 bytes.
        unsafe { swap(square.as_mut_ptr().cast()) }
    }

    /// Swaps rows and lanes. There must be 16 rows of 64 bytes, at any address.
    #[target_feature(enable = "avx512f")]
    pub(in crate::libtorch::cpu) unsafe fn swap(first: *mut __m512i) {
        let mut rows = [_mm512_setzero_si512(); LANES];
        for (row, numbers) in rows.iter_mut().enumerate() {
            // SAFETY: the caller vouches for the rows.
            *numbers = unsafe { _mm512_loadu_si512(first.wrapping_add(row)) };
        }
        swap_bit::<1>(&mut rows);
        swap_bit::<2>(&mut rows);
        swap_bit::<4>(&mut rows);
        swap_bit::<8>(&mut rows);
        for (row, numbers) in rows.iter().enumerate() {
            // SAFETY: as for the first.
            unsafe { _mm512_storeu_si512(first.wrapping_add(row), *numbers) };
        }
    }

    /// Swaps this bit of a row's number with that of its lanes' numbers. One bit a function, so that rows stay in registers.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn swap_bit<const BIT: usize>(rows: &mut [__m512i; LANES]) {
        let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let (step, other_row) = (_mm512_set1_epi32(BIT as i32), _mm512_set1_epi32(LANES as i32));
        let set = _mm512_test_epi32_mask(lanes, step);
        // Of the 32 lanes of two rows, those that each takes.
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
pub(super) use instructions::swap;

#[cfg(not(target_arch = "x86_64"))]
mod instructions {
    use super::{Left, Pairs, Rows, Square};

    pub(super) fn are_there() -> bool {
        false
    }

    pub(super) fn multiply(_: &Left<'_>, _: &[Pairs], _: &mut Rows<&mut [f32]>, _: (usize, usize)) {
        unreachable!("the instructions are another processor's");
    }

    pub(super) fn transpose(_: &mut Square) {
        unreachable!("the instructions are another processor's");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_is_transposed() {
        let Some(processor) = Processor::with_pairs() else {
            eprintln!("skipped: this processor has no dot products of bfloat16 pairs");
            return;
        };
        let number = |row: usize, pair: usize| [bf16::from_f32(row as f32), bf16::from_f32(pair as f32)];
        let of = |number: &dyn Fn(usize, usize) -> [bf16; 2]| -> Square {
            std::array::from_fn(|row| Pairs(std::array::from_fn(|pair| number(row, pair))))
        };
        let mut square = of(&number);
        processor.transpose(&mut square);
        let expect = of(&|row, pair| number(pair, row));
        assert!(square.iter().zip(&expect).all(|(ours, expect)| ours.0 == expect.0));
    }
}
