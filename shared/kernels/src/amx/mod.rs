//! Products of bfloat16 matrices by the tile instructions of AMX, summed in float32. A task packs some panels of B into the
//! second-level cache and multiplies them with one block of rows of A after the other, over as many steps of the inner
//! dimension at a time as the first-level cache holds (Goto and van de Geijn, 2008, "Anatomy of high-performance matrix
//! multiplication", ACM TOMS 34).

mod blocking;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod instructions;
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
#[path = "unsupported.rs"]
mod instructions;
mod lhs;
mod matrix_mut;
mod pack;
#[cfg(test)]
mod software;
mod tile_unit;

use half::bf16;
use rayon::prelude::*;

use self::blocking::tasks;
use self::lhs::Lhs;
use self::matrix_mut::MatrixMut;
use self::pack::{Operand, Panels, Unpacked, pack};
pub use self::pack::{PackedB, Stacked};
pub use self::tile_unit::AmxToken;
use self::tile_unit::{K_STEP, NR, TILE, TileUnit};
use crate::matrix::Matrix;

/// Matrix products by AMX.
#[derive(Debug, Clone, Copy)]
pub struct Amx<U = AmxToken>(U);

impl Amx {
    /// The rows of a weight that make up one row of what [`Amx::pack`] writes.
    pub const PACKED_ROWS: usize = NR;

    /// None where the processor has no tiles for bfloat16, or the process may not use them.
    pub fn detect() -> Option<Amx> {
        AmxToken::detect().map(Amx)
    }

    /// Returns true if products over an inner dimension of size `k` can read rows of A where they lie.
    pub fn takes_k(k: usize) -> bool {
        k > 0 && k.is_multiple_of(K_STEP)
    }

    /// The elements of a packed factor: of `width` rows of A or columns of B, and inner dimension `k`.
    pub fn packed_len(width: usize, k: usize) -> usize {
        width.div_ceil(NR) * 2 * k.div_ceil(K_STEP) * TILE
    }
}

