//! Matrix products: in bfloat16 by the processor's tiles, where it has them, else libtorch's; in float32 those of the crate
//! `gemm`.

use gemm::{Parallelism, gemm};
use half::bf16;
use tch::{Kind, Tensor};

use super::tiles::Tiles;
use crate::libtorch::memory::{Number, empty, numbers, numbers_mut};

/// A layer's weight as its products take it: `[out, in]`, in one or more parts of the same size one under the other.
pub(in crate::libtorch) enum Weight {
    InRows(Vec<Tensor>),
    /// For forward passes alone: each part as [`Weight::frozen`] packs it.
    Packed(Vec<Tensor>),
}

impl Weight {
    /// Of these parameters, which have together so many `outputs`: packed if they are [`Weight::frozen`], as they are where tiles
    /// take them, and else in one part, as narrow as `N`.
    pub(in crate::libtorch) fn of<N: Number>(parameters: &[&Tensor], outputs: i64) -> Weight {
        let size = parameters[0].size();
        let rows = size[0] * parameters.len() as i64;
        if rows * Tiles::PACKED_TOGETHER == outputs {
            return Weight::Packed(parameters.iter().map(|part| part.shallow_clone()).collect());
        }
        assert_eq!(rows, outputs);
        if tiles_for_weight::<N>([outputs, size[1]]).is_some() {
            return Weight::InRows(parameters.iter().map(|part| part.contiguous()).collect());
        }
        let narrow: Vec<Tensor> = parameters.iter().map(|part| part.to_kind(N::KIND)).collect();
        let whole = if let [whole] = &narrow[..] { whole.contiguous() } else { Tensor::cat(&narrow, 0) };
        Weight::InRows(vec![whole])
    }

    /// A parameter `[out, in]` for many forward passes in bfloat16: packed where tiles take it, `[out/32, 32·in]`, which its
    /// number of rows tells.
    pub(in crate::libtorch) fn frozen(parameter: &Tensor) -> Tensor {
        match tiles_for_weight::<bf16>([parameter.size()[0], parameter.size()[1]]) {
            Some(tiles) => tiles.pack(parameter),
            None => parameter.to_kind(Kind::BFloat16),
        }
    }

    fn in_rows(&self) -> &[Tensor] {
        match self {
            Weight::InRows(parts) => parts,
            Weight::Packed(_) => unreachable!("what is frozen has forward passes alone, by tiles"),
        }
    }

    fn whole(&self) -> &Tensor {
        let [whole] = self.in_rows() else { unreachable!("only tiles take parts") };
        whole
    }
}

/// The processor's tiles, where they are there for products of `N`.
fn tiles<N: Number>() -> Option<Tiles> {
    Tiles::of_processor().filter(|_| N::KIND == Kind::BFloat16)
}

/// The same for a weight `[out, in]`, forwards and backwards.
fn tiles_for_weight<N: Number>(size: [i64; 2]) -> Option<Tiles> {
    tiles::<N>().filter(|_| size.into_iter().all(Tiles::takes_rows))
}

/// The same for a left factor that lies in rows.
fn tiles_for<N: Number>(left: &Tensor) -> Option<Tiles> {
    tiles::<N>().filter(|_| Tiles::takes_rows(left.size()[1]))
}

/// Whether products in bfloat16 of a layer of these sizes are all by tiles.
pub(super) fn taken_by_tiles(wide: i64, hidden: i64) -> bool {
    tiles_for_weight::<bf16>([wide, hidden]).is_some()
}

fn by_tiles(tiles: Tiles, x: &Tensor, weight: &Weight, bias: Option<&Tensor>) -> Tensor {
    match weight {
        Weight::InRows(parts) => tiles.product(x, parts, bias),
        Weight::Packed(parts) => tiles.packed_product(x, parts, bias),
    }
}

