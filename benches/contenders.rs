//! The one list of what the benches measure. A kernel that is added here is in all of them:
//! criterion's `kernels`, the `ratios` and, if it is named there, `instructions`.

use std::hint::black_box;

use dropout_kernels::{Backend, DropRate, Dropout, Element, MaskKey, MaskMut, MaskRng, mask_words};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::support::Aligned;
use crate::support::blocks::{self, Lanes};
use crate::support::floors::{Number, scale, scale_to};

pub(crate) const RATES: [f32; 3] = [0.1, 0.25, 0.5];

/// An element type, with a value that stays what it is however often it is scaled: infinity, and the
/// largest integer. Ones would fade to denormals under the classic rule's inference, and those are
/// slow.
pub(crate) trait Filled: Copy {
    fn filled() -> Self;
}

macro_rules! filled {
    ($($t:ty: $value:expr),*) => {$(
        impl Filled for $t {
            fn filled() -> Self {
                $value
            }
        }
    )*};
}
filled!(f32: Self::INFINITY, f64: Self::INFINITY, i8: Self::MAX, i16: Self::MAX);
filled!(half::f16: Self::INFINITY, half::bf16: Self::INFINITY);

/// One call.
type Run<T> = Box<dyn FnMut(&mut Buffers<T>)>;

/// Something to measure.
pub(crate) struct Contender<T> {
    pub(crate) name: &'static str,
    /// None where it is not ours.
    pub(crate) backend: Option<Backend>,
    /// None where nothing is dropped.
    pub(crate) p: Option<f32>,
    pub(crate) run: Run<T>,
}

/// What contenders work on.
pub(crate) struct Buffers<T> {
    x: Aligned<T>,
    y: Aligned<T>,
    words: Aligned<u32>,
    rng: MaskRng,
    len: usize,
}

impl<T: Filled> Buffers<T> {
    /// For `n` elements that begin `offset` of them after a cache line.
    pub(crate) fn new(n: usize, offset: usize) -> Self {
        let filled = || Aligned::shifted(T::filled(), n, offset);
        Self {
            x: filled(),
            y: filled(),
            words: Aligned::new(!0, mask_words(n)),
            rng: MaskRng::new(42, 0),
            len: n,
        }
    }
}

/// The slices that a call needs, and no others: each costs a call of 64 elements some tenths of a
/// nanosecond.
macro_rules! buffer {
    ($b:ident x) => {
        black_box($b.x.slice())
    };
    ($b:ident y) => {
        black_box($b.y.slice())
    };
    ($b:ident mask) => {
        MaskMut::new(black_box($b.words.slice()), $b.len).expect(FITS)
    };
    ($b:ident rng) => {
        &mut $b.rng
    };
}

macro_rules! list {
    ($backend:expr, $p:expr; $($name:literal: |$($buffer:ident),*| $call:expr,)*) => {
        vec![$(Contender {
            name: $name,
            backend: $backend,
            p: $p,
            run: Box::new(move |b| {
                $(let $buffer = buffer!(b $buffer);)*
                $call
            }),
        }),*]
    };
}

const FITS: &str = "mask_words(n) words, and slices of n elements";

/// Floors and kernels, over every backend of this machine and every rate.
pub(crate) fn all<T: Element + Filled + Number>() -> Vec<Contender<T>> {
    let mut all = floors();
    for backend in Backend::available() {
        for p in RATES {
            all.extend(ours(backend, p));
        }
    }
    all
}

fn floors<T: Filled + Number>() -> Vec<Contender<T>> {
    list![None, None;
        "scale_in_place": |x| scale(x, black_box(T::from(1.0))),
        "scale": |x, y| scale_to(x, y, black_box(T::from(1.0))),
        "memcpy": |x, y| y.copy_from_slice(x),
    ]
}

/// This crate's kernels. What is masked by the caller is `backward`.
pub(crate) fn ours<T: Element + Filled>(backend: Backend, p: f32) -> Vec<Contender<T>> {
    let rate = DropRate::new(p).expect("a rate from RATES");
    let dropout = Dropout::new(rate).with_backend(backend);
    let classic = Dropout::classic(rate).with_backend(backend);
    let seed = || black_box(42);
    list![Some(backend), Some(p);
        "fill": |mask, rng| rng.fill_with(backend, black_box(rate), mask),
        "forward": |x, y, mask, rng| dropout.forward(x, y, rng.draw(mask)).expect(FITS),
        "forward_in_place": |x, mask, rng| dropout.forward_in_place(x, rng.draw(mask)).expect(FITS),
        "backward": |x, y, mask| dropout.backward(x, y, mask.as_ref()).expect(FITS),
        "backward_in_place": |x, mask| {
            dropout.backward_in_place(x, mask.as_ref()).expect(FITS);
        },
        "forward_by_key": |x, y| dropout.forward(x, y, MaskKey::new(seed(), 0)).expect(FITS),
        "forward_in_place_by_key": |x| dropout.forward_in_place(x, MaskKey::new(seed(), 0)).expect(FITS),
        "backward_by_key": |x, y| dropout.backward(x, y, MaskKey::new(seed(), 0)).expect(FITS),
        "backward_in_place_by_key": |x| dropout.backward_in_place(x, MaskKey::new(seed(), 0)).expect(FITS),
        "classic_forward": |x, y, mask, rng| classic.forward(x, y, rng.draw(mask)).expect(FITS),
        "classic_forward_in_place": |x, mask, rng| {
            classic.forward_in_place(x, rng.draw(mask)).expect(FITS);
        },
        "classic_backward_in_place": |x, mask| {
            classic.backward_in_place(x, mask.as_ref()).expect(FITS);
        },
        "classic_infer": |x, y| classic.infer(x, y).expect(FITS),
        "classic_infer_in_place": |x| classic.infer_in_place(x),
    ]
}

/// What users write themselves, in place: the loop that comes to mind, and a careful one.
pub(crate) fn theirs() -> Vec<Contender<f32>> {
    let contenders = RATES.map(|p| {
        let mut small = SmallRng::seed_from_u64(42);
        let factor = 1.0 / (1.0 - p);
        let mut blocks = blocks::forward(Lanes::new(42), p);
        list![None, Some(p);
            "naive": |x| for x in x {
                *x = if small.random::<f32>() < p { 0.0 } else { *x * factor };
            },
            "blocks": |x| blocks(x),
        ]
    });
    contenders.into_iter().flatten().collect()
}
