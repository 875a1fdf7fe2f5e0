//! The mask stream as bytes on the standard output, for batteries that read one.

use std::io::{self, BufWriter, ErrorKind, Write, stdout};

use dropout_kernels::{DropRate, MaskMut, MaskRng};

/// Words drawn at once.
const WORDS: usize = 1 << 14;

/// Writes `bytes` bytes of the stream, or, without a number, until nobody reads any more. `recode`
/// makes fair bits of those of any rate.
pub(crate) fn write(
    rate: DropRate,
    (seed, stream): (u64, u64),
    bytes: Option<u64>,
    recode: bool,
) -> io::Result<()> {
    let mut rng = MaskRng::new(seed, stream);
    let mut words = vec![0; WORDS];
    let mut fair = Recoder::default();
    let mut out = BufWriter::with_capacity(1 << 16, stdout().lock());
    let mut left = bytes.unwrap_or(u64::MAX);
    let done = (|| {
        loop {
            let mask = MaskMut::new(&mut words, 32 * WORDS).expect("a bit for each element");
            rng.fill(rate, mask);
            for &word in &words {
                let word = if recode { fair.push(word) } else { Some(word) };
                let Some(word) = word else { continue };
                let part = left.min(4);
                out.write_all(&word.to_le_bytes()[..part as usize])?;
                left -= part;
                if left == 0 {
                    return out.flush();
                }
            }
        }
    })();
    match done {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Von Neumann's fair bits of biased ones: of two elements of which one is dropped, whether it is
/// the second. Pairs that agree give nothing.
#[derive(Default)]
struct Recoder {
    bits: u64,
    count: u32,
}

impl Recoder {
    /// Takes the sixteen pairs of a word; now and then, 32 fair bits are full.
    fn push(&mut self, word: u32) -> Option<u32> {
        let mut unequal = (word ^ word >> 1) & 0x5555_5555;
        while unequal != 0 {
            let first = unequal.trailing_zeros();
            self.bits |= u64::from(word >> first & 1) << self.count;
            self.count += 1;
            unequal &= unequal - 1;
        }
        (self.count >= 32).then(|| {
            let full = self.bits as u32;
            self.bits >>= 32;
            self.count -= 32;
            full
        })
    }
}
