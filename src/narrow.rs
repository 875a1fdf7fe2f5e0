//! `f16` and `bf16` from and to `f32`, without a branch, so that the compiler makes vectors of it.

/// The number that 16 bits of an `f16` are. A NaN keeps its upper bits.
#[inline(always)]
pub(crate) const fn from_f16(bits: u16) -> f32 {
    const UNITY: u32 = 113 << 23; // of 2^-14, the least normal number of an f16
    let (sign, magnitude) = ((bits as u32 & 0x8000) << 16, bits as u32 & 0x7FFF);
    // A normal number's exponent is higher by 112, that of infinity and NaN by 112 more.
    let shifted = (magnitude << 13) + (112 << 23);
    let normal = shifted + if magnitude >= 0x7C00 { 112 << 23 } else { 0 };
    // Of a number below 2^-14 the bits are a fraction of what is added to 2^-14.
    let subnormal = (f32::from_bits(UNITY + (magnitude << 13)) - f32::from_bits(UNITY)).to_bits();
    f32::from_bits(sign | if magnitude < 0x400 { subnormal } else { normal })
}

/// The nearest `f16`, ties to even.
#[inline(always)]
pub(crate) const fn to_f16(x: f32) -> u16 {
    const INFINITY: u32 = 143 << 23; // 2^16, from which on there is nothing but infinity and NaN
    const LEAST: u32 = 113 << 23; // 2^-14
    // Of a sum with it, the last bit is that of the least f16, 2^-24.
    const MAGIC: u32 = 126 << 23; // 0.5
    let (sign, magnitude) = (x.to_bits() >> 16 & 0x8000, x.to_bits() & 0x7FFF_FFFF);
    let large = if magnitude > f32::INFINITY.to_bits() { 0x7E00 } else { 0x7C00 };
    let odd = magnitude >> 13 & 1;
    // A carry goes into the exponent, and from the largest number to infinity.
    let normal = magnitude.wrapping_sub(112 << 23).wrapping_add(0xFFF + odd) >> 13;
    let sum = f32::from_bits(if magnitude < LEAST { magnitude } else { 0 }) + f32::from_bits(MAGIC);
    let small = sum.to_bits() - MAGIC;
    let finite = if magnitude < LEAST { small } else { normal };
    (sign | if magnitude >= INFINITY { large } else { finite }) as u16
}

/// The number that 16 bits of a `bf16` are.
#[inline(always)]
pub(crate) const fn from_bf16(bits: u16) -> f32 {
    f32::from_bits((bits as u32) << 16)
}

/// The nearest `bf16`, ties to even. A NaN keeps its upper bits, and becomes a quiet one.
#[inline(always)]
pub(crate) const fn to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    let nan = bits & 0x7FFF_FFFF > f32::INFINITY.to_bits();
    // A carry goes into the exponent, and from the largest number to infinity.
    let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1));
    (if nan { bits | 1 << 22 } else { rounded } >> 16) as u16
}