/// A weight `[out, in]` in one or more parts of equal size, stacked by rows, in its own number format.
#[derive(Debug, Clone)]
pub enum Weight<'a> {
    /// In float32: it is rounded as it is packed.
    F32(Stacked<'a, f32>),
    /// In bfloat16.
    Bf16(Stacked<'a, bf16>),
}

#[expect(private_bounds, reason = "the units are this crate's own: the processor's, and the tests'")]
impl<U: TileUnit> Amx<U> {
    /// `out = x·Wᵀ (+ bias)`: `[n, in]`, `[out, in]` and `[out]` → `[n, out]`. Panics if the sizes do not fit.
    pub fn linear(self, out: &mut [bf16], x: Matrix<'_, bf16>, weight: &Weight<'_>, bias: Option<&[f32]>) {
        self.multiply_weight(out, &Lhs::rows(x), weight, Operand::Bt, bias);
    }

    /// Packs a weight `[out, in]`, both multiples of 32, for [`Amx::packed_linear`]: `[out/32, 32·in]`.
    pub fn pack(self, packed: &mut [bf16], weight: &Weight<'_>) {
        match weight {
            Weight::F32(weight) => pack(self.0, packed, &Unpacked { matrix: weight, operand: Operand::Bt }),
            Weight::Bf16(weight) => pack(self.0, packed, &Unpacked { matrix: weight, operand: Operand::Bt }),
        }
    }

    /// [`Amx::linear`] by a weight that has been packed.
    pub fn packed_linear(
        self,
        out: &mut [bf16],
        x: Matrix<'_, bf16>,
        weight: &PackedB<'_>,
        bias: Option<&[f32]>,
    ) {
        self.multiply(out, &Lhs::rows(x), weight, bias);
    }

    /// `out = gradient·W`: `[n, out]` and `[out, in]` → `[n, in]`. Panics if the sizes do not fit.
    pub fn input_gradient(self, out: &mut [bf16], gradient: Matrix<'_, bf16>, weight: &Weight<'_>) {
        self.multiply_weight(out, &Lhs::rows(gradient), weight, Operand::B, None);
    }

    /// `out = gradientᵀ·x`: `[n, out]` and `[n, in]` → `[out, in]`. `packed` is memory for the packed gradient, of
    /// [`Amx::packed_len`]`(out, n)` elements. Panics if the sizes do not fit.
    pub fn weight_gradient(
        self,
        out: &mut [bf16],
        gradient: Matrix<'_, bf16>,
        x: Matrix<'_, bf16>,
        packed: &mut [bf16],
    ) {
        let gradient = Stacked::new(&[gradient]);
        let a = Unpacked { matrix: &gradient, operand: Operand::At };
        pack(self.0, packed, &a);
        let lhs = Lhs::Packed { tiles: packed.as_chunks().0, k_steps: a.k_steps() };
        self.multiply(out, &lhs, &Unpacked { matrix: &Stacked::new(&[x]), operand: Operand::B }, None);
    }

    fn multiply_weight(
        self,
        out: &mut [bf16],
        lhs: &Lhs<'_>,
        weight: &Weight<'_>,
        operand: Operand,
        bias: Option<&[f32]>,
    ) {
        match weight {
            Weight::F32(matrix) => self.multiply(out, lhs, &Unpacked { matrix, operand }, bias),
            Weight::Bf16(matrix) => self.multiply(out, lhs, &Unpacked { matrix, operand }, bias),
        }
    }

    fn multiply(self, out: &mut [bf16], lhs: &Lhs<'_>, rhs: &impl Panels, bias: Option<&[f32]>) {
        let width = rhs.width();
        assert_eq!(lhs.k_steps(), rhs.k_steps());
        assert!(lhs.has_rows(out.len() / width) && out.len().is_multiple_of(width));
        assert!(bias.is_none_or(|bias| bias.len() == width));
        let bias = bias.unwrap_or(&[]);
        let tasks = tasks(MatrixMut::new(out, width), rhs.k_steps());
        tasks.into_par_iter().for_each(|task| task.run(self.0, lhs, rhs, bias));
    }
}

#[cfg(test)]
mod tests {
    use super::software::SoftwareTileUnit;
    use super::*;
    use crate::element::{Element, Format};
    use crate::fixture::{on_threads, product, random, random_bf16, relative_error, to_f32, transpose};

    /// Only the last rounding differs from float32 products of the same numbers.
    fn check_near(ours: &[bf16], expect: &[f32], what: &str) {
        let error = relative_error(&to_f32(ours), expect);
        assert!(error < 3e-3, "{what}: {error:?}");
    }

    /// A weight in one of both formats; `exact` and `rounded` hold the same values.
    fn weight<'a>(
        format: Format,
        exact: &'a [f32],
        rounded: &'a [bf16],
        columns: usize,
        parts: usize,
    ) -> Weight<'a> {
        fn stacked<N: Element>(values: &[N], columns: usize, parts: usize) -> Stacked<'_, N> {
            let parts = values.chunks(values.len() / parts).map(|part| Matrix::new(part, columns));
            Stacked::new(&parts.collect::<Vec<_>>())
        }
        match format {
            Format::F32 => Weight::F32(stacked(exact, columns, parts)),
            Format::Bf16 => Weight::Bf16(stacked(rounded, columns, parts)),
        }
    }

    fn check<U: TileUnit>(amx: Amx<U>, [rows, outputs, inputs]: [usize; 3], parts: usize, format: Format) {
        let what = format!("{rows} rows, {outputs} from {inputs} in {parts} parts of {format:?}");
        let rounded = random_bf16(1, outputs * inputs);
        let (x, gradient) = (random_bf16(2, rows * inputs), random_bf16(3, rows * outputs));
        let (exact, bias) = (to_f32(&rounded), random(4, outputs));
        let weight = weight(format, &exact, &rounded, inputs, parts);
        let rows_of_x = Matrix::new(&x, inputs);
        if Amx::takes_k(inputs) {
            let mut out = vec![bf16::NAN; rows * outputs];
            let expect = product(&to_f32(&x), &transpose(&exact, inputs), [rows, inputs, outputs]);
            amx.linear(&mut out, rows_of_x, &weight, None);
            check_near(&out, &expect, &what);
            let expect: Vec<f32> = expect.iter().zip(bias.iter().cycle()).map(|(x, bias)| x + bias).collect();
            amx.linear(&mut out, rows_of_x, &weight, Some(&bias));
            check_near(&out, &expect, &what);
            if Amx::takes_k(outputs / parts) {
                let mut packed = vec![bf16::NAN; Amx::packed_len(outputs, inputs)];
                amx.pack(&mut packed, &weight);
                let each = packed.chunks(packed.len() / parts).map(|part| Matrix::new(part, NR * inputs));
                let mut again = vec![bf16::NAN; rows * outputs];
                amx.packed_linear(
                    &mut again,
                    rows_of_x,
                    &PackedB::new(&each.collect::<Vec<_>>()),
                    Some(&bias),
                );
                assert_eq!(again, out, "{what}");
            }
        }
        let mut out = vec![bf16::NAN; rows * inputs];
        if Amx::takes_k(outputs) {
            amx.input_gradient(&mut out, Matrix::new(&gradient, outputs), &weight);
            check_near(&out, &product(&to_f32(&gradient), &exact, [rows, outputs, inputs]), &what);
        }
        let (mut out, mut packed) =
            (vec![bf16::NAN; outputs * inputs], vec![bf16::NAN; Amx::packed_len(outputs, rows)]);
        amx.weight_gradient(&mut out, Matrix::new(&gradient, outputs), rows_of_x, &mut packed);
        let expect = product(&transpose(&to_f32(&gradient), outputs), &to_f32(&x), [outputs, rows, inputs]);
        check_near(&out, &expect, &what);
    }

    fn check_products<U: TileUnit>(amx: Amx<U>) {
        for format in [Format::F32, Format::Bf16] {
            check(amx, [1, 32, 32], 1, format);
            check(amx, [31, 96, 64], 3, format);
            check(amx, [33, 50, 288], 1, format);
            check(amx, [161, 320, 20], 1, format);
            check(amx, [100, 600, 544], 2, format);
            check(amx, [70, 3 * 192, 96], 3, format);
        }
    }

    /// `x·Wᵀ` of random numbers, computed by `threads` threads.
    fn linear<U: TileUnit>(amx: Amx<U>, [rows, outputs, inputs]: [usize; 3], threads: usize) -> Vec<bf16> {
        let (x, weight) = (random_bf16(1, rows * inputs), random_bf16(2, outputs * inputs));
        on_threads(threads, || {
            let mut out = vec![bf16::NAN; rows * outputs];
            let weight = Weight::Bf16(Stacked::new(&[Matrix::new(&weight, inputs)]));
            amx.linear(&mut out, Matrix::new(&x, inputs), &weight, None);
            out
        })
    }

    fn check_threads<U: TileUnit>(amx: Amx<U>) {
        let of = |threads| linear(amx, [200, 480, 256], threads);
        let expect = of(1);
        [2, 3, 7].into_iter().for_each(|threads| assert_eq!(of(threads), expect, "{threads} threads"));
    }

    /// The processor's unit, and a line in the test's output that says whether there is one.
    fn of_processor() -> Option<Amx> {
        let amx = Amx::detect();
        match amx {
            Some(_) => eprintln!("tile units: in software, and the processor's"),
            None => eprintln!("tile units: in software alone, because the processor has no AMX-BF16"),
        }
        amx
    }

    #[test]
    fn products_equal_the_definition() {
        check_products(Amx(SoftwareTileUnit));
        if let Some(amx) = of_processor() {
            check_products(amx);
        }
    }

    #[test]
    fn products_do_not_depend_on_the_number_of_threads() {
        check_threads(Amx(SoftwareTileUnit));
        if let Some(amx) = of_processor() {
            check_threads(amx);
        }
    }

    #[test]
    fn the_processor_multiplies_as_the_software_does() {
        let Some(amx) = of_processor() else { return };
        let sizes = [161, 1000, 544];
        let software = to_f32(&linear(Amx(SoftwareTileUnit), sizes, 2));
        for (ours, expect) in to_f32(&linear(amx, sizes, 2)).into_iter().zip(software) {
            // Both round sums in float32 to bfloat16, which has 8 bits.
            assert!((ours - expect).abs() <= expect.abs() / 128.0 + 1e-4, "{ours}, {expect}");
        }
    }
}
