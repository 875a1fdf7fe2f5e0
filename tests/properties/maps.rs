//! Every linear variant as a map with its adjoint. The two are called in different ways wherever there are
//! several: one by a mask that is stored, the other by a replay.

use dropout_kernels::{
    Backend, DropBlock, DropConnect, DropHead, DropPath, DropRate, Dropout, EmbeddingDropout,
    GaussianDropout, Layout, LockedDropout, MaskKey, MaskMut, MaskRef, MaskRng, Zoneout,
    mask_words,
};

use crate::support::number::Number;

/// The most elements of a tensor, and bits of a mask.
pub(crate) const MOST: usize = 1200;

/// What a variant is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) rate: DropRate,
    pub(crate) seed: u64,
    pub(crate) stream: u64,
    /// Groups, repeat, width, run: at most [`MOST`] elements.
    pub(crate) extents: [usize; 4],
}

type Linear<T> = Box<dyn Fn(&[T]) -> Vec<T>>;

/// A linear map and its adjoint.
pub(crate) struct Map<T> {
    pub(crate) name: &'static str,
    /// Elements before and after.
    pub(crate) shape: [usize; 2],
    pub(crate) forward: Linear<T>,
    pub(crate) backward: Linear<T>,
    pub(crate) kind: Kind,
}

/// How a map computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Each element times a factor of its own.
    Diagonal,
    /// Sums of elements, each of them times the scale of the rate.
    Scaled,
    /// Elements as they are, or sums of them.
    Unscaled,
}

impl Setting {
    /// The mask of `bits` bits at (seed, stream).
    pub(crate) fn words(self, backend: Backend, bits: usize) -> Vec<u32> {
        let mut words = vec![0; mask_words(bits)];
        let mask = MaskMut::new(&mut words, bits).expect("mask_words(n) words");
        self.rng().fill_with(backend, self.rate, mask);
        words
    }

    pub(crate) fn rng(self) -> MaskRng {
        MaskRng::new(self.seed, self.stream)
    }

    /// A mask that keeps one of each two neighbours.
    fn halves(self, backend: Backend, bits: usize) -> Vec<u32> {
        let mut words = self.words(backend, bits);
        for word in &mut words {
            *word = *word & 0x5555_5555 | (!*word & 0x5555_5555) << 1;
        }
        words
    }
}

fn mask(words: &[u32], bits: usize) -> MaskRef<'_> {
    MaskRef::new(words, bits).expect("mask_words(n) words")
}

/// A small integer at each index, of either sign.
pub(crate) fn integers<T: Number>(n: usize, seed: u64) -> Vec<T> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        T::of(f64::from((state >> 40) as i32 % 15 - 7))
    };
    (0..n).map(next).collect()
}

/// A diagonal map from what it and its adjoint do in place.
fn diagonal<T: Number>(
    name: &'static str,
    n: usize,
    forward: impl Fn(&mut [T]) + 'static,
    backward: impl Fn(&mut [T]) + 'static,
) -> Map<T> {
    Map {
        name,
        shape: [n, n],
        forward: Box::new(move |x| in_place(x, &forward)),
        backward: Box::new(move |dy| in_place(dy, &backward)),
        kind: Kind::Diagonal,
    }
}

fn in_place<T: Number>(x: &[T], f: impl Fn(&mut [T])) -> Vec<T> {
    let mut x = x.to_vec();
    f(&mut x);
    x
}

/// What `f` makes of n zeros.
fn filled<T: Number>(n: usize, f: impl Fn(&mut [T])) -> Vec<T> {
    in_place(&vec![T::ZERO; n], f)
}

/// All of them, by one backend.
pub(crate) fn maps<T: Number>(backend: Backend, s: Setting) -> Vec<Map<T>> {
    let mut maps = elementwise(backend, s);
    maps.extend(structured(backend, s));
    maps.extend(of_counts(backend, s));
    maps.extend(gaussian(backend, s));
    maps.extend([zoneout(backend, s), embedding(backend, s)]);
    maps.extend(weights(backend, s));
    maps
}

