//! Verbs of several slices: parts of a panel with their bits, whatever these come from.

use crate::isa::Available;
use crate::kernel::fuse::{Spot, Strip};
use crate::key::MaskKey;
use crate::lanes::{BLOCK, LANES};
use crate::mask::{MaskMut, MaskRef, MaskWindow};
use crate::panel::{Panel, Part};
use crate::plan::Plan;
use crate::rate::Draws;
use crate::source::{RandomSource, Visit, VisitStored};

/// What a verb of several slices does by each source.
pub(super) struct Fused<'y, T, F> {
    pub(super) plan: Plan,
    /// Whether a stored mask decides at this rate; else everything counts as dropped.
    pub(super) decides: bool,
    pub(super) rows: Panel,
    pub(super) y: &'y mut [T],
    pub(super) run: F,
}

impl<T, F: FnMut(Available, Strip<'_>, &mut [T])> Fused<'_, T, F> {
    /// By the bits of `rows` from `start` to `end`, of which `words` has the first.
    fn bits(&mut self, rows: Panel, words: &[u32], start: usize, end: usize) {
        for part in rows.parts(start, end) {
            let Part { input: at, residual, column, .. } = part;
            let spot = Spot { at, residual, column };
            let first = part.bit - start;
            let y = self.y.get_mut(part.output..).unwrap_or_default();
            (self.run)(self.plan.backend(), Strip { words, first, panel: part.panel, spot }, y);
        }
    }

    /// All kept, or all dropped.
    pub(super) fn all(&mut self, word: u32) {
        // The same bits for every row.
        let rows = Panel { mask: 0, ..self.rows };
        let (words, end) = ([word; LANES], rows.mask_bits());
        let mut start = 0;
        while start < end {
            let next = end.min(start.saturating_add(BLOCK));
            self.bits(rows, &words, start, next);
            start = next;
        }
    }

    fn by(&mut self, window: MaskWindow<'_>) {
        if !self.decides {
            return self.all(0);
        }
        let (words, first) = window.words();
        let strip = Strip { words, first, panel: self.rows, spot: Spot::default() };
        (self.run)(self.plan.backend(), strip, self.y);
    }
}

impl<T, F: FnMut(Available, Strip<'_>, &mut [T])> VisitStored for Fused<'_, T, F> {
    type Output = ();

    #[inline]
    fn apply(mut self, mask: MaskRef<'_>) {
        self.by(mask.into());
    }

    #[inline]
    fn draw(mut self, source: impl RandomSource, mut mask: MaskMut<'_>) {
        self.plan.fill(source, mask.reborrow());
        self.by(mask.as_ref().into());
    }
}

impl<T, F: FnMut(Available, Strip<'_>, &mut [T])> Visit for Fused<'_, T, F> {
    #[inline]
    fn apply_window(mut self, window: MaskWindow<'_>) {
        self.by(window);
    }

    #[inline]
    fn replay(mut self, key: MaskKey) {
        match self.plan.rate.draws() {
            Draws::KeepAll => self.all(!0),
            Draws::DropAll => self.all(0),
            Draws::Planes(planes) => {
                let mut blocks = self.plan.blocks(planes, key, self.rows.mask_bits());
                while blocks.advance() {
                    let (start, end) = (blocks.bits.start, blocks.bits.end);
                    self.bits(self.rows, blocks.words(), start, end);
                }
            }
        }
    }
}

impl Strip<'_> {
    /// Calls `f` with tiles that are small enough for a second pass to find them in the first cache, row
    /// after row of each column, and where the first element of each stands in the output.
    pub(super) fn for_tiles<T>(self, mut f: impl FnMut(Strip<'_>, usize)) {
        // Of what is read, and as many of what is written.
        let elements = const { (16 << 10) / size_of::<T>() };
        let Self { words, first, panel, spot } = self;
        // A wide row is tiles of one width, of whole words.
        let width = panel.width.checked_div(panel.width / elements + 1).unwrap_or(0);
        let (width, mut column) = ((width | 31).saturating_add(1).min(panel.width), 0);
        let rows = elements.checked_div(width).unwrap_or(1).max(1);
        while column < panel.width {
            let mut row = 0;
            while row < panel.rows {
                let tile = Panel {
                    rows: rows.min(panel.rows - row),
                    width: width.min(panel.width - column),
                    ..panel
                };
                let spot = Spot {
                    at: spot.at + row * panel.input + column,
                    residual: spot.residual + row * panel.residual + column,
                    column: spot.column + column,
                };
                let first = first + row * panel.mask + column;
                f(Strip { words, first, panel: tile, spot }, row * panel.output + column);
                row += rows;
            }
            column += width;
        }
    }
}
