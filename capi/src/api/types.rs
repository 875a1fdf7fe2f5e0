//! Structs, constants and codes, as C has them.
#![allow(non_camel_case_types, reason = "C's names")]

use dropout_kernels::{
    Alpha, Classic, ConcreteDropout, DropBlock, DropConnect, DropRate, Dropout, EmbeddingNoise,
    Inverted, KeyError, Layout, MaskKey, MaskRng, Panel, RateError, ShapeError, StateError,
};

/// What a call says: `DK_OK`, or why nothing was done. After any other code nothing has been
/// written, and no generator has moved. `dk_status_name` has a sentence for each.
#[must_use]
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum dk_status {
    /// It is done.
    DK_OK = 0,
    /// A pointer is NULL.
    DK_NULL = -1,
    /// A pointer is not aligned for what it points to.
    DK_MISALIGNED = -2,
    /// What is written overlaps with elements, masks or the generator of the same call, other than x == y. Structs are
    /// read first, and not compared.
    DK_OVERLAP = -3,
    /// A rate, a dropout or a generator is used that no function has made, or whose making failed.
    DK_NOT_MADE = -4,
    /// The source has a kind that is none.
    DK_UNKNOWN_SOURCE = -5,
    /// Backward takes a key, or a mask that is in memory; this source would draw.
    DK_SOURCE_DRAWS = -6,
    /// All of the mask is needed at a time; this source has none in memory.
    DK_SOURCE_NOT_STORED = -7,
    /// The mask has to be drawn by this call; this source has one.
    DK_SOURCE_NOT_DRAWN = -8,
    /// Elements other than `int8_t` have their zero at 0, and so have the fused calls.
    DK_ZERO_POINT = -9,
    /// p is NaN, or a logit is.
    DK_NOT_A_NUMBER = -10,
    /// p is negative.
    DK_NEGATIVE = -11,
    /// p is above 1.
    DK_ABOVE_ONE = -12,
    /// A ratio over zero.
    DK_ZERO_DENOMINATOR = -13,
    /// The mask has fewer bits than are needed.
    DK_MASK_TOO_SHORT = -14,
    /// The mask has more bits than are needed.
    DK_MASK_TOO_LONG = -15,
    /// Elements are not whole rows.
    DK_NOT_WHOLE_ROWS = -16,
    /// Rows of an output would overlap, or share bits of a mask that ReLU clears.
    DK_STRIDE = -17,
    /// A shape, a range of bits or a path of streams is larger than the machine can count.
    DK_OVERFLOW = -18,
    /// A block has 1 to 3 spatial axes.
    DK_AXES = -19,
    /// A block of no extent.
    DK_EMPTY_BLOCK = -20,
    /// An index that is not below its extent.
    DK_INDEX = -21,
    /// A lane of a generator is all zeros.
    DK_ZERO_LANE = -22,
    /// Two lanes of a generator are equal.
    DK_EQUAL_LANES = -23,
    /// The first bytes are not those of a checkpoint: foreign bytes, or erased flash.
    DK_NOT_A_CHECKPOINT = -24,
    /// A checkpoint by a later version, which has its bytes elsewhere.
    DK_OTHER_FORMAT = -25,
    /// A checkpoint of another length than `DK_CHECKPOINT_BYTES`.
    DK_WRONG_LENGTH = -26,
    /// A checkpoint that was written in part, or damaged.
    DK_CHECK_SUM = -27,
    /// A generator of another version of the mask stream.
    DK_OTHER_STREAM = -28,
    /// Anything else. No function of this version says it.
    DK_REFUSED = -29,
    /// The classic rule multiplies nothing, so there is nothing to round.
    DK_CLASSIC_RULE = -30,
    /// A multiplier m that is not from 2^30 to 2^31 - 1, or a shift that is not from -62 to 62.
    DK_MULTIPLIER = -31,
    /// Noise comes from a key or from a generator alone; this source has a mask.
    DK_SOURCE_HAS_MASK = -32,
    /// p is 0, or as good as 0, where its logarithm is taken.
    DK_RATE_ZERO = -33,
    /// p is 1, or rounded to 1, where something is divided by 1 - p.
    DK_RATE_ONE = -34,
    /// A temperature that is not above 0, or so small or so large that its inverse is no normal number.
    DK_TEMPERATURE = -35,
    /// A mean that is not from -2^60 to 2^60.
    DK_MEAN = -36,
    /// A variance that is not from 2^-60 to 2^60.
    DK_VARIANCE = -37,
}
use dk_status::*;

