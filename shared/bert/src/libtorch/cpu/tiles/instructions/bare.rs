//! The instructions themselves. Registers of tiles are nobody else's here: no compiler uses them.

#![allow(unsafe_code)]

use std::arch::asm;
use std::arch::x86_64::*;
use std::mem::transmute;

use half::bf16;
use tch::Kind;

use super::{BLOCK, DEPTH, LANES, LeftTiles, Number, Start, Sums, Tile, Window};
use crate::libtorch::cpu::pairs;

/// `arch_prctl`, asked for the tiles' state: Documentation/arch/x86/xstate.rst of Linux.
const ARCH_PRCTL: usize = 158;
const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
const XFEATURE_XTILEDATA: usize = 18;
/// Leaf 7 of `cpuid`, in edx.
const AMX_BF16: u32 = 1 << 22;
const AMX_TILE: u32 = 1 << 24;

pub(super) fn are_there() -> bool {
    let vectors = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512bf16");
    vectors && __cpuid(0).eax >= 7 && {
        let features = __cpuid_count(7, 0).edx;
        features & AMX_BF16 != 0 && features & AMX_TILE != 0 && may_be_used()
    }
}

/// Linux saves tiles only for processes that have asked for it.
fn may_be_used() -> bool {
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

pub(super) fn set_up() {
    // SAFETY: an `Amx` exists only where the instruction may be used; it reads the 64 bytes of a valid palette.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &PALETTE, options(nostack, readonly)) };
}

pub(super) fn release() {
    // SAFETY: as for `set_up`; it touches no memory.
    unsafe { asm!("tilerelease", options(nostack, nomem)) };
}

/// Right tiles go past the fastest memory, which the left ones, used for one strip after the other, are to stay in.
#[inline(always)]
pub(super) fn multiply(
    left: LeftTiles<'_>,
    right: &[Tile],
    steps: usize,
    sums: &mut Sums,
    start: Start,
    ahead: &[bf16],
) {
    let upper = left.numbers.as_ptr();
    // SAFETY: a `Configured` exists only on a thread whose tiles are set up. The caller has checked that the last row of the
    // last left tile lies in its slice; `right` has two tiles of 1024 bytes for each of the steps; `sums` are four more.
    // What comes ahead is not read: no address can be wrong.
    unsafe {
        asm!(
            "test {kept:e}, {kept:e}; jz 2f",
            "tileloadd tmm0, [{sums} + {line}]; tileloadd tmm1, [{sums} + {line} + 1024]",
            "tileloadd tmm2, [{sums} + {line} + 2048]; tileloadd tmm3, [{sums} + {line} + 3072]",
            "jmp 3f",
            "2: tilezero tmm0; tilezero tmm1; tilezero tmm2; tilezero tmm3",
            "3: tileloaddt1 tmm6, [{right} + {line}]; tileloadd tmm4, [{upper} + {stride}]",
            "tileloaddt1 tmm7, [{right} + {line} + 1024]; tileloadd tmm5, [{lower} + {stride}]",
            "dec {steps}; jz 5f",
            "4: tdpbf16ps tmm0, tmm4, tmm6",
            "prefetcht1 [{ahead}]; prefetcht1 [{ahead} + {stride}]",
            "add {upper}, {step}; add {lower}, {step}; add {right}, 2048",
            "tdpbf16ps tmm1, tmm4, tmm7; tileloadd tmm4, [{upper} + {stride}]",
            "prefetcht1 [{ahead} + 2*{stride}]; prefetcht1 [{ahead} + {triple}]",
            "tdpbf16ps tmm2, tmm5, tmm6; tileloaddt1 tmm6, [{right} + {line}]",
            "lea {half}, [{ahead} + 4*{stride}]; prefetcht1 [{half}]; prefetcht1 [{half} + {stride}]",
            "tdpbf16ps tmm3, tmm5, tmm7; tileloaddt1 tmm7, [{right} + {line} + 1024]",
            "prefetcht1 [{half} + 2*{stride}]; prefetcht1 [{half} + {triple}]; add {ahead}, {step}",
            "tileloadd tmm5, [{lower} + {stride}]; dec {steps}; jnz 4b",
            "5: tdpbf16ps tmm0, tmm4, tmm6; tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6; tdpbf16ps tmm3, tmm5, tmm7",
            "tilestored [{sums} + {line}], tmm0; tilestored [{sums} + {line} + 1024], tmm1",
            "tilestored [{sums} + {line} + 2048], tmm2; tilestored [{sums} + {line} + 3072], tmm3",
            kept = in(reg) u32::from(start == Start::Kept),
            sums = in(reg) sums,
            line = in(reg) 64_usize,
            right = inout(reg) right.as_ptr() => _,
            upper = inout(reg) upper => _,
            lower = inout(reg) upper.wrapping_add(left.lower) => _,
            stride = in(reg) 2 * left.row_stride,
            step = in(reg) 2 * left.step,
            steps = inout(reg) steps => _,
            ahead = inout(reg) ahead.as_ptr() => _,
            half = out(reg) _,
            triple = in(reg) 6 * left.row_stride,
            options(nostack)
        );
    }
}

pub(super) fn interleave<N: Number>(rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
    // SAFETY: a an `Amx` exists only where the instructions are there; the caller has checked that the last row is whole.
    unsafe { interleave_rows(rows, stride, pair) }
}

pub(super) fn interleave_and_transpose<N: Number>(rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
    // SAFETY: as for `interleave`.
    unsafe {
        interleave_rows(rows, stride, pair);
        pair.iter_mut().for_each(|tile| pairs::swap(tile.as_mut_ptr().cast()));
    }
}

pub(super) fn transpose<N: Number>(rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
    // SAFETY: as for `interleave`.
    unsafe {
        copy_rows(rows, stride, pair);
        pair.iter_mut().for_each(|tile| pairs::swap(tile.as_mut_ptr().cast()));
    }
}

/// 32 rows of 32 numbers must lie in `rows`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn interleave_rows<N: Number>(rows: &[N], stride: usize, [first, second]: &mut [Tile; 2]) {
    let mut order = [0; DEPTH];
    for (lane, place) in order.iter_mut().enumerate() {
        *place = (lane / 2 + lane % 2 * DEPTH) as i16;
    }
    // SAFETY: both are as many bits.
    let of_first = unsafe { transmute::<[i16; DEPTH], __m512i>(order) };
    let of_second = _mm512_add_epi16(of_first, _mm512_set1_epi16(LANES as i16));
    let out = first.as_chunks_mut().0.iter_mut().zip(second.as_chunks_mut().0);
    for (pair, (first, second)) in out.enumerate() {
        let even = rows.as_ptr().wrapping_add(2 * pair * stride);
        // SAFETY: the caller vouches for the last row.
        let (even, odd) = unsafe { (narrow(even), narrow(even.wrapping_add(stride))) };
        store(_mm512_permutex2var_epi16(even, of_first, odd), first);
        store(_mm512_permutex2var_epi16(even, of_second, odd), second);
    }
}

