//! NEFTune: noise on the embeddings of a language model that is tuned to instructions.

use crate::error::ShapeError;
use crate::exact::root_of_ratio;
use crate::isa::{Available, Backend, CompiledUniform, Float};
use crate::kernel::op::InPlace;
use crate::kernel::uniform::Shake;
use crate::layout::product;
use crate::plan::same_length;
use crate::source::RandomSource;

/// The noise of NEFTune (Jain et al. 2024, "NEFTune: Noisy Embeddings Improve Instruction
/// Finetuning", algorithm 1): a uniform number is added to every element of the embeddings.
///
/// With L tokens in a sequence, d elements in an embedding, and a fresh u for every element, uniform
/// between -1 and 1:
///
/// | forward | backward | inference |
/// |---|---|---|
/// | y = x + a / sqrt(L d) * u | dx = dy | y = x |
///
/// So the noise of a sequence has a length of about a / sqrt(3), whatever L and d are. The paper
/// takes a = 5, 10 or 15. There is nothing to call in backward or at inference, and nothing to
/// store. A key makes the same noise again.
///
/// A slice holds one sequence or several of the same length. Where sequences have lengths of their
/// own, call it for each, with a key for each.
///
/// # Precision
///
/// Element i takes the next output of lane i % 16 of the generator. Of its upper 24 bits, h, a
/// signed integer, comes u = (h + 1/2) / 2^23, exactly: never 0, 1 or -1. a / sqrt(L d) is an `f32`,
/// the product of a and of the root, which was rounded once. The product with u and the sum are
/// each rounded to the type that is computed in. Results have the same bits on every machine. Calls
/// can be split at multiples of 16 elements.
///
/// # Cost
///
/// One pass: a step of the generator and four operations for each element, in vectors where there
/// are any.
///
/// ```
/// use dropout_kernels::{EmbeddingNoise, MaskKey};
///
/// // Two sequences of 16 tokens, of 64 elements each: at most 5 / sqrt(16 * 64) is added.
/// let noise = EmbeddingNoise::new(5.0, 16, 64)?;
/// assert_eq!(noise.size(), 0.15625);
/// let (x, mut y) = ([1f32; 2 * 16 * 64], [0f32; 2 * 16 * 64]);
/// noise.forward(&x, &mut y, MaskKey::new(42, 0))?;
/// assert!(y.iter().all(|y| (y - 1.0).abs() < 0.15625));
///
/// let mut again = x;
/// noise.forward_in_place(&mut again, MaskKey::new(42, 0));
/// assert_eq!(y, again);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmbeddingNoise {
    shake: Shake,
    /// `None` asks the machine at each call.
    backend: Option<Available>,
}

impl EmbeddingNoise {
    /// Noise of strength `alpha` for sequences of `length` tokens of `dimension` elements. Without
    /// tokens or elements there is none. An `alpha` that is infinite or NaN makes such elements.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Overflow`] if a sequence has more than 2^40 elements, or more than a `usize`
    /// counts.
    pub const fn new(alpha: f32, length: usize, dimension: usize) -> Result<Self, ShapeError> {
        let size = match product(&[length, dimension]) {
            Ok(0) => 0.0,
            Ok(elements) if elements as u64 <= 1 << 40 => root_of_ratio(1, elements as u64) * alpha,
            Ok(_) => return Err(ShapeError::Overflow { elements: length, extent: dimension }),
            Err(overflow) => return Err(overflow),
        };
        Ok(Self { shake: Shake(size), backend: None })
    }

    /// The same run by a given backend, for tests and benchmarks: the results are the same. A
    /// backend that this machine does not have is taken for [`Backend::Portable`].
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { backend: Some(Available::or_portable(backend)), ..self }
    }

    /// a / sqrt(L d).
    #[must_use]
    pub const fn size(self) -> f32 {
        self.shake.0
    }

    /// `y = x + a / sqrt(L d) * u`, with u from a generator or by a key.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] if `y` has another length than `x`. Then nothing is written and no generator
    /// has moved.
    pub fn forward<T: Float>(
        &self,
        x: &[T],
        y: &mut [T],
        source: impl RandomSource,
    ) -> Result<(), ShapeError> {
        same_length(x, y)?;
        self.run(x, y, source);
        Ok(())
    }

    /// [`forward`](Self::forward) in place, which always succeeds.
    pub fn forward_in_place<T: Float>(&self, x: &mut [T], source: impl RandomSource) {
        self.run(InPlace, x, source);
    }

    fn run<T: CompiledUniform<Shake, X>, X>(&self, x: X, y: &mut [T], source: impl RandomSource) {
        let backend = self.backend.unwrap_or_else(Available::detect);
        let mut shake = self.shake;
        source.with_lanes(backend, y.len(), |lanes| T::uniform(&mut shake, backend, lanes, x, y));
    }
}
