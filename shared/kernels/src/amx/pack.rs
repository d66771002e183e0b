//! Factors of a product in the order in which tiles are loaded.

use std::cell::RefCell;
use std::ops::Range;

use half::bf16;
use rayon::prelude::*;

use super::blocking::NC_PANELS;
use super::tile_unit::{K_STEP, NR, TILE, Tile, TileUnit};
use crate::aligned::Aligned;
use crate::element::Element;
use crate::matrix::Matrix;

/// A factor in panels, as [`Unpacked`] describes them.
pub(super) trait Panels: Sync {
    /// The columns of B, or the rows of A.
    fn width(&self) -> usize;

    /// Steps of the inner dimension.
    fn k_steps(&self) -> usize;

    /// Calls `take` with some panels, at most [`NC_PANELS`].
    fn with_panels(&self, unit: impl TileUnit, panels: Range<usize>, take: impl FnOnce(&[&[Tile]]));
}

/// The factor that a matrix in memory holds.
#[derive(Clone, Copy)]
pub(super) enum Operand {
    /// B itself.
    B,
    /// B transposed.
    Bt,
    /// A transposed.
    At,
}

/// A factor as it lies in memory. It is packed in panels of [`NR`] columns of B, or as many rows of A: each has two tiles for
/// every [`K_STEP`] of the inner dimension.
pub(super) struct Unpacked<'a, N> {
    pub(super) matrix: &'a Stacked<'a, N>,
    pub(super) operand: Operand,
}

thread_local! {
    /// The panels of a task.
    static PANELS: RefCell<Aligned<bf16>> = RefCell::new(Aligned::new(bf16::ZERO, 0));
}

impl<N: Element> Panels for Unpacked<'_, N> {
    fn width(&self) -> usize {
        match self.operand {
            Operand::B | Operand::At => self.matrix.columns,
            Operand::Bt => self.matrix.rows(),
        }
    }

    fn k_steps(&self) -> usize {
        let k = match self.operand {
            Operand::B | Operand::At => self.matrix.rows(),
            Operand::Bt => self.matrix.columns,
        };
        k.div_ceil(K_STEP)
    }

    fn with_panels(&self, unit: impl TileUnit, panels: Range<usize>, take: impl FnOnce(&[&[Tile]])) {
        let panel_tiles = 2 * self.k_steps();
        PANELS.with_borrow_mut(|memory| {
            let size = panels.len() * panel_tiles * TILE;
            if memory.len() < size {
                *memory = Aligned::new(bf16::ZERO, size);
            }
            let tiles = memory[..size].as_chunks_mut().0;
            self.pack(unit, panels.start, tiles);
            let mut all = [&[][..]; NC_PANELS];
            all.iter_mut().zip(tiles.chunks_exact(panel_tiles)).for_each(|(out, panel)| *out = panel);
            take(&all[..panels.len()]);
        });
    }
}

impl<N: Element> Unpacked<'_, N> {
    /// Fills `tiles` with the panels from number `first` on; missing rows and columns are zero.
    fn pack(&self, unit: impl TileUnit, first: usize, tiles: &mut [Tile]) {
        // Step by step where rows cross the panels, panel by panel where they run along them.
        let (k_steps, pairs) = (self.k_steps(), tiles.as_chunks_mut::<2>().0);
        let panels = pairs.len() / k_steps;
        match self.operand {
            Operand::B | Operand::At => {
                let places = (0..k_steps).flat_map(|k_step| (0..panels).map(move |panel| (k_step, panel)));
                for (k_step, panel) in places {
                    self.pack_step(unit, first + panel, k_step, &mut pairs[panel * k_steps + k_step]);
                }
            }
            Operand::Bt => {
                for (index, pair) in pairs.iter_mut().enumerate() {
                    self.pack_step(unit, first + index / k_steps, index % k_steps, pair);
                }
            }
        }
    }

    #[inline(always)]
    fn pack_step(&self, unit: impl TileUnit, panel: usize, k_step: usize, pair: &mut [Tile; 2]) {
        let (line, k) = (panel * NR, k_step * K_STEP);
        let first = match self.operand {
            Operand::B | Operand::At => [k, line],
            Operand::Bt => [line, k],
        };
        self.matrix.with_square(first, |values, stride| match self.operand {
            Operand::B => unit.interleave(values, stride, pair),
            Operand::At => unit.interleave_and_transpose(values, stride, pair),
            Operand::Bt => unit.transpose(values, stride, pair),
        });
    }
}