impl From<RateError> for dk_status {
    // Where it is known which error it is, the number in it need not be made.
    #[inline(always)]
    fn from(error: RateError) -> Self {
        match error {
            RateError::NotANumber => DK_NOT_A_NUMBER,
            RateError::Negative { .. } => DK_NEGATIVE,
            RateError::AboveOne { .. }
            | RateError::RatioAboveOne { .. }
            | RateError::ThresholdAboveOne { .. } => DK_ABOVE_ONE,
            RateError::ZeroDenominator { .. } => DK_ZERO_DENOMINATOR,
            RateError::Zero { .. } => DK_RATE_ZERO,
            RateError::One => DK_RATE_ONE,
            // By its bits: comparisons of doubles are 500 bytes of code on a chip.
            RateError::Logit { given } => match given.to_bits() {
                bits if bits << 1 > f64::INFINITY.to_bits() << 1 => DK_NOT_A_NUMBER,
                bits if bits >> 63 != 0 => DK_RATE_ZERO,
                _ => DK_RATE_ONE,
            },
            RateError::Temperature { .. } => DK_TEMPERATURE,
            RateError::Mean { .. } => DK_MEAN,
            RateError::Variance { .. } => DK_VARIANCE,
            _ => DK_REFUSED,
        }
    }
}

impl From<ShapeError> for dk_status {
    fn from(error: ShapeError) -> Self {
        match error {
            ShapeError::MaskTooShort { .. } => DK_MASK_TOO_SHORT,
            ShapeError::MaskTooLong { .. } => DK_MASK_TOO_LONG,
            ShapeError::OtherElements { .. } => DK_NOT_WHOLE_ROWS,
            ShapeError::StrideTooShort { .. } => DK_STRIDE,
            ShapeError::Overflow { .. } | ShapeError::PastTheEnd { .. } => DK_OVERFLOW,
            ShapeError::SpatialAxes { .. } => DK_AXES,
            ShapeError::EmptyBlock => DK_EMPTY_BLOCK,
            _ => DK_REFUSED,
        }
    }
}

impl From<KeyError> for dk_status {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::IndexOutOfRange { .. } => DK_INDEX,
            KeyError::Overflow { .. } => DK_OVERFLOW,
            _ => DK_REFUSED,
        }
    }
}

impl From<StateError> for dk_status {
    fn from(error: StateError) -> Self {
        match error {
            StateError::ZeroLane { .. } => DK_ZERO_LANE,
            StateError::EqualLanes { .. } => DK_EQUAL_LANES,
            StateError::NotACheckpoint { .. } => DK_NOT_A_CHECKPOINT,
            StateError::OtherFormat { .. } => DK_OTHER_FORMAT,
            StateError::WrongLength { .. } => DK_WRONG_LENGTH,
            StateError::CheckSum { .. } => DK_CHECK_SUM,
            StateError::OtherStream { .. } => DK_OTHER_STREAM,
            _ => DK_REFUSED,
        }
    }
}

impl dk_status {
    pub(super) fn of(result: Result<(), Self>) -> Self {
        result.err().unwrap_or(DK_OK)
    }
}

/// The bytes of a checkpoint of a generator.
pub const DK_CHECKPOINT_BYTES: usize = 272;

/// What a rate that was made has in `made`.
pub const DK_MADE: u32 = 0x444B_0002;

/// Kept elements are scaled by 1 / (1 - p) in training, and inference is the identity.
pub const DK_INVERTED: u32 = 0;

/// Kept elements stay as they are in training, and inference scales by 1 - p. Of integers: the
/// scale of the tensor takes 1 / (1 - p), not its elements.
pub const DK_CLASSIC: u32 = 1;

/// The mask of `key`, drawn and applied, with no mask in memory.
pub const DK_SOURCE_KEY: u32 = 0;

/// The mask of `key`, drawn into `draw`, and applied.
pub const DK_SOURCE_KEY_INTO: u32 = 1;

