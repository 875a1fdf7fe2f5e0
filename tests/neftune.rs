//! NEFTune's noise against Jain et al. 2024: its size and its distribution. (Every way to call it,
//! with its bits, is in the conformance suite.)

use dropout_kernels::{EmbeddingNoise, MaskKey, ShapeError};

#[test]
fn the_size_is_alpha_over_the_root() {
    for (alpha, length, dimension) in [(5.0, 16, 64), (10.0, 100, 4096), (15.0, 1, 3), (1.0, 1, 1)]
    {
        let noise = EmbeddingNoise::new(alpha, length, dimension).expect("a small sequence");
        let wanted = f64::from(alpha) / ((length * dimension) as f64).sqrt();
        assert!((f64::from(noise.size()) / wanted - 1.0).abs() < 1.5e-7, "{noise:?}, not {wanted}");
    }
    assert_eq!(EmbeddingNoise::new(5.0, 0, 64).expect("no elements").size(), 0.0);
    let (elements, extent) = (usize::MAX, 2);
    let error = Err(ShapeError::Overflow { elements, extent });
    assert_eq!(EmbeddingNoise::new(5.0, elements, extent), error);
}

#[cfg(target_pointer_width = "64")]
#[test]
fn a_sequence_has_at_most_2_to_the_40_elements() {
    let largest = EmbeddingNoise::new(5.0, 1 << 20, 1 << 20).expect("2^40");
    assert_eq!(largest.size(), 5.0 / (1 << 20) as f32);
    let error = Err(ShapeError::Overflow { elements: 1 << 20, extent: (1 << 20) + 1 });
    assert_eq!(EmbeddingNoise::new(5.0, 1 << 20, (1 << 20) + 1), error);
}

/// False alarm 10^-6 for each of three: mean 0, variance 1/3, and a norm of a / sqrt(3).
#[test]
fn the_noise_is_uniform() {
    const N: usize = 1 << 16;
    let noise = EmbeddingNoise::new(5.0, 64, N / 64).expect("a small sequence");
    let mut x = vec![0f64; N];
    noise.forward_in_place(&mut x, MaskKey::new(42, 0));
    let u: Vec<_> = x.iter().map(|x| x / f64::from(noise.size())).collect();
    assert!(u.iter().all(|u| u.abs() < 1.0 && *u != 0.0));
    let n = N as f64;
    let mean = u.iter().sum::<f64>() / n;
    assert!(mean.abs() < 4.8916 * (1.0 / 3.0 / n).sqrt(), "{mean}");
    // u^2 has mean 1/3 and variance 1/5 - 1/9.
    let square = u.iter().map(|u| u * u).sum::<f64>() / n;
    assert!((square - 1.0 / 3.0).abs() < 4.8916 * (4.0 / 45.0 / n).sqrt(), "{square}");
    // A quarter in each quarter of the range.
    for quarter in 0..4 {
        let low = f64::from(quarter) / 2.0 - 1.0;
        let count = u.iter().filter(|u| (low..low + 0.5).contains(*u)).count() as f64;
        assert!((count - n / 4.0).abs() < 5.0 * (n * 3.0 / 16.0).sqrt(), "{count}");
    }
    let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt();
    assert!((norm / (5.0 / 3f64.sqrt()) - 1.0).abs() < 0.02, "{norm}");
}
