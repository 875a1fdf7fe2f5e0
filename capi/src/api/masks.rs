//! Rates, keys, generators and masks.

use core::ffi::{CStr, c_char};

use dropout_kernels::{Backend, DropRate, MaskKey, MaskRef, MaskRng, STREAM_VERSION, mask_words};

use super::given::{Bytes, Lent, Source, apart, copy, one, slice, store, write};
use super::types::dk_status::{self, *};
use super::types::{
    DK_CHECKPOINT_BYTES, DK_CLASSIC, DK_INVERTED, dk_dropout, dk_index, dk_key, dk_rate, dk_rng,
    dk_source,
};

/// A sentence for a status, in English; also for numbers that are none.
#[unsafe(no_mangle)]
pub extern "C" fn dk_status_name(status: i32) -> *const c_char {
    const NAMES: [&CStr; 38] = [
        c"done",
        c"a pointer is NULL",
        c"a pointer is not aligned",
        c"what is written overlaps with something else",
        c"a rate, a dropout or a generator that no function has made",
        c"a source of an unknown kind",
        c"expected a key or a mask in memory, got a source that draws",
        c"expected a mask in memory, got a source without one",
        c"expected a source that draws into a mask",
        c"expected the zero point 0",
        c"expected a drop rate from 0 to 1, or a finite logit, got NaN",
        c"expected a drop rate from 0 to 1, got a negative number",
        c"expected a drop rate from 0 to 1, got a number above 1",
        c"expected a drop rate from 0 to 1, got a ratio over 0",
        c"the mask has too few bits",
        c"the mask has too many bits",
        c"elements are not whole rows",
        c"rows of the output, or of its mask, would overlap",
        c"a shape, a range or a path is too large",
        c"expected 1 to 3 spatial axes",
        c"expected blocks of extent 1 or more",
        c"an index is not below its extent",
        c"a lane of the generator is zero",
        c"two lanes of the generator are equal",
        c"not a checkpoint",
        c"a checkpoint of another format",
        c"a checkpoint of another length",
        c"a checkpoint that was written in part, or damaged",
        c"a generator of another version of the mask stream",
        c"refused",
        c"the classic rule rounds nothing",
        c"expected a multiplier from 2^30 to 2^31 - 1 with a shift from -62 to 62",
        c"expected a key or a generator alone, got a source with a mask",
        c"expected a drop rate above 0, got 0",
        c"expected a drop rate below 1, got 1",
        c"expected a finite temperature above 0",
        c"expected a mean from -2^60 to 2^60",
        c"expected a variance from 2^-60 to 2^60",
    ];
    let at = usize::try_from(status.wrapping_neg()).unwrap_or(usize::MAX);
    NAMES.get(at).unwrap_or(&c"no status").as_ptr()
}

/// The version of the library: major * 10000 + minor * 100 + patch, to compare with DK_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn dk_version() -> u32 {
    const fn number(text: &str) -> u32 {
        let (mut digits, mut n) = (text.as_bytes(), 0);
        while let [digit, rest @ ..] = digits {
            n = 10 * n + (*digit - b'0') as u32;
            digits = rest;
        }
        n
    }
    const {
        10_000 * number(env!("CARGO_PKG_VERSION_MAJOR"))
            + 100 * number(env!("CARGO_PKG_VERSION_MINOR"))
            + number(env!("CARGO_PKG_VERSION_PATCH"))
    }
}

/// The version of the mask stream, to compare with DK_STREAM_VERSION: what masks (seed, stream, p, n) names.
#[unsafe(no_mangle)]
pub extern "C" fn dk_stream_version() -> u32 {
    STREAM_VERSION
}

/// By which code this processor runs: "portable", "avx2", "avx512", "neon". All give the same bits.
#[unsafe(no_mangle)]
pub extern "C" fn dk_backend() -> *const c_char {
    match Backend::detect().name() {
        "avx2" => c"avx2",
        "avx512" => c"avx512",
        "neon" => c"neon",
        _ => c"portable",
    }
    .as_ptr()
}

/// Makes the rate nearest to p, the probability that an element is dropped. DK_NULL, DK_MISALIGNED, DK_NOT_A_NUMBER, DK_NEGATIVE,
/// DK_ABOVE_ONE; then the rate is as it was.
///
/// Integer arithmetic alone. Multiples of 2^-40 are exact; 0.1f and 0.1 are two rates.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rate_from_f32(rate: *mut dk_rate, p: f32) -> dk_status {
    // SAFETY: what C promises.
    unsafe { write(rate, DropRate::new(p).map(Into::into).map_err(Into::into)) }
}

/// The same of a double.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rate_from_f64(rate: *mut dk_rate, p: f64) -> dk_status {
    // SAFETY: what C promises.
    unsafe { write(rate, DropRate::from_f64(p).map(Into::into).map_err(Into::into)) }
}

