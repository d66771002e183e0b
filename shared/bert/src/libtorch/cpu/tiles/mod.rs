//! Products of bfloat16 matrices by the processor's tiles (AMX), summed in float32. A task packs some strips of the right factor
//! into the second fastest memory, and multiplies with it one block of rows after the other, of which it takes as many steps of the
//! inner dimension at a time as the fastest memory holds (Goto and van de Geijn, 2008, "Anatomy of high-performance matrix
//! multiplication", ACM TOMS 34).

mod instructions;
mod left;
mod strips;
mod tasks;
mod window;

use half::bf16;
use rayon::prelude::*;
use tch::{Kind, Tensor};

use self::instructions::{Amx, BLOCK, DEPTH, TileUnit};
use self::left::Left;
use self::strips::{Order, Packed, Source, Stack, Strips, packed};
use self::tasks::tasks;
use self::window::Window;
use crate::libtorch::memory::{empty, numbers, numbers_mut};

/// Products by a tile unit.
#[derive(Clone, Copy)]
pub(super) struct Tiles<U = Amx>(U);

impl Tiles {
    /// None where the processor has no tiles for bfloat16.
    pub(super) fn of_processor() -> Option<Tiles> {
        Amx::of_processor().map(Tiles)
    }

    /// Rows of a weight that are a row of what it is packed to.
    pub(super) const PACKED_TOGETHER: i64 = BLOCK as i64;

    /// Whether a left factor that lies in rows can be taken as it is.
    pub(super) fn takes_rows(inner: i64) -> bool {
        inner > 0 && inner % DEPTH as i64 == 0
    }
}

impl<U: TileUnit> Tiles<U> {
    /// `x·Wᵀ (+ b)`: `bf16[n, in]`, `[out, in]` in one or more parts one under the other, and float32 `[out]` → `bf16[n, out]`.
    pub(super) fn product(self, x: &Tensor, weight: &[Tensor], bias: Option<&Tensor>) -> Tensor {
        self.with(weight, Order::RightTransposed, &Left::rows(x), x.size()[0], bias)
    }

    /// `[out, in]`, both multiples of 32 → `bf16[out/32, 32·in]`, as [`Tiles::packed_product`] takes it.
    pub(super) fn pack(self, weight: &Tensor) -> Tensor {
        let (size, weight) = (weight.size(), [weight.contiguous()]);
        let order = Order::RightTransposed;
        let all = match weight[0].kind() {
            Kind::Float => packed(self.0, &Source { matrix: Stack::<f32>::of(&weight), order }),
            _ => packed(self.0, &Source { matrix: Stack::<bf16>::of(&weight), order }),
        };
        all.view([size[0] / BLOCK as i64, BLOCK as i64 * size[1]])
    }

    /// [`Tiles::product`] with weights that have been packed.
    pub(super) fn packed_product(self, x: &Tensor, weight: &[Tensor], bias: Option<&Tensor>) -> Tensor {
        self.multiply(&Left::rows(x), &Packed::of(weight), x.size()[0], bias)
    }

    /// `bf16[n, out]` and `[out, in]` in parts → `bf16[n, in]`
    pub(super) fn input_gradient(self, gradient: &Tensor, weight: &[Tensor]) -> Tensor {
        self.with(weight, Order::Right, &Left::rows(gradient), gradient.size()[0], None)
    }

    /// `bf16[n, out]` and `bf16[n, in]` → `bf16[out, in]`
    pub(super) fn weight_gradient(self, gradient: &Tensor, x: &Tensor) -> Tensor {
        let matrix = [gradient.shallow_clone()];
        let source = Source { matrix: Stack::<bf16>::of(&matrix), order: Order::LeftTransposed };
        let left = packed(self.0, &source);
        let left = Left::Packed { tiles: numbers::<bf16>(&left).as_chunks().0, steps: source.steps() };
        self.with(&[x.shallow_clone()], Order::Right, &left, gradient.size()[1], None)
    }

    /// The product with a right factor that is all float32 or all bfloat16.
    fn with(
        self,
        right: &[Tensor],
        order: Order,
        left: &Left<'_>,
        rows: i64,
        bias: Option<&Tensor>,
    ) -> Tensor {
        match right[0].kind() {
            Kind::Float => {
                self.multiply(left, &Source { matrix: Stack::<f32>::of(right), order }, rows, bias)
            }
            _ => self.multiply(left, &Source { matrix: Stack::<bf16>::of(right), order }, rows, bias),
        }
    }