/// The next mask of `rng`, drawn into `draw`, and applied.
pub const DK_SOURCE_RNG: u32 = 2;

/// The bits of `mask` from `first` on.
pub const DK_SOURCE_MASK: u32 = 3;

/// The name of a mask: a stream of a seed. By value; there is nothing to make.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dk_key {
    /// One for each run.
    pub seed: u64,
    /// One for each mask of it.
    pub stream: u64,
}

impl From<dk_key> for MaskKey {
    fn from(key: dk_key) -> Self {
        Self::new(key.seed, key.stream)
    }
}

impl From<MaskKey> for dk_key {
    fn from(key: MaskKey) -> Self {
        Self { seed: key.seed(), stream: key.stream() }
    }
}

/// An index of a path, and what it is below.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dk_index {
    /// From 0.
    pub index: u64,
    /// How many there are.
    pub extent: u64,
}

/// A checked drop probability, and the scale that belongs to it. Made by `dk_rate_from_f32` and
/// its like, or as a constant by `DK_RATE`; its fields are for reading.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dk_rate {
    /// p * 2^40.
    pub threshold: u64,
    /// 1 / (1 - p); 0 where p = 1.
    pub scale: f64,
    /// The same, rounded once more.
    pub scale_f32: f32,
    /// `DK_MADE`.
    pub made: u32,
}

impl From<DropRate> for dk_rate {
    fn from(rate: DropRate) -> Self {
        Self {
            threshold: rate.threshold(),
            scale: rate.scale(),
            scale_f32: rate.scale_f32(),
            made: DK_MADE,
        }
    }
}

impl dk_rate {
    pub(super) fn get(&self) -> Result<DropRate, dk_status> {
        if self.made != DK_MADE || self.threshold > 1 << 40 {
            return Err(DK_NOT_MADE);
        }
        Ok(DropRate::from_parts(self.threshold, self.scale, self.scale_f32))
    }
}

/// Dropout by a rate and a rule. Made by `dk_inverted` or `dk_classic`, or as a constant by
/// `DK_DROPOUT_INVERTED` and `DK_DROPOUT_CLASSIC`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dk_dropout {
    /// The rate.
    pub rate: dk_rate,
    /// `DK_INVERTED` or `DK_CLASSIC`.
    pub rule: u32,
    /// Of `int8_t` elements the code of zero, -128 to 127: what is dropped becomes it, and kept
    /// elements are scaled about it. 0 for all others. Set it after making: `d.zero_point = -128;`. Backward takes a
    /// dropout with the gradient's, mostly 0.
    pub zero_point: i32,
}

impl dk_dropout {
    pub(super) fn get(&self) -> Result<By, dk_status> {
        let rate = self.rate.get()?;
        match self.rule {
            DK_INVERTED => Ok(By::Inverted(Dropout::new(rate))),
            DK_CLASSIC => Ok(By::Classic(Dropout::classic(rate))),
            _ => Err(DK_NOT_MADE),
        }
    }

    /// The dropout, if its zero is 0.
    pub(super) fn plain(&self) -> Result<By, dk_status> {
        if self.zero_point == 0 { self.get() } else { Err(DK_ZERO_POINT) }
    }
}

/// A `dk_dropout`, or what is made of one, by its rule.
pub(super) enum By<I = Dropout<Inverted>, C = Dropout<Classic>> {
    Inverted(I),
    Classic(C),
}

/// Alpha dropout at a rate, for networks of SELU units. Made by `dk_alpha_new` or `dk_alpha_of`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dk_alpha {
    /// The rate.
    pub rate: dk_rate,
    /// a, what kept elements are multiplied with.
    pub scale: f64,
    /// b, what is added to them then.
    pub shift: f64,
    /// What dropped elements become.
    pub dropped: f64,
    /// The same, rounded once more.
    pub scale_f32: f32,
    /// The same, rounded once more.
    pub shift_f32: f32,
    /// The same, rounded once more.
    pub dropped_f32: f32,
    /// `DK_MADE`.
    pub made: u32,
}

impl From<Dropout<Alpha>> for dk_alpha {
    fn from(alpha: Dropout<Alpha>) -> Self {
        let rule = alpha.rule();
        let [(scale, scale_f32), (shift, shift_f32), (dropped, dropped_f32)] = rule.parts();
        let rate = alpha.rate().into();
        Self { rate, scale, shift, dropped, scale_f32, shift_f32, dropped_f32, made: DK_MADE }
    }
}

