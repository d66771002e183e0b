//! The element types that kernels read and write.

use half::bf16;

/// The number format of an [`Element`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// IEEE 754 binary32.
    F32,
    /// The upper half of a binary32: 8 bits of exponent, 7 of fraction.
    Bf16,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for half::bf16 {}
}

/// A number in memory; arithmetic is in float32. Sealed, because unsafe code relies on the [`Format`].
pub trait Element: sealed::Sealed + Copy + Send + Sync + 'static {
    /// The number's format.
    const FORMAT: Format;

    /// The exact value.
    fn as_f32(self) -> f32;

    /// Rounds to nearest, ties to even.
    fn cast(value: f32) -> Self;
}

impl Element for f32 {
    const FORMAT: Format = Format::F32;

    #[inline(always)]
    fn as_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn cast(value: f32) -> f32 {
        value
    }
}

/// Without the branches of `half`'s conversions, so that the compiler vectorizes loops over them.
impl Element for bf16 {
    const FORMAT: Format = Format::Bf16;

    #[inline(always)]
    fn as_f32(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn cast(value: f32) -> bf16 {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1));
        bf16::from_bits(if value.is_nan() { 0x7FC0 } else { (rounded >> 16) as u16 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bfloat16_is_rounded_as_by_half() {
        let mut values = vec![0.0, -0.0, 1.0, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, 1e-40];
        // Every fraction of a bfloat16's last place, and the ties between them.
        values.extend((0..1 << 18).map(|bits| f32::from_bits(0x3F80_0000 + bits)));
        for value in values {
            let expect = bf16::from_f32(value);
            assert_eq!(<bf16 as Element>::cast(value), expect, "{value}");
            assert_eq!(expect.as_f32(), expect.to_f32());
        }
        assert!(<bf16 as Element>::cast(f32::NAN).is_nan());
    }
}
