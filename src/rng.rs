//! The generator of masks.

use core::fmt;

use rand_core::SeedableRng;

use crate::error::StateError;
use crate::key::MaskKey;
use crate::lanes::{LANES, Lanes, initial};

/// Sixteen xoshiro128++ generators that draw masks: the mask stream, version 2.
///
/// `(seed, stream)`, or a [`MaskKey`] that holds both, names everything that follows, on every
/// machine. So a stream can name a step and a layer, or a shard of the data: any mask can be drawn
/// again alone, in any order, by a key in [`forward`](crate::Dropout::forward) too. [`MaskKey`]
/// says how to number streams.
///
/// 256 bytes, 64 words of which any are valid. Not a cryptographic generator.
///
/// ```
/// use dropout_kernels::{Mask, MaskRng, drop_rate};
///
/// let mut rng = MaskRng::new(42, 0);
/// let mut mask = Mask::<4>::new();
/// rng.fill(drop_rate!(0.1), mask.view_mut(100)?);
/// assert_eq!(mask.words(), &[0xfeffafbf, 0x7fffb7ff, 0xffffffff, 0x0000000f]);
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// # In firmware
///
/// It is made in a constant as well as at run time, so a `static` needs no code that runs before
/// `main`, no heap and no `unsafe`. One generator for the main loop and its interrupts stands in a
/// lock, here that of the `critical-section` crate, which holds interrupts off. (A program has to
/// bring an implementation of it: on one core of Arm, feature `critical-section-single-core` of the
/// `cortex-m` crate.) No panic can be reached from `draw`, as from the library: `borrow_ref_mut`
/// would bring one.
///
/// ```
/// use core::cell::RefCell;
/// use critical_section::Mutex;
/// use dropout_kernels::{DropRate, Mask, MaskMut, MaskRng, drop_rate};
///
/// static RNG: Mutex<RefCell<MaskRng>> = Mutex::new(RefCell::new(MaskRng::new(42, 0)));
///
/// /// Draws the next mask of the stream, from anywhere, to be applied by forward. Returns
/// /// whether it did; it always does, as nothing that `fill` calls borrows the generator again.
/// pub fn draw(rate: DropRate, mask: MaskMut<'_>) -> bool {
///     critical_section::with(|lock| {
///         let rng = RNG.borrow(lock).try_borrow_mut();
///         rng.map(|mut rng| rng.fill(rate, mask)).is_ok()
///     })
/// }
///
/// let rate = drop_rate!(0.1);
/// let (mut first, mut second) = (Mask::<2>::new(), Mask::<2>::new());
/// assert!(draw(rate, first.view_mut(64)?));
/// let view = second.view_mut(64)?;
/// let other = std::thread::scope(|scope| scope.spawn(|| draw(rate, view)).join());
/// assert!(matches!(other, Ok(true)));
///
/// let mut alone = MaskRng::new(42, 0);
/// for drawn in [first, second] {
///     let mut mask = Mask::new();
///     alone.fill(rate, mask.view_mut(64)?);
///     assert_eq!(drawn, mask);
/// }
/// # Ok::<(), dropout_kernels::ShapeError>(())
/// ```
///
/// Interrupts wait for one `fill`; a long mask that is drawn 512 elements at a time, a lock each,
/// lets them in between. They do not wait at all if each context has a stream of its own: a
/// generator each, or a [`MaskKey`], which needs no static.
#[derive(Clone, PartialEq, Eq)]
#[repr(transparent)]
pub struct MaskRng {
    pub(crate) lanes: Lanes,
}

impl MaskRng {
    // In firmware these are inlined, so that a generator is seeded where it stays: a copy of it
    // costs as much as seeding a quarter of it.
    /// The generator at the start of a stream: [`from_key`](Self::from_key) of `MaskKey::new(seed,
    /// stream)`.
    #[cfg_attr(target_os = "none", inline(always))]
    #[must_use]
    pub const fn new(seed: u64, stream: u64) -> Self {
        Self::from_key(MaskKey::new(seed, stream))
    }

    /// The generator at the start of a key's stream. Costs three 64-bit mixes and 64 of 32 bits.
    #[cfg_attr(target_os = "none", inline(always))]
    #[must_use]
    pub const fn from_key(key: MaskKey) -> Self {
        let mut new = Self { lanes: Lanes::EMPTY };
        new.lanes.seed_by_key(key, LANES);
        new
    }

