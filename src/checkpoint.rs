//! A generator as a block of bytes that says what it is, for flash and files.

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};

use crate::error::StateError;
use crate::key::STREAM_VERSION;
use crate::rng::MaskRng;

/// The first four bytes.
const MAGIC: [u8; 4] = *b"DkRn";
/// The layout of the bytes: where everything stands, and that the last four are the check sum.
const FORMAT: u32 = 1;
/// Without a table, which would take 1 KiB of flash: a checkpoint is a few hundred bytes.
const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

impl MaskRng {
    /// Bytes of a checkpoint: 272, a multiple of the 4, 8 or 16 bytes that flash is written in at a
    /// time.
    pub const CHECKPOINT_BYTES: usize = 272;

    /// The generator as a checkpoint, to be stored where bytes can be lost, damaged, or taken for
    /// others.
    ///
    /// | bytes | what |
    /// |---|---|
    /// | 0 to 3 | `DkRn`, which says that this is such a checkpoint |
    /// | 4 to 7 | the version of this table, 1 |
    /// | 8 to 11 | the version of the mask stream, [`STREAM_VERSION`] |
    /// | 12 to 267 | the state, as [`to_bytes`](Self::to_bytes) gives it |
    /// | 268 to 271 | the CRC-32 of all bytes before it, as `zlib` computes it |
    ///
    /// Numbers are little-endian. On machines of any kind the same generator gives the same bytes.
    ///
    /// Write it where the last whole checkpoint does not stand: two places in turn, so that one is
    /// whole whenever the power fails. What is saved beside it, such as the step and the
    /// weights, needs a check sum of its own; the program `firmware/src/power.rs` of the
    /// repository does both.
    ///
    /// A program that replays its masks by [`MaskKey`](crate::MaskKey) has no generator to save.
    /// The seed and the number of the step are enough, and the next key follows from them.
    ///
    /// ```
    /// use dropout_kernels::{Mask, MaskRng, StateError, drop_rate};
    ///
    /// let mut flash = [0xFF; MaskRng::CHECKPOINT_BYTES]; // erased
    /// assert!(matches!(MaskRng::from_checkpoint(&flash), Err(StateError::NotACheckpoint { .. })));
    ///
    /// let (mut rng, mut mask) = (MaskRng::new(42, 0), Mask::<4>::new());
    /// rng.fill(drop_rate!(0.1), mask.view_mut(100)?);
    /// flash = rng.to_checkpoint();
    /// // The power fails, and comes back.
    /// let mut restored = MaskRng::from_checkpoint(&flash)?;
    ///
    /// let mut next = Mask::<4>::new();
    /// rng.fill(drop_rate!(0.1), mask.view_mut(100)?);
    /// restored.fill(drop_rate!(0.1), next.view_mut(100)?);
    /// assert_eq!(mask, next);
    ///
    /// // Had it failed in the middle of writing:
    /// flash[140..].fill(0xFF);
    /// assert!(matches!(MaskRng::from_checkpoint(&flash), Err(StateError::CheckSum { .. })));
    /// # Ok::<(), dropout_kernels::Error>(())
    /// ```
    #[must_use]
    pub fn to_checkpoint(&self) -> [u8; Self::CHECKPOINT_BYTES] {
        let mut bytes = [0; Self::CHECKPOINT_BYTES];
        if let Some((rest, sum)) = bytes.split_last_chunk_mut::<4>() {
            let (words, _) = rest.as_chunks_mut::<4>();
            let head = [MAGIC, FORMAT.to_le_bytes(), STREAM_VERSION.to_le_bytes()];
            let state = self.to_bytes();
            for (to, word) in words.iter_mut().zip(head.iter().chain(state.as_chunks::<4>().0)) {
                *to = *word;
            }
            *sum = CRC.checksum(rest).to_le_bytes();
        }
        bytes
    }

    /// The generator that [`to_checkpoint`](Self::to_checkpoint) saved; it goes on where that one
    /// stood.
    ///
    /// # Errors
    ///
    /// In this order:
    /// - [`StateError::NotACheckpoint`] if the first four bytes are others, as in erased flash and
    ///   zeroed RAM;
    /// - [`StateError::OtherFormat`] if a later version of this crate arranged the bytes in another
    ///   way;
    /// - [`StateError::WrongLength`] if there are not [`CHECKPOINT_BYTES`](Self::CHECKPOINT_BYTES);
    /// - [`StateError::CheckSum`] if they were written in part, or damaged;
    /// - [`StateError::OtherStream`] if the masks were of another version of the mask stream;
    /// - what [`from_bytes`](Self::from_bytes) refuses.
    pub fn from_checkpoint(bytes: &[u8]) -> Result<Self, StateError> {
        // The first two words come before the length, which another format may have changed.
        let (words, _) = bytes.as_chunks::<4>();
        if let Some(&given) = words.first()
            && given != MAGIC
        {
            return Err(StateError::NotACheckpoint { expected: MAGIC, given });
        }
        if let Some(&given) = words.get(1)
            && given != FORMAT.to_le_bytes()
        {
            let given = u32::from_le_bytes(given);
            return Err(StateError::OtherFormat { expected: FORMAT, given });
        }
        let (expected, given) = (Self::CHECKPOINT_BYTES, bytes.len());
        let wrong = StateError::WrongLength { expected, given };
        let bytes = <&[u8; Self::CHECKPOINT_BYTES]>::try_from(bytes).map_err(|_| wrong)?;
        // By a pattern, whose lengths the compiler checks: `split_last_chunk` brings a panic where
        // it is not inlined.
        let [_, _, _, _, _, _, _, _, v0, v1, v2, v3, state @ .., s0, s1, s2, s3] = bytes;
        let checked = bytes.get(..Self::CHECKPOINT_BYTES - 4).unwrap_or_default();
        let (expected, given) = (CRC.checksum(checked), u32::from_le_bytes([*s0, *s1, *s2, *s3]));
        if expected != given {
            return Err(StateError::CheckSum { expected, given });
        }
        let (expected, given) = (STREAM_VERSION, u32::from_le_bytes([*v0, *v1, *v2, *v3]));
        if expected != given {
            return Err(StateError::OtherStream { expected, given });
        }
        Self::from_bytes(state)
    }
}
