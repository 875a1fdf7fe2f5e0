//! What can be wrong with an input. Every error says what was expected and what came.

use core::error;
use core::fmt;
use core::mem;

/// What was given as a drop rate is not a probability; or another number that a variant is made of
/// is not one that it can take.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RateError {
    /// The rate is NaN.
    NotANumber,
    /// The rate is below zero (`-0.0` is zero, and fine).
    Negative {
        /// The rate that was given.
        given: f64,
    },
    /// The rate is above one.
    AboveOne {
        /// The rate that was given.
        given: f64,
    },
    /// A ratio whose numerator is above its denominator.
    RatioAboveOne {
        /// The numerator that was given.
        numerator: u32,
        /// The denominator that was given.
        denominator: u32,
    },
    /// A ratio over zero.
    ZeroDenominator {
        /// The numerator that was given.
        numerator: u32,
    },
    /// A drop threshold above 2^40.
    ThresholdAboveOne {
        /// The threshold that was given.
        given: u64,
    },
    /// The rate is one, where something is divided by the probability to keep.
    One,
    /// The rate is zero, or as good as zero, where its logarithm is taken.
    Zero {
        /// The rate that was given.
        given: f64,
    },
    /// A logit that is NaN, or whose rate is rounded to one, or is as good as zero.
    Logit {
        /// The logit that was given.
        given: f64,
    },
    /// A temperature that is not above 0, or so small or so large that its inverse is no normal number.
    Temperature {
        /// The temperature that was given.
        given: f64,
    },
    /// A mean of inputs that is not from -2^60 to 2^60.
    Mean {
        /// The mean that was given.
        given: f64,
    },
    /// A variance of inputs that is not from 2^-60 to 2^60.
    Variance {
        /// The variance that was given.
        given: f64,
    },
}

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "expected a drop rate below 1, got ",
            Self::Zero { .. } => "expected a drop rate above 0, got ",
            Self::Logit { .. } => "expected a finite logit of a drop rate between 0 and 1, got ",
            Self::Temperature { .. } => "expected a finite temperature above 0, got ",
            Self::Mean { .. } => "expected a mean from -2^60 to 2^60, got ",
            Self::Variance { .. } => "expected a variance from 2^-60 to 2^60, got ",
            _ => "expected a drop rate from 0 to 1, got ",
        })?;
        match *self {
            Self::One => f.write_str("1"),
            Self::NotANumber => f.write_str("NaN"),
            Self::Negative { given }
            | Self::AboveOne { given }
            | Self::Zero { given }
            | Self::Logit { given }
            | Self::Temperature { given }
            | Self::Mean { given }
            | Self::Variance { given } => write_float(f, given),
            Self::RatioAboveOne { numerator, denominator } => {
                write!(f, "{numerator}/{denominator}")
            }
            Self::ZeroDenominator { numerator } => write!(f, "{numerator}/0"),
            Self::ThresholdAboveOne { given } => write!(f, "threshold {given:#x} of 2^40"),
        }
    }
}

/// As Display, so that `unwrap` on a chip formats no float either.
impl fmt::Debug for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl RateError {
    /// The bits of its numbers.
    fn bits(self) -> u64 {
        match self {
            Self::NotANumber | Self::One => 0,
            Self::Negative { given }
            | Self::AboveOne { given }
            | Self::Zero { given }
            | Self::Logit { given }
            | Self::Temperature { given }
            | Self::Mean { given }
            | Self::Variance { given } => given.to_bits(),
            Self::RatioAboveOne { numerator, denominator } => {
                u64::from(numerator) << 32 | u64::from(denominator)
            }
            Self::ZeroDenominator { numerator } => numerator.into(),
            Self::ThresholdAboveOne { given } => given,
        }
    }
}

/// By the bits of its numbers: a chip compares no floats for it.
impl PartialEq for RateError {
    fn eq(&self, other: &Self) -> bool {
        mem::discriminant(self) == mem::discriminant(other) && self.bits() == other.bits()
    }
}

impl Eq for RateError {}

