//! The masks of a network of several layers, between forward and backward.

use crate::error::TapeError;
use crate::mask::{MaskMut, MaskRef, mask_words};

/// Words that a mask takes on the tape beside its own: its layer, and its length in two halves.
const LABEL: usize = 3;

/// Words of a [`MaskTape`] that holds masks of up to these lengths at once: three more per mask
/// than [`mask_words`](crate::mask_words), for its layer and its length.
///
/// ```
/// assert_eq!(dropout_kernels::tape_words(&[64, 256, 256]), 5 + 11 + 11);
/// ```
#[must_use]
pub const fn tape_words(lengths: &[usize]) -> usize {
    let mut words = 0usize;
    let mut rest = lengths;
    while let [n, tail @ ..] = rest {
        words = words.saturating_add(mask_words(*n)).saturating_add(LABEL);
        rest = tail;
    }
    words
}

/// A stack of masks: the forward pass pushes, the backward pass pops in reverse.
///
/// Each mask is labelled with the number of its layer, any that the caller likes, and with its
/// length. Both are asked for again, so layers that run backward in a wrong order are an error,
/// though their masks be of one length. [`read`](Self::read) lends a mask and leaves it on the
/// tape: for a second backward pass over the same forward pass, as two losses need it.
///
/// `S` holds the words, as many as [`tape_words`] says: an array, `&mut [u32]`, or what else lends
/// a slice, such as a `Vec` or a box. Draw each mask from a stream of its own, as
/// [`MaskKey`](crate::MaskKey) says, and a tape can be exchanged for replay.
///
/// ```
/// use dropout_kernels::{Dropout, MaskRng, MaskTape, drop_rate, tape_words};
///
/// let dropout = Dropout::new(drop_rate!(0.5));
/// let mut rng = MaskRng::new(42, 0);
/// let mut tape = MaskTape::new([0; tape_words(&[64, 10])]);
/// let (mut a, mut b) = ([1f32; 64], [1f32; 10]);
///
/// dropout.forward_in_place(&mut a, rng.draw(tape.push(0, 64)?))?;
/// dropout.forward_in_place(&mut b, rng.draw(tape.push(1, 10)?))?;
///
/// dropout.backward_in_place(&mut b, tape.pop(1, 10)?)?;
/// dropout.backward_in_place(&mut a, tape.pop(0, 64)?)?;
/// assert!(tape.is_empty());
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MaskTape<S> {
    /// Masks one after the other, each followed by its label.
    words: S,
    /// Words that belong to masks on the tape. What lies past them is a popped mask, which stays
    /// until the next push so that `pop` can lend it.
    used: usize,
}

impl<S> MaskTape<S> {
    /// An empty tape. What the words hold plays no part.
    #[must_use]
    pub const fn new(words: S) -> Self {
        Self { words, used: 0 }
    }

    /// Whether no mask is on the tape, as after a backward pass.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Forgets every mask: after a forward pass that has no backward pass, after one that failed,
    /// after backward passes that [`read`](Self::read), and where the backward pass ends before
    /// the first layer, since nobody needs the gradient of the network's input.
    pub fn clear(&mut self) {
        self.used = 0;
    }
}

impl<S: AsRef<[u32]> + AsMut<[u32]>> MaskTape<S> {
    /// Adds a mask of `len` elements for layer `layer`, all dropped as yet, and lends it to be
    /// written.
    ///
    /// It stays on the tape if what was to write it fails: after such an error,
    /// [`clear`](Self::clear) the tape.
    ///
    /// # Errors
    ///
    /// [`TapeError::Full`]; the tape is as before.
    pub fn push(&mut self, layer: u32, len: usize) -> Result<MaskMut<'_>, TapeError> {
        let given = self.free_words();
        let full = TapeError::Full { expected: mask_words(len).saturating_add(LABEL), given };
        let free = self.words.as_mut().get_mut(self.used..).ok_or(full)?;
        let (words, rest) = free.split_at_mut_checked(mask_words(len)).ok_or(full)?;
        *rest.first_chunk_mut().ok_or(full)? = label(layer, len);
        words.fill(0);
        self.used += words.len() + LABEL;
        MaskMut::new(words, len).map_err(|_| full)
    }

    /// Takes the last mask off the tape and lends it until the next push.
    ///
    /// # Errors
    ///
    /// [`TapeError::Empty`]; [`TapeError::OtherLayer`] and [`TapeError::OtherLength`] if the mask
    /// on top is not the one of `layer`, or not of `len` elements. The tape is as before.
    pub fn pop(&mut self, layer: u32, len: usize) -> Result<MaskRef<'_>, TapeError> {
        let top = self.below(self.used).ok_or(TapeError::Empty { layer, expected: len })?;
        top.check(layer, len)?;
        self.used = top.start;
        self.lend(top)
    }

    /// Lends the mask of `layer`, the last one if there are several, and leaves it on the tape. The
    /// order of calls is free. Costs a step per mask above it.
    ///
    /// # Errors
    ///
    /// [`TapeError::NoSuchLayer`] if no mask on the tape is the one of `layer`, and
    /// [`TapeError::OtherLength`] if it is not of `len` elements.
    pub fn read(&self, layer: u32, len: usize) -> Result<MaskRef<'_>, TapeError> {
        let mut end = self.used;
        while let Some(mask) = self.below(end) {
            if mask.layer == layer {
                mask.check(layer, len)?;
                return self.lend(mask);
            }
            end = mask.start;
        }
        Err(TapeError::NoSuchLayer { expected: layer })
    }

    /// Words that are free. A mask of n elements takes [`mask_words(n)`](mask_words) + 3.
    #[must_use]
    pub fn free_words(&self) -> usize {
        self.words.as_ref().len().saturating_sub(self.used)
    }

    /// The mask that ends where word `end` begins.
    fn below(&self, end: usize) -> Option<Record> {
        let [layer, low, high] = *self.words.as_ref().get(..end)?.last_chunk::<LABEL>()?;
        let len = usize::try_from(u64::from(high) << 32 | u64::from(low)).ok()?;
        let start = end.checked_sub(LABEL)?.checked_sub(mask_words(len))?;
        Some(Record { layer, len, start })
    }

    fn lend(&self, Record { layer, len, start }: Record) -> Result<MaskRef<'_>, TapeError> {
        let words = self.words.as_ref().get(start..).and_then(|words| words.get(..mask_words(len)));
        let mask = words.and_then(|words| MaskRef::new(words, len).ok());
        mask.ok_or(TapeError::Empty { layer, expected: len })
    }
}

/// Where a mask lies on the tape, and what its label says.
#[derive(Clone, Copy)]
struct Record {
    layer: u32,
    len: usize,
    start: usize,
}

impl Record {
    fn check(self, layer: u32, len: usize) -> Result<(), TapeError> {
        if self.layer != layer {
            Err(TapeError::OtherLayer { expected: layer, given: self.layer })
        } else if self.len != len {
            Err(TapeError::OtherLength { layer, expected: len, given: self.len })
        } else {
            Ok(())
        }
    }
}

const fn label(layer: u32, len: usize) -> [u32; LABEL] {
    let len = len as u64;
    [layer, len as u32, (len >> 32) as u32]
}
