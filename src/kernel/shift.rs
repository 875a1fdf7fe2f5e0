//! Strings of bits that are shifted by any distance, words at a time.

/// Words that are shifted at a time: a vector or more on any machine.
const AT_ONCE: usize = 16;

/// Sets each bit that lies `by` after one that is set.
#[inline(always)]
pub(super) fn or_shifted(words: &mut [u32], by: usize) {
    let (whole, by) = (by / 32, by % 32);
    // Also right for a shift by 0.
    let join = |high: u32, low: u32| high << by | low >> 1 >> (31 - by);
    // From the end, so that what is read has not been written.
    let mut end = words.len();
    while let Some(start) = end.checked_sub(AT_ONCE).filter(|start| *start > whole) {
        let mut shifted = [0; AT_ONCE];
        let below = words.get(start - whole - 1..).and_then(|w| w.first_chunk::<{ AT_ONCE + 1 }>());
        if let Some(below @ [_, above @ ..]) = below {
            for ((shifted, high), low) in shifted.iter_mut().zip(above).zip(below) {
                *shifted = join(*high, *low);
            }
        }
        if let Some(words) = words.get_mut(start..).and_then(|w| w.first_chunk_mut::<AT_ONCE>()) {
            for (word, shifted) in words.iter_mut().zip(&shifted) {
                *word |= shifted;
            }
        }
        end = start;
    }
    for i in (whole..end).rev() {
        let word = |at: Option<usize>| at.and_then(|at| words.get(at)).copied().unwrap_or(0);
        let shifted = join(word(Some(i - whole)), word((i - whole).checked_sub(1)));
        if let Some(word) = words.get_mut(i) {
            *word |= shifted;
        }
    }
}