/// The rate numerator / denominator, rounded to 2^-40. DK_ABOVE_ONE, DK_ZERO_DENOMINATOR.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rate_from_ratio(
    rate: *mut dk_rate,
    numerator: u32,
    denominator: u32,
) -> dk_status {
    let made = DropRate::from_ratio(numerator, denominator);
    // SAFETY: what C promises.
    unsafe { write(rate, made.map(Into::into).map_err(Into::into)) }
}

/// The rate threshold / 2^40. DK_ABOVE_ONE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rate_from_threshold(rate: *mut dk_rate, threshold: u64) -> dk_status {
    // SAFETY: what C promises.
    unsafe { write(rate, DropRate::from_threshold(threshold).map(Into::into).map_err(Into::into)) }
}

/// 1 / (1 - p) for integers: m * 2^(shift - 31), m from 2^30 to 2^31 - 1, as TensorFlow Lite has it; (0, 0) at p = 1.
/// Who drops by dk_classic multiplies the scale of the tensor by it. DK_NULL, DK_MISALIGNED, DK_NOT_MADE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rate_multiplier(
    rate: *const dk_rate,
    m: *mut i32,
    shift: *mut i32,
) -> dk_status {
    // SAFETY: what C promises.
    unsafe { write_pair(m, shift, one(rate).and_then(dk_rate::get).map(DropRate::multiplier)) }
}

/// The multiplier m * 2^(shift - 31) of a requantisation that follows what was dropped by dk_classic, times 1 / (1 - p), in
/// place; at p = 1, where everything was dropped, it stays. DK_NULL, DK_MISALIGNED, DK_NOT_MADE, and DK_MULTIPLIER unless m is from
/// 2^30 to 2^31 - 1 and shift from -62 to 62.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rate_requantisation(
    rate: *const dk_rate,
    m: *mut i32,
    shift: *mut i32,
) -> dk_status {
    // SAFETY: what C promises.
    unsafe {
        let made = one(rate)
            .and_then(dk_rate::get)
            .and_then(|rate| Ok((rate, *one(m)?, *one(shift)?)))
            .and_then(|(rate, m, shift)| {
                let valid = m >= 1 << 30 && (-62..=62).contains(&shift);
                if valid { Ok(rate.requantisation(m, shift)) } else { Err(DK_MULTIPLIER) }
            });
        write_pair(m, shift, made)
    }
}

/// # Safety
///
/// As `write`, twice.
unsafe fn write_pair(
    m: *mut i32,
    shift: *mut i32,
    made: Result<(i32, i32), dk_status>,
) -> dk_status {
    // SAFETY: the caller's promise. Of the first nothing is written unless the second is.
    unsafe {
        match made.and_then(|(a, b)| one(shift).map(|_| (a, b))) {
            Ok((a, b)) => match write(m, Ok(a)) {
                DK_OK => write(shift, Ok(b)),
                status => status,
            },
            Err(status) => status,
        }
    }
}

/// Makes inverted dropout at a rate, with the zero point 0. DK_NULL, DK_MISALIGNED, DK_NOT_MADE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_inverted(dropout: *mut dk_dropout, rate: *const dk_rate) -> dk_status {
    // SAFETY: what C promises.
    unsafe { make(dropout, rate, DK_INVERTED) }
}

/// Makes classic dropout at a rate, with the zero point 0. DK_NULL, DK_MISALIGNED, DK_NOT_MADE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_classic(dropout: *mut dk_dropout, rate: *const dk_rate) -> dk_status {
    // SAFETY: what C promises.
    unsafe { make(dropout, rate, DK_CLASSIC) }
}

/// # Safety
///
/// As `one` and `write`.
unsafe fn make(dropout: *mut dk_dropout, rate: *const dk_rate, rule: u32) -> dk_status {
    // SAFETY: the caller's promise.
    unsafe {
        let made = one(rate).and_then(|rate| rate.get().map(|_| *rate));
        write(dropout, made.map(|rate| dk_dropout { rate, rule, zero_point: 0 }))
    }
}

/// The key of the stream of `seed` that a path of indices and extents leads to: ((i0 * n1 + i1) * n2 + i2) and
/// so on. Paths of the same extents never share a stream. DK_NULL, DK_MISALIGNED, DK_INDEX, and DK_OVERFLOW if the extents
/// have a product above 2^64.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_key_at(
    key: *mut dk_key,
    seed: u64,
    path: *const dk_index,
    n: usize,
) -> dk_status {
    // SAFETY: what C promises. `dk_index` is two `u64`, as the tuple of an array is.
    unsafe {
        let made = slice(path, n).and_then(|path| {
            // One step at a time, so that no path is copied: the stream so far is an index.
            let (mut stream, mut extent) = (0u64, Some(1u64));
            for step in path {
                let next = (step.index, step.extent);
                if let Some(whole) = extent {
                    stream = MaskKey::at(seed, &[(stream, whole), next])?.stream();
                    extent = whole.checked_mul(step.extent);
                } else {
                    // 2^64 streams, which leave room for an extent of 1.
                    MaskKey::at(seed, &[next])?;
                    if step.extent > 1 {
                        return Err(DK_OVERFLOW);
                    }
                }
            }
            Ok(MaskKey::new(seed, stream).into())
        });
        write(key, made)
    }
}

