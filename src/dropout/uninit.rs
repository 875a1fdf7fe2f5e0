//! Outputs in memory that is not initialised.

use core::mem::MaybeUninit;
use core::ptr;

use super::{Dropout, Rows, Rule, RuleFor};
use crate::error::ShapeError;
use crate::isa::{Element, Formula as _, Runs};
use crate::key::MaskKey;
use crate::lanes::BLOCK;
use crate::mask::{MaskMut, MaskRef, MaskWindow, mask_words};
use crate::panel::Panel;
use crate::pieces::{pieces_mut, zeros};
use crate::plan::Plan;
use crate::plan::shape::Sealed as _;
use crate::rate::Draws;
use crate::source::{Lends as _, MaskSource, RandomSource, Visit, VisitStored};

/// Elements that are zeroed, and then written while they are in the first cache.
const AT_ONCE: usize = 4 * BLOCK;

impl<R: Rule, S: Rows> Dropout<R, S> {
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
    /// Over a [`Panel`] for outputs that stand together, from inputs that may not: gaps would stay as they are.
    ///
    /// # Errors
    ///
    /// Same errors as [`forward`](Self::forward); and over a [`Panel`] [`ShapeError::StrideTooLong`] if there
    /// are gaps in the output, and [`ShapeError::OtherElements`] if there are elements after it. Then nothing is
    /// written.
    pub fn forward_uninit<'y, T: Element>(
        &self,
        x: &[T],
        y: &'y mut [MaybeUninit<T>],
        mask: impl MaskSource,
    ) -> Result<&'y mut [T], ShapeError>
    where
        R: RuleFor<T>,
    {
        let panel = self.rows(y.len(), None, [x])?.simplest();
        panel.check_together(y.len())?;
        let op = self.forward_formula().from(x);
        let decides = self.decides();
        mask.visit(panel.mask_bits(), Uninit { plan: self.plan, decides, panel, y, op })
    }
}

/// What the verb does by each source.
struct Uninit<'y, T, O> {
    plan: Plan,
    /// Whether a stored mask decides at this rate; else everything counts as dropped.
    decides: bool,
    panel: Panel,
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
        if !self.decides {
            return self.all(false);
        }
        let (backend, panel, op) = (self.plan.backend(), self.panel, self.op);
        let (words, first) = window.words();
        self.each(|at, y| {
            panel.for_elements(at, y, |bit, rows, input, y| {
                op.panel(backend, words, first + bit, rows, input, y);
            });
        })
    }

    /// All kept, to the bit, or all dropped.
    fn all(self, keep: bool) -> &'y mut [T] {
        let (backend, panel, op) = (self.plan.backend(), self.panel, self.op);
        self.each(|at, y| {
            panel.for_elements(at, y, |_, rows, input, y| {
                for (at, y) in rows.each(y) {
                    if keep {
                        op.pass_from(input + at, y);
                    } else {
                        op.map_from(backend, false, input + at, y);
                    }
                }
            });
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
        let plan = self.plan;
        plan.fill(source, mask.reborrow());
        match plan.rate.draws() {
            Draws::KeepAll => self.all(true),
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
        let Self { plan, panel, op, .. } = self;
        let backend = plan.backend();
        match plan.rate.draws() {
            Draws::KeepAll => self.all(true),
            Draws::DropAll => self.all(false),
            Draws::Planes(planes) if panel.mask == panel.width => {
                let words = mask_words(panel.mask_bits());
                key.with_lanes(backend, words, |lanes| {
                    let mut buffer = zeros::<{ AT_ONCE / 32 }>();
                    self.each(|at, y| {
                        let words = buffer.get_mut(..mask_words(y.len())).unwrap_or_default();
                        backend.fill(lanes, planes, words);
                        panel.for_elements(at, y, |bit, rows, input, y| {
                            op.panel(backend, words, bit - at, rows, input, y);
                        });
                    })
                })
            }
            // Gaps in the mask, of which pieces of the output know nothing.
            Draws::Planes(planes) => {
                let y = self.each(|_, _| ());
                panel.replay(plan, planes, key, y, op);
                y
            }
        }
    }
}
