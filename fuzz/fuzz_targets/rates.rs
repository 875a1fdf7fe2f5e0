#![no_main]
//! Any bits as a rate: an error exactly where there should be one, and the nearest rate otherwise.

use dropout_kernels::DropRate;
use libfuzzer_sys::fuzz_target;

const ONE: u64 = 1 << 40;

fuzz_target!(|input: (u32, u32, u32, u64)| {
    let (bits, numerator, denominator, threshold) = input;
    let p = f32::from_bits(bits);
    match DropRate::new(p) {
        Ok(rate) => {
            assert!((0.0..=1.0).contains(&p));
            let nearest = (f64::from(p) * ONE as f64).round_ties_even();
            assert_eq!(rate.threshold() as f64, nearest);
            check_scale(rate);
        }
        Err(_) => assert!(!(0.0..=1.0).contains(&p)),
    }
    match DropRate::from_ratio(numerator, denominator) {
        Ok(rate) => {
            let error = (u128::from(rate.threshold()) * u128::from(denominator))
                .abs_diff(u128::from(numerator) << 40);
            assert!(2 * error <= u128::from(denominator));
            check_scale(rate);
        }
        Err(_) => assert!(denominator == 0 || numerator > denominator),
    }
    match DropRate::from_threshold(threshold) {
        Ok(rate) => check_scale(rate),
        Err(_) => assert!(threshold > ONE),
    }
});

fn check_scale(rate: DropRate) {
    let kept = ONE - rate.threshold();
    let scale = if kept == 0 { 0.0 } else { ONE as f64 / kept as f64 };
    assert_eq!(rate.scale(), scale);
    assert_eq!(rate.scale_f32(), scale as f32);
}
