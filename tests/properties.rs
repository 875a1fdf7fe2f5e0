//! What holds for any input: random lengths, rates, seeds and values, found and shrunk by proptest.
//! Above all the algebra of masks and of the maps that they make, by every backend, for both
//! element types.

#[path = "properties/maps.rs"]
mod maps;
use dropout_kernels::{
    Backend, DropBlock, DropRate, Dropout, GaussianDropout, Layout, MaskKey, MaskMut, MaskRef,
    MaskRng, drop_rate, mask_words,
};
use dropout_reference::number::{Real, bits};
use dropout_reference::stream::pack;
use maps::{Kind, MOST, Map, Setting, integers, maps};
use proptest::collection::vec;
use proptest::prelude::*;

/// Any rate: any threshold, and those of the floats that people write.
fn rate() -> impl Strategy<Value = DropRate> {
    let any = (0..=1u64 << 40).prop_map(threshold);
    let common = (0u32..=256).prop_map(|k| ratio(k, 256));
    let float = (0f32..=1.0).prop_map(|p| DropRate::new(p).expect("a probability"));
    prop_oneof![any, common, float]
}

/// 1 - 2^-k and 1, where the scale is a power of two, or 0; and any other.
fn round_or_any() -> impl Strategy<Value = DropRate> {
    let below = |k: u32| ratio((1 << k) - 1, 1 << k);
    prop_oneof![
        4 => (1u32..=3).prop_map(below),
        2 => (0u32..=12).prop_map(below),
        1 => Just(DropRate::ONE),
        2 => rate(),
    ]
}

fn threshold(t: u64) -> DropRate {
    DropRate::from_threshold(t).expect("at most 2^40")
}

fn ratio(numerator: u32, denominator: u32) -> DropRate {
    DropRate::from_ratio(numerator, denominator).expect("at most 1")
}

/// Tensors with many groups, rows or runs, none of them large.
fn extents() -> impl Strategy<Value = [usize; 4]> {
    let width = prop_oneof![1usize..=8, 1usize..=70, 1usize..=600];
    let run = prop_oneof![Just(1usize), 1usize..=8, 30usize..=70];
    (1usize..=3, 1usize..=3, width, run).prop_map(|(groups, repeat, width, run)| {
        let width = width.min(MOST / (groups * repeat));
        [groups, repeat, width, run.min(MOST / (groups * repeat * width))]
    })
}

fn setting(rate: impl Strategy<Value = DropRate>) -> impl Strategy<Value = Setting> {
    (rate, any::<u64>(), any::<u64>(), extents())
        .prop_map(|(rate, seed, stream, extents)| Setting { rate, seed, stream, extents })
}

fn drawn(rng: &mut MaskRng, rate: DropRate, n: usize) -> Vec<u32> {
    drawn_by(Backend::detect(), rng, rate, n)
}

fn drawn_by(backend: Backend, rng: &mut MaskRng, rate: DropRate, n: usize) -> Vec<u32> {
    let mut words = vec![0; mask_words(n)];
    rng.fill_with(backend, rate, MaskMut::new(&mut words, n).expect("mask_words(n) words"));
    words
}

fn mask(words: &[u32], n: usize) -> MaskRef<'_> {
    MaskRef::new(words, n).expect("mask_words(n) words")
}

/// What `change` makes of a mask.
fn changed(words: &[u32], n: usize, change: impl FnOnce(&mut MaskMut<'_>)) -> Vec<u32> {
    let mut words = words.to_vec();
    change(&mut MaskMut::new(&mut words, n).expect("mask_words(n) words"));
    words
}

/// A mask with ones past its end, which mean nothing.
fn any_mask(n: usize) -> impl Strategy<Value = Vec<u32>> {
    vec(any::<u32>(), mask_words(n))
}

fn pair_of_masks() -> impl Strategy<Value = (usize, Vec<u32>, Vec<u32>)> {
    (0usize..300).prop_flat_map(|n| (Just(n), any_mask(n), any_mask(n)))
}

/// The sum of products; exact for small integers times powers of two.
fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum()
}

