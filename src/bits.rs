//! Bits of words: those of a mask, from any one on.

use core::iter;

/// The 32 bits from bit `at` on, with zeros past the end.
// In firmware one copy serves every caller.
#[cfg_attr(target_os = "none", inline(never))]
#[cfg_attr(not(target_os = "none"), inline(always))]
pub(crate) fn bits(words: &[u32], at: usize) -> u32 {
    if cfg!(target_os = "none") {
        let word = |i| u64::from(words.get(i).copied().unwrap_or(0));
        return ((word(at / 32) | word(at / 32 + 1) << 32) >> (at % 32)) as u32;
    }
    let i = at / 32;
    let pair = match words.get(i..i + 2) {
        // One load, where the machine has it.
        Some([low, high, ..]) => u64::from(*low) | u64::from(*high) << 32,
        _ => words.get(i).copied().map_or(0, u64::from),
    };
    (pair >> (at % 32)) as u32
}

/// The bits from `first` on, 32 at a time, with zeros past the end.
#[inline(always)]
pub(crate) fn words_from(words: &[u32], first: usize) -> impl Iterator<Item = u32> {
    let mut words = words.get(first / 32..).unwrap_or_default().iter();
    let mut next = move || u64::from(words.next().copied().unwrap_or(0));
    let mut low = next();
    iter::repeat_with(move || {
        let high = next();
        let word = ((low | high << 32) >> (first % 32)) as u32;
        low = high;
        word
    })
}

/// Clears those of the 32 bits from `at` on that `word` has.
#[inline(always)]
pub(crate) fn clear(words: &mut [u32], at: usize, word: u32) {
    let pair = u64::from(word) << (at % 32);
    for (word, cleared) in words
        .get_mut(at / 32..)
        .unwrap_or_default()
        .iter_mut()
        .zip([pair as u32, (pair >> 32) as u32])
    {
        *word &= !cleared;
    }
}

/// Bit `at`, with zeros past the end.
#[inline(always)]
pub(crate) fn bit(words: &[u32], at: usize) -> u32 {
    words.get(at / 32).copied().unwrap_or(0) >> (at % 32) & 1
}

/// The lowest `count` bits, of up to 32.
#[inline(always)]
pub(crate) const fn ones(count: usize) -> u32 {
    (1u64 << count).wrapping_sub(1) as u32
}
