//! Pointers that were given, as slices and masks: what can be checked of them is checked here.

use core::slice;

use dropout_kernels::{MaskKey, MaskMut, MaskRef, MaskRng, MaskWindow, mask_words};

use super::types::dk_status::{self, *};
use super::types::{
    DK_SOURCE_KEY, DK_SOURCE_KEY_INTO, DK_SOURCE_MASK, DK_SOURCE_RNG, dk_rng, dk_source,
};

/// Bytes in memory that a call touches.
#[derive(Clone, Copy)]
pub(super) struct Bytes {
    start: usize,
    end: usize,
    /// Whether the call writes them.
    written: bool,
}

impl Bytes {
    #[inline]
    pub(super) fn read<T>(at: *const T, n: usize) -> Self {
        // What wraps is longer than anything in memory, and is refused where it becomes a slice.
        let end = at.addr().wrapping_add(n.wrapping_mul(size_of::<T>()));
        Self { start: at.addr(), end, written: false }
    }

    #[inline]
    pub(super) fn written<T>(at: *const T, n: usize) -> Self {
        Self { written: true, ..Self::read(at, n) }
    }

    #[cfg_attr(not(target_os = "none"), inline(always))]
    fn overlaps(self, other: Self) -> bool {
        (self.written || other.written) && self.start < other.end && other.start < self.end
    }
}

/// Refuses what is written and overlaps with something else.
#[cfg_attr(not(target_os = "none"), inline(always))]
pub(super) fn apart(all: &[Bytes]) -> Result<(), dk_status> {
    let mut rest = all;
    while let [first, others @ ..] = rest {
        if others.iter().any(|other| first.overlaps(*other)) {
            return Err(DK_OVERLAP);
        }
        rest = others;
    }
    Ok(())
}

/// Whether `n` elements can lie there.
#[cfg_attr(not(target_os = "none"), inline(always))]
fn fits<T>(at: *const T, n: usize) -> Result<(), dk_status> {
    if at.is_null() {
        Err(DK_NULL)
    } else if !at.is_aligned() {
        Err(DK_MISALIGNED)
    } else if n > isize::MAX as usize / size_of::<T>() {
        Err(DK_OVERFLOW)
    } else {
        Ok(())
    }
}

/// One value to read.
///
/// # Safety
///
/// If it is neither NULL nor misaligned, it is a `T`, and nobody writes it while the call runs.
#[cfg_attr(not(target_os = "none"), inline(always))]
pub(super) unsafe fn one<'a, T>(at: *const T) -> Result<&'a T, dk_status> {
    fits(at, 1)?;
    // SAFETY: it is aligned, and not NULL; the rest is the caller's promise.
    Ok(unsafe { &*at })
}

/// One value to write.
///
/// # Safety
///
/// If it is neither NULL nor misaligned, it is a `T`'s memory that nobody else uses while the call runs.
pub(super) unsafe fn write<T>(at: *mut T, value: Result<T, dk_status>) -> dk_status {
    match fits(at, 1).and(value) {
        Ok(value) => {
            // SAFETY: it is aligned, and not NULL; the rest is the caller's promise.
            unsafe { at.write(value) };
            DK_OK
        }
        Err(status) => status,
    }
}

/// `n` elements to read. Where there are none the pointer may be NULL.
///
/// # Safety
///
/// If it is neither NULL nor misaligned, so many elements lie there, and nobody writes them while
/// the call runs.
#[cfg_attr(not(target_os = "none"), inline(always))]
pub(super) unsafe fn slice<'a, T>(at: *const T, n: usize) -> Result<&'a [T], dk_status> {
    if n == 0 {
        return Ok(&[]);
    }
    fits(at, n)?;
    // SAFETY: aligned, not NULL, of no more bytes than an allocation has; the rest is the caller's promise.
    Ok(unsafe { slice::from_raw_parts(at, n) })
}

