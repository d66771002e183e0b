//! AMX instructions as inline assembly, because their intrinsics are unstable in Rust. The compiler uses no tile registers
//! itself.

#![allow(unsafe_code)]

use std::arch::asm;
use std::arch::x86_64::*;
use std::mem::transmute;

use half::bf16;

use super::matrix_mut::MatrixMut;
use super::tile_unit::{Accumulators, K_STEP, LhsTiles, MR, NR, Tile};
use crate::avx512_bf16::{LANES, transpose_rows};
use crate::element::{Element, Format};
use crate::matrix::Accumulate;

/// The system call `arch_prctl`, which permits the tiles' state: Documentation/arch/x86/xstate.rst of Linux.
const ARCH_PRCTL: usize = 158;
const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
const XFEATURE_XTILEDATA: usize = 18;
/// Bits of `cpuid` leaf 7, in edx.
const AMX_BF16: u32 = 1 << 22;
const AMX_TILE: u32 = 1 << 24;

pub(super) fn are_available() -> bool {
    let vectors = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512bf16");
    vectors && __cpuid(0).eax >= 7 && {
        let features = __cpuid_count(7, 0).edx;
        features & AMX_BF16 != 0 && features & AMX_TILE != 0 && are_permitted()
    }
}

/// Linux saves tiles only for processes that have requested it.
fn are_permitted() -> bool {
    let status: isize;
    // SAFETY: this system call reads and writes no memory of the process.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => status,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack)
        );
    }
    status == 0
}

/// The first palette: eight tiles of 16 rows of 64 bytes.
static PALETTE: Palette = {
    let mut bytes = [0; 64];
    bytes[0] = 1;
    let mut tile = 0;
    while tile < 8 {
        bytes[16 + 2 * tile] = 64;
        bytes[48 + tile] = 16;
        tile += 1;
    }
    Palette(bytes)
};

#[repr(C, align(64))]
struct Palette([u8; 64]);

pub(super) fn configure() {
    // SAFETY: an `AmxToken` exists only where the instruction may be used; it reads the 64 bytes of a valid palette.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &PALETTE, options(nostack, readonly)) };
}

pub(super) fn release() {
    // SAFETY: as in `configure`; it accesses no memory.
    unsafe { asm!("tilerelease", options(nostack, nomem)) };
}

/// Tiles of B are loaded past the first-level cache, in which the tiles of A, used for one panel after the other, stay.
#[inline(always)]
pub(super) fn multiply(
    lhs: LhsTiles<'_>,
    rhs: &[Tile],
    k_steps: usize,
    accumulators: &mut Accumulators,
    accumulate: Accumulate,
    prefetch: &[bf16],
) {
    let upper = lhs.values.as_ptr();
    // SAFETY: a `Configured` exists only on a thread whose tiles are configured. The caller has checked that the last row of
    // the last tile of A lies in its slice; `rhs` has two tiles of 1024 bytes for each step; `accumulators` are four more.
    // Prefetching reads nothing: every address is allowed.
    unsafe {
        asm!(
            "test {add:e}, {add:e}; jz 2f",
            "tileloadd tmm0, [{sums} + {line}]; tileloadd tmm1, [{sums} + {line} + 1024]",
            "tileloadd tmm2, [{sums} + {line} + 2048]; tileloadd tmm3, [{sums} + {line} + 3072]",
            "jmp 3f",
            "2: tilezero tmm0; tilezero tmm1; tilezero tmm2; tilezero tmm3",
            "3: tileloaddt1 tmm6, [{rhs} + {line}]; tileloadd tmm4, [{upper} + {stride}]",
            "tileloaddt1 tmm7, [{rhs} + {line} + 1024]; tileloadd tmm5, [{lower} + {stride}]",
            "dec {steps}; jz 5f",
            "4: tdpbf16ps tmm0, tmm4, tmm6",
            "prefetcht1 [{ahead}]; prefetcht1 [{ahead} + {stride}]",
            "add {upper}, {step}; add {lower}, {step}; add {rhs}, 2048",
            "tdpbf16ps tmm1, tmm4, tmm7; tileloadd tmm4, [{upper} + {stride}]",
            "prefetcht1 [{ahead} + 2*{stride}]; prefetcht1 [{ahead} + {triple}]",
            "tdpbf16ps tmm2, tmm5, tmm6; tileloaddt1 tmm6, [{rhs} + {line}]",
            "lea {half}, [{ahead} + 4*{stride}]; prefetcht1 [{half}]; prefetcht1 [{half} + {stride}]",
            "tdpbf16ps tmm3, tmm5, tmm7; tileloaddt1 tmm7, [{rhs} + {line} + 1024]",
            "prefetcht1 [{half} + 2*{stride}]; prefetcht1 [{half} + {triple}]; add {ahead}, {step}",
            "tileloadd tmm5, [{lower} + {stride}]; dec {steps}; jnz 4b",
            "5: tdpbf16ps tmm0, tmm4, tmm6; tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6; tdpbf16ps tmm3, tmm5, tmm7",
            "tilestored [{sums} + {line}], tmm0; tilestored [{sums} + {line} + 1024], tmm1",
            "tilestored [{sums} + {line} + 2048], tmm2; tilestored [{sums} + {line} + 3072], tmm3",
            add = in(reg) u32::from(accumulate == Accumulate::Add),
            sums = in(reg) accumulators,
            line = in(reg) 64_usize,
            rhs = inout(reg) rhs.as_ptr() => _,
            upper = inout(reg) upper => _,
            lower = inout(reg) upper.wrapping_add(lhs.lower) => _,
            stride = in(reg) 2 * lhs.row_stride,
            step = in(reg) 2 * lhs.step,
            steps = inout(reg) k_steps => _,
            ahead = inout(reg) prefetch.as_ptr() => _,
            half = out(reg) _,
            triple = in(reg) 6 * lhs.row_stride,
            options(nostack)
        );
    }
}