fn combined<T: Real>(a: f64, x: &[T], b: f64, y: &[T]) -> Vec<T> {
    let of = |(x, y): (&T, &T)| T::of(a).multiply(*x).add(T::of(b).multiply(*y));
    x.iter().zip(y).map(of).collect()
}

/// Equal as numbers: a dropped -x is +0.0, as a dropped x is.
fn same_numbers<T: Real>(map: &Map<T>, a: &[T], b: &[T]) -> Result<(), TestCaseError> {
    prop_assert_eq!(a.len(), b.len());
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        prop_assert!(a == b, "{} element {}: {:?} and {:?}", map.name, i, a, b);
    }
    Ok(())
}

fn is_power_of_two(x: f64) -> bool {
    x.to_bits() << 12 == 0
}

/// Whether all sums and products of the map are exact on small integers.
fn is_exact<T: Real>(map: &Map<T>, rate: DropRate) -> bool {
    match map.kind {
        Kind::Unscaled => true,
        Kind::Scaled => is_power_of_two(rate.scale()),
        Kind::Diagonal => {
            let factors = (map.forward)(&vec![T::ONE; map.shape[0]]);
            factors.iter().all(|r| is_power_of_two(r.to_f64()))
        }
    }
}

/// Those that are exact at every rate, and those that are where the scale is a power of two or 0.
const EXACT: [&str; 6] = [
    "classic",
    "DropKey's gradient",
    "classic over a layout",
    "DropBlock that keeps half",
    "DropHead that keeps half",
    "zoneout",
];
const EXACT_AT_ROUND_RATES: [&str; 7] = [
    "inverted",
    "locked",
    "over a layout",
    "a path's branch",
    "embedding",
    "DropConnect of x",
    "DropConnect of W",
];

