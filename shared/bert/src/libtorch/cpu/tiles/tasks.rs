//! What the threads share out among themselves of a product.

use super::instructions::{BLOCK, Start, Sums, Tile, TileUnit};
use super::left::Left;
use super::strips::Strips;
use super::window::Window;

/// Strips that are packed together, at most, their columns side by side: those of a task.
pub(super) const STRIPS: usize = 8;
/// Tiles of a task's strips, at most, unless that were few strips: of a KiB each, they and left rows on their way are to fit into the
/// second fastest memory.
const TILES: usize = 768;
/// Steps of the inner dimension for which a block's left tiles stay in the fastest memory.
const PART: usize = 12;
/// So many tasks a thread, at least, where there are as many blocks.
const TASKS_A_THREAD: usize = 2;
/// Packing a strip takes as long as so many of its blocks.
const PACKING: usize = 8;
/// Loading the left tiles of a block takes as long as so many of its strips.
const LOADING: usize = 3;

/// Some blocks of rows of a product, and some strips of its columns.
pub(super) struct Task<'a> {
    first_block: usize,
    first_strip: usize,
    out: Window<'a>,
}

/// Of a product over so many `steps` of the inner dimension.
pub(super) fn tasks(out: Window<'_>, steps: usize) -> Vec<Task<'_>> {
    let blocks = out.rows().div_ceil(BLOCK).max(1);
    let shares = Shares::of(blocks, out.columns().div_ceil(BLOCK), steps, rayon::current_num_threads());
    let groups = out.columns().div_ceil(shares.strips * BLOCK);
    let parts = out.parts(shares.blocks * BLOCK, shares.strips * BLOCK).enumerate();
    let task = |(index, out)| Task {
        first_block: index / groups * shares.blocks,
        first_strip: index % groups * shares.strips,
        out,
    };
    parts.map(task).collect()
}

/// A task's, at most.
struct Shares {
    blocks: usize,
    strips: usize,
}

impl Shares {
    /// Those with which the threads are done first.
    fn of(blocks: usize, strips: usize, steps: usize, threads: usize) -> Shares {
        let most = (TILES / (2 * steps)).clamp(STRIPS / 2, STRIPS).min(strips);
        let shares = (1..=most).rev().map(|together| {
            let groups = strips.div_ceil(together);
            let ranges = (TASKS_A_THREAD * threads).div_ceil(groups).min(blocks);
            let range = blocks.div_ceil(ranges);
            let tasks_a_thread = (groups * blocks.div_ceil(range)).div_ceil(threads);
            let time = tasks_a_thread * (together * PACKING + range * (together + LOADING));
            (time, Shares { blocks: range, strips: together })
        });
        shares.min_by_key(|(time, _)| *time).map_or(Shares { blocks, strips: 1 }, |(_, shares)| shares)
    }
}

impl Task<'_> {
    /// `bias` is empty, or the product's.
    pub(super) fn run<U: TileUnit>(mut self, unit: U, left: &Left<'_>, right: &impl Strips, bias: &[f32]) {
        let mut biases = [[0.0; BLOCK]; STRIPS];
        let bias = bias.get(self.first_strip * BLOCK..).unwrap_or(&[]);
        biases.as_flattened_mut().iter_mut().zip(bias).for_each(|(out, bias)| *out = *bias);
        let strips = self.first_strip..self.first_strip + self.out.columns().div_ceil(BLOCK);
        right.with_strips(unit, strips, |strips| {
            let configured = unit.configure();
            let mut sums = [Sums::ZERO; STRIPS];
            let sums = &mut sums[..strips.len()];
            for block in 0..self.out.rows().div_ceil(BLOCK) {
                self.add_up::<U>(&configured, left, block, strips, sums);
                for (strip, (sums, bias)) in sums.iter().zip(&biases).enumerate() {
                    U::put(&configured, sums, bias, &mut self.out, [block * BLOCK, strip * BLOCK]);
                }
            }
        });
    }

    /// The sums of a block of rows, strip by strip.
    fn add_up<U: TileUnit>(
        &self,
        configured: &U::Configured,
        left: &Left<'_>,
        block: usize,
        strips: &[&[Tile]],
        sums: &mut [Sums],
    ) {
        let (block, steps) = (self.first_block + block, left.steps());
        for first in (0..steps).step_by(PART) {
            let end = steps.min(first + PART);
            let tiles = left.tiles(block, first);
            let next = if end < steps { left.tiles(block, end) } else { left.tiles(block + 1, 0) };
            let start = if first == 0 { Start::Zero } else { Start::Kept };
            for (index, (strip, sums)) in strips.iter().zip(sums.iter_mut()).enumerate() {
                let ahead = next.quarter(index).unwrap_or(tiles.numbers);
                U::multiply(configured, tiles, &strip[2 * first..2 * end], sums, start, ahead);
            }
        }
    }
}