/// `n` elements to write. Where there are none the pointer may be NULL.
///
/// # Safety
///
/// If it is neither NULL nor misaligned, so many elements lie there, and nobody else uses them
/// while the call runs; `apart` has seen them, and all else that the call touches.
#[cfg_attr(not(target_os = "none"), inline(always))]
pub(super) unsafe fn slice_mut<'a, T>(at: *mut T, n: usize) -> Result<&'a mut [T], dk_status> {
    if n == 0 {
        return Ok(&mut []);
    }
    fits(at, n)?;
    // SAFETY: aligned, not NULL, of no more bytes than an allocation has; the rest is the caller's promise.
    Ok(unsafe { slice::from_raw_parts_mut(at, n) })
}

/// What is read and what is written: the same elements, or others.
pub(super) enum Pair<'a, T> {
    Apart(&'a [T], &'a mut [T]),
    InPlace(&'a mut [T]),
}

impl<T> Pair<'_, T> {
    /// `read` elements of x and `written` elements of y.
    ///
    /// # Safety
    ///
    /// As [`slice`] of x and [`slice_mut`] of y.
    #[cfg_attr(not(target_os = "none"), inline(always))]
    pub(super) unsafe fn new(
        x: *const T,
        read: usize,
        y: *mut T,
        written: usize,
    ) -> Result<Self, dk_status> {
        // SAFETY: the caller's promise.
        unsafe {
            if x.cast_mut() == y {
                return Ok(Self::InPlace(slice_mut(y, written)?));
            }
            Ok(Self::Apart(slice(x, read)?, slice_mut(y, written)?))
        }
    }
}

impl<'a, T: Copy> Pair<'a, T> {
    /// On chips one copy of the code serves both: x is copied to y, where it is dropped in place. Nothing
    /// may be refused from here on. `together`: elements stand as x's in y.
    #[inline(always)]
    pub(super) fn settled(self, together: bool) -> Self {
        match self {
            Self::Apart(x, y) if SMALL && together => {
                // As long as each other, which the compiler does not know.
                for (y, x) in y.iter_mut().zip(x) {
                    *y = *x;
                }
                Self::InPlace(y)
            }
            other => other,
        }
    }
}

/// The bytes of a pair: where x == y they are y's, once.
#[cfg_attr(not(target_os = "none"), inline(always))]
pub(super) fn pair<T>(x: *const T, read: usize, y: *mut T, written: usize) -> [Bytes; 2] {
    let read = if x.cast_mut() == y { 0 } else { read };
    [Bytes::read(x, read), Bytes::written(y, written)]
}

/// A generator that is lent: where it stands, or a copy of it that goes back there.
pub(super) struct Lent<'a> {
    at: &'a mut dk_rng,
    copy: Option<MaskRng>,
}

impl<'a> Lent<'a> {
    pub(super) fn new(at: &'a mut dk_rng) -> Self {
        let state = (&raw const *at).cast::<MaskRng>();
        // SAFETY: a `MaskRng` is 64 words, of which any are valid.
        let copy = (!state.is_aligned()).then(|| unsafe { state.read_unaligned() });
        Self { at, copy }
    }

