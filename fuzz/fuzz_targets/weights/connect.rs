//! Every way of a `DropConnect`.

use arbitrary::Arbitrary;
use dropout_kernels::{Backend, DropRate, MaskKey, MaskMut, MaskRng, mask_words};
use dropout_kernels_fuzz::exact::Exact;
use dropout_kernels_fuzz::input::flags;
use dropout_kernels_fuzz::support::drop_connect::Case;
use dropout_kernels_fuzz::support::number::Number;
use dropout_kernels_fuzz::support::reference::{Reference, pack};

use super::{Connects, Input, MOST, ONE, compare, extents};

/// Each way to call a DropConnect.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Forward,
    Replay,
    Masked,
    Input,
    InputReplay,
    Weights,
    WeightsReplay,
    Infer,
    Moments,
}

pub fn check<T: Number, R: Connects>(input: &Input, start: Reference, rate: DropRate) {
    use Way::{
        Forward, Infer, Input as Dx, InputReplay, Masked, Moments, Replay, Weights, WeightsReplay,
    };
    let (way, t) = (input.way, rate.threshold());
    let [rows, columns] = extents(input);
    let bits = rows * columns;
    let batch = usize::from(input.batch % 4).min((MOST / bits.max(1)).max(1));
    // W, x and y, of which a gradient may take the place; the variance of y; the mask.
    let lengths = [bits, batch * columns, batch * rows, batch * rows, bits];
    let [w_len, x_len, y_len, variance_len, mask_len] = input.misfit.among(lengths);
    // Without columns or rows, the other side says how many vectors there are.
    let batch = x_len.checked_div(columns).or(y_len.checked_div(rows)).unwrap_or(0);
    let fits = w_len == bits
        && (x_len, y_len) == (batch * columns, batch * rows)
        && (variance_len == y_len || way != Moments)
        && (mask_len == bits || !matches!(way, Forward | Masked | Dx | Weights));

    let before = [w_len, x_len, y_len, variance_len];
    let before = [0, 1, 2, 3].map(|i| input.values.others(i).get::<T>(before[i as usize]));
    let words = input.words.get(mask_words(mask_len));
    let (mut after, mut words_after, mut moved) = (before.clone(), words.clone(), start.clone());
    if fits {
        let scaleless = t == ONE && !R::COPIES;
        let keep = match way {
            Forward | Replay | InputReplay | WeightsReplay => start.clone().mask(t, bits),
            Infer | Moments => vec![true; bits],
            // At p = 1 the inverted rule has no scale, and drops all.
            _ => flags(&words, bits).into_iter().map(|keep| keep && !scaleless).collect(),
        };
        if way == Forward {
            words_after = pack(&moved.mask(t, bits));
        }
        let [w, x, y, _] = before.clone();
        let case = Case { shape: [rows, columns, batch], keep, dw: w.clone(), w, x, dy: y };
        let (scale, factor) = if R::COPIES {
            (T::ONE, T::reference_keep(t))
        } else {
            (T::reference_scale(t), T::ONE)
        };
        match way {
            Dx | InputReplay => after[1] = case.gradients(scale).0,
            Weights | WeightsReplay => after[0] = case.gradients(scale).1,
            Infer | Moments => after[2] = case.y(factor),
            Forward | Replay | Masked => after[2] = case.y(scale),
        }
        if way == Moments {
            let p = T::reference_keep(ONE - t);
            let spread = p.multiply(if R::COPIES { factor } else { T::reference_scale(t) });
            after[3] = variances(&case, spread);
        }
    }
    for backend in Backend::available() {
        let layer = R::connect(rate, rows, columns).with_backend(backend);
        let offset = usize::from(input.offset % 16);
        let mut targets = before.each_ref().map(|before| Exact::new(before, offset, T::GUARD));
        let mut mask = Exact::new(&words, offset, 0xDEAD_BEEF);
        let mut rng = MaskRng::new(input.at.0, input.at.1);
        let [w, x, y, variance] = targets.each_mut().map(Exact::slice);
        let view = MaskMut::new(mask.slice(), mask_len).expect("its words");
        let (seed, stream) = input.at;
        let result = match way {
            Forward => layer.forward(w, x, y, rng.draw(view)),
            Replay => layer.forward(w, x, y, MaskKey::new(seed, stream)),
            Masked => layer.forward(w, x, y, view.as_ref()),
            Dx => layer.backward_input(w, y, x, view.as_ref()),
            InputReplay => layer.backward_input(w, y, x, MaskKey::new(seed, stream)),
            Weights => layer.backward_weights(x, y, w, view.as_ref()),
            WeightsReplay => layer.backward_weights(x, y, w, MaskKey::new(seed, stream)),
            Infer => layer.infer(w, x, y),
            Moments => layer.infer_moments(w, x, y, variance),
        };
        assert_eq!(result.is_ok(), fits, "{backend:?} {result:?}");
        for (given, wanted) in targets.iter_mut().zip(&after) {
            compare(given, wanted, (backend, way));
        }
        assert_eq!(mask.slice(), words_after, "{backend:?}");
        assert!(mask.intact(|a, b| a == b) && rng.to_bytes() == moved.to_bytes(), "{backend:?}");
    }
}

/// The squares of the products w x, summed in the same order, a row at a time.
fn variances<T: Number>(case: &Case<T>, spread: T) -> Vec<T> {
    let [rows, columns, batch] = case.shape;
    let of = |i: usize| {
        let (b, r) = (i / rows, i % rows);
        let product = |c: usize| case.w[r * columns + c].multiply(case.x[b * columns + c]);
        let products: Vec<_> = (0..columns).map(product).collect();
        let keep = vec![true; columns];
        let row = Case {
            shape: [1, columns, 1],
            keep,
            w: products.clone(),
            x: products,
            dy: vec![],
            dw: vec![],
        };
        row.y(spread)[0]
    };
    (0..batch * rows).map(of).collect()
}