/// Panels of a whole factor that a thread packs at a time.
const PANELS_PER_TASK: usize = 4;

/// Packs all panels of a factor, in parallel. Panics if `packed` is of another size.
pub(super) fn pack<N: Element>(unit: impl TileUnit, packed: &mut [bf16], factor: &Unpacked<'_, N>) {
    let (panels, panel_tiles) = (factor.width().div_ceil(NR), 2 * factor.k_steps());
    assert_eq!(packed.len(), panels * panel_tiles * TILE);
    packed
        .as_chunks_mut::<TILE>()
        .0
        .par_chunks_mut(PANELS_PER_TASK * panel_tiles)
        .enumerate()
        .for_each(|(index, tiles)| factor.pack(unit, index * PANELS_PER_TASK, tiles));
}

/// Packed Bs side by side, each of them packed by [`Amx::pack`](super::Amx::pack).
#[derive(Debug, Clone)]
pub struct PackedB<'a> {
    parts: Vec<&'a [Tile]>,
    panels_each: usize,
    k_steps: usize,
}

impl<'a> PackedB<'a> {
    /// Each part has one row for every panel. Panics if the parts differ in size, or if there are none.
    pub fn new(parts: &[Matrix<'a, bf16>]) -> PackedB<'a> {
        let (panels_each, columns) = (parts[0].rows(), parts[0].columns());
        assert!(parts.iter().all(|part| (part.rows(), part.columns()) == (panels_each, columns)));
        assert!(columns.is_multiple_of(2 * TILE));
        let parts = parts.iter().map(|part| part.values().as_chunks().0).collect();
        PackedB { parts, panels_each, k_steps: columns / (2 * TILE) }
    }
}

impl Panels for PackedB<'_> {
    fn width(&self) -> usize {
        self.parts.len() * self.panels_each * NR
    }

    fn k_steps(&self) -> usize {
        self.k_steps
    }

    fn with_panels(&self, _: impl TileUnit, panels: Range<usize>, take: impl FnOnce(&[&[Tile]])) {
        let (mut all, count) = ([&[][..]; NC_PANELS], panels.len());
        for (panel, out) in panels.zip(&mut all) {
            let part = self.parts[panel / self.panels_each];
            *out = &part[panel % self.panels_each * 2 * self.k_steps..][..2 * self.k_steps];
        }
        take(&all[..count]);
    }
}

/// Matrices of equal size, stacked by rows to one.
#[derive(Debug, Clone)]
pub struct Stacked<'a, N> {
    matrices: Vec<&'a [N]>,
    rows_each: usize,
    columns: usize,
}

impl<'a, N: Element> Stacked<'a, N> {
    /// Panics if the matrices differ in size, or if there are none.
    pub fn new(matrices: &[Matrix<'a, N>]) -> Stacked<'a, N> {
        let (rows_each, columns) = (matrices[0].rows(), matrices[0].columns());
        assert!(matrices.iter().all(|matrix| (matrix.rows(), matrix.columns()) == (rows_each, columns)));
        Stacked { matrices: matrices.iter().map(Matrix::values).collect(), rows_each, columns }
    }

    fn rows(&self) -> usize {
        self.rows_each * self.matrices.len()
    }

    /// Calls `take` with the 32 rows and columns that begin at `first`, and the distance of rows.
    #[inline(always)]
    fn with_square(&self, [row, column]: [usize; 2], take: impl FnOnce(&[N], usize)) {
        let place = row % self.rows_each;
        if column + NR <= self.columns && place + NR <= self.rows_each && row < self.rows() {
            let matrix = self.matrices[row / self.rows_each];
            return take(&matrix[place * self.columns + column..], self.columns);
        }
        // At an edge missing rows and columns are zero.
        let mut copy = [N::cast(0.0); NR * NR];
        for (row, copy) in (row..self.rows()).zip(copy.as_chunks_mut::<NR>().0) {
            let matrix = &self.matrices[row / self.rows_each][row % self.rows_each * self.columns..];
            let values = &matrix[column.min(self.columns)..self.columns.min(column + NR)];
            copy[..values.len()].copy_from_slice(values);
        }
        take(&copy, NR);
    }
}