    /// The state alone: for each lane s0 to s3, little-endian, which is the seed that
    /// `rand_xoshiro::Xoshiro128PlusPlus` takes. For storage,
    /// [`to_checkpoint`](Self::to_checkpoint) adds what tells a state that was saved whole from
    /// other bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 256] {
        let [s0, s1, s2, s3] = &self.lanes.0;
        let mut bytes = [0; 256];
        let (states, _) = bytes.as_chunks_mut::<4>().0.as_chunks_mut::<4>();
        for ((((state, s0), s1), s2), s3) in states.iter_mut().zip(s0).zip(s1).zip(s2).zip(s3) {
            *state = [s0, s1, s2, s3].map(|word| word.to_le_bytes());
        }
        bytes
    }

    /// The generator that [`to_bytes`](Self::to_bytes) saved; it goes on where that one stood.
    ///
    /// # Errors
    ///
    /// [`StateError`] for states that no generator is in, such as bytes that are all the same:
    /// erased flash, zeroed RAM. A state that was written in part is another state and passes:
    /// [`from_checkpoint`](Self::from_checkpoint) tells.
    /// - [`StateError::ZeroLane`] if a lane is all zeros: it would stay so for ever.
    /// - [`StateError::EqualLanes`] if two lanes are equal: they would give the same words for
    ///   ever. Every key starts all its lanes apart, on one cycle of 2^128 - 1 states. One can only
    ///   meet another if it has drawn more often by exactly the distance between them. The
    ///   probability that a genuine state is refused for that is 120 pairs / 2^128, about 2^-121.
    pub fn from_bytes(bytes: &[u8; 256]) -> Result<Self, StateError> {
        let (states, _) = bytes.as_chunks::<4>().0.as_chunks::<4>();
        let mut lanes = Lanes::EMPTY;
        let [s0, s1, s2, s3] = &mut lanes.0;
        let rows = states.iter().zip(s0).zip(s1).zip(s2).zip(s3);
        for (lane, ((((state, s0), s1), s2), s3)) in rows.enumerate() {
            let words = state.map(u32::from_le_bytes);
            if words == [0; 4] {
                return Err(StateError::ZeroLane { lane });
            }
            if let Some(first) = states.iter().take(lane).position(|earlier| earlier == state) {
                return Err(StateError::EqualLanes { first, second: lane });
            }
            [*s0, *s1, *s2, *s3] = words;
        }
        Ok(Self { lanes })
    }
}

/// The first mask that the generator draws is the key's.
impl From<MaskKey> for MaskRng {
    fn from(key: MaskKey) -> Self {
        Self::from_key(key)
    }
}

impl MaskKey {
    /// The seed of lane `lane` of the stream, as `rand_xoshiro`'s `Xoshiro128PlusPlus` takes it.
    /// Lanes 0 to 15 draw the masks, which an audit can follow by it. Lanes from 16 on, below
    /// 2^30, draw no mask (from there they begin again): they are for other random numbers that
    /// go with the same key, such as initial weights, augmentation or noise.
    ///
    /// A seed and not the generator: `from_seed` of that crate checks lengths by assertions, so
    /// that a linker finds a panic behind it where the compiler does not inline it all.
    ///
    /// ```
    /// use dropout_kernels::MaskKey;
    /// use rand_xoshiro::{Xoshiro128PlusPlus, rand_core::{Rng, SeedableRng}};
    ///
    /// let mut other = Xoshiro128PlusPlus::from_seed(MaskKey::new(42, 0).lane_seed(16));
    /// let shift = other.next_u32() % 8;
    /// # assert!(shift < 8);
    /// ```
    #[must_use]
    pub fn lane_seed(self, lane: u32) -> [u8; 16] {
        let mut seed = [0; 16];
        for (bytes, word) in seed.as_chunks_mut().0.iter_mut().zip(initial(self.words(), lane)) {
            *bytes = word.to_le_bytes();
        }
        seed
    }
}

/// A seed is `seed` and `stream`, each as eight little-endian bytes. `seed_from_u64` is stream 0.
impl SeedableRng for MaskRng {
    type Seed = [u8; 16];

    fn from_seed(seed: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, stream @ ..] = seed;
        Self::new(u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(stream))
    }

    fn seed_from_u64(seed: u64) -> Self {
        Self::new(seed, 0)
    }
}

/// Hides the state, as generators do.
impl fmt::Debug for MaskRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskRng").finish_non_exhaustive()
    }
}
