//! Matrix products: in bfloat16 libtorch's, in float32 those of the crate `gemm`.

use gemm::{Parallelism, gemm};
use tch::{Kind, Tensor};

use crate::libtorch::memory::{Number, empty, numbers, numbers_mut};

/// `x·Wᵀ + b`: `N[n, in]`, `N[out, in]` and `N[out]` → `N[n, out]`. In bfloat16 libtorch copies the bias to every row first:
/// where a pass of ours follows, it had better add the bias.
pub(in crate::libtorch) fn linear<N: Number>(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
    if N::KIND == Kind::Float {
        // A copy even of a single row, which would else be the bias itself.
        let mut start = empty::<f32>(&[x.size()[0], bias.size()[0]]);
        start.copy_(bias);
        return float32(start, Start::Kept, Factor::rows(x), Factor::columns(weight));
    }
    x.linear(weight, Some(bias))
}

/// `x·Wᵀ`: `N[n, in]` and `N[out, in]` → `N[n, out]`.
pub(super) fn product<N: Number>(x: &Tensor, weight: &Tensor) -> Tensor {
    if N::KIND == Kind::Float {
        let out = empty::<f32>(&[x.size()[0], weight.size()[0]]);
        return float32(out, Start::Zero, Factor::rows(x), Factor::columns(weight));
    }
    x.mm(&weight.tr())
}

/// `N[n, out]` and `N[out, in]` → `N[n, in]`
pub(in crate::libtorch) fn input_gradient<N: Number>(gradient: &Tensor, weight: &Tensor) -> Tensor {
    if N::KIND == Kind::Float {
        let out = empty::<f32>(&[gradient.size()[0], weight.size()[1]]);
        return float32(out, Start::Zero, Factor::rows(gradient), Factor::rows(weight));
    }
    gradient.mm(weight)
}

/// `N[n, out]` and `N[n, in]` → `N[out, in]`
pub(in crate::libtorch) fn weight_gradient<N: Number>(gradient: &Tensor, x: &Tensor) -> Tensor {
    if N::KIND == Kind::Float {
        let out = empty::<f32>(&[gradient.size()[1], x.size()[1]]);
        return float32(out, Start::Zero, Factor::columns(gradient), Factor::rows(x));
    }
    gradient.tr().mm(x)
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
