//! What a checkpoint of training holds, by `serde`. Each value is made by the constructor that
//! checks it.

use core::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::StateError;
use crate::key::STREAM_VERSION;
use crate::layout::Layout;
use crate::mask::Mask;
use crate::rate::DropRate;
use crate::rng::MaskRng;

/// The threshold, as [`threshold`](DropRate::threshold) gives it: no float holds every rate.
impl Serialize for DropRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.threshold().serialize(serializer)
    }
}

/// Refuses what [`from_threshold`](DropRate::from_threshold) refuses.
impl<'de> Deserialize<'de> for DropRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let threshold = u64::deserialize(deserializer)?;
        Self::from_threshold(threshold).map_err(D::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Layout", expecting = "a layout: groups, repeat, width and run")]
struct Extents {
    groups: usize,
    repeat: usize,
    width: usize,
    run: usize,
}

/// The four extents.
impl Serialize for Layout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { groups, repeat, width, run } = *self;
        Extents { groups, repeat, width, run }.serialize(serializer)
    }
}

/// Refuses what [`new`](Layout::new) refuses: a layout of a larger machine too, if this one cannot
/// count its elements.
impl<'de> Deserialize<'de> for Layout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Extents { groups, repeat, width, run } = Extents::deserialize(deserializer)?;
        Self::new(groups, repeat, width, run).map_err(D::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "MaskRng", expecting = "a generator: its stream_version and 16 lanes of 16 bytes")]
struct State {
    stream_version: u32,
    lanes: [[u8; 16]; 16],
}

/// The version of the mask stream, and the bytes of each lane, as [`to_bytes`](MaskRng::to_bytes)
/// gives them.
impl Serialize for MaskRng {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut lanes = [[0; 16]; 16];
        for (lane, bytes) in lanes.iter_mut().zip(self.to_bytes().as_chunks().0) {
            *lane = *bytes;
        }
        State { stream_version: STREAM_VERSION, lanes }.serialize(serializer)
    }
}

/// Refuses another version of the mask stream, and what [`from_bytes`](MaskRng::from_bytes)
/// refuses.
impl<'de> Deserialize<'de> for MaskRng {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let State { stream_version, lanes } = State::deserialize(deserializer)?;
        if stream_version != STREAM_VERSION {
            let other = StateError::OtherStream { expected: STREAM_VERSION, given: stream_version };
            return Err(D::Error::custom(other));
        }
        let mut bytes = [0; 256];
        for (bytes, lane) in bytes.as_chunks_mut().0.iter_mut().zip(lanes) {
            *bytes = lane;
        }
        Self::from_bytes(&bytes).map_err(D::Error::custom)
    }
}

/// The words, as a sequence.
impl<const WORDS: usize> Serialize for Mask<WORDS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.words().as_slice().serialize(serializer)
    }
}

/// Refuses fewer and more words than `WORDS`.
impl<'de, const WORDS: usize> Deserialize<'de> for Mask<WORDS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Words)
    }
}

struct Words<const WORDS: usize>;

impl<'de, const WORDS: usize> Visitor<'de> for Words<WORDS> {
    type Value = Mask<WORDS>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {WORDS} words of a mask")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut words = [0; WORDS];
        for (i, word) in words.iter_mut().enumerate() {
            let next = seq.next_element()?;
            *word = next.ok_or_else(|| A::Error::invalid_length(i, &self))?;
        }
        match seq.next_element::<u32>()? {
            None => Ok(Mask::from_words(words)),
            // There may be still more.
            Some(_) => Err(A::Error::invalid_length(WORDS + 1, &self)),
        }
    }
}