/// Six decimals and the bits, by integers: core's own formatting of floats takes kilobytes of flash
/// and has panics that only its authors can rule out.
fn write_float(f: &mut fmt::Formatter<'_>, x: f64) -> fmt::Result {
    let magnitude = x.to_bits() & !(1 << 63);
    if magnitude > f64::INFINITY.to_bits() {
        return f.write_str("NaN");
    }
    // |x| = mantissa / 2^shift, as a normal number; a subnormal one is 0 to six decimals as well.
    let (exponent, mantissa) = (magnitude >> 52, (magnitude & ((1 << 52) - 1)) | (1 << 52));
    let shift = 1075u64.saturating_sub(exponent) as u32;
    let whole = if shift == 0 { u64::MAX } else { mantissa.checked_shr(shift).unwrap_or(0) };
    // 32 bits past the point.
    let fraction = if shift < 32 {
        (mantissa << (32 - shift)) as u32
    } else {
        mantissa.checked_shr(shift - 32).unwrap_or(0) as u32
    };
    let millionths = ((u64::from(fraction) * 1_000_000) >> 32) as u32;
    let sign = if x.to_bits() > magnitude { "-" } else { "" };
    let (whole, millionths, more) = match u32::try_from(whole) {
        Ok(whole) if whole < u32::MAX => (whole, millionths, ""),
        _ => (u32::MAX, 0, " or more"),
    };
    write!(f, "{sign}{whole}.{millionths:06}{more} ({:#018x})", x.to_bits())
}

/// Lengths that do not fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ShapeError {
    /// The mask has fewer bits than what it is to fit: a slice, or another mask.
    MaskTooShort {
        /// Elements to fit.
        expected: usize,
        /// Bits of the mask.
        given: usize,
    },
    /// The mask has more bits than what it is to fit: a slice, or another mask.
    MaskTooLong {
        /// Elements to fit.
        expected: usize,
        /// Bits of the mask.
        given: usize,
    },
    /// An input and the output differ in length.
    LengthMismatch {
        /// Elements of the input, or of the residual.
        expected: usize,
        /// Elements of the output.
        given: usize,
    },
    /// A slice that does not have the elements of its [`Layout`](crate::Layout), of its shape, or
    /// of the slice before it.
    OtherElements {
        /// Elements of the layout, the panel or the bias.
        expected: usize,
        /// Elements of the slice.
        given: usize,
    },
    /// A slice that ends before the last element of its [`Panel`](crate::Panel).
    TooFewElements {
        /// Elements from the panel's first to its last.
        expected: usize,
        /// Elements of the slice.
        given: usize,
    },
    /// A stride below the width of a row: rows would overlap, or share bits of a mask.
    StrideTooShort {
        /// The least stride: the elements of a row, their bits in a mask, or the bytes of these.
        expected: usize,
        /// The stride that was given.
        given: usize,
    },
    /// A stride above the width of a row, where rows have to stand together.
    StrideTooLong {
        /// Elements of a row.
        expected: usize,
        /// The stride that was given.
        given: usize,
    },
    /// A range that ends after the last bit of a mask, or begins after its own end.
    PastTheEnd {
        /// Bits of the mask, or the range's end.
        expected: usize,
        /// Where the range ends, or begins.
        given: usize,
    },
    /// A mask that is to be split at another place than a multiple of 32.
    NotWholeWords {
        /// The place.
        given: usize,
    },
    /// A shape of other than one to three spatial axes.
    SpatialAxes {
        /// Axes that were given.
        given: usize,
    },
    /// A block of no extent.
    EmptyBlock,
    /// An index that is no row of the table.
    OutsideVocabulary {
        /// Where it stands among the indices.
        at: usize,
        /// Rows of the table.
        expected: usize,
        /// The index.
        given: usize,
    },
    /// A shape of more elements, or mask bits, than can be counted; or rows of which the last ends
    /// past what a `usize` counts, as in a [`Panel`](crate::Panel) by one of its strides.
    Overflow {
        /// Elements so far; or rows.
        elements: usize,
        /// The extent that they cannot be multiplied with; or the width or a stride of the rows.
        extent: usize,
    },
    /// More stochastic passes than a `u32` counts.
    TooManyPasses {
        /// Passes so far.
        counted: u32,
        /// The passes that cannot be added to them.
        more: u32,
    },
    /// Fewer `u32` words than a mask of this many bits needs.
    TooFewWords {
        /// Words needed.
        expected: usize,
        /// Words given.
        given: usize,
    },
    /// More `u32` words than a mask of this many bits has.
    TooManyWords {
        /// Words needed.
        expected: usize,
        /// Words given.
        given: usize,
    },
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MaskTooShort { expected, given } => {
                write!(f, "mask too short: expected {expected} bits, got {given}")
            }
            Self::MaskTooLong { expected, given } => {
                write!(f, "mask too long: expected {expected} bits, got {given}")
            }
            Self::LengthMismatch { expected, given } => {
                write!(
                    f,
                    "lengths differ: expected an output of {expected} elements, as an input has, got {given}"
                )
            }
            Self::OtherElements { expected, given } => {
                write!(f, "expected {expected} elements, got {given}")
            }
            Self::TooFewElements { expected, given } => {
                write!(f, "expected at least {expected} elements, got {given}")
            }
            Self::StrideTooShort { expected, given } => {
                write!(f, "expected a stride of at least {expected}, got {given}")
            }
            Self::StrideTooLong { expected, given } => {
                write!(f, "expected rows without gaps, a stride of {expected}, got {given}")
            }
            Self::PastTheEnd { expected, given } => {
                write!(
                    f,
                    "expected a range within {expected} bits, got one that reaches bit {given}"
                )
            }
            Self::NotWholeWords { given } => {
                write!(f, "expected a multiple of 32 to split a mask at, got {given}")
            }
            Self::SpatialAxes { given } => {
                write!(f, "expected 1 to 3 spatial axes, got {given}")
            }
            Self::EmptyBlock => f.write_str("expected blocks of extent 1 or more, got 0"),
            Self::OutsideVocabulary { at, expected, given } => {
                write!(f, "expected indices below {expected}, the rows, got {given} at {at}")
            }
            Self::Overflow { elements, extent } => {
                write!(
                    f,
                    "expected elements (or rows * stride) that can be counted, got {elements} * {extent}"
                )
            }
            Self::TooManyPasses { counted, more } => {
                write!(f, "expected at most {} passes, got {counted} + {more}", u32::MAX)
            }
            Self::TooFewWords { expected, given } => {
                write!(f, "too few mask words: expected {expected}, got {given}")
            }
            Self::TooManyWords { expected, given } => {
                write!(f, "too many mask words: expected {expected}, got {given}")
            }
        }
    }
}

