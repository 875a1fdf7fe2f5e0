//! A flash of two slots, which keeps what it held when its power fails, and what was half done.

/// What a word is after erasing.
const ERASED: u32 = !0;

/// What the supply still gives, in halves of an operation, so that it can fail in the middle of
/// one.
pub struct Power {
    halves: u32,
}

/// The power has failed: the program starts anew.
pub struct Lost;

enum Supply {
    Whole,
    Half,
}

impl Power {
    /// That never fails.
    pub const fn endless() -> Self {
        Self::of(u32::MAX)
    }

    pub const fn of(halves: u32) -> Self {
        Self { halves }
    }

    fn take(&mut self) -> Result<Supply, Lost> {
        match self.halves {
            0 => Err(Lost),
            1 => {
                self.halves = 0;
                Ok(Supply::Half)
            }
            u32::MAX => Ok(Supply::Whole),
            halves => {
                self.halves = halves - 2;
                Ok(Supply::Whole)
            }
        }
    }

    /// For work that leaves nothing behind.
    pub fn spend(&mut self) -> Result<(), Lost> {
        match self.take()? {
            Supply::Whole => Ok(()),
            Supply::Half => Err(Lost),
        }
    }
}

/// In RAM, as boards under emulation have no other; nothing but what is here touches it.
pub struct Flash<const WORDS: usize> {
    slots: [[u32; WORDS]; 2],
}

impl<const WORDS: usize> Flash<WORDS> {
    /// As it comes from the factory.
    pub const NEW: Self = Self { slots: [[ERASED; WORDS]; 2] };

    /// The words of both slots.
    pub fn slots(&self) -> &[[u32; WORDS]; 2] {
        &self.slots
    }

    /// Erases a slot. Without power for it, half of the slot stays as it was.
    pub fn erase(&mut self, slot: Slot, power: &mut Power) -> Result<(), Lost> {
        let words = self.slot(slot);
        match power.take()? {
            Supply::Whole => words.fill(ERASED),
            Supply::Half => {
                words.iter_mut().take(WORDS / 2).for_each(|word| *word = ERASED);
                return Err(Lost);
            }
        }
        Ok(())
    }

    /// Programs a slot from its first word on. This can only clear bits, so a slot that is not
    /// erased ends with other words; without power for a word, half of its bits stay as they
    /// were.
    pub fn program(
        &mut self,
        slot: Slot,
        words: impl Iterator<Item = u32>,
        power: &mut Power,
    ) -> Result<(), Lost> {
        for (cell, word) in self.slot(slot).iter_mut().zip(words) {
            match power.take()? {
                Supply::Whole => *cell &= word,
                Supply::Half => {
                    *cell &= word | 0xFFFF_0000;
                    return Err(Lost);
                }
            }
        }
        Ok(())
    }

    fn slot(&mut self, slot: Slot) -> &mut [u32; WORDS] {
        let [a, b] = &mut self.slots;
        match slot {
            Slot::A => a,
            Slot::B => b,
        }
    }
}

/// Which of both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slot {
    A,
    B,
}