fn elementwise<T: Number>(backend: Backend, s: Setting) -> Vec<Map<T>> {
    let n = s.extents.iter().product();
    let words = s.words(backend, n);
    let (inverted, classic) = (Dropout::new(s.rate), Dropout::classic(s.rate));
    let (inverted, classic) = (inverted.with_backend(backend), classic.with_backend(backend));
    let alpha = Dropout::alpha(s.rate).with_backend(backend);
    let drop_key = Dropout::drop_key(s.rate).with_backend(backend);
    let (a, b, c) = (words.clone(), words.clone(), words.clone());
    let mut locked = LockedDropout::<{ mask_words(MOST) }>::new(inverted, n);
    locked.draw(1, &mut s.rng()).expect("words enough");
    let locked_back = locked.clone();
    vec![
        diagonal(
            "inverted",
            n,
            move |x| {
                inverted.forward_in_place(x, MaskKey::new(s.seed, s.stream)).expect("any length");
            },
            move |dy| inverted.backward_in_place(dy, mask(&a, n)).expect("lengths agree"),
        ),
        diagonal(
            "classic",
            n,
            move |x| {
                let mut words = vec![0; mask_words(n)];
                let stored = MaskMut::new(&mut words, n).expect("mask_words(n) words");
                classic.forward_in_place(x, s.rng().draw(stored)).expect("lengths agree");
            },
            move |dy| {
                classic.backward_in_place(dy, MaskKey::new(s.seed, s.stream)).expect("any length");
            },
        ),
        // The linear part of what is affine.
        diagonal(
            "alpha's gradient",
            n,
            move |x| {
                alpha.backward_in_place(x, MaskKey::new(s.seed, s.stream)).expect("any length");
            },
            move |dy| alpha.backward_in_place(dy, mask(&b, n)).expect("lengths agree"),
        ),
        diagonal(
            "DropKey's gradient",
            n,
            move |x| {
                drop_key.backward_in_place(x, MaskKey::new(s.seed, s.stream)).expect("any length");
            },
            move |dy| drop_key.backward_in_place(dy, mask(&c, n)).expect("lengths agree"),
        ),
        diagonal(
            "locked",
            n,
            move |x| locked.forward_in_place(x).expect("lengths agree"),
            move |dy| locked_back.backward_in_place(dy).expect("lengths agree"),
        ),
    ]
}

fn structured<T: Number>(backend: Backend, s: Setting) -> Vec<Map<T>> {
    let [groups, repeat, width, run] = s.extents;
    let layout = Layout::new(groups, repeat, width, run).expect("few elements");
    let (n, bits) = (layout.elements(), layout.mask_bits());
    let words = s.words(backend, bits);
    let inverted = Dropout::new(s.rate).with_backend(backend);
    let over = inverted.over(layout);
    let classic = Dropout::classic(s.rate).with_backend(backend).over(layout);
    let path = DropPath::samples(inverted, groups, n / groups).expect("few elements");
    let (a, b, c) = (words.clone(), words, s.words(backend, groups));
    vec![
        diagonal(
            "over a layout",
            n,
            move |x| {
                over.forward_in_place(x, MaskKey::new(s.seed, s.stream)).expect("lengths agree");
            },
            move |dy| over.backward_in_place(dy, mask(&a, bits)).expect("lengths agree"),
        ),
        diagonal(
            "classic over a layout",
            n,
            move |x| classic.forward_in_place(x, mask(&b, bits)).expect("lengths agree"),
            move |dy| {
                classic
                    .backward_in_place(dy, MaskKey::new(s.seed, s.stream))
                    .expect("lengths agree");
            },
        ),
        diagonal(
            "a path's branch",
            n,
            move |f| {
                let mut x = vec![T::ZERO; n];
                path.add(f, &mut x, mask(&c, groups)).expect("lengths agree");
                f.copy_from_slice(&x);
            },
            move |dy| {
                let back = path.branch().backward_in_place(dy, MaskKey::new(s.seed, s.stream));
                back.expect("lengths agree");
            },
        ),
    ]
}

/// Variants whose factor is a count of the mask, by masks that are drawn, and by some that keep half.
fn of_counts<T: Number>(backend: Backend, s: Setting) -> Vec<Map<T>> {
    let [a, b, c, d] = s.extents;
    let blocks = DropBlock::new(s.rate, 2, a, b, &[c, d]).expect("few elements");
    let shared = blocks.with_backend(backend).shared();
    let n = blocks.elements();
    let mut drawn = vec![0; shared.mask_words()];
    let bits = shared.mask_bits();
    let all = MaskMut::new(&mut drawn, bits).expect("mask_words(n) words");
    shared.fill(all, &mut s.rng()).expect("lengths agree");
    let drawn_back = drawn.clone();
    // Twice the maps, twice the heads: even numbers of which to keep half.
    let blocks = DropBlock::new(s.rate, 2, 2 * a, b, &[c, d]).expect("few elements");
    let blocks = blocks.with_backend(backend);
    let half = s.halves(backend, 2 * n);
    let half_back = half.clone();
    let heads = DropHead::tokens_first(s.rate, a, b, c, d).expect("few elements");
    let heads = heads.with_backend(backend);
    let two_c = DropHead::tokens_first(s.rate, a, b, 2 * c, d).expect("few elements");
    let two_c = two_c.with_backend(backend);
    let (head_words, head_bits) = (s.words(backend, a * c), a * c);
    let half_heads = s.halves(backend, 2 * a * c);
    let half_heads_back = half_heads.clone();
    vec![
        diagonal(
            "DropBlock, shared",
            n,
            move |x| shared.forward_in_place(x, mask(&drawn, bits)).expect("lengths agree"),
            move |dy| shared.backward_in_place(dy, mask(&drawn_back, bits)).expect("lengths agree"),
        ),
        diagonal(
            "DropBlock that keeps half",
            2 * n,
            move |x| blocks.forward_in_place(x, mask(&half, 2 * n)).expect("lengths agree"),
            move |dy| blocks.backward_in_place(dy, mask(&half_back, 2 * n)).expect("lengths agree"),
        ),
        diagonal(
            "DropHead",
            n,
            move |x| {
                heads.forward_in_place(x, MaskKey::new(s.seed, s.stream)).expect("lengths agree");
            },
            move |dy| {
                heads.backward_in_place(dy, mask(&head_words, head_bits)).expect("lengths agree");
            },
        ),
        diagonal(
            "DropHead that keeps half",
            2 * n,
            move |x| {
                let bits = mask(&half_heads, 2 * a * c);
                two_c.forward_in_place(x, bits).expect("lengths agree");
            },
            move |dy| {
                let bits = mask(&half_heads_back, 2 * a * c);
                two_c.backward_in_place(dy, bits).expect("lengths agree");
            },
        ),
    ]
}