/// Refuses another number of elements.
pub(crate) const fn check_elements(expected: usize, given: usize) -> Result<(), ShapeError> {
    if expected == given { Ok(()) } else { Err(ShapeError::OtherElements { expected, given }) }
}

/// Bytes that are not a generator, or not a checkpoint of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StateError {
    /// All 16 bytes of a lane are zero: xoshiro would give zeros for ever.
    ZeroLane {
        /// The lane, 0 to 15.
        lane: usize,
    },
    /// Two lanes are equal: they would give the same words for ever.
    /// [`from_bytes`](crate::MaskRng::from_bytes) says so of erased flash.
    EqualLanes {
        /// The first of the two, 0 to 14.
        first: usize,
        /// The second, up to 15.
        second: usize,
    },
    /// The first bytes are not those of a checkpoint: foreign bytes, or erased flash, as
    /// [`from_checkpoint`](crate::MaskRng::from_checkpoint) has it.
    NotACheckpoint {
        /// The first bytes of a checkpoint.
        expected: [u8; 4],
        /// The first bytes that were given.
        given: [u8; 4],
    },
    /// A checkpoint whose bytes a later version of this crate arranged in another way.
    OtherFormat {
        /// The format that this version of the crate reads.
        expected: u32,
        /// The format of the checkpoint.
        given: u32,
    },
    /// A checkpoint of another length: cut off, or with other bytes after it.
    WrongLength {
        /// Bytes of a checkpoint.
        expected: usize,
        /// Bytes that were given.
        given: usize,
    },
    /// A checkpoint that was written in part, or damaged.
    CheckSum {
        /// The check sum of the bytes that were given.
        expected: u32,
        /// The check sum that stands behind them.
        given: u32,
    },
    /// A generator of an older or newer mask stream: it would go on with other masks than it drew
    /// before.
    OtherStream {
        /// The version of the mask stream that this version of the crate draws.
        expected: u32,
        /// The version that the generator drew.
        given: u32,
    },
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ZeroLane { lane } => {
                write!(
                    f,
                    "expected a state other than zero in each of 16 lanes, lane {lane} is zero"
                )
            }
            Self::EqualLanes { first, second } => {
                write!(f, "expected 16 lanes that differ, lanes {first} and {second} are equal")
            }
            Self::NotACheckpoint { expected, given } => {
                let [expected, given] = [expected, given].map(u32::from_be_bytes);
                write!(
                    f,
                    "not a checkpoint: expected the first bytes {expected:08x}, got {given:08x}"
                )
            }
            Self::OtherFormat { expected, given } => {
                write!(f, "expected a checkpoint of format {expected}, got format {given}")
            }
            Self::WrongLength { expected, given } => {
                write!(f, "expected the {expected} bytes of a checkpoint, got {given}")
            }
            Self::CheckSum { expected, given } => {
                write!(
                    f,
                    "checkpoint written in part or damaged: expected the check sum {expected:08x}, got {given:08x}"
                )
            }
            Self::OtherStream { expected, given } => {
                write!(f, "expected a generator of mask stream version {expected}, got {given}")
            }
        }
    }
}