/// The key of a descendant of this one, by an index of any size: what JAX calls fold_in. Two descendants
/// share a stream with probability 2^-64 a pair; children of one key never.
#[unsafe(no_mangle)]
pub extern "C" fn dk_key_fold(key: dk_key, index: u64) -> dk_key {
    MaskKey::from(key).fold(index).into()
}

/// Makes a generator at the start of a key's stream: its first mask is the one that dk_source_key(key) names. DK_NULL,
/// DK_MISALIGNED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rng_init(rng: *mut dk_rng, key: dk_key) -> dk_status {
    let mut made = dk_rng { state: [0; 64] };
    store(&MaskRng::from_key(key.into()), &mut made);
    // SAFETY: what C promises.
    unsafe { write(rng, Ok(made)) }
}

/// Saves a generator as a checkpoint of DK_CHECKPOINT_BYTES bytes, the same on every machine, which says
/// what it is and ends with a check sum. DK_NULL, DK_MISALIGNED, DK_NOT_MADE, DK_OVERLAP, DK_ZERO_LANE, DK_EQUAL_LANES.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rng_save(rng: *const dk_rng, bytes: *mut u8) -> dk_status {
    let run = || {
        // SAFETY: what C promises.
        unsafe {
            apart(&[Bytes::read(rng, 1), Bytes::written(bytes, DK_CHECKPOINT_BYTES)])?;
            let rng = copy(rng)?;
            // What would not be loaded again is not saved.
            MaskRng::from_bytes(&rng.to_bytes())?;
            let saved = rng.to_checkpoint();
            Ok::<_, dk_status>(write(bytes.cast::<[u8; DK_CHECKPOINT_BYTES]>(), Ok(saved)))
        }
    };
    run().unwrap_or_else(|status| status)
}

/// Makes the generator that was saved; it goes on where that one stood. Erased flash and zeroed RAM are no checkpoint, and
/// half-written bytes have another check sum. DK_NULL, DK_MISALIGNED, DK_NOT_A_CHECKPOINT, DK_OTHER_FORMAT,
/// DK_WRONG_LENGTH, DK_CHECK_SUM, DK_OTHER_STREAM, DK_ZERO_LANE, DK_EQUAL_LANES; then it is as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_rng_load(rng: *mut dk_rng, bytes: *const u8, n: usize) -> dk_status {
    // SAFETY: what C promises.
    unsafe {
        // Of what is longer one byte more says so.
        let made = slice(bytes, n.min(DK_CHECKPOINT_BYTES + 1)).and_then(|bytes| {
            let mut made = dk_rng { state: [0; 64] };
            store(&MaskRng::from_checkpoint(bytes)?, &mut made);
            Ok(made)
        });
        write(rng, made)
    }
}

/// Draws a mask and does not apply it. The source is dk_source_rng or dk_source_key_into; else
/// DK_SOURCE_NOT_DRAWN. At p = 0 it keeps all, at p = 1 it drops all, and the generator does not move.
/// DK_NULL, DK_MISALIGNED, DK_OVERLAP, DK_NOT_MADE, DK_UNKNOWN_SOURCE, DK_OVERFLOW.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_fill(rate: *const dk_rate, source: *const dk_source) -> dk_status {
    let run = || {
        // SAFETY: what C promises.
        let (rate, source) = unsafe { (one(rate)?.get()?, one(source)?) };
        // SAFETY: what C promises.
        let source = unsafe { source.get(source.bits, [])? };
        match source {
            Source::KeyInto(key, mask) => key.fill(rate, mask),
            Source::Rng(rng, mask) => Lent::new(rng).get().fill(rate, mask),
            _ => return Err(DK_SOURCE_NOT_DRAWN),
        }
        Ok(())
    };
    dk_status::of(run())
}

/// The elements that a mask of `bits` bits keeps; 0 if it is NULL or misaligned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dk_mask_count_kept(mask: *const u32, bits: usize) -> usize {
    // SAFETY: what C promises.
    let words = unsafe { slice(mask, mask_words(bits)) };
    words.ok().and_then(|words| MaskRef::new(words, bits).ok()).map_or(0, MaskRef::count_kept)
}