impl dk_alpha {
    pub(super) fn get(&self) -> Result<Dropout<Alpha>, dk_status> {
        let rate = self.rate.get()?;
        if self.made != DK_MADE {
            return Err(DK_NOT_MADE);
        }
        let Self { scale, shift, dropped, scale_f32, shift_f32, dropped_f32, .. } = *self;
        let parts = [(scale, scale_f32), (shift, shift_f32), (dropped, dropped_f32)];
        Ok(Dropout::<Alpha>::from_parts(rate, parts))
    }
}

/// A generator of masks, 256 bytes. Made by `dk_rng_init` or `dk_rng_load`. It is fastest where it is
/// aligned to 64 bytes, on x86; else a call copies it.
#[repr(C)]
#[derive(Clone)]
pub struct dk_rng {
    /// Its state, in the machine's order: `dk_rng_save` makes bytes that other machines read.
    pub state: [u32; 64],
}

const _: () = assert!(size_of::<MaskRng>() == size_of::<dk_rng>());

/// Which elements share a mask bit: a tensor of groups x repeat x width x run elements, the last
/// index running fastest, whose element (g, r, w, i) takes bit g * width + w. The mask has groups *
/// width bits. Filled by the caller, as by `DK_CHANNELS_FIRST`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dk_layout {
    /// Have bits of their own.
    pub groups: usize,
    /// Share them.
    pub repeat: usize,
    /// Have bits of their own.
    pub width: usize,
    /// Neighbours that share them.
    pub run: usize,
}

impl dk_layout {
    pub(super) fn get(&self) -> Result<Layout, dk_status> {
        Ok(Layout::new(self.groups, self.repeat, self.width, self.run)?)
    }
}

/// Rows of a larger matrix: rows x width elements, of which element (r, j) stands at r * stride + j
/// of x and of y, and takes bit r * `mask_stride` + j of the mask. Filled by the caller.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dk_panel {
    /// Rows.
    pub rows: usize,
    /// Elements of a row.
    pub width: usize,
    /// From a row of x to the next, in elements. In place that of y holds.
    pub x_stride: usize,
    /// From a row of y to the next, at least the width.
    pub y_stride: usize,
    /// From a row's first mask bit to the next row's; 0: all rows share the bits of one.
    pub mask_stride: usize,
}

impl dk_panel {
    pub(super) fn get(&self) -> Result<Panel, dk_status> {
        let Self { rows, width, x_stride, y_stride, mask_stride } = *self;
        let panel = Panel::new(rows, width)?.with_strides(x_stride, y_stride)?;
        Ok(panel.with_mask_stride(mask_stride)?)
    }
}

/// Blocks of maps (DropBlock; Ghiasi et al. 2018), of a batch x channels x spatial... tensor. Filled by the caller.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dk_drop_block {
    /// The probability that an element is dropped.
    pub rate: dk_rate,
    /// The extent of a block, along each axis.
    pub block: usize,
    /// Samples.
    pub batch: usize,
    /// Channels.
    pub channels: usize,
    /// Spatial axes, 1 to 3.
    pub axes: usize,
    /// Their extents, the outermost first: {l}, {h, w} or {d, h, w}.
    pub spatial: [usize; 3],
    /// 0: each channel has blocks of its own, and the mask a bit for each element. Else all
    /// channels of a sample share them, and the mask is batch x spatial...
    pub shared: u32,
    /// 0: elements are scaled by the kept bits of the batch. Else those of a sample by its own, so that a sample has the same
    /// values in a batch of any size.
    pub per_sample: u32,
}

impl dk_drop_block {
    pub(super) fn get(&self) -> Result<DropBlock, dk_status> {
        let spatial = self.spatial.get(..self.axes).ok_or(DK_AXES)?;
        let each =
            DropBlock::new(self.rate.get()?, self.block, self.batch, self.channels, spatial)?;
        let blocks = if self.shared == 0 { each } else { each.shared() };
        Ok(if self.per_sample == 0 { blocks } else { blocks.per_sample() })
    }
}