/// Asks `law` of every map, by every backend.
fn each_map<T: Real>(
    setting: Setting,
    mut law: impl FnMut(&Map<T>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    for backend in Backend::available() {
        for map in maps(backend, setting) {
            law(&map)?;
        }
    }
    Ok(())
}

/// D (a x + b y) = a D x + b D y and <D x, z> = <x, D* z>, where arithmetic is exact.
fn linear_with_an_adjoint<T: Real>(s: Setting, a: f64, b: f64) -> Result<(), TestCaseError> {
    let mut seen = vec![];
    each_map::<T>(s, |map| {
        if !is_exact(map, s.rate) {
            return Ok(());
        }
        seen.push(map.name);
        let [from, to] = map.shape;
        let [x, y] = [integers(from, s.seed), integers(from, !s.seed)];
        let z: Vec<T> = integers(to, s.stream);
        let [dx, dy] = [&x, &y].map(|x| (map.forward)(x));
        let both = (map.forward)(&combined(a, &x, b, &y));
        same_numbers(map, &both, &combined(a, &dx, b, &dy))?;
        let back = (map.backward)(&z);
        prop_assert_eq!((back.len(), dx.len()), (from, to), "{}", map.name);
        prop_assert_eq!(dot(&dx, &z), dot(&x, &back), "{}", map.name);
        Ok(())
    })?;
    let round = if is_power_of_two(s.rate.scale()) { &EXACT_AT_ROUND_RATES[..] } else { &[] };
    for name in EXACT.iter().chain(round) {
        prop_assert!(seen.contains(name), "{} was not exact", name);
    }
    Ok(())
}

/// <D e, f> = <e, D* f> for unit vectors e and f, where each side is one product, at any rate.
fn adjoint_on_unit_vectors<T: Real>(s: Setting, at: &[[usize; 2]]) -> Result<(), TestCaseError> {
    let unit = |n: usize, i: usize| -> Vec<T> {
        (0..n).map(|j| if i == j { T::ONE } else { T::ZERO }).collect()
    };
    each_map::<T>(s, |map| {
        let [from, to] = map.shape;
        if from == 0 || to == 0 {
            return Ok(());
        }
        for [i, j] in at {
            let i = i % from;
            let column = (map.forward)(&unit(from, i));
            // Most of a column is zeros; any element is taken in one case of four.
            let nonzero = column.iter().position(|y| *y != T::ZERO);
            let j = nonzero.filter(|_| j % 4 != 0).unwrap_or(j % to);
            let row = (map.backward)(&unit(to, j));
            prop_assert!(column[j] == row[i], "{} at {} and {}", map.name, i, j);
        }
        Ok(())
    })
}

/// D x = r * x = D* x with r = D 1, each rounded once, at any rate.
fn diagonal<T: Real>(s: Setting, x: &[f64]) -> Result<(), TestCaseError> {
    each_map::<T>(s, |map| {
        if map.kind != Kind::Diagonal {
            return Ok(());
        }
        let x: Vec<T> = x.iter().cycle().take(map.shape[0]).map(|x| T::of(*x)).collect();
        let r = (map.forward)(&vec![T::ONE; x.len()]);
        let product: Vec<T> = r.iter().zip(&x).map(|(r, x)| r.multiply(*x)).collect();
        same_numbers(map, &(map.forward)(&x), &product)?;
        same_numbers(map, &(map.backward)(&x), &product)
    })
}

/// D (-2^k x) = -2^k D x, at any rate.
fn scaled_by_powers_of_two<T: Real>(s: Setting, k: i32, x: &[f64]) -> Result<(), TestCaseError> {
    let factor = T::of(-f64::from(k).exp2());
    let scale = |x: &[T]| -> Vec<T> { x.iter().map(|x| x.multiply(factor)).collect() };
    each_map::<T>(s, |map| {
        for (f, n) in [(&map.forward, map.shape[0]), (&map.backward, map.shape[1])] {
            let x: Vec<T> = x.iter().cycle().take(n).map(|x| T::of(*x)).collect();
            same_numbers(map, &f(&scale(&x)), &scale(&f(&x)))?;
        }
        Ok(())
    })
}

/// Alpha dropout's differences are those of its linear part, to the rounding of two products and
/// two sums.
fn affine<T: Real>(s: Setting, epsilon: f64) -> Result<(), TestCaseError> {
    let n = s.extents.iter().product();
    let [x, y] = [integers::<T>(n, s.seed), integers(n, !s.seed)];
    for backend in Backend::available() {
        let alpha = Dropout::alpha(s.rate).with_backend(backend);
        let [mut fx, mut fy] = [x.clone(), y.clone()];
        alpha.forward_in_place(&mut fx, MaskKey::new(s.seed, s.stream)).expect("any length");
        alpha.forward_in_place(&mut fy, MaskKey::new(s.seed, s.stream)).expect("any length");
        let mut linear = combined(1.0, &x, -1.0, &y);
        alpha.backward_in_place(&mut linear, MaskKey::new(s.seed, s.stream)).expect("any length");
        let (scale, shift) = (alpha.rule().scale(), alpha.rule().shift().abs());
        for i in 0..n {
            let error = fx[i].to_f64() - fy[i].to_f64() - linear[i].to_f64();
            // Half an epsilon for each rounding, of at most so much.
            let most = scale * (x[i].to_f64().abs() + y[i].to_f64().abs()) + shift;
            prop_assert!(error.abs() <= 3.0 * epsilon * most, "element {}: {:e}", i, error);
        }
    }
    Ok(())
}

/// Classic dropout by one mask after another is that by both; by a mask and by its complement adds
/// up to the identity.
fn masks_compose<T: Real>(n: usize, a: &[u32], b: &[u32]) -> Result<(), TestCaseError> {
    let x = T::values(n);
    for backend in Backend::available() {
        let dropout = Dropout::classic(drop_rate!(0.3)).with_backend(backend);
        let by = |words: &[u32], x: &[T]| -> Vec<T> {
            let mut y = vec![T::ONE; n];
            dropout.forward(x, &mut y, mask(words, n)).expect("lengths agree");
            y
        };
        let both = changed(a, n, |a| a.and(mask(b, n)).expect("lengths agree"));
        prop_assert_eq!(bits(&by(a, &by(b, &x))), bits(&by(&both, &x)));
        // The one that drops gives the bits of 0, so that the other's are the sum.
        let not = changed(a, n, |a| a.not());
        let parts = bits(&by(a, &x)).into_iter().zip(bits(&by(&not, &x)));
        prop_assert_eq!(parts.map(|(a, b)| a | b).collect::<Vec<_>>(), bits(&x));
    }
    Ok(())
}

/// Parts that are dropped from one after the other, and the whole at once.
fn split_and_join<T: Real>(s: Setting, at: usize) -> Result<(), TestCaseError> {
    let n: usize = s.extents.iter().product();
    let x = T::values(n);
    for backend in Backend::available() {
        let dropout = Dropout::new(s.rate).with_backend(backend);
        let forward = |x: &mut [T], words: &mut [u32], rng: &mut MaskRng| {
            let mask = MaskMut::new(words, x.len()).expect("mask_words(n) words");
            dropout.forward_in_place(x, rng.draw(mask)).expect("lengths agree");
        };
        let (mut whole, mut words, mut rng) = (x.clone(), vec![0; mask_words(n)], s.rng());
        forward(&mut whole, &mut words, &mut rng);

        // Drawn, at a multiple of 512 elements.
        let (mut parts, mut words_too, mut rng_too) = (x.clone(), words.clone(), s.rng());
        let blocks = at % (n / 512 + 1);
        let (left, right) = parts.split_at_mut(512 * blocks);
        let (left_words, right_words) = words_too.split_at_mut(16 * blocks);
        forward(left, left_words, &mut rng_too);
        forward(right, right_words, &mut rng_too);
        prop_assert_eq!((bits(&parts), &words_too), (bits(&whole), &words));
        prop_assert!(rng == rng_too);

        // By a mask, at a multiple of 32.
        let (mut whole, mut parts) = (x.clone(), x.clone());
        let cut = at % (n / 32 + 1);
        let by = |x: &mut [T], words: &[u32]| {
            dropout.backward_in_place(x, mask(words, x.len())).expect("lengths agree");
        };
        by(&mut whole, &words);
        let (left, right) = parts.split_at_mut(32 * cut);
        by(left, &words[..cut]);
        by(right, &words[cut..]);
        prop_assert_eq!(bits(&parts), bits(&whole));

        // Over a layout, between groups.
        let [groups, repeat, width, run] = s.extents;
        let over = |groups: usize| {
            dropout.over(Layout::new(groups, repeat, width, run).expect("few elements"))
        };
        let layout = over(groups).shape();
        let keep: Vec<bool> = mask(&words, n).iter().take(layout.mask_bits()).collect();
        let (mut whole, mut parts) = (x.clone(), x.clone());
        let first = at % (groups + 1);
        let by = |groups: usize, x: &mut [T], keep: &[bool]| {
            let words = pack(keep);
            let mask = mask(&words, keep.len());
            over(groups).forward_in_place(x, mask).expect("lengths agree");
        };
        by(groups, &mut whole, &keep);
        let (left, right) = parts.split_at_mut(over(first).shape().elements());
        let (left_keep, right_keep) = keep.split_at(first * width);
        by(first, left, left_keep);
        by(groups - first, right, right_keep);
        prop_assert_eq!(bits(&parts), bits(&whole));

        // Gaussian noise, at a multiple of 32.
        let Ok(noise) = GaussianDropout::new(s.rate) else { continue };
        let noise = noise.with_backend(backend);
        let (mut whole, mut rng) = (T::ramp(n), s.rng());
        noise.forward_in_place(&mut whole, &mut rng);
        let (mut parts, mut rng_too) = (T::ramp(n), s.rng());
        let (left, right) = parts.split_at_mut(32 * cut);
        noise.forward_in_place(left, &mut rng_too);
        noise.forward_in_place(right, &mut rng_too);
        prop_assert_eq!(bits(&parts), bits(&whole));
        prop_assert!(rng == rng_too);
    }
    Ok(())
}

/// Whether all that `less` drops is dropped by `more` too.
fn nested(less: &[u32], more: &[u32]) -> bool {
    less.iter().zip(more).all(|(less, more)| more & !less == 0)
}

/// Two rates, the lower first: any two, or of the same first eight bits.
fn ordered() -> impl Strategy<Value = [DropRate; 2]> {
    let any = (rate(), rate()).prop_map(|(a, b)| [a.min(b), a.max(b)]);
    prop_oneof![any, near()]
}

/// Of the same first eight bits, with further ones: they differ in ties alone.
fn near() -> impl Strategy<Value = [DropRate; 2]> {
    (0u64..256, 1u64..1 << 32, 1u64..1 << 32)
        .prop_map(|(top, a, b)| [a.min(b), a.max(b)].map(|low| threshold(top << 32 | low)))
}

/// Rates that draw alike: odd multiples of one power of two down to 1/256, or [`near`] ones.
fn alike() -> impl Strategy<Value = [DropRate; 2]> {
    let odd = (1u32..=8, any::<u32>(), any::<u32>()).prop_map(|(planes, a, b)| {
        let of = |k: u32| (k % (1 << planes)) | 1;
        [of(a).min(of(b)), of(a).max(of(b))].map(|k| ratio(k, 1 << planes))
    });
    prop_oneof![odd, near()]
}

/// The first element that the lower of two rates drops and the higher keeps, of a fresh
/// generator's.
fn first_that_returns(lower: DropRate, higher: DropRate, n: usize) -> Option<usize> {
    let [less, more] = [lower, higher].map(|rate| drawn(&mut MaskRng::new(42, 0), rate, n));
    let mut both = mask(&less, n).iter().zip(mask(&more, n).iter());
    both.position(|(less, more)| !less && more)
}

/// From one state only the first 512 elements nest at all rates. Beyond, 1/4 has drawn twice for
/// each word and 1/2 once; 0.1 and 0.3 draw nine times each, until a word has more than one tie at
/// one of them.
#[test]
fn masks_of_a_higher_rate_are_not_nested_beyond_512_elements() {
    assert_eq!(first_that_returns(drop_rate!(0.25), drop_rate!(0.5), 1 << 10), Some(516));
    assert_eq!(first_that_returns(drop_rate!(0.1), drop_rate!(0.3), 1 << 20), Some(4_065));
    let lane_before = |rate| {
        let mut rng = MaskRng::new(42, 0);
        drawn(&mut rng, rate, 4_065 / 512 * 512);
        rng.to_bytes()[16 * (4_065 / 32 % 16)..][..16].to_vec()
    };
    assert_ne!(lane_before(drop_rate!(0.1)), lane_before(drop_rate!(0.3)));
    assert_eq!(first_that_returns(drop_rate!(0.1), drop_rate!(0.101), 1 << 20), None);
}

proptest! {
    // Each is a case for every map, backend and type. PROPTEST_CASES asks for more.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 10))]

    /// <D x, z> = <x, D* z>: backward is the adjoint of forward, whichever way each is called. Scales that are
    /// powers of two keep the sums exact.
    #[test]
    fn every_map_is_linear_and_backward_is_its_adjoint(
        s in setting(round_or_any()), a in -3i32..=3, b in -3i32..=3,
    ) {
        linear_with_an_adjoint::<f32>(s, a.into(), b.into())?;
        linear_with_an_adjoint::<f64>(s, a.into(), b.into())?;
    }

    #[test]
    fn backward_is_the_adjoint_on_unit_vectors_at_any_rate(
        s in setting(rate()), at in vec(any::<[usize; 2]>(), 3),
    ) {
        adjoint_on_unit_vectors::<f32>(s, &at)?;
        adjoint_on_unit_vectors::<f64>(s, &at)?;
    }

    #[test]
    fn element_wise_maps_are_products_and_their_own_adjoints_at_any_rate(
        s in setting(rate()), x in vec(-1e3f64..1e3, 100),
    ) {
        diagonal::<f32>(s, &x)?;
        diagonal::<f64>(s, &x)?;
    }

    #[test]
    fn signs_and_powers_of_two_come_out_of_every_map_at_any_rate(
        s in setting(rate()), k in -20i32..=20, x in vec(-1e3f64..1e3, 100),
    ) {
        scaled_by_powers_of_two::<f32>(s, k, &x)?;
        scaled_by_powers_of_two::<f64>(s, k, &x)?;
    }

    #[test]
    fn alpha_dropout_is_affine_and_backward_its_linear_part(s in setting(rate())) {
        affine::<f32>(s, f32::EPSILON.into())?;
        affine::<f64>(s, f64::EPSILON)?;
    }

    #[test]
    fn parts_joined_are_the_whole(s in setting(rate()), at: usize) {
        split_and_join::<f32>(s, at)?;
        split_and_join::<f64>(s, at)?;
    }
}

proptest! {
    #[test]
    fn replay_is_the_stored_mask(
        dropout in rate().prop_map(Dropout::new), seed: u64, stream: u64, x in vec(-1e3f32..1e3, 0..1500),
    ) {
        let mut words = vec![0; mask_words(x.len())];
        let (mut stored, mut replayed) = (x.clone(), x);
        let mask = MaskMut::new(&mut words, stored.len()).expect("mask_words(n) words");
        let mut rng = MaskRng::new(seed, stream);
        dropout.forward_in_place(&mut stored, rng.draw(mask)).expect("lengths agree");
        dropout.forward_in_place(&mut replayed, MaskKey::new(seed, stream)).expect("any length");
        prop_assert_eq!(stored, replayed);
    }

    #[test]
    fn split_at_blocks_is_whole(
        rate in rate(), seed: u64, stream: u64, blocks in 0usize..4, rest in 0usize..1100,
    ) {
        let whole = drawn(&mut MaskRng::new(seed, stream), rate, 512 * blocks + rest);
        let mut rng = MaskRng::new(seed, stream);
        let mut parts = drawn(&mut rng, rate, 512 * blocks);
        parts.extend(drawn(&mut rng, rate, rest));
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn a_shorter_mask_is_the_beginning_of_a_longer(
        rate in rate(), seed: u64, n in 0usize..1500, more in 0usize..1000,
    ) {
        let short = drawn(&mut MaskRng::new(seed, 0), rate, n);
        let long = drawn(&mut MaskRng::new(seed, 0), rate, n + more);
        prop_assert_eq!(MaskRef::new(&short, n), MaskRef::new(&long[..mask_words(n)], n));
    }

    /// De Morgan's laws, and what the other operations are in terms of and, or and not.
    #[test]
    fn masks_are_a_boolean_algebra((n, a, b) in pair_of_masks()) {
        let of = |a: &[u32], change: &dyn Fn(&mut MaskMut<'_>)| changed(a, n, |a| change(a));
        let not = |a: &[u32]| of(a, &|a| a.not());
        let and = |a: &[u32], b: &[u32]| of(a, &|a| a.and(mask(b, n)).expect("lengths agree"));
        let or = |a: &[u32], b: &[u32]| of(a, &|a| a.or(mask(b, n)).expect("lengths agree"));
        let and_not = |a: &[u32], b: &[u32]| of(a, &|a| a.and_not(mask(b, n)).expect("lengths agree"));
        let xor = |a: &[u32], b: &[u32]| of(a, &|a| a.xor(mask(b, n)).expect("lengths agree"));
        let (all, none) = (of(&a, &|a| a.keep_all()), of(&a, &|a| a.drop_all()));
        for (name, left, right) in [
            ("not (a and b) = not a or not b", not(&and(&a, &b)), or(&not(&a), &not(&b))),
            ("not (a or b) = not a and not b", not(&or(&a, &b)), and(&not(&a), &not(&b))),
            ("not not a = a", not(&not(&a)), a.clone()),
            ("a or not a = all", or(&a, &not(&a)), all),
            ("a and not a = none", and(&a, &not(&a)), none),
            ("a or (a and b) = a", or(&a, &and(&a, &b)), a.clone()),
            ("a and (a or b) = a", and(&a, &or(&a, &b)), a.clone()),
            ("and_not", and_not(&a, &b), and(&a, &not(&b))),
            ("xor", xor(&a, &b), and_not(&or(&a, &b), &and(&a, &b))),
        ] {
            prop_assert_eq!(mask(&left, n), mask(&right, n), "{}", name);
        }
        let count = |a: &[u32]| mask(a, n).count_kept();
        prop_assert_eq!(count(&a) + count(&not(&a)), n);
        prop_assert_eq!(count(&or(&a, &b)) + count(&and(&a, &b)), count(&a) + count(&b));
    }

    #[test]
    fn what_masks_keep_composes((n, a, b) in pair_of_masks()) {
        masks_compose::<f32>(n, &a, &b)?;
        masks_compose::<f64>(n, &a, &b)?;
    }

    #[test]
    fn runs_that_are_kept_and_dropped_join_to_all(
        (n, words, _) in pair_of_masks(), cut in 0usize..300,
    ) {
        let whole = mask(&words, n);
        let mut runs: Vec<_> = whole.kept_runs().chain(whole.dropped_runs()).collect();
        runs.sort_by_key(|run| run.start);
        prop_assert!(runs.into_iter().flatten().eq(0..n));
        let cut = cut.min(n);
        let parts = whole.kept_runs_in(0..cut).chain(whole.kept_runs_in(cut..n)).flatten();
        prop_assert!(parts.eq(whole.kept_indices()));
    }

    /// Whatever was drawn before, from the same state.
    #[test]
    fn of_512_elements_a_higher_rate_drops_all_that_a_lower_one_does(
        [lower, higher] in ordered(), seed: u64, before in rate(), n in 0usize..=512,
    ) {
        for backend in Backend::available() {
            let mut rng = MaskRng::new(seed, 0);
            drawn_by(backend, &mut rng, before, 700);
            let less = drawn_by(backend, &mut rng.clone(), lower, n);
            prop_assert!(nested(&less, &drawn_by(backend, &mut rng, higher, n)));
        }
    }

    #[test]
    fn rates_that_draw_alike_nest_at_any_length_and_leave_the_generator_alike(
        [lower, higher] in alike(), seed: u64, n in 0usize..5000,
    ) {
        let (mut a, mut b) = (MaskRng::new(seed, 0), MaskRng::new(seed, 0));
        prop_assert!(nested(&drawn(&mut a, lower, n), &drawn(&mut b, higher, n)));
        prop_assert!(a == b);
    }

    /// A block more is a block more, and gamma grows with p.
    #[test]
    fn blocks_nest_where_their_seeds_do(
        [lower, higher] in ordered(), seed: u64, block in 1usize..=12,
        rows in 1usize..=16, columns in 1usize..=32,
    ) {
        let of = |rate| {
            let extents = [rows, columns].map(|places| places + block - 1);
            let blocks = DropBlock::new(rate, block, 1, 1, &extents).expect("few elements");
            let mut words = vec![0; mask_words(blocks.mask_bits())];
            let mask = MaskMut::new(&mut words, blocks.mask_bits()).expect("mask_words(n) words");
            blocks.fill(mask, &mut MaskRng::new(seed, 0)).expect("lengths agree");
            (blocks.seed_rate(), words)
        };
        let ((less_gamma, less), (more_gamma, more)) = (of(lower), of(higher));
        prop_assert!(less_gamma <= more_gamma);
        prop_assert!(nested(&less, &more));
    }

    #[test]
    fn kept_runs_are_the_kept_elements(words in vec(any::<u32>(), 6), n in 161usize..=192) {
        let mask = MaskRef::new(&words, n).expect("six words");
        let runs: Vec<_> = mask.kept_runs().collect();
        prop_assert!(runs.iter().all(|r| r.start < r.end && r.end <= n));
        prop_assert!(runs.windows(2).all(|w| w[0].end < w[1].start));
        let by_runs: Vec<_> = runs.into_iter().flatten().collect();
        let by_bits: Vec<_> = (0..n).filter(|i| mask.get(*i) == Some(true)).collect();
        prop_assert_eq!(by_runs, by_bits);
    }

    #[test]
    fn a_generator_survives_its_bytes(bytes: [[u8; 32]; 8]) {
        let bytes: [u8; 256] = bytes.concat().try_into().expect("8 times 32");
        if let Ok(rng) = MaskRng::from_bytes(&bytes) {
            prop_assert_eq!(rng.to_bytes(), bytes);
        } else {
            prop_assert!(bytes.chunks(16).any(|lane| lane == [0; 16]));
        }
    }
}
