//! Every constructor of a `Layout`.

use dropout_kernels::{DropHead, DropRate, Layout, ShapeError};

/// As the table in the documentation of `Layout` has it, and that exactly what overflows is
/// refused.
pub fn check(extents: [usize; 5]) {
    // Of every size.
    let [a, b, c, d, e] = extents.map(|extent| extent >> (extent % 64));
    let check = |layout: Result<Layout, ShapeError>, of: [&[usize]; 4]| {
        let product =
            |extents: &[usize]| extents.iter().fold(1, |p: u128, e| p.saturating_mul(*e as u128));
        match (layout, of.map(|extents| usize::try_from(product(extents)))) {
            (Ok(layout), [Ok(groups), Ok(repeat), Ok(width), Ok(run)]) => {
                assert_eq!(Ok(layout), Layout::new(groups, repeat, width, run));
                let elements = product(&[groups, repeat, width, run]);
                assert_eq!(layout.elements() as u128, elements);
                assert_eq!(layout.mask_bits() as u128, product(&[groups, width]));
            }
            // An extent of zero may come after a product that overflows.
            (Err(ShapeError::Overflow { .. }), _) => {
                let all = of.concat().iter().map(|extent| *extent.max(&1)).collect::<Vec<_>>();
                assert!(usize::try_from(product(&all)).is_err());
            }
            (layout, _) => panic!("{layout:?}"),
        }
    };
    check(Layout::new(a, b, c, d), [&[a], &[b], &[c], &[d]]);
    check(Ok(Layout::elementwise(a)), [&[], &[], &[a], &[]]);
    check(Ok(Layout::whole(a)), [&[], &[], &[], &[a]]);
    check(Layout::channels_first(a, b, &[c]), [&[], &[], &[a, b], &[c]]);
    check(Layout::channels_first(a, b, &[c, d]), [&[], &[], &[a, b], &[c, d]]);
    check(Layout::channels_first(a, b, &[c, d, e]), [&[], &[], &[a, b], &[c, d, e]]);
    check(Layout::channels_last(a, &[b], e), [&[a], &[b], &[e], &[]]);
    check(Layout::channels_last(a, &[b, c], e), [&[a], &[b, c], &[e], &[]]);
    check(Layout::channels_last(a, &[b, c, d], e), [&[a], &[b, c, d], &[e], &[]]);
    check(Layout::time_major(a, b, c), [&[], &[a], &[b, c], &[]]);
    check(Layout::batch_major(a, b, c), [&[a], &[b], &[c], &[]]);
    check(Layout::samples(a, b), [&[], &[], &[a], &[b]]);
    check(Layout::vocabulary(a, b), [&[], &[], &[a], &[b]]);
    let heads = DropHead::new(DropRate::ZERO, a, b, c).map(DropHead::layout);
    check(heads, [&[a], &[], &[b], &[c]]);
}