/// A path that names no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeyError {
    /// An index that is not below its extent.
    IndexOutOfRange {
        /// Where it stands in the path, from 0.
        at: usize,
        /// The index that was given.
        index: u64,
        /// The extent that it is to be below.
        extent: u64,
    },
    /// Extents whose product is above 2^64, the streams of a seed.
    Overflow {
        /// Where in the path the product becomes too large.
        at: usize,
        /// The last stream of the path up to there.
        last: u64,
        /// The extent that its streams cannot be multiplied with.
        extent: u64,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::IndexOutOfRange { at, index, extent: 0 } => {
                write!(
                    f,
                    "expected an extent above 0 at {at} of the path, got index {index:#x} of 0"
                )
            }
            Self::IndexOutOfRange { at, index, extent } => {
                write!(f, "expected an index below {extent:#x} at {at} of the path, got {index:#x}")
            }
            Self::Overflow { at, last, extent } => {
                write!(
                    f,
                    "expected a path of at most 2^64 streams, got ({last:#x} + 1) * {extent:#x} at {at}"
                )
            }
        }
    }
}

/// A tape that cannot give or take the mask asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TapeError {
    /// No room for this mask.
    Full {
        /// Words that the mask needs.
        expected: usize,
        /// Words that are free.
        given: usize,
    },
    /// A mask was asked for and none is left.
    Empty {
        /// The layer whose mask was asked for.
        layer: u32,
        /// Bits of it.
        expected: usize,
    },
    /// The mask on top is another layer's: layers are run backward in another order than forward.
    OtherLayer {
        /// The layer whose mask was asked for.
        expected: u32,
        /// The layer of the mask on top.
        given: u32,
    },
    /// No mask on the tape is of the layer that was asked for.
    NoSuchLayer {
        /// The layer.
        expected: u32,
    },
    /// The layer's mask is of another length; of several, the last one's.
    OtherLength {
        /// The layer.
        layer: u32,
        /// Bits of the mask that was asked for.
        expected: usize,
        /// Bits of its mask.
        given: usize,
    },
}

impl fmt::Display for TapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Full { expected, given } => {
                write!(f, "tape full: expected room for {expected} words, {given} are free")
            }
            Self::Empty { layer, expected } => {
                write!(
                    f,
                    "tape empty: expected layer {layer}'s mask of {expected} bits, got 0 masks"
                )
            }
            Self::OtherLayer { expected, given } => {
                write!(
                    f,
                    "expected the mask of layer {expected} on top of the tape, got layer {given}'s"
                )
            }
            Self::NoSuchLayer { expected } => {
                write!(f, "expected a mask of layer {expected} on the tape, got none")
            }
            Self::OtherLength { layer, expected, given } => {
                write!(
                    f,
                    "expected layer {layer}'s mask to have {expected} bits, got one of {given}"
                )
            }
        }
    }
}

/// Any error of this crate, so that one `?` serves a whole training step.
///
/// With feature `defmt`, a log from a chip shows each error by its name and its numbers, as in
/// `Shape(TooFewWords { expected: 4, given: 3 })`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// See [`RateError`].
    Rate(RateError),
    /// See [`KeyError`].
    Key(KeyError),
    /// See [`ShapeError`].
    Shape(ShapeError),
    /// See [`StateError`].
    State(StateError),
    /// See [`TapeError`].
    Tape(TapeError),
}

macro_rules! kinds {
    ($($kind:ident($error:ident)),*) => {
        impl fmt::Display for Error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$kind(e) => e.fmt(f),)*
                }
            }
        }

        impl error::Error for Error {}

        $(
            impl error::Error for $error {}

            impl From<$error> for Error {
                fn from(error: $error) -> Self {
                    Self::$kind(error)
                }
            }
        )*
    };
}
kinds!(Rate(RateError), Key(KeyError), Shape(ShapeError), State(StateError), Tape(TapeError));