    pub(super) fn get(&mut self) -> &mut MaskRng {
        match &mut self.copy {
            Some(copy) => copy,
            // SAFETY: it is aligned, as there is no copy; a `MaskRng` is 64 words, of which any are valid.
            None => unsafe { &mut *(&raw mut *self.at).cast() },
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(copy) = &self.copy {
            store(copy, self.at);
        }
    }
}

/// A generator, if it was made.
///
/// # Safety
///
/// As [`slice_mut`] of one.
pub(super) unsafe fn made<'a>(at: *mut dk_rng) -> Result<&'a mut dk_rng, dk_status> {
    fits(at, 1)?;
    // SAFETY: aligned, not NULL; the rest is the caller's promise.
    let at = unsafe { &mut *at };
    check_made(at)?;
    Ok(at)
}

/// A copy of a generator, if it was made.
///
/// # Safety
///
/// As [`one`].
pub(super) unsafe fn copy(at: *const dk_rng) -> Result<MaskRng, dk_status> {
    // SAFETY: the caller's promise.
    let at = unsafe { one(at)? };
    check_made(at)?;
    // SAFETY: a `MaskRng` is 64 words, of which any are valid.
    Ok(unsafe { (&raw const *at).cast::<MaskRng>().read_unaligned() })
}

/// No generator has two lanes alike. All memory that is filled with one word has, as zeroed statics and
/// erased flash.
fn check_made(rng: &dk_rng) -> Result<(), dk_status> {
    let (first, second) = (rng.state.iter(), rng.state.iter().skip(1));
    let alike = first.step_by(16).eq(second.step_by(16));
    if alike { Err(DK_NOT_MADE) } else { Ok(()) }
}

/// A generator as C has it.
pub(super) fn store(rng: &MaskRng, at: &mut dk_rng) {
    // SAFETY: both are 64 words, of which any are valid, and whichever is aligned less is C's.
    at.state = unsafe { (&raw const *rng).cast::<[u32; 64]>().read() };
}

/// A source by its kind.
pub(super) enum Source<'a> {
    Key(MaskKey),
    KeyInto(MaskKey, MaskMut<'a>),
    Rng(&'a mut dk_rng, MaskMut<'a>),
    Mask(MaskRef<'a>),
    Window(MaskWindow<'a>),
}

impl dk_source {
    /// The source of a mask of `need` bits, if nothing that it writes overlaps with what else the call
    /// touches.
    ///
    /// # Safety
    ///
    /// As [`slice`] of `mask`, and [`slice_mut`] of `draw` and `rng`, if its kind uses them.
    #[cfg_attr(not(target_os = "none"), inline(always))]
    pub(super) unsafe fn get<'a, const N: usize>(
        &self,
        need: usize,
        others: [Bytes; N],
    ) -> Result<Source<'a>, dk_status> {
        let Self { kind, bits, first, mask, draw, rng, key } = *self;
        let key = MaskKey::from(key);
        let check = |own: Bytes| {
            let overlaps = others.iter().any(|other| own.overlaps(*other));
            if overlaps { Err(DK_OVERLAP) } else { Ok(()) }
        };
        if bits != need && kind != DK_SOURCE_KEY {
            let known = kind <= DK_SOURCE_MASK;
            let wrong = if bits < need { DK_MASK_TOO_SHORT } else { DK_MASK_TOO_LONG };
            return Err(if known { wrong } else { DK_UNKNOWN_SOURCE });
        }
        apart(&others)?;
        // SAFETY: the caller's promise; what is written has been seen to overlap with nothing.
        unsafe {
            match kind {
                DK_SOURCE_KEY => Ok(Source::Key(key)),
                DK_SOURCE_KEY_INTO => {
                    check(Bytes::written(draw, mask_words(bits)))?;
                    Ok(Source::KeyInto(key, mask_mut(draw, bits)?))
                }
                DK_SOURCE_RNG => {
                    let (words, state) =
                        (Bytes::written(draw, mask_words(bits)), Bytes::written(rng, 1));
                    check(words)?;
                    check(state)?;
                    apart(&[words, state])?;
                    let mask = mask_mut(draw, bits)?;
                    Ok(Source::Rng(made(rng)?, mask))
                }
                DK_SOURCE_MASK if bits == 0 => Ok(Source::Mask(MaskRef::new(&[], 0)?)),
                DK_SOURCE_MASK => {
                    let end = first.checked_add(bits).ok_or(DK_OVERFLOW)?;
                    check(Bytes::read(mask, mask_words(end)))?;
                    let words = slice(mask, mask_words(end))?;
                    if first.is_multiple_of(32) {
                        let words = words.get(first / 32..).unwrap_or_default();
                        Ok(Source::Mask(MaskRef::new(words, bits)?))
                    } else {
                        Ok(Source::Window(MaskRef::new(words, end)?.window(first..end)?))
                    }
                }
                _ => Err(DK_UNKNOWN_SOURCE),
            }
        }
    }
}

/// What noise comes from.
pub(super) enum Random<'a> {
    Key(MaskKey),
    Rng(&'a mut dk_rng),
}

impl dk_source {
    /// The source of noise, which has no mask; else as [`get`](Self::get).
    ///
    /// # Safety
    ///
    /// As `get`.
    pub(super) unsafe fn random<'a, const N: usize>(
        &self,
        others: [Bytes; N],
    ) -> Result<Random<'a>, dk_status> {
        // SAFETY: the caller's promise.
        match unsafe { self.get(0, others) } {
            Ok(Source::Key(key)) => Ok(Random::Key(key)),
            Ok(Source::Rng(rng, _)) => Ok(Random::Rng(rng)),
            Ok(_) | Err(DK_MASK_TOO_LONG) => Err(DK_SOURCE_HAS_MASK),
            Err(status) => Err(status),
        }
    }
}