pub(super) fn interleave<N: Element>(rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
    // SAFETY: an `AmxToken` exists only where the processor has the instructions; the caller has checked that the last row
    // is whole.
    unsafe { interleave_rows(rows, stride, pair) }
}

pub(super) fn interleave_and_transpose<N: Element>(rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
    // SAFETY: as in `interleave`.
    unsafe {
        interleave_rows(rows, stride, pair);
        pair.iter_mut().for_each(|tile| transpose_rows(tile.as_mut_ptr().cast()));
    }
}

pub(super) fn transpose<N: Element>(rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
    // SAFETY: as in `interleave`.
    unsafe {
        copy_rows(rows, stride, pair);
        pair.iter_mut().for_each(|tile| transpose_rows(tile.as_mut_ptr().cast()));
    }
}

/// 32 rows of 32 elements must lie in `rows`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn interleave_rows<N: Element>(rows: &[N], stride: usize, [first, second]: &mut [Tile; 2]) {
    let mut order = [0; K_STEP];
    for (lane, place) in order.iter_mut().enumerate() {
        *place = (lane / 2 + lane % 2 * K_STEP) as i16;
    }
    // SAFETY: both types have one size, and every bit pattern is valid.
    let of_first = unsafe { transmute::<[i16; K_STEP], __m512i>(order) };
    let of_second = _mm512_add_epi16(of_first, _mm512_set1_epi16(LANES as i16));
    let out = first.as_chunks_mut().0.iter_mut().zip(second.as_chunks_mut().0);
    for (pair, (first, second)) in out.enumerate() {
        let even = rows.as_ptr().wrapping_add(2 * pair * stride);
        // SAFETY: the caller guarantees the last row.
        let (even, odd) = unsafe { (load(even), load(even.wrapping_add(stride))) };
        write(_mm512_permutex2var_epi16(even, of_first, odd), first);
        write(_mm512_permutex2var_epi16(even, of_second, odd), second);
    }
}

/// 32 rows of 32 elements must lie in `rows`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn copy_rows<N: Element>(rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
    for (row, out) in pair.as_flattened_mut().as_chunks_mut().0.iter_mut().enumerate() {
        // SAFETY: the caller guarantees the last row.
        write(unsafe { load(rows.as_ptr().wrapping_add(row * stride)) }, out);
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn write(row: __m512i, out: &mut [bf16; K_STEP]) {
    // SAFETY: both types have one size, and every bit pattern is valid.
    *out = unsafe { transmute::<__m512i, [bf16; K_STEP]>(row) };
}

/// 32 elements, rounded to bfloat16; they must lie at `row`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
unsafe fn load<N: Element>(row: *const N) -> __m512i {
    if N::FORMAT == Format::F32 {
        // SAFETY: the caller guarantees them, and they are float32.
        let (first, second) =
            unsafe { (_mm512_loadu_ps(row.cast()), _mm512_loadu_ps(row.wrapping_add(LANES).cast())) };
        // SAFETY: both types have one size, and every bit pattern is valid.
        return unsafe { transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first)) };
    }
    // SAFETY: the caller guarantees them, and they are bfloat16.
    unsafe { _mm512_loadu_si512(row.cast()) }
}

#[inline(always)]
pub(super) fn store(
    accumulators: &Accumulators,
    bias: &[f32; NR],
    out: &mut MatrixMut<'_>,
    first: [usize; 2],
) {
    // SAFETY: a `Configured` exists only where the processor has the instructions.
    unsafe { store_rows(accumulators, bias, out, first) }
}

#[target_feature(enable = "avx512f")]
fn add(a: &[f32; LANES], b: &[f32; LANES]) -> __m512 {
    // SAFETY: both are 16 values.
    unsafe { _mm512_add_ps(_mm512_loadu_ps(a.as_ptr()), _mm512_loadu_ps(b.as_ptr())) }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn store_rows(
    accumulators: &Accumulators,
    bias: &[f32; NR],
    out: &mut MatrixMut<'_>,
    [first, column]: [usize; 2],
) {
    let bias = bias.as_chunks::<LANES>().0;
    for row in 0..MR.min(out.rows() - first) {
        let [left, right] = accumulators.row(row);
        // No `map`, which is not compiled for these instructions.
        let (left, right) = (add(left, &bias[0]), add(right, &bias[1]));
        // SAFETY: both types have one size, and every bit pattern is valid.
        let rounded: [bf16; NR] = unsafe { transmute(_mm512_cvtne2ps_pbh(right, left)) };
        let out = out.row(first + row, column);
        match out.first_chunk_mut() {
            Some(out) => *out = rounded,
            None => out.copy_from_slice(&rounded[..out.len()]),
        }
    }
}