/// None at p = 1.
fn gaussian<T: Number>(backend: Backend, s: Setting) -> Option<Map<T>> {
    let noise = GaussianDropout::new(s.rate).ok()?.with_backend(backend);
    Some(diagonal(
        "Gaussian",
        s.extents.iter().product(),
        move |x| noise.forward_in_place(x, MaskKey::new(s.seed, s.stream)),
        move |dy| noise.backward_in_place(dy, &mut s.rng()),
    ))
}

/// From `h_prev` and `h_new`, one after the other.
fn zoneout<T: Number>(backend: Backend, s: Setting) -> Map<T> {
    let n = s.extents.iter().product::<usize>() / 2;
    let zoneout = Zoneout::new(s.rate).with_backend(backend);
    let words = s.words(backend, n);
    Map {
        name: "zoneout",
        shape: [2 * n, n],
        forward: Box::new(move |x| {
            let (prev, new) = x.split_at(n);
            filled(n, |h| {
                zoneout
                    .forward(prev, new, h, MaskKey::new(s.seed, s.stream))
                    .expect("lengths agree");
            })
        }),
        backward: Box::new(move |dh| {
            filled(2 * n, |dx| {
                let (prev, new) = dx.split_at_mut(n);
                zoneout.backward(dh, prev, new, mask(&words, n)).expect("lengths agree");
            })
        }),
        kind: Kind::Unscaled,
    }
}

/// From a table to the rows that are looked up, some of them more than once.
fn embedding<T: Number>(backend: Backend, s: Setting) -> Map<T> {
    let [groups, repeat, rows, dimension] = s.extents;
    let dropout = Dropout::new(s.rate).with_backend(backend);
    let words = EmbeddingDropout::new(dropout, rows, dimension).expect("few elements");
    let indices = integers::<f64>(groups * repeat + 1, s.seed).into_iter();
    let indices: Vec<_> = indices.map(|i| (i + 7.0) as u32 % rows as u32).collect();
    let (looked_up, bits) = (indices.clone(), s.words(backend, rows));
    let bits_back = bits.clone();
    let lengths = [rows * dimension, indices.len() * dimension];
    Map {
        name: "embedding",
        shape: lengths,
        forward: Box::new(move |table| {
            filled(lengths[1], |y| {
                words.forward(&looked_up, table, y, mask(&bits, rows)).expect("lengths agree");
            })
        }),
        backward: Box::new(move |dy| {
            filled(lengths[0], |dtable| {
                let bits = mask(&bits_back, rows);
                words.backward(&indices, dy, dtable, bits).expect("lengths agree");
            })
        }),
        kind: Kind::Scaled,
    }
}

/// `DropConnect`'s three products: forward as a map of x, and as one of W, whose adjoints are the two others.
fn weights<T: Number>(backend: Backend, s: Setting) -> Vec<Map<T>> {
    const BATCH: usize = 2;
    let [groups, repeat, columns, _] = s.extents;
    let rows = groups * repeat;
    let layer = DropConnect::new(s.rate, rows, columns).expect("few weights").with_backend(backend);
    let bits = layer.mask_bits();
    let words = s.words(backend, bits);
    let w: Vec<T> = integers(bits, s.seed);
    let x: Vec<T> = integers(BATCH * columns, s.stream);
    let (w_back, x_back, of_w) = (w.clone(), x.clone(), words.clone());
    let [x_len, y_len] = [BATCH * columns, BATCH * rows];
    vec![
        Map {
            name: "DropConnect of x",
            shape: [x_len, y_len],
            forward: Box::new(move |x| {
                filled(y_len, |y| {
                    layer.forward(&w, x, y, MaskKey::new(s.seed, s.stream)).expect("lengths agree");
                })
            }),
            backward: Box::new(move |dy| {
                filled(x_len, |dx| {
                    let bits = mask(&words, bits);
                    layer.backward_input(&w_back, dy, dx, bits).expect("lengths agree");
                })
            }),
            kind: Kind::Scaled,
        },
        Map {
            name: "DropConnect of W",
            shape: [bits, y_len],
            forward: Box::new(move |w| {
                filled(y_len, |y| {
                    layer.forward(w, &x, y, mask(&of_w, bits)).expect("lengths agree");
                })
            }),
            backward: Box::new(move |dy| {
                filled(bits, |dw| {
                    let back =
                        layer.backward_weights(&x_back, dy, dw, MaskKey::new(s.seed, s.stream));
                    back.expect("lengths agree");
                })
            }),
            kind: Kind::Scaled,
        },
    ]
}