/// `x·Wᵀ + b`: `N[n, in]`, `[out, in]` and float32 `[out]` → `N[n, out]`. In bfloat16 libtorch copies the bias to every row first:
/// where a pass of ours follows, it had better add the bias.
pub(in crate::libtorch) fn linear<N: Number>(x: &Tensor, weight: &Weight, bias: &Tensor) -> Tensor {
    if N::KIND == Kind::Float {
        let weight = weight.whole();
        // A copy even of a single row, which would else be the bias itself.
        let mut start = empty::<f32>(&[x.size()[0], bias.size()[0]]);
        start.copy_(bias);
        return float32(start, Start::Kept, Factor::rows(x), Factor::columns(weight));
    }
    match tiles_for::<N>(x) {
        Some(tiles) => by_tiles(tiles, x, weight, Some(bias)),
        None => x.linear(weight.whole(), Some(bias.to_kind(N::KIND))),
    }
}

/// `x·Wᵀ`: `N[n, in]` and `[out, in]` → `N[n, out]`.
pub(super) fn product<N: Number>(x: &Tensor, weight: &Weight) -> Tensor {
    if N::KIND == Kind::Float {
        let weight = weight.whole();
        let out = empty::<f32>(&[x.size()[0], weight.size()[0]]);
        return float32(out, Start::Zero, Factor::rows(x), Factor::columns(weight));
    }
    match tiles_for::<N>(x) {
        Some(tiles) => by_tiles(tiles, x, weight, None),
        None => x.mm(&weight.whole().tr()),
    }
}

/// `N[n, out]` and `[out, in]` → `N[n, in]`
pub(in crate::libtorch) fn input_gradient<N: Number>(gradient: &Tensor, weight: &Weight) -> Tensor {
    if N::KIND == Kind::Float {
        let weight = weight.whole();
        let out = empty::<f32>(&[gradient.size()[0], weight.size()[1]]);
        return float32(out, Start::Zero, Factor::rows(gradient), Factor::rows(weight));
    }
    match tiles_for::<N>(gradient) {
        Some(tiles) => tiles.input_gradient(gradient, weight.in_rows()),
        None => gradient.mm(weight.whole()),
    }
}

/// `N[n, out]` and `N[n, in]` → `N[out, in]`
pub(in crate::libtorch) fn weight_gradient<N: Number>(gradient: &Tensor, x: &Tensor) -> Tensor {
    if N::KIND == Kind::Float {
        let out = empty::<f32>(&[gradient.size()[1], x.size()[1]]);
        return float32(out, Start::Zero, Factor::columns(gradient), Factor::rows(x));
    }
    match tiles::<N>() {
        Some(tiles) => tiles.weight_gradient(gradient, x),
        None => gradient.tr().mm(x),
    }
}

/// What a product is added to.
#[derive(PartialEq)]
enum Start {
    Zero,
    Kept,
}

/// A matrix in a product, as it lies in memory or transposed.
struct Factor<'a> {
    numbers: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Factor<'a> {
    fn rows(matrix: &'a Tensor) -> Factor<'a> {
        let size = matrix.size();
        let (rows, columns) = (size[0] as usize, size[1] as usize);
        Factor { numbers: numbers(matrix), rows, columns, row_stride: columns, column_stride: 1 }
    }

    fn columns(matrix: &'a Tensor) -> Factor<'a> {
        let Factor { numbers, rows, columns, .. } = Factor::rows(matrix);
        Factor { numbers, rows: columns, columns: rows, row_stride: 1, column_stride: columns }
    }
}

/// `out` (+)= `left`·`right`. MKL, which libtorch uses here, reaches half as much on AMD's processors.
#[allow(unsafe_code)]
fn float32(mut out: Tensor, start: Start, left: Factor<'_>, right: Factor<'_>) -> Tensor {
    let (rows, columns, inner) = (left.rows, right.columns, left.columns);
    let numbers = numbers_mut::<f32>(&mut out);
    assert_eq!(inner, right.rows);
    assert_eq!(numbers.len(), rows * columns);
    assert_eq!((left.numbers.len(), right.numbers.len()), (rows * inner, inner * columns));
    // SAFETY: the three slices hold matrices of these sizes with these strides, as just checked; `numbers` is
    // borrowed mutably, so it overlaps neither of the others.
    unsafe {
        gemm(
            rows,
            columns,
            inner,
            numbers.as_mut_ptr(),
            1,
            columns as isize,
            start == Start::Kept,
            left.numbers.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.numbers.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::Rayon(0),
        );
    }
    out
}
