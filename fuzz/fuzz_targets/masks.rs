#![no_main]
//! Masks of any words and any length against a list of flags.

use dropout_kernels::{MaskMut, MaskRef, mask_words};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u32>, Vec<u32>, u16)| {
    let (mut a, mut b, n) = input;
    let n = usize::from(n % 600);
    let fits = a.len() == mask_words(n);
    assert_eq!(MaskRef::new(&a, n).is_ok(), fits);
    assert_eq!(MaskMut::new(&mut a, n).is_ok(), fits);
    a.resize(mask_words(n), 0);
    b.resize(mask_words(n), 0);

    let flags =
        |words: &[u32]| (0..n).map(|i| words[i / 32] >> (i % 32) & 1 != 0).collect::<Vec<_>>();
    let (keep, other) = (flags(&a), flags(&b));
    let mask = MaskRef::new(&a, n).expect("resized to fit");
    assert!(mask.iter().eq(keep.iter().copied()));
    assert_eq!(mask.count_kept(), keep.iter().filter(|k| **k).count());
    assert!(mask.kept_runs().flatten().eq((0..n).filter(|i| keep[*i])));
    assert!((0..n + 40).all(|i| mask.get(i) == keep.get(i).copied()));
    assert_eq!(mask == MaskRef::new(&b, n).expect("resized to fit"), keep == other);

    let b = MaskRef::new(&b, n).expect("resized to fit");
    let mut mask = MaskMut::new(&mut a, n).expect("resized to fit");
    mask.and(b).expect("same length");
    mask.not();
    mask.or(b).expect("same length");
    let wanted = keep.iter().zip(&other).map(|(a, b)| !(a & b) | b);
    assert!(mask.as_ref().iter().eq(wanted));
    assert!(n % 32 == 0 || a[n / 32] >> (n % 32) == 0);
});
