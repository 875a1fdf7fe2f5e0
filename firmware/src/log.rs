//! What `defmt` shows of this library's types, each from a call that gives it.

use defmt::println;
use dropout_kernels::{
    Backend, DropRate, Error, Layout, Mask, MaskRng, MaskTape, drop_rate, mask_words,
};

use crate::board::{Console, Outcome};

/// Logs them.
pub fn run(_: &mut Console) -> Outcome {
    for rate in [drop_rate!(0.5), drop_rate!(0.1), DropRate::ZERO, DropRate::ONE] {
        println!("{}", rate);
    }
    println!("{}", DropRate::from_ratio(1, 10));
    println!("{}", DropRate::from_threshold(1));
    for p in [1.5, -0.1, f32::NAN, f32::INFINITY] {
        println!("{}", DropRate::new(p));
    }
    println!("{}", DropRate::from_ratio(3, 2));
    println!("{}", DropRate::from_ratio(3, 0));
    println!("{}", DropRate::from_threshold(1 << 41));

    let mut mask = Mask::<{ mask_words(100) }>::new();
    println!("{}", mask.view(200).map_err(Error::from));
    println!("{}", mask.view_mut(100).map(|view| MaskRng::new(42, 0).fill(drop_rate!(0.1), view)));
    println!("{}", mask.view(100));
    println!("{}", mask.view_mut(40));
    println!("{}", mask);

    let mut tape = MaskTape::new([0; 4]);
    println!("{}", tape.push(0, 200));
    println!("{}", tape.pop(0, 64));
    println!("{}", tape.push(0, 32));
    println!("{}", tape.pop(0, 64).map_err(Error::from));

    println!("{}", MaskRng::from_bytes(&[0; 256]).map(|_| ()));
    println!("{}", Layout::channels_first(8, 16, &[7, 7]));
    println!("{}", Layout::new(1 << 16, 1 << 16, 1, 1));
    println!("{}", Backend::detect());
    Ok(())
}
