//! Mask bits through a layout or a panel, by as many calls of kernels as that takes.

use super::Available;
use crate::kernel::Vectored;
use crate::kernel::broadcast::{Expanded, LONG};
use crate::kernel::op::Op;
use crate::lanes::{BLOCK, LANES};
use crate::layout::Layout;
use crate::panel::Panel;
use crate::pieces::{pieces_mut, zeros};

/// Words that are expanded at a time. A chip's stack is short.
const EXPANDED: usize = if cfg!(target_os = "none") { LANES } else { 8 * LANES };

/// Through a layout: long runs as a whole, and other bits as the words of an element-wise mask.
#[inline(always)]
pub(super) fn broadcast<T: Vectored, O: Op<T>>(
    op: O,
    backend: Available,
    words: &[u32],
    mut first: usize,
    layout: Layout,
    mut at: usize,
    y: &mut [T],
) {
    let Layout { repeat, width, run, .. } = layout;
    let row = width * run;
    // No product overflows, as `simplest` and `parts` leave no extent of 0 but `run`.
    for group in pieces_mut(y, repeat * row) {
        let length = group.len();
        if run >= LONG {
            backend.long_runs(words, first, layout, at, group, op);
        } else if !cfg!(target_os = "none")
            && row >= BLOCK
            && run == 1
            && first.is_multiple_of(32)
            && width.is_multiple_of(32)
        {
            let words = words.get(first / 32..).unwrap_or_default();
            let mut at = at;
            for row in pieces_mut(group, row) {
                backend.apply(words.get(..width / 32).unwrap_or_default(), at, row, op);
                at += row.len();
            }
        } else {
            let mut expanded = Expanded::new(words, first, layout);
            let mut buffer = zeros::<EXPANDED>();
            // So many rows are whole words, of which each such stretch has the same. A chip looks only for
            // rows that divide a block.
            let period = row >> row.trailing_zeros().min(5);
            let chip = cfg!(target_os = "none");
            let (periodic, mut filled) =
                (period <= EXPANDED && (!chip || period.is_power_of_two()), false);
            let size = match LANES.checked_rem(period) {
                Some(rest) if periodic && !chip => period.max(LANES - rest),
                _ => EXPANDED,
            };
            let mut at = at;
            for block in pieces_mut(group, 32 * size) {
                let words = buffer.get_mut(..block.len().div_ceil(32)).unwrap_or_default();
                if !(periodic && filled) {
                    expanded.fill(words);
                    filled = true;
                }
                backend.apply(words, at, block, op);
                at += block.len();
            }
        }
        at += length;
        first += width;
    }
}

/// Rows with strides. What stands together is one row, and a slice if its bits begin with a word.
#[inline(always)]
pub(super) fn panel<T: Vectored, O: Op<T>>(
    op: O,
    backend: Available,
    words: &[u32],
    first: usize,
    panel: Panel,
    at: usize,
    y: &mut [T],
) {
    let panel = panel.simplest();
    if !cfg!(target_os = "none") && panel.rows == 1 && first.is_multiple_of(32) {
        let words = words.get(first / 32..).unwrap_or_default();
        return backend.apply(words, at, y.get_mut(..panel.width).unwrap_or_default(), op);
    }
    backend.panel(words, first, panel, at, y, op);
}
