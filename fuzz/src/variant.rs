//! A variant called in one of its ways, on every backend, against its formulas.

use arbitrary::Arbitrary;
use dropout_kernels::mask_words;
use dropout_reference::number::Number;
use dropout_reference::subject::case;
use dropout_reference::suite::{self, Drawn};
use dropout_reference::variant::Variant;

use crate::input::{Misfit, Values, Words};

#[derive(Arbitrary, Debug)]
pub struct Call {
    way: u8,
    offset: u8,
    pub at: (u64, u64),
    words: Words,
    misfit: Misfit,
}

/// Calls it. Now and then one length does not fit the others.
pub fn check<T: Number>(variant: impl Variant<T>, values: Values, call: &Call) {
    let variant = case(variant);
    let forms = variant.forms();
    let way = usize::from(call.way) % forms.len();
    let (mut lengths, mut mask_bits) = (variant.lengths(), variant.mask_bits());
    if let Some((which, by)) = call.misfit.get() {
        let length = match forms[way].slices.get(which % (forms[way].slices.len() + 1)) {
            Some(slice) => &mut lengths[slice.before()],
            None => &mut mask_bits,
        };
        *length = length.saturating_add_signed(by);
    }
    let of = |(v, n): (usize, &usize)| values.others(v as u64).get(*n);
    let call = suite::Call {
        variables: lengths.iter().enumerate().map(of).collect(),
        words: call.words.get(mask_words(mask_bits)),
        mask_bits,
        key: call.at,
        offset: usize::from(call.offset % 16),
        exact: true,
    };
    suite::check(&*variant, way, &call, &|variant| Drawn::of(variant, call.key));
}
