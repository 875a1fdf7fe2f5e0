//! The masks of a network of several layers, between forward and backward.

use heapless::Vec;

use crate::error::TapeError;
use crate::mask::{MaskMut, MaskRef, mask_words};

/// Words of a [`MaskTape`] that holds masks of up to these lengths at once: one more a mask than
/// [`mask_words`](crate::mask_words), for its length.
///
/// ```
/// assert_eq!(dropout_kernels::tape_words(&[64, 256, 256]), 3 + 9 + 9);
/// ```
#[must_use]
pub const fn tape_words(lengths: &[usize]) -> usize {
    let mut words = 0usize;
    let mut rest = lengths;
    while let [n, tail @ ..] = rest {
        words = words.saturating_add(mask_words(*n)).saturating_add(1);
        rest = tail;
    }
    words
}

/// A stack of masks: the forward pass pushes, the backward pass pops in reverse.
///
/// Its capacity is fixed: `WORDS` is [`tape_words`] of the layers' lengths. Draw each mask from a
/// stream of its own, as [`MaskRng`](crate::MaskRng) says, and a tape can be exchanged for replay.
///
/// ```
/// use dropout_kernels::{Dropout, MaskRng, MaskTape, drop_rate, tape_words};
///
/// let dropout = Dropout::new(drop_rate!(0.5));
/// let mut rng = MaskRng::new(42, 0);
/// let mut tape = MaskTape::<{ tape_words(&[64, 10]) }>::new();
/// let (mut a, mut b) = ([1f32; 64], [1f32; 10]);
///
/// dropout.forward_in_place(&mut a, tape.push(64)?, &mut rng)?;
/// dropout.forward_in_place(&mut b, tape.push(10)?, &mut rng)?;
///
/// dropout.backward_in_place(&mut b, tape.pop(10)?)?;
/// dropout.backward_in_place(&mut a, tape.pop(64)?)?;
/// assert!(tape.is_empty());
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MaskTape<const WORDS: usize> {
    /// Masks one after the other, each followed by its length in bits.
    words: Vec<u32, WORDS>,
    /// Words that belong to masks on the tape. What lies past them is a popped mask, which stays
    /// until the next push so that `pop` can lend it.
    used: usize,
}

impl<const WORDS: usize> MaskTape<WORDS> {
    /// An empty tape.
    #[must_use]
    pub const fn new() -> Self {
        Self { words: Vec::new(), used: 0 }
    }

    /// Adds a mask of `len` elements, all dropped as yet, and lends it to be written.
    ///
    /// It stays on the tape if what was to write it fails: after such an error,
    /// [`clear`](Self::clear) the tape.
    ///
    /// # Errors
    ///
    /// [`TapeError::Full`]; the tape is as before.
    pub fn push(&mut self, len: usize) -> Result<MaskMut<'_>, TapeError> {
        let mask = mask_words(len);
        let full = TapeError::Full { expected: mask.saturating_add(1), given: WORDS - self.used };
        let length = u32::try_from(len).map_err(|_| full)?;
        let end = self.used.checked_add(mask).filter(|end| *end < WORDS).ok_or(full)?;
        self.words.truncate(self.used);
        self.words.resize(end, 0).map_err(|_| full)?;
        self.words.push(length).map_err(|_| full)?;
        let start = self.used;
        self.used = end + 1;
        let words = self.words.get_mut(start..end).ok_or(full)?;
        MaskMut::new(words, len).map_err(|_| full)
    }

    /// Takes the last mask off the tape and lends it until the next push.
    ///
    /// `len` is the length of the layer it was pushed for. It is asked for so that layers run
    /// backward in a wrong order are an error.
    ///
    /// # Errors
    ///
    /// [`TapeError::Empty`] and [`TapeError::OtherLength`]; the tape is as before.
    pub fn pop(&mut self, len: usize) -> Result<MaskRef<'_>, TapeError> {
        let empty = TapeError::Empty { expected: len };
        let end = self.used.checked_sub(1).ok_or(empty)?;
        let given = *self.words.get(end).ok_or(empty)? as usize;
        if given != len {
            return Err(TapeError::OtherLength { expected: len, given });
        }
        let start = end.checked_sub(mask_words(len)).ok_or(empty)?;
        self.used = start;
        let words = self.words.get(start..end).ok_or(empty)?;
        MaskRef::new(words, len).map_err(|_| empty)
    }

    /// Whether no mask is on the tape, as after a backward pass.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Words that are free. A mask of n elements takes [`mask_words(n)`](mask_words) + 1.
    #[must_use]
    pub const fn free_words(&self) -> usize {
        WORDS - self.used
    }

    /// Forgets every mask: after a forward pass that has no backward pass, after one that failed, and
    /// where the backward pass ends before the first layer, since nobody needs the gradient of the
    /// network's input.
    pub fn clear(&mut self) {
        self.used = 0;
    }
}
