//! The blocks of a product that are computed in parallel.

use super::lhs::Lhs;
use super::matrix_mut::MatrixMut;
use super::pack::Panels;
use super::tile_unit::{Accumulators, MR, NR, Tile, TileUnit};
use crate::matrix::Accumulate;

/// Panels of B that a task packs, at most. NC, the number of its columns, is this times [`NR`].
pub(super) const NC_PANELS: usize = 8;
/// Tiles of a task's panels, at most, unless that leaves fewer than half of [`NC_PANELS`]. A tile is 1 KiB; with the rows of
/// A that are prefetched, they fit into the second-level cache.
const NC_TILES: usize = 768;
/// KC, in steps of the inner dimension: the first-level cache holds a block's tiles of A for this many steps.
const KC_STEPS: usize = 12;
/// Tasks of each thread, at least, where there are enough blocks.
const TASKS_PER_THREAD: usize = 2;
/// The time of packing a panel, in units of the time of multiplying it with one block.
const PACKING: usize = 8;
/// The time of loading a block's tiles of A, in the same unit.
const LOADING: usize = 3;

/// Some blocks of rows of a product, and some panels of its columns.
pub(super) struct Task<'a> {
    first_block: usize,
    first_panel: usize,
    out: MatrixMut<'a>,
}

/// The tasks of a product over `k_steps` of the inner dimension.
pub(super) fn tasks(out: MatrixMut<'_>, k_steps: usize) -> Vec<Task<'_>> {
    let blocks = out.rows().div_ceil(MR).max(1);
    let panels = out.columns().div_ceil(NR);
    let sizes = TaskSize::fastest(blocks, panels, k_steps, rayon::current_num_threads());
    let groups = out.columns().div_ceil(sizes.panels * NR);
    let parts = out.into_blocks(sizes.blocks * MR, sizes.panels * NR).enumerate();
    let task = |(index, out)| Task {
        first_block: index / groups * sizes.blocks,
        first_panel: index % groups * sizes.panels,
        out,
    };
    parts.map(task).collect()
}

/// A task's blocks (MC, in blocks of [`MR`] rows) and panels (NC, in panels of [`NR`] columns), at most.
struct TaskSize {
    blocks: usize,
    panels: usize,
}

impl TaskSize {
    /// The sizes with which all threads together finish first.
    fn fastest(blocks: usize, panels: usize, k_steps: usize, threads: usize) -> TaskSize {
        let most = (NC_TILES / (2 * k_steps)).clamp(NC_PANELS / 2, NC_PANELS).min(panels);
        let sizes = (1..=most).rev().map(|together| {
            let groups = panels.div_ceil(together);
            let ranges = (TASKS_PER_THREAD * threads).div_ceil(groups).min(blocks);
            let range = blocks.div_ceil(ranges);
            let tasks_per_thread = (groups * blocks.div_ceil(range)).div_ceil(threads);
            let time = tasks_per_thread * (together * PACKING + range * (together + LOADING));
            (time, TaskSize { blocks: range, panels: together })
        });
        sizes.min_by_key(|(time, _)| *time).map_or(TaskSize { blocks, panels: 1 }, |(_, sizes)| sizes)
    }
}

impl Task<'_> {
    /// Computes the task's part of `out`. `bias` is that of the whole product, or empty.
    pub(super) fn run<U: TileUnit>(mut self, unit: U, lhs: &Lhs<'_>, rhs: &impl Panels, bias: &[f32]) {
        let mut biases = [[0.0; NR]; NC_PANELS];
        let bias = bias.get(self.first_panel * NR..).unwrap_or(&[]);
        biases.as_flattened_mut().iter_mut().zip(bias).for_each(|(out, bias)| *out = *bias);
        let panels = self.first_panel..self.first_panel + self.out.columns().div_ceil(NR);
        rhs.with_panels(unit, panels, |panels| {
            let configured = unit.configure();
            let mut accumulators = [Accumulators::ZERO; NC_PANELS];
            let accumulators = &mut accumulators[..panels.len()];
            for block in 0..self.out.rows().div_ceil(MR) {
                self.accumulate::<U>(&configured, lhs, block, panels, accumulators);
                for (panel, (accumulators, bias)) in accumulators.iter().zip(&biases).enumerate() {
                    U::store(&configured, accumulators, bias, &mut self.out, [block * MR, panel * NR]);
                }
            }
        });
    }

    /// The products of a block of rows with every panel.
    fn accumulate<U: TileUnit>(
        &self,
        configured: &U::Configured,
        lhs: &Lhs<'_>,
        block: usize,
        panels: &[&[Tile]],
        accumulators: &mut [Accumulators],
    ) {
        let (block, k_steps) = (self.first_block + block, lhs.k_steps());
        for first in (0..k_steps).step_by(KC_STEPS) {
            let end = k_steps.min(first + KC_STEPS);
            let tiles = lhs.tiles(block, first);
            let next = if end < k_steps { lhs.tiles(block, end) } else { lhs.tiles(block + 1, 0) };
            let accumulate = if first == 0 { Accumulate::Overwrite } else { Accumulate::Add };
            for (index, (panel, accumulators)) in panels.iter().zip(accumulators.iter_mut()).enumerate() {
                let prefetch = next.prefetch_rows(index).unwrap_or(tiles.values);
                let panel = &panel[2 * first..2 * end];
                U::multiply(configured, tiles, panel, accumulators, accumulate, prefetch);
            }
        }
    }
}
