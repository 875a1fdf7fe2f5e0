//! A program for `.ci/targets`, which builds it for every target that it names: the program that
//! calls kernels compiles them, so that nothing less shows whether a target can have them. Never
//! run.
#![no_std]

use core::panic::PanicInfo;

use dropout_kernels::{Backend, DropRate, Dropout, Error, MaskKey, MaskMut, MaskRef, MaskRng};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Whether a layer could be trained a step: forward with a mask that is stored, backward by it, and
/// forward again without one.
#[unsafe(no_mangle)]
extern "C" fn step(x: &mut [f32; 250], words: &mut [u32; 8], rate: f32, seed: u64) -> bool {
    layer(x, words, rate, seed).is_ok()
}

fn layer(x: &mut [f32], words: &mut [u32], rate: f32, seed: u64) -> Result<(), Error> {
    let dropout = Dropout::new(DropRate::new(rate)?);
    let mut rng = MaskRng::new(seed, 0);
    dropout.forward_in_place(x, rng.draw(MaskMut::new(words, x.len())?))?;
    dropout.backward_in_place(x, MaskRef::new(words, x.len())?)?;
    dropout.with_backend(Backend::detect()).forward_in_place(x, MaskKey::new(seed, 1))?;
    Ok(())
}
