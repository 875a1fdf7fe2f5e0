//! Outputs in memory that is not initialised.

use core::mem::MaybeUninit;
use core::ptr;

use super::{Dropout, Rule, RuleFor};
use crate::error::ShapeError;
use crate::isa::{Element, Formula as _, Runs};
use crate::key::MaskKey;
use crate::lanes::BLOCK;
use crate::mask::{MaskMut, MaskRef, MaskWindow, mask_words};
use crate::panel::Panel;
use crate::pieces::{pieces_mut, zeros};
use crate::plan::Plan;
use crate::rate::Draws;
use crate::source::{Lends as _, MaskSource, RandomSource, Visit, VisitStored};

/// Elements that are zeroed, and then written while they are in the first cache.
const AT_ONCE: usize = 4 * BLOCK;

impl<R: Rule> Dropout<R> {
    /// [`forward`](Self::forward) into memory that is not initialised, which it initialises: for
    /// whoever allocates an output for each call.
    ///
    /// ```
    /// use dropout_kernels::{Dropout, MaskKey, drop_rate};
    ///
    /// let dropout = Dropout::new(drop_rate!(0.5));
    /// let x = vec![1f32; 1000];
    /// let mut y = Vec::with_capacity(x.len());
    /// let written = dropout.forward_uninit(&x, &mut y.spare_capacity_mut()[..x.len()], MaskKey::new(42, 0))?;
    /// assert!(written.iter().all(|y| *y == 0.0 || *y == 2.0));
    /// // SAFETY: all have been written.
    /// unsafe { y.set_len(x.len()) };
    /// # Ok::<(), dropout_kernels::ShapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward). Then nothing is written.
    pub fn forward_uninit<'y, T: Element>(
        &self,
        x: &[T],
        y: &'y mut [MaybeUninit<T>],
        mask: impl MaskSource,
    ) -> Result<&'y mut [T], ShapeError>
    where
        R: RuleFor<T>,
    {
        if x.len() != y.len() {
            return Err(ShapeError::LengthMismatch { expected: x.len(), given: y.len() });
        }
        let op = self.forward_formula().from(x);
        mask.visit(x.len(), Uninit { plan: self.plan, decides: self.decides(), y, op })
    }
}

/// What the verb does by each source.
struct Uninit<'y, T, O> {
    plan: Plan,
    /// Whether a stored mask decides at this rate; else everything counts as dropped.
    decides: bool,
    y: &'y mut [MaybeUninit<T>],
    op: O,
}

impl<'y, T: Element, O: Runs<T>> Uninit<'y, T, O> {
    #[expect(unsafe_code, reason = "what has been written is taken for written")]
    /// Writes all, a piece after the other: `write` is given the index of its first element.
    fn each(self, mut write: impl FnMut(usize, &mut [T])) -> &'y mut [T] {
        let mut at = 0;
        for piece in pieces_mut(&mut *self.y, AT_ONCE) {
            for y in &mut *piece {
                y.write(T::ZERO);
            }
            let n = piece.len();
            // SAFETY: all of the piece has just been written.
            write(at, unsafe { initialised(piece) });
            at += n;
        }
        // SAFETY: the pieces are the whole, and each has been written.
        unsafe { initialised(self.y) }
    }

    fn by(self, window: MaskWindow<'_>) -> &'y mut [T] {
        let (plan, decides, op) = (self.plan, self.decides, self.op);
        let (backend, (words, first)) = (plan.backend(), window.words());
        self.each(|at, y| {
            if decides {
                op.panel(backend, words, first + at, Panel::row(y.len()), at, y);
            } else {
                op.map_from(backend, false, at, y);
            }
        })
    }
}

/// # Safety
///
/// All elements have been written.
#[expect(unsafe_code, reason = "what has been written is taken for written")]
unsafe fn initialised<T>(elements: &mut [MaybeUninit<T>]) -> &mut [T] {
    // SAFETY: the layouts are the same, and the elements are initialised.
    unsafe { &mut *(ptr::from_mut(elements) as *mut [T]) }
}

impl<'y, T: Element, O: Runs<T>> VisitStored for Uninit<'y, T, O> {
    type Output = &'y mut [T];

    #[inline]
    fn apply(self, mask: MaskRef<'_>) -> &'y mut [T] {
        self.by(mask.into())
    }

    #[inline]
    fn draw(self, source: impl RandomSource, mut mask: MaskMut<'_>) -> &'y mut [T] {
        let (plan, op) = (self.plan, self.op);
        plan.fill(source, mask.reborrow());
        match plan.rate.draws() {
            Draws::KeepAll => self.each(|at, y| op.pass_from(at, y)),
            _ => self.by(mask.as_ref().into()),
        }
    }
}

impl<'y, T: Element, O: Runs<T>> Visit for Uninit<'y, T, O> {
    #[inline]
    fn apply_window(self, window: MaskWindow<'_>) -> &'y mut [T] {
        self.by(window)
    }

    #[inline]
    fn replay(self, key: MaskKey) -> &'y mut [T] {
        let (plan, op, n) = (self.plan, self.op, self.y.len());
        let backend = plan.backend();
        match plan.rate.draws() {
            Draws::KeepAll => self.each(|at, y| op.pass_from(at, y)),
            Draws::DropAll => self.each(|at, y| op.map_from(backend, false, at, y)),
            Draws::Planes(planes) => key.with_lanes(backend, mask_words(n), |lanes| {
                let mut buffer = zeros::<{ AT_ONCE / 32 }>();
                self.each(|at, y| {
                    let words = buffer.get_mut(..mask_words(y.len())).unwrap_or_default();
                    backend.fill(lanes, planes, words);
                    op.panel(backend, words, 0, Panel::row(y.len()), at, y);
                })
            }),
        }
    }
}
