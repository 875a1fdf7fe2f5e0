//! Drawn masks, as words of dropped elements, and what is counted in them.

use dropout_kernels::DropRate;

use super::Source;

/// Elements of a block: a word from each of sixteen lanes.
pub const BLOCK: usize = 512;

/// The next mask of `n` elements. 1 = dropped, and nothing past the end.
pub fn draw(source: &mut impl Source, rate: DropRate, n: usize) -> Vec<u32> {
    let mut words = vec![0; n.div_ceil(32)];
    source.fill(rate, &mut words, n);
    for word in &mut words {
        *word = !*word;
    }
    if let Some(last) = words.last_mut() {
        *last &= !0 >> ((32 - n % 32) % 32);
    }
    words
}

/// Elements dropped.
pub fn ones(words: &[u32]) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// Elements dropped in both, of as many words as the shorter has.
pub fn common(a: &[u32], b: &[u32]) -> u64 {
    a.iter().zip(b).map(|(a, b)| u64::from((a & b).count_ones())).sum()
}

/// Elements dropped in both a mask and itself `lag` elements later, for each lag up to `most`. In
/// words as wide as there are, and shifted once for all lags that are as far past the start of a
/// word.
pub fn common_at_lags(words: &[u32], most: usize) -> Vec<u64> {
    const WIDTH: usize = 128;
    let wide =
        |part: &[u32]| part.iter().rev().fold(0, |wide, word| wide << 32 | u128::from(*word));
    let wide: Vec<u128> = words.chunks(WIDTH / 32).map(wide).collect();
    let mut both = vec![0; most + 1];
    for shift in 0..WIDTH.min(most + 1) {
        let next = wide[1..].iter().chain(&[0]);
        let left = |high: &u128| high.checked_shl((WIDTH - shift) as u32).unwrap_or(0);
        let later: Vec<_> =
            wide.iter().zip(next).map(|(low, high)| low >> shift | left(high)).collect();
        for (skip, both) in both[shift..].iter_mut().step_by(WIDTH).enumerate() {
            let pairs = wide.iter().zip(later.get(skip..).unwrap_or(&[]));
            *both = pairs.map(|(a, b)| u64::from((a & b).count_ones())).sum();
        }
    }
    both
}

/// How often each bit of a word was set, for 32 bits at once: count `c` of bit `i` is bit `i` of
/// the planes.
#[derive(Clone, Default)]
pub struct Columns {
    planes: Vec<u32>,
}

impl Columns {
    pub fn add(&mut self, word: u32) {
        let mut carry = word;
        for plane in &mut self.planes {
            (*plane, carry) = (*plane ^ carry, *plane & carry);
            if carry == 0 {
                return;
            }
        }
        if carry != 0 {
            self.planes.push(carry);
        }
    }

    pub fn count(&self, bit: usize) -> u64 {
        self.planes.iter().rev().fold(0, |count, plane| count << 1 | u64::from(plane >> bit & 1))
    }
}

/// The numbers of elements between one that is `symbol` (dropped or kept) and the next.
pub fn gaps(words: &[u32], dropped: bool) -> impl Iterator<Item = u64> {
    let places = words.iter().zip(0u64..).flat_map(move |(&word, w)| {
        let mut left = if dropped { word } else { !word };
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros())?;
            left &= left - 1;
            Some(32 * w + u64::from(bit))
        })
    });
    places
        .scan(None, |last, place| Some(last.replace(place).map(|last| place - last - 1)))
        .flatten()
}
