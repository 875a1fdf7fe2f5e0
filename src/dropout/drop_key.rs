//! `DropKey`: the rule for attention logits.

use super::rule::sealed::Sealed;
use super::{Dropout, Rule, RuleFor};
use crate::isa::Float;
use crate::kernel::op::{Or, Same};
use crate::rate::DropRate;

/// `DropKey` (Li et al. 2023, "`DropKey` for Vision Transformer"): attention drops keys, before the
/// softmax, so that the weights of the others still sum to 1.
///
/// On the logits, queries x keys of each head, with d = 1 where the mask keeps: y = d ? x : -inf,
/// to the bit; dx = d ? dy : 0; inference is the identity. Nothing is rescaled. At p = 1 every
/// logit is -inf.
///
/// **A row of which every key is dropped** has no softmax: of nothing but -inf it is NaN. That
/// happens to a row of k keys with probability p^k: never to a long row, but with probability p to
/// the first row of causal attention. (The paper's code subtracts 10^12 instead, which in `f32`
/// gives such a row equal weights.) Where rows can be short, either let the softmax make zeros of a
/// row whose largest logit is -inf, or draw the mask, keep each query's own key, and bring it:
///
/// ```
/// use dropout_kernels::{Dropout, Mask, MaskRng, drop_rate, mask_words};
///
/// const TOKENS: usize = 10;
/// let drop_key = Dropout::drop_key(drop_rate!(0.5));
/// let mut mask = Mask::<{ mask_words(TOKENS * TOKENS) }>::new();
/// let mut bits = mask.view_mut(TOKENS * TOKENS)?;
/// MaskRng::new(42, 0).fill(drop_key.rate(), bits.reborrow());
/// for query in 0..TOKENS {
///     bits.set(query * TOKENS + query, true);
/// }
/// let mut logits = [0.25f32; TOKENS * TOKENS];
/// drop_key.forward_array_in_place(&mut logits, &mask);
/// for row in logits.chunks(TOKENS) {
///     assert!(row.iter().any(|x| *x == 0.25));
///     assert!(row.iter().all(|x| *x == 0.25 || *x == f32::NEG_INFINITY));
/// }
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// # Whole columns: HiddenKey
///
/// HiddenKey (Wang et al. 2024, "LoRA meets Dropout under a Unified Framework", section 4), which is
/// for tuning by LoRA, drops a key for all queries of a head at once. That is `DropKey`
/// [over](Dropout::over) a layout of one bit for each (sample, head, key); it costs queries times
/// fewer draws. (Its other part, in the feed-forward layers, is plain [`Dropout`] of the hidden
/// units.) Here too a head of k keys loses all of them with probability p^k, and keeps one if you
/// bring a mask:
///
/// ```
/// use dropout_kernels::{Dropout, Layout, Mask, MaskKey, drop_rate, mask_words};
///
/// const HEADS: usize = 2 * 3; // 2 samples, 3 heads
/// const KEYS: usize = 8;
/// let columns = Layout::new(HEADS, 4, KEYS, 1)?; // 4 queries
/// let drop_key = Dropout::drop_key(drop_rate!(0.5)).over(columns);
///
/// let mut mask = Mask::<{ mask_words(HEADS * KEYS) }>::new();
/// let mut bits = mask.view_mut(HEADS * KEYS)?;
/// MaskKey::new(42, 0).fill(drop_key.rate(), bits.reborrow());
/// for head in 0..HEADS {
///     let first = head * KEYS;
///     if bits.as_ref().window(first..first + KEYS)?.count_kept() == 0 {
///         bits.set(first, true);
///     }
/// }
/// let mut logits = [0.25f32; HEADS * 4 * KEYS];
/// drop_key.forward_in_place(&mut logits, &mask)?;
/// for head in logits.chunks(4 * KEYS) {
///     assert!(head.chunks(KEYS).all(|query| query == &head[..KEYS]));
///     assert!(head.contains(&0.25));
/// }
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// # After the softmax, and whole heads
///
/// Attention dropout as most transformers have it is plain [`Dropout`] over the weights, after the
/// softmax. Rows then sum to 1 only on average, and a row that is dropped entirely is zeros:
///
/// ```
/// use dropout_kernels::{Dropout, MaskKey, drop_rate};
///
/// let attention = Dropout::new(drop_rate!(0.1));
/// // 2 samples, 3 heads, 4 queries, 4 keys: the softmax of the logits.
/// let mut weights = [0.25f32; 2 * 3 * 4 * 4];
/// attention.forward_in_place(&mut weights, MaskKey::new(42, 0))?;
/// let mut gradient = [1f32; 96]; // to the weights
/// attention.backward_in_place(&mut gradient, MaskKey::new(42, 0))?;
/// for (w, g) in weights.iter().zip(gradient) {
///     assert_eq!(*w, 0.25 * g);
/// }
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// Whole heads: [`DropHead`](crate::DropHead).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DropKey;

impl Dropout<DropKey> {
    /// `DropKey`, for attention logits.
    #[must_use]
    pub const fn drop_key(rate: DropRate) -> Self {
        Self::of(rate, DropKey)
    }
}

impl Sealed for DropKey {}

impl Rule for DropKey {
    const ZEROES: bool = false;
}

impl<T: Float> RuleFor<T> for DropKey {
    type Forward = Or<T>;
    type Backward = Same;
    type Inference = Same;

    #[inline]
    fn forward(self, _: DropRate) -> Or<T> {
        Or(T::NEG_INFINITY)
    }

    #[inline]
    fn backward(self, _: DropRate) -> Same {
        Same
    }
}