    fn multiply(self, left: &Left<'_>, right: &impl Strips, rows: i64, bias: Option<&Tensor>) -> Tensor {
        let width = right.width();
        assert_eq!(left.steps(), right.steps());
        assert!(bias.is_none_or(|bias| bias.numel() == width));
        let mut out = empty::<bf16>(&[rows, width as i64]);
        let bias = bias.map_or(&[][..], |bias| numbers::<f32>(bias));
        let tasks = tasks(Window::of(numbers_mut::<bf16>(&mut out), width), right.steps());
        tasks.into_par_iter().for_each(|task| task.run(self.0, left, right, bias));
        out
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::instructions::SoftwareTileUnit;
    use super::*;

    fn random(size: [i64; 2], kind: Kind) -> Tensor {
        Tensor::randn(size, (Kind::BFloat16, Device::Cpu)).to_kind(kind)
    }

    /// Against float32 products of the same numbers, from which only the last rounding differs.
    fn check_near(ours: &Tensor, expect: &Tensor, what: &str) {
        assert_eq!((ours.kind(), ours.size()), (Kind::BFloat16, expect.size()), "{what}");
        let error = (ours.to_kind(Kind::Float) - expect).norm() / expect.norm();
        assert!(error.double_value(&[]) < 3e-3, "{what}: {error:?}");
    }

    fn check<U: TileUnit>(tiles: Tiles<U>, [rows, outputs, inputs]: [i64; 3], parts: i64, kind: Kind) {
        let what = format!("{rows} rows, {outputs} from {inputs} in {parts} parts of {kind:?}");
        let wide = |tensor: &Tensor| tensor.to_kind(Kind::Float);
        let weight = random([outputs, inputs], kind);
        let stacked = weight.chunk(parts, 0);
        let (x, gradient) = (random([rows, inputs], Kind::BFloat16), random([rows, outputs], Kind::BFloat16));
        let bias = Tensor::randn([outputs], (Kind::Float, Device::Cpu));
        let expect = wide(&x).mm(&wide(&weight).tr());
        if Tiles::takes_rows(inputs) {
            check_near(&tiles.product(&x, &stacked, None), &expect, &what);
            let expect = expect + &bias;
            check_near(&tiles.product(&x, &stacked, Some(&bias)), &expect, &what);
            if Tiles::takes_rows(outputs / parts) {
                let packed: Vec<Tensor> = stacked.iter().map(|part| tiles.pack(part)).collect();
                check_near(&tiles.packed_product(&x, &packed, Some(&bias)), &expect, &what);
            }
        }
        if Tiles::takes_rows(outputs) {
            let expect = wide(&gradient).mm(&wide(&weight));
            check_near(&tiles.input_gradient(&gradient, &stacked), &expect, &what);
        }
        let expect = wide(&gradient).tr().mm(&wide(&x));
        check_near(&tiles.weight_gradient(&gradient, &x), &expect, &what);
    }

    fn check_products<U: TileUnit>(tiles: Tiles<U>) {
        tch::manual_seed(7);
        for kind in [Kind::Float, Kind::BFloat16] {
            check(tiles, [1, 32, 32], 1, kind);
            check(tiles, [31, 96, 64], 3, kind);
            check(tiles, [33, 50, 288], 1, kind);
            check(tiles, [161, 320, 20], 1, kind);
            check(tiles, [300, 1000, 544], 2, kind);
            check(tiles, [70, 3 * 192, 96], 3, kind);
        }
    }

    /// The numbers of a product that `threads` threads compute.
    fn product<U: TileUnit>(tiles: Tiles<U>, operands: [&Tensor; 2], threads: usize) -> Vec<f32> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let sizes = operands.map(Tensor::size);
        let numbers = operands.map(|tensor| Vec::<f32>::try_from(tensor.reshape([-1])).unwrap());
        pool.install(move || {
            let tensor = |numbers: &Vec<f32>, size: &Vec<i64>| {
                Tensor::from_slice(numbers).to_kind(Kind::BFloat16).view(&size[..])
            };
            let product =
                tiles.product(&tensor(&numbers[0], &sizes[0]), &[tensor(&numbers[1], &sizes[1])], None);
            Vec::<f32>::try_from(product.reshape([-1])).unwrap()
        })
    }

    fn check_threads<U: TileUnit>(tiles: Tiles<U>) {
        tch::manual_seed(7);
        let [x, weight] = [[200, 512], [480, 512]].map(|size| random(size, Kind::BFloat16));
        let of = |threads| product(tiles, [&x, &weight], threads);
        let expect = of(1);
        [2, 3, 7].into_iter().for_each(|threads| assert_eq!(of(threads), expect, "{threads} threads"));
    }

    /// The processor's tiles, and a line in the test's output that says whether it has any.
    fn of_processor() -> Option<Tiles> {
        let tiles = Tiles::of_processor();
        match tiles {
            Some(_) => eprintln!("tile units: in software, and the processor's"),
            None => eprintln!("tile units: in software alone, for the processor has none for bfloat16"),
        }
        tiles
    }

    #[test]
    fn products_by_tiles_are_products() {
        check_products(Tiles(SoftwareTileUnit));
        if let Some(tiles) = of_processor() {
            check_products(tiles);
        }
    }

    #[test]
    fn a_product_does_not_depend_on_the_number_of_threads() {
        check_threads(Tiles(SoftwareTileUnit));
        if let Some(tiles) = of_processor() {
            check_threads(tiles);
        }
    }

    #[test]
    fn the_processor_multiplies_as_the_software_does() {
        let Some(tiles) = of_processor() else { return };
        tch::manual_seed(7);
        let [x, weight] = [[161, 544], [1000, 544]].map(|size| random(size, Kind::BFloat16));
        let software = product(Tiles(SoftwareTileUnit), [&x, &weight], 2);
        for (ours, expect) in product(tiles, [&x, &weight], 2).into_iter().zip(software) {
            // Both round sums of float32 to bfloat16, which has 8 bits.
            assert!((ours - expect).abs() <= expect.abs() / 128.0 + 1e-4, "{ours}, {expect}");
        }
    }
}
