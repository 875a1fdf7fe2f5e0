//! Rectification and dropout by one mask.

use super::{Dropout, Rows, Rule, Scales};
use crate::bits::clear;
use crate::error::ShapeError;
use crate::isa::{Available, Element, Formula, Place};
use crate::kernel::op::{InPlace, Same};
use crate::lanes::{BLOCK, LANES};
use crate::mask::{MaskMut, mask_words};
use crate::panel::Panel;
use crate::pieces::{fill, pieces, pieces_mut};
use crate::rate::Draws;
use crate::source::{Draw, MaskStore, RandomSource};

impl MaskMut<'_> {
    /// Clears the bits where x <= 0, so that one mask serves rectification (`ReLU`) and dropout; a NaN's stays.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `x` has another length. Then nothing is written.
    pub fn and_positive<T: Element>(&mut self, x: &[T]) -> Result<(), ShapeError> {
        self.as_ref().check_len(x.len())?;
        self.write(|words| T::clear_where_not_positive(Available::detect(), words, x));
        Ok(())
    }
}

impl<R: Rule, S: Rows> Dropout<R, S> {
    /// `ReLU` and dropout by one mask: `y = forward(max(x, 0))`. Elements that are not positive are
    /// cleared from the mask that is drawn, so that [`backward`](Self::backward) by it is the gradient
    /// of both (by the key it would be that of dropout alone); a NaN stays. At p = 0 what is positive, or NaN, keeps
    /// its bits.
    ///
    /// Not over a [`Layout`](crate::Layout), where a bit decides several elements, of which some may be
    /// positive and others not: there rectify first, and then call [`forward`](Self::forward).
    ///
    /// ```
    /// use dropout_kernels::{Dropout, Mask, MaskRng, drop_rate};
    ///
    /// let dropout = Dropout::new(drop_rate!(0.5));
    /// let (mut rng, mut mask) = (MaskRng::new(42, 0), Mask::<1>::new());
    /// let (x, mut y, mut dx) = ([1.5f32, -1.0, 2.0, 0.0], [0f32; 4], [0f32; 4]);
    /// dropout.forward_relu(&x, &mut y, rng.draw(&mut mask))?;
    /// dropout.backward(&[1.0; 4], &mut dx, &mask)?;
    /// assert!(y.iter().zip(x).zip(dx).all(|((y, x), dx)| *y == x * dx && (x > 0.0 || dx == 0.0)));
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward); and over a [`Panel`] [`ShapeError::StrideTooShort`] if its rows
    /// share mask bits.
    pub fn forward_relu<T: Element>(
        &self,
        x: &[T],
        y: &mut [T],
        mask: Draw<impl RandomSource, impl MaskStore>,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        self.rectified(Some(x), y, mask)
    }

    /// [`forward_relu`](Self::forward_relu) in place.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward_relu`](Self::forward_relu).
    pub fn forward_relu_in_place<T: Element>(
        &self,
        x: &mut [T],
        mask: Draw<impl RandomSource, impl MaskStore>,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        self.rectified(None, x, mask)
    }

    /// So much at a time that the second look at it finds it in the first cache.
    fn rectified<T: Element>(
        &self,
        x: Option<&[T]>,
        y: &mut [T],
        mask: Draw<impl RandomSource, impl MaskStore>,
    ) -> Result<(), ShapeError>
    where
        R: Scales<T>,
    {
        const AT_ONCE: usize = 4 * BLOCK;
        let (backend, draws) = (self.plan.backend(), self.rate().draws());
        let panel = self.rows(y.len(), None, x)?;
        panel.check_apart()?;
        // At p = 0 nothing is multiplied.
        let formula = match draws {
            Draws::KeepAll => None,
            _ => Some(self.forward_formula()),
        };
        let n = panel.mask_bits();
        mask.draw_with(n, |source, mut mask| {
            source.with_lanes(backend, mask_words(n), |lanes| {
                mask.write(|words| {
                    let mut start = 0usize;
                    for words in pieces_mut(words, AT_ONCE / 32) {
                        match draws {
                            Draws::KeepAll => fill(words, !0),
                            Draws::DropAll => fill(words, 0),
                            Draws::Planes(planes) => backend.fill(lanes, planes, words),
                        }
                        let end = n.min(start.saturating_add(AT_ONCE));
                        for part in panel.parts(start, end) {
                            let (first, rows) = (part.bit - start, part.panel);
                            let y = y.get_mut(part.output..).unwrap_or_default();
                            match x.and_then(|x| x.get(part.input..)) {
                                Some(x) => {
                                    clear_rows(backend, words, first, rows, rows.input, x);
                                    let of = Rectified { backend, words, first, rows };
                                    of.kept::<T, S>(y, x, formula);
                                }
                                None => {
                                    clear_rows(backend, words, first, rows, rows.output, y);
                                    let of = Rectified { backend, words, first, rows };
                                    of.kept::<T, S>(y, InPlace, formula);
                                }
                            }
                        }
                        start = end;
                    }
                });
            });
        })
    }
}

/// Rows, and the bits of what is kept and positive.
struct Rectified<'a> {
    backend: Available,
    words: &'a [u32],
    first: usize,
    rows: Panel,
}

impl Rectified<'_> {
    /// By the formula, or to the bit.
    fn kept<T: Element, S: Rows>(
        self,
        y: &mut [T],
        x: impl Place<T>,
        formula: Option<impl Formula<T>>,
    ) {
        let Self { backend, words, first, rows } = self;
        match formula {
            Some(formula) => S::apply_rows(backend, words, first, rows, y, x.op(formula)),
            None => S::apply_rows(backend, words, first, rows, y, x.op(Same)),
        }
    }
}

/// Clears the bits of rows, from `first` on, where x is not positive. Rows begin `stride` elements after each
/// other.
fn clear_rows<T: Element>(
    backend: Available,
    words: &mut [u32],
    mut first: usize,
    rows: Panel,
    stride: usize,
    x: &[T],
) {
    let mut at = 0;
    for _ in 0..rows.rows {
        let x = x.get(at..).and_then(|x| x.get(..rows.width)).unwrap_or_default();
        if first.is_multiple_of(32) {
            let words = words.get_mut(first / 32..).unwrap_or_default();
            T::clear_where_not_positive(backend, words, x);
        } else {
            let mut bit = first;
            for x in pieces(x, BLOCK) {
                let mut positive = [!0; LANES];
                T::clear_where_not_positive(backend, &mut positive, x);
                for positive in positive.iter().take(mask_words(x.len())) {
                    clear(words, bit, !positive);
                    bit += 32;
                }
            }
        }
        first = first.wrapping_add(rows.mask);
        at = at.wrapping_add(stride);
    }
}