/// A layer whose weights are dropped (DropConnect; Wan et al. 2013): rows x columns weights, row after row, of which
/// weight (r, c) takes bit r * columns + c of the mask. Filled by the caller.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dk_drop_connect {
    /// The rate and the rule, with the zero point 0.
    pub dropout: dk_dropout,
    /// Outputs of the layer.
    pub rows: usize,
    /// Inputs of the layer.
    pub columns: usize,
}

impl dk_drop_connect {
    pub(super) fn get(&self) -> Result<By<DropConnect<Inverted>, DropConnect<Classic>>, dk_status> {
        let Self { rows, columns, .. } = *self;
        Ok(match self.dropout.plain()? {
            By::Inverted(d) => By::Inverted(DropConnect::new(d.rate(), rows, columns)?),
            By::Classic(d) => By::Classic(DropConnect::classic(d.rate(), rows, columns)?),
        })
    }
}

/// The noise of NEFTune (Jain et al. 2024), on the embeddings of sequences of one length. Filled by the caller.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dk_embedding_noise {
    /// Its strength: 5, 10 or 15 in the paper.
    pub alpha: f32,
    /// Tokens of a sequence.
    pub length: usize,
    /// Elements of an embedding.
    pub dimension: usize,
}

impl dk_embedding_noise {
    pub(super) fn get(&self) -> Result<EmbeddingNoise, dk_status> {
        Ok(EmbeddingNoise::new(self.alpha, self.length, self.dimension)?)
    }
}

macro_rules! concrete {
    ($(#[$doc:meta])* $layer:ident, $(#[$of_penalty:meta])* $penalty:ident, $f:ty) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug)]
        pub struct $layer {
            /// l = ln p - ln(1 - p), which is what is trained.
            pub logit: $f,
            /// t: the lower it is, the nearer are the gates to 0 and 1. 0.1 in the paper's code.
            pub temperature: $f,
        }

        impl $layer {
            pub(super) fn get(&self) -> Result<ConcreteDropout<$f>, dk_status> {
                Ok(ConcreteDropout::from_logit(self.logit, self.temperature)?)
            }

            pub(super) fn new(p: $f, temperature: $f) -> Result<Self, dk_status> {
                let logit = ConcreteDropout::new(p, temperature)?.logit();
                Ok(Self { logit, temperature })
            }
        }

        $(#[$of_penalty])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug)]
        pub struct $penalty {
            /// w |W|^2 / (1 - p) + e K (p ln p + (1 - p) ln(1 - p)).
            pub value: $f,
            /// Its gradient to the logit.
            pub to_logit: $f,
            /// 2 w / (1 - p): its gradient to a weight is this number times the weight.
            pub to_weights: $f,
        }

        impl From<dropout_kernels::ConcretePenalty<$f>> for $penalty {
            fn from(penalty: dropout_kernels::ConcretePenalty<$f>) -> Self {
                let dropout_kernels::ConcretePenalty { value, to_logit, to_weights, .. } = penalty;
                Self { value, to_logit, to_weights }
            }
        }
    };
}
concrete! {
    /// A layer of Concrete dropout (Gal et al. 2017), whose rate is learned. Made by `dk_concrete_new_f32`, or filled by
    /// the caller; a step of the optimiser writes `logit`. Calls compute what else they need of it: some 100 operations.
    dk_concrete_f32,
    /// What a layer of Concrete dropout adds to the loss, and its gradients.
    dk_penalty_f32, f32
}
concrete! {
    /// As `dk_concrete_f32`, of double.
    dk_concrete_f64,
    /// As `dk_penalty_f32`, of double.
    dk_penalty_f64, f64
}

/// Where a mask comes from. Made by `dk_source_key` and its like, which are inline functions.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dk_source {
    /// `DK_SOURCE_KEY` and its like.
    pub kind: u32,
    /// Bits of the mask: as many as the call needs. A key without a mask has none.
    pub bits: usize,
    /// The first of them in `mask`.
    pub first: usize,
    /// Read: `DK_MASK_WORDS(first + bits)` words.
    pub mask: *const u32,
    /// Drawn into: `DK_MASK_WORDS(bits)` words.
    pub draw: *mut u32,
    /// What is drawn from.
    pub rng: *mut dk_rng,
    /// What is drawn from.
    pub key: dk_key,
}