/// 32 rows of 32 numbers must lie in `rows`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn copy_rows<N: Number>(rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
    for (row, out) in pair.as_flattened_mut().as_chunks_mut().0.iter_mut().enumerate() {
        // SAFETY: the caller vouches for the last row.
        store(unsafe { narrow(rows.as_ptr().wrapping_add(row * stride)) }, out);
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(row: __m512i, out: &mut [bf16; DEPTH]) {
    // SAFETY: both are as many numbers, whatever their bits.
    *out = unsafe { transmute::<__m512i, [bf16; DEPTH]>(row) };
}

/// 32 numbers, which must be there.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
unsafe fn narrow<N: Number>(row: *const N) -> __m512i {
    if N::KIND == Kind::Float {
        // SAFETY: the caller vouches for them, and they are float32.
        let (first, second) =
            unsafe { (_mm512_loadu_ps(row.cast()), _mm512_loadu_ps(row.wrapping_add(LANES).cast())) };
        // SAFETY: both are as many bits.
        return unsafe { transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first)) };
    }
    // SAFETY: the caller vouches for them, and they are bfloat16.
    unsafe { _mm512_loadu_si512(row.cast()) }
}

#[inline(always)]
pub(super) fn put(sums: &Sums, bias: &[f32; BLOCK], out: &mut Window<'_>, first: [usize; 2]) {
    // SAFETY: a `Configured` exists only where the instructions are there.
    unsafe { narrow_rows(sums, bias, out, first) }
}

#[target_feature(enable = "avx512f")]
fn add(a: &[f32; LANES], b: &[f32; LANES]) -> __m512 {
    // SAFETY: both are 16 numbers.
    unsafe { _mm512_add_ps(_mm512_loadu_ps(a.as_ptr()), _mm512_loadu_ps(b.as_ptr())) }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn narrow_rows(sums: &Sums, bias: &[f32; BLOCK], out: &mut Window<'_>, [first, column]: [usize; 2]) {
    let bias = bias.as_chunks::<LANES>().0;
    for row in 0..BLOCK.min(out.rows() - first) {
        let [left, right] = sums.row(row);
        // No `map`, which is not compiled for these instructions.
        let (left, right) = (add(left, &bias[0]), add(right, &bias[1]));
        // SAFETY: both are as many numbers, whatever their bits.
        let narrow: [bf16; BLOCK] = unsafe { transmute(_mm512_cvtne2ps_pbh(right, left)) };
        let out = out.row(first + row, column);
        match out.first_chunk_mut() {
            Some(out) => *out = narrow,
            None => out.copy_from_slice(&narrow[..out.len()]),
        }
    }
}