/// # Safety
///
/// As [`slice_mut`] of its words.
#[cfg_attr(not(target_os = "none"), inline(always))]
pub(super) unsafe fn mask_mut<'a>(words: *mut u32, bits: usize) -> Result<MaskMut<'a>, dk_status> {
    // SAFETY: the caller's promise.
    let words = unsafe { slice_mut(words, mask_words(bits))? };
    Ok(MaskMut::new(words, bits)?)
}

/// On chips flash is short: there a mask is drawn, and then applied as one that is stored.
pub(super) const SMALL: bool = cfg!(any(target_os = "none", dropout_kernels_backend = "scalar"));

/// Calls a verb with the mask of a source; what a source cannot be for it is refused.
macro_rules! by_source {
    ($source:expr, |$mask:ident| $call:expr) => {
        match $source {
            Source::Key($mask) => $call,
            Source::KeyInto(key, mask) => by_key!(key, mask, |$mask| $call),
            Source::Rng(rng, mask) => by_rng!(rng, mask, |$mask| $call),
            Source::Mask($mask) => $call,
            Source::Window($mask) => $call,
        }
    };
}

/// As `by_source`, of what was drawn before.
macro_rules! by_known {
    ($source:expr, |$mask:ident| $call:expr) => {
        match $source {
            Source::Key($mask) => $call,
            Source::Mask($mask) => $call,
            Source::Window($mask) => $call,
            Source::KeyInto(..) | Source::Rng(..) => return Err(DK_SOURCE_DRAWS),
        }
    };
}

/// As `by_source`, of masks in memory.
macro_rules! by_stored {
    ($source:expr, |$mask:ident| $call:expr) => {
        match $source {
            Source::KeyInto(key, mask) => by_key!(key, mask, |$mask| $call),
            Source::Rng(rng, mask) => by_rng!(rng, mask, |$mask| $call),
            Source::Mask($mask) => $call,
            Source::Key(..) | Source::Window(..) => return Err(DK_SOURCE_NOT_STORED),
        }
    };
}

/// As `by_source`, of masks that are drawn into memory.
macro_rules! by_draw {
    ($source:expr, |$mask:ident| $call:expr) => {
        match $source {
            Source::KeyInto(key, mask) => by_key!(key, mask, |$mask| $call),
            Source::Rng(rng, mask) => by_rng!(rng, mask, |$mask| $call),
            _ => return Err(DK_SOURCE_NOT_DRAWN),
        }
    };
}

/// Calls a verb with what its noise comes from.
macro_rules! by_random {
    ($source:expr, |$random:ident| $call:expr) => {
        match $source {
            Random::Key($random) => $call,
            Random::Rng(rng) => {
                let mut rng = Lent::new(rng);
                let $random = rng.get();
                $call
            }
        }
    };
}

macro_rules! by_rng {
    ($rng:expr, $words:expr, |$mask:ident| $call:expr) => {{
        let mut rng = Lent::new($rng);
        let $mask = rng.get().draw($words);
        $call
    }};
}

macro_rules! by_key {
    ($key:expr, $words:expr, |$mask:ident| $call:expr) => {{
        let $mask = $key.draw($words);
        $call
    }};
}
pub(super) use {by_draw, by_key, by_known, by_random, by_rng, by_source, by_stored};
