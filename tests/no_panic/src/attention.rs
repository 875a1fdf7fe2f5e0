//! Heads of attention, and schedules.

use core::fmt::Write;
use core::hint::black_box;

use dropout_kernels::{
    Backend, DropHead, DropRate, Element, Error, MaskKey, MaskMut, MaskRef, MaskRng, Schedule,
};

use crate::Sink;

/// `x` is cut in two.
pub fn heads<T: Element>(x: &mut [T], rng: &mut MaskRng) -> Result<(), Error> {
    let rate = DropRate::new(black_box(0.3))?;
    let (x, y) = x.split_at_mut_checked(black_box(50)).unwrap_or_default();
    let mut words = black_box([3u32; 4]);
    let (a, b) = words.split_at_mut_checked(black_box(2)).unwrap_or_default();
    let [batch, tokens, heads, elements] = black_box([1, 2, 3, 4]);
    for drop_head in [
        DropHead::new(rate, batch, heads, elements)?,
        DropHead::tokens_first(rate, batch, tokens, heads, elements)?,
    ] {
        let drop_head = black_box(drop_head.with_backend(Backend::detect()));
        let bits = drop_head.layout().mask_bits();
        let mut mask = MaskMut::new(a, bits)?;
        let other = MaskRef::new(b, bits)?;
        drop_head.forward(x, y, rng.draw(mask.reborrow()))?;
        drop_head.forward_in_place(x, rng.draw(mask))?;
        drop_head.forward(x, y, MaskKey::new(black_box(1), black_box(2)))?;
        drop_head.forward(x, y, other.window(black_box(0..6))?)?;
        drop_head.forward_in_place(x, MaskKey::new(black_box(1), black_box(2)))?;
        drop_head.forward(x, y, other)?;
        drop_head.forward_in_place(x, other)?;
        drop_head.backward(x, y, other)?;
        drop_head.backward_in_place(x, other)?;
        drop_head.backward(x, y, MaskKey::new(black_box(1), black_box(2)))?;
        drop_head.backward_in_place(x, MaskKey::new(black_box(1), black_box(2)))?;
        black_box((drop_head.rate(), write!(Sink, "{drop_head:?}").is_ok()));
    }
    Ok(())
}

pub fn schedules(rate: DropRate) {
    let steps = black_box(100);
    for schedule in black_box([
        Schedule::linear(rate, DropRate::ONE, steps),
        Schedule::curriculum(rate, steps),
        Schedule::early(rate, steps),
        Schedule::late(rate, steps),
    ]) {
        black_box(schedule.rate(black_box(7)));
        black_box(write!(Sink, "{schedule:?}").is_ok());
    }
}
