//! Which masks a layer makes, by a key and a counter: a file of the crate for candle and of the one for burn.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use dropout_kernels::MaskKey;

/// Which masks a layer makes: the next one is that of [`key.fold(calls)`](MaskKey::fold).
///
/// This is all the state that a layer has. Save it in a checkpoint
/// ([`seed`](MaskKey::seed), [`stream`](MaskKey::stream) and `calls`, three `u64`) and give it back by
/// [`Dropout::set_masks`](crate::Dropout::set_masks); then training goes on with the masks that it would have had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Masks {
    /// Names the layer: a seed for each run, and a stream for each layer.
    pub key: MaskKey,
    /// How many masks have been made.
    pub calls: u64,
}

impl Masks {
    /// The masks of a layer from the first on.
    #[must_use]
    pub const fn new(key: MaskKey) -> Self {
        Self { key, calls: 0 }
    }

    /// The key of the next mask, which counts as made.
    pub const fn next_key(&mut self) -> MaskKey {
        let key = self.key.fold(self.calls);
        self.calls = self.calls.wrapping_add(1);
        key
    }
}

/// The seed of what is not seeded: random keys of the standard library, which come from the
/// operating system.
pub(crate) static PROCESS_SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));

/// The key of a layer that is not seeded. Layers are numbered as they are made.
pub(crate) fn unseeded() -> MaskKey {
    static LAYERS: AtomicU64 = AtomicU64::new(0);
    MaskKey::new(*PROCESS_SEED, LAYERS.fetch_add(1, Ordering::Relaxed))
}

/// Whoever panicked with the lock held left a whole state.
pub(crate) fn lock(masks: &Mutex<Masks>) -> MutexGuard<'_, Masks> {
    masks.lock().unwrap_or_else(PoisonError::into_inner)
}
