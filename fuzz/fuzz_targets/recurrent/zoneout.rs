//! Zoneout in all its ways.

use dropout_kernels::{Backend, MaskMut, MaskRng, Zoneout, mask_words};
use dropout_kernels_fuzz::exact::{Exact, assert_alike};
use dropout_kernels_fuzz::input::{Words, flags};
use dropout_kernels_fuzz::support::reference::{Reference, pack};
use dropout_kernels_fuzz::support::zoneout::{Blended, Leaves, Masks, Named, expected, ways};

use super::Input;

/// The three ways after the thirteen of the tests are inference.
pub fn check<T: Blended>(input: &Input, way: u8, n: usize, words: Words) {
    let start = Reference::new(input.at.0, input.at.1);
    let rate = input.rates[0].get(&start);
    let t = rate.threshold();
    let named = ways::<T>().into_iter().nth(usize::from(way) % 16);
    let inference = (usize::from(way) % 16).saturating_sub(13);
    let (leaves, masks) = match &named {
        Some(Named { leaves, masks, .. }) => (*leaves, *masks),
        None => (Leaves::State([2, 0, 1][inference]), Masks::Replayed),
    };
    // In place the third slice has no part, nor the mask in what takes none.
    let lengths = input.misfit.among([n; 4]);
    let third = matches!(leaves, Leaves::State(2) | Leaves::Gradient(2));
    let fits = lengths[0] == n
        && lengths[1] == n
        && (lengths[2] == n || !third)
        && (lengths[3] == n || masks == Masks::Replayed);

    let before = [0, 1, 2].map(|i| input.values.others(i).get::<T>(lengths[i as usize]));
    let words = words.get(mask_words(lengths[3]));
    let (mut after, mut words_after, mut moved) = (before.clone(), words.clone(), start.clone());
    if fits && named.is_none() {
        let Leaves::State(at) = leaves else { unreachable!("inference leaves a state") };
        after[at] = before[0].iter().zip(&before[1]).map(|(p, n)| blend(t, *p, *n)).collect();
    } else if fits {
        let drawn = moved.mask(t, n);
        let keep = match masks {
            Masks::Brought => flags(&words, n),
            _ => drawn,
        };
        // Slices that have no part may be of any length.
        let part = [0, 1, 2].map(|i| if i < 2 || third { before[i].clone() } else { vec![] });
        let whole = expected(leaves, &keep, &part);
        after =
            [0, 1, 2].map(|i| if i < 2 || third { whole[i].clone() } else { before[i].clone() });
        if masks == Masks::Stored {
            words_after = pack(&keep);
        } else {
            moved = start.clone();
        }
    }
    for backend in Backend::available() {
        let zoneout = Zoneout::new(rate).with_backend(backend);
        let offset = usize::from(input.offset % 16);
        let [mut a, mut b, mut c] = [0, 1, 2].map(|i| Exact::new(&before[i], offset, T::GUARD));
        let mut mask = Exact::new(&words, offset, 0xDEAD_BEEF);
        let mut rng = MaskRng::new(input.at.0, input.at.1);
        let result = match &named {
            Some(Named { way, .. }) => {
                let mask = MaskMut::new(mask.slice(), lengths[3]).expect("its words");
                way(&zoneout, [a.slice(), b.slice(), c.slice()], mask, &mut rng, input.at)
            }
            None => match leaves {
                Leaves::State(0) => zoneout.infer_into_prev(a.slice(), b.slice()),
                Leaves::State(1) => zoneout.infer_into_new(a.slice(), b.slice()),
                _ => zoneout.infer(a.slice(), b.slice(), c.slice()),
            },
        };
        let told = (backend, leaves, masks, named.is_none());
        assert_eq!(result.is_ok(), fits, "{told:?} {result:?}");
        for (given, wanted) in [&mut a, &mut b, &mut c].into_iter().zip(&after) {
            assert_alike(given.slice(), wanted, named.is_some() || !fits, told);
            assert!(given.intact(|a, b| a.bits() == b.bits()), "{told:?}");
        }
        assert_eq!(mask.slice(), words_after, "{told:?}");
        assert!(mask.intact(|a, b| a == b) && rng.to_bytes() == moved.to_bytes(), "{told:?}");
    }
}

fn blend<T: Blended>(t: u64, prev: T, new: T) -> T {
    match t {
        0 => new,
        0x100_0000_0000 => prev,
        _ => T::blend(t, prev, new),
    }
}
