//! Slices in pieces: what `chunks` and `split_off` give, without a panic that an optimiser has to
//! find unreachable.
//!
//! `core`'s iterators divide by the size of a chunk where they are zipped, and cut by functions
//! that check and panic. Inlined, that is seen not to happen; at opt-level "z", or in a program
//! that is linked as it was compiled, not every such call is inlined.

use core::{hint, mem};

/// `slice` in pieces of `size` elements, the last of which may be shorter.
#[inline(always)]
pub(crate) fn pieces<T>(slice: &[T], size: usize) -> Pieces<&[T]> {
    Pieces { rest: slice, size: size.max(1) }
}

/// [`pieces`] that are written.
#[inline(always)]
pub(crate) fn pieces_mut<T>(slice: &mut [T], size: usize) -> Pieces<&mut [T]> {
    Pieces { rest: slice, size: size.max(1) }
}

/// Fills a slice. In firmware by a loop of its own: `memset`, which the compiler would call for
/// zeros and ones, is half as large as forward and backward together.
#[cfg_attr(target_os = "none", inline(never))]
#[cfg_attr(not(target_os = "none"), inline(always))]
pub(crate) fn fill<T: Copy>(slice: &mut [T], value: T) {
    if cfg!(target_os = "none") {
        // The compiler does not know the bytes, and so of no `memset`.
        let value = hint::black_box(value);
        for element in slice {
            *element = value;
        }
    } else {
        slice.fill(value);
    }
}

/// Words to be written, made without `memset` in firmware.
#[inline(always)]
pub(crate) fn zeros<const N: usize>() -> [u32; N] {
    [if cfg!(target_os = "none") { hint::black_box(0) } else { 0 }; N]
}

/// The first `n` elements of `rest`, or all where there are fewer, which are no longer in it then.
#[inline(always)]
pub(crate) fn cut<'a, T>(rest: &mut &'a mut [T], n: usize) -> &'a mut [T] {
    let all = mem::take(rest);
    let (first, others) = all.split_at_mut_checked(n.min(all.len())).unwrap_or_default();
    *rest = others;
    first
}

/// Pieces of a slice, in order.
pub(crate) struct Pieces<S> {
    rest: S,
    /// Above 0, so that the rest gets shorter.
    size: usize,
}

impl<'a, T> Iterator for Pieces<&'a [T]> {
    type Item = &'a [T];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [T]> {
        if self.rest.is_empty() {
            return None;
        }
        let (first, others) = self.rest.split_at_checked(self.size).unwrap_or((self.rest, &[]));
        self.rest = others;
        Some(first)
    }
}

impl<'a, T> Iterator for Pieces<&'a mut [T]> {
    type Item = &'a mut [T];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a mut [T]> {
        (!self.rest.is_empty()).then(|| cut(&mut self.rest, self.size))
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, pieces, pieces_mut};

    #[test]
    fn pieces_are_chunks() {
        let elements = [1, 2, 3, 4, 5, 6, 7];
        for n in 0..=elements.len() {
            let slice = elements.get(..n).unwrap_or_default();
            for size in 1..9 {
                assert!(pieces(slice, size).eq(slice.chunks(size)), "{size} of {n}");
                let mut same = elements;
                let same = same.get_mut(..n).unwrap_or_default();
                assert!(pieces_mut(same, size).eq(slice.chunks(size)), "{size} of {n}");
            }
        }
    }

    #[test]
    fn pieces_of_no_elements_are_pieces_of_one() {
        assert!(pieces(&[1, 2], 0).eq([[1], [2]]));
        assert!(pieces_mut(&mut [1, 2], 0).eq([[1], [2]]));
    }

    #[test]
    fn what_is_cut_off_is_gone() {
        let mut slice = [1, 2, 3];
        let mut rest = slice.as_mut_slice();
        assert_eq!(cut(&mut rest, 0), []);
        assert_eq!(cut(&mut rest, 2), [1, 2]);
        assert_eq!(cut(&mut rest, 2), [3]);
        assert_eq!(cut(&mut rest, 2), []);
    }
}
