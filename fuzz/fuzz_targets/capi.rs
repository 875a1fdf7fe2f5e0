#![no_main]
//! C's functions, given anything: what they say, and write, is what the library does with the same slices. Pointers
//! lie anywhere in one allocation, NULL, misaligned and overlapping too; whatever is refused has written nothing.

use arbitrary::Arbitrary;
use dropout_kernels::{
    DropBlock, DropRate, Dropout, Element, Layout, MaskKey, MaskMut, MaskRef, MaskRng, Panel,
    ShapeError, Zoneout,
};
use dropout_kernels_fuzz::reference::stream::Reference;
use half::bf16;
use libfuzzer_sys::fuzz_target;

#[path = "../../capi/src/api/mod.rs"]
#[allow(dead_code, unused_imports)]
mod api;

use api::types::dk_status::{self, *};
use api::types::*;
use api::{fused, masks, plain, variants};

/// Bytes that all pointers point into: the longest call reaches less than a third of them from where it begins.
const BYTES: usize = 48 << 10;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum At {
    Null,
    /// Aligned to 8 bytes, anywhere in the first two thirds.
    Aligned(u16),
    /// Anywhere.
    Any(u16),
    /// Where the first pointer points.
    Same,
}

#[derive(Arbitrary, Debug)]
struct Input {
    verb: u8,
    rate: dropout_kernels_fuzz::input::Rate,
    made: bool,
    rule: u8,
    zero_point: i16,
    x: At,
    y: At,
    z: At,
    mask: At,
    rng: At,
    kind: u8,
    n: u16,
    /// More or fewer bits than are needed, mostly none.
    surplus: i8,
    first: u8,
    seed: u64,
    extents: [u8; 5],
    fill: u64,
    checkpoint: [u8; 32],
    path: [(u64, u64); 3],
}

struct Case {
    arena: Vec<u64>,
    input: Input,
}

/// A pointer of C as an offset, and whether it can be used for `n` elements of `size` bytes.
fn offset(input: &Input, at: At) -> Option<usize> {
    let limit = BYTES / 3 * 2;
    match at {
        At::Null => None,
        At::Aligned(i) => Some(usize::from(i) % limit / 8 * 8),
        At::Any(i) => Some(usize::from(i) % limit),
        At::Same => match input.x {
            At::Same => Some(0),
            x => offset(input, x),
        },
    }
}

impl Case {
    fn base(&mut self) -> *mut u8 {
        self.arena.as_mut_ptr().cast()
    }

    fn pointer<T>(&mut self, at: At) -> *mut T {
        match offset(&self.input, at) {
            None => core::ptr::null_mut(),
            // In the allocation, and whatever alignment.
            Some(offset) => self.base().wrapping_add(offset).cast(),
        }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: numbers, as bytes.
        unsafe { core::slice::from_raw_parts(self.arena.as_ptr().cast(), BYTES) }
    }

    /// The elements that a pointer points to, as they are now; none at NULL.
    fn elements<T>(&self, at: At, n: usize) -> Option<Vec<T>> {
        if n == 0 {
            return Some(Vec::new());
        }
        let offset = offset(&self.input, at)?;
        let bytes = &self.bytes()[offset..];
        assert!(n * size_of::<T>() <= bytes.len(), "the arena is longer than any call reaches");
        // SAFETY: so many bytes are there; `T` is a number, of any bits.
        Some(
            (0..n).map(|i| unsafe { bytes.as_ptr().cast::<T>().add(i).read_unaligned() }).collect(),
        )
    }
}

/// Whether two ranges of bytes share one.
fn overlap(a: (usize, usize), b: (usize, usize)) -> bool {
    a.1 > 0 && b.1 > 0 && a.0 < b.0 + b.1 && b.0 < a.0 + a.1
}

fuzz_target!(|input: Input| {
    match input.verb % 4 {
        0 => verbs::<f32>(input),
        1 => verbs::<bf16>(input),
        2 => verbs::<i8>(input),
        _ => others(&input),
    }
});

/// What an element type's functions are.
#[allow(clippy::too_many_arguments, reason = "all that a call may have")]
trait C: Element + Copy + PartialEq {
    fn bits(self) -> u32;
    /// (forward, backward, infer) over elements, a layout or a panel; zoneout; DropBlock.
    unsafe fn call(
        f: u8,
        d: &dk_dropout,
        l: &dk_layout,
        p: &dk_panel,
        b: &dk_drop_block,
        x: *mut Self,
        y: *mut Self,
        z: *mut Self,
        n: usize,
        s: &dk_source,
    ) -> dk_status;
    fn rust<'a>(
        f: u8,
        d: &dk_dropout,
        rate: DropRate,
        over: &Over,
        x: &'a [Self],
        y: &'a mut [Self],
        z: &'a mut [Self],
        s: Mask<'_>,
    ) -> Result<(), ShapeError>;
}

/// The shape of a call.
struct Over {
    layout: Layout,
    panel: Panel,
    blocks: DropBlock,
}

/// Where the mask of a call comes from, in Rust.
enum Mask<'a> {
    Key(MaskKey),
    Into(MaskKey, MaskMut<'a>),
    Rng(&'a mut MaskRng, MaskMut<'a>),
    Of(MaskRef<'a>, usize, usize),
}

macro_rules! by {
    ($s:expr, |$m:ident| $call:expr) => {
        match $s {
            Mask::Key($m) => $call,
            Mask::Into(key, mask) => {
                let $m = key.draw(mask);
                $call
            }
            Mask::Rng(rng, mask) => {
                let $m = rng.draw(mask);
                $call
            }
            Mask::Of(mask, first, bits) => {
                let $m = mask.window(first..first + bits)?;
                $call
            }
        }
    };
}

macro_rules! known {
    ($s:expr, |$m:ident| $call:expr) => {
        match $s {
            Mask::Key($m) => $call,
            Mask::Of(mask, first, bits) => {
                let $m = mask.window(first..first + bits)?;
                $call
            }
            _ => unreachable!("C has refused it"),
        }
    };
}

/// Verbs that are tried: which of x, y and z each reads and writes.
const FORWARD: u8 = 0;
const BACKWARD: u8 = 1;
const INFER: u8 = 2;
const FORWARD_LAYOUT: u8 = 3;
const BACKWARD_LAYOUT: u8 = 4;
const FORWARD_PANEL: u8 = 5;
const BACKWARD_PANEL: u8 = 6;
const INFER_PANEL: u8 = 7;
const BLOCKS: u8 = 8;
const ZONEOUT: u8 = 9;
const ZONEOUT_INFER: u8 = 10;
const VERBS: u8 = 11;

macro_rules! c {
    ($t:ty, $c:ty, $bits:expr, |$dropout:ident, $given:ident| $zero:expr, $forward:ident $backward:ident $infer:ident $forward_layout:ident $backward_layout:ident
     $forward_panel:ident $backward_panel:ident $infer_panel:ident $blocks:ident $zoneout:ident $zoneout_infer:ident) => {
        impl C for $t {
            fn bits(self) -> u32 {
                ($bits)(self)
            }

            unsafe fn call(
                f: u8,
                d: &dk_dropout,
                l: &dk_layout,
                p: &dk_panel,
                b: &dk_drop_block,
                x: *mut Self,
                y: *mut Self,
                z: *mut Self,
                n: usize,
                s: &dk_source,
            ) -> dk_status {
                let (x, y, z): (*mut $c, *mut $c, *mut $c) = (x.cast(), y.cast(), z.cast());
                // SAFETY: all that the pointers reach is in the arena, and has the bits of numbers.
                unsafe {
                    match f {
                        FORWARD => plain::$forward(d, x, y, n, s),
                        BACKWARD => plain::$backward(d, x, y, n, s),
                        INFER => plain::$infer(d, x, y, n),
                        FORWARD_LAYOUT => plain::$forward_layout(d, l, x, y, s),
                        BACKWARD_LAYOUT => plain::$backward_layout(d, l, x, y, s),
                        FORWARD_PANEL => plain::$forward_panel(d, p, x, y, s),
                        BACKWARD_PANEL => plain::$backward_panel(d, p, x, y, s),
                        INFER_PANEL => plain::$infer_panel(d, p, x, y),
                        BLOCKS => variants::$blocks(b, x, y, s),
                        ZONEOUT => variants::$zoneout(&d.rate, x, z, y, n, s),
                        _ => variants::$zoneout_infer(&d.rate, x, z, y, n),
                    }
                }
            }

            fn rust<'a>(
                f: u8,
                $given: &dk_dropout,
                rate: DropRate,
                over: &Over,
                x: &'a [Self],
                y: &'a mut [Self],
                z: &'a mut [Self],
                s: Mask<'_>,
            ) -> Result<(), ShapeError> {
                macro_rules! rule {
                    ($d:expr) => {{
                        let $dropout = $d;
                        let d = $zero;
                        match f {
                            FORWARD => by!(s, |m| d.forward(x, y, m)),
                            BACKWARD => known!(s, |m| d.backward(x, y, m)),
                            INFER => d.infer(x, y),
                            FORWARD_LAYOUT => by!(s, |m| d.over(over.layout).forward(x, y, m)),
                            BACKWARD_LAYOUT => known!(s, |m| d.over(over.layout).backward(x, y, m)),
                            FORWARD_PANEL => by!(s, |m| d.over(over.panel).forward(x, y, m)),
                            BACKWARD_PANEL => known!(s, |m| d.over(over.panel).backward(x, y, m)),
                            _ => d.over(over.panel).infer(x, y),
                        }
                    }};
                }
                match f {
                    BLOCKS => match s {
                        Mask::Into(key, mask) => over.blocks.forward(x, y, key.draw(mask)),
                        Mask::Rng(rng, mask) => over.blocks.forward(x, y, rng.draw(mask)),
                        Mask::Of(mask, first, bits) => {
                            let words = &mask.words()[first / 32..];
                            over.blocks.forward(x, y, MaskRef::new(words, bits)?)
                        }
                        Mask::Key(_) => unreachable!("C has refused it"),
                    },
                    ZONEOUT => by!(s, |m| Zoneout::new(rate).forward(x, z, y, m)),
                    ZONEOUT_INFER => Zoneout::new(rate).infer(x, z, y),
                    _ if $given.rule == DK_INVERTED => rule!(Dropout::new(rate)),
                    _ => rule!(Dropout::classic(rate)),
                }
            }
        }
    };
}
c!(f32, f32, f32::to_bits, |d, given| { assert_eq!(given.zero_point, 0); d }, dk_forward_f32 dk_backward_f32 dk_infer_f32 dk_forward_layout_f32 dk_backward_layout_f32
   dk_forward_panel_f32 dk_backward_panel_f32 dk_infer_panel_f32 dk_drop_block_forward_f32 dk_zoneout_forward_f32 dk_zoneout_infer_f32);
c!(bf16, u16, |x: bf16| u32::from(x.to_bits()), |d, given| { assert_eq!(given.zero_point, 0); d }, dk_forward_bf16 dk_backward_bf16 dk_infer_bf16 dk_forward_layout_bf16 dk_backward_layout_bf16
   dk_forward_panel_bf16 dk_backward_panel_bf16 dk_infer_panel_bf16 dk_drop_block_forward_bf16 dk_zoneout_forward_bf16 dk_zoneout_infer_bf16);
c!(i8, i8, |x: i8| x as u32, |d, given| d.with_zero_point(i8::try_from(given.zero_point).expect("C has refused it")), dk_forward_s8 dk_backward_s8 dk_infer_s8 dk_forward_layout_s8 dk_backward_layout_s8
   dk_forward_panel_s8 dk_backward_panel_s8 dk_infer_panel_s8 dk_drop_block_forward_s8 dk_zoneout_forward_s8 dk_zoneout_infer_s8);

fn verbs<T: C>(input: Input) {
    let f = input.verb / 4 % VERBS;
    let [a, b, c, d, e] = input.extents.map(usize::from);
    let rate = input.rate.get(&Reference::new(input.seed, 1));
    let mut of_rate = dk_rate::from(rate);
    if !input.made {
        of_rate.made = input.seed as u32;
    }
    let dropout = dk_dropout {
        rate: of_rate,
        rule: u32::from(input.rule % 3),
        zero_point: i32::from(input.zero_point % 200) * i32::from(input.rule > 127),
    };
    let layout = dk_layout { groups: a % 5, repeat: b % 5, width: c % 9, run: d % 7 };
    let panel = dk_panel {
        rows: a % 6,
        width: b % 50,
        x_stride: c % 60,
        y_stride: d % 60,
        mask_stride: e % 60,
    };
    let blocks = dk_drop_block {
        rate: of_rate,
        block: a % 5,
        batch: b % 3,
        channels: 1 + c % 3,
        axes: d % 5,
        spatial: [e % 8, e / 8 % 8, e / 32],
        shared: u32::from(input.fill as u8 & 1),
    };
    let extent = |rows: usize, width: usize, stride: usize| {
        if rows * width == 0 { 0 } else { (rows - 1) * stride + width }
    };
    let count = usize::from(input.n % 700);
    let spatial = blocks.spatial.iter().take(blocks.axes).product::<usize>();
    // Elements of x and of y, and bits of the mask.
    let (reads, writes, bits) = match f {
        FORWARD_LAYOUT | BACKWARD_LAYOUT => {
            let bits = layout.groups * layout.width;
            let n = bits * layout.repeat * layout.run;
            (n, n, bits)
        }
        FORWARD_PANEL | BACKWARD_PANEL | INFER_PANEL => (
            extent(
                panel.rows,
                panel.width,
                if panel.rows == 1 { panel.width } else { panel.x_stride },
            ),
            extent(
                panel.rows,
                panel.width,
                if panel.rows == 1 { panel.width } else { panel.y_stride },
            ),
            extent(
                panel.rows,
                panel.width,
                if panel.rows == 1 { panel.width } else { panel.mask_stride },
            ),
        ),
        BLOCKS => {
            let n = blocks.batch * blocks.channels * spatial;
            (n, n, if blocks.shared != 0 { blocks.batch * spatial } else { n })
        }
        _ => (count, count, count),
    };
    let surplus = if input.surplus.unsigned_abs() < 100 { 0 } else { input.surplus };
    let given_bits = bits.saturating_add_signed(surplus.into());
    let first = usize::from(input.first);
    let mut case = Case {
        arena: (0..BYTES as u64 / 8)
            .map(|i| (i ^ input.fill).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17))
            .collect(),
        input,
    };
    let key = dk_key { seed: case.input.seed, stream: 7 };
    // A generator that was made, where there is room for one.
    let (rng_at, mask_at) = (case.input.rng, case.input.mask);
    let rng_pointer: *mut dk_rng = case.pointer(rng_at);
    if offset(&case.input, rng_at).is_some() && rng_pointer.is_aligned() && case.input.made {
        // SAFETY: in the arena.
        assert_eq!(unsafe { masks::dk_rng_init(rng_pointer, key) }, DK_OK);
    }
    let source = dk_source {
        kind: u32::from(case.input.kind % 5),
        bits: given_bits,
        first,
        mask: case.pointer(mask_at),
        draw: case.pointer(mask_at),
        rng: rng_pointer,
        key,
    };
    let (x, y, z) = (
        case.pointer::<T>(case.input.x),
        case.pointer::<T>(case.input.y),
        case.pointer::<T>(case.input.z),
    );
    let before = case.bytes().to_vec();
    let (at_x, at_y, at_z) = (case.input.x, case.input.y, case.input.z);
    let inputs = (case.elements::<T>(at_x, reads), case.elements::<T>(at_z, reads));
    let words_read = (first + given_bits).div_ceil(32);
    let words_drawn = given_bits.div_ceil(32);
    let own_words = case.elements::<u32>(mask_at, words_read);
    let rng_before = case.elements::<MaskRng>(rng_at, 1);
    let in_place = x == y;
    // SAFETY: what the call reaches lies in the arena.
    let status = unsafe { T::call(f, &dropout, &layout, &panel, &blocks, x, y, z, count, &source) };
    if status != DK_OK {
        assert!(case.bytes() == before, "{status:?} has written something");
        return;
    }
    // All that must have been refused.
    let infers = matches!(f, INFER | INFER_PANEL | ZONEOUT_INFER);
    let place = |at: At, bytes: usize| (offset(&case.input, at).unwrap_or(0), bytes);
    let output = place(at_y, writes * size_of::<T>());
    let mut read = vec![(place(at_x, reads * size_of::<T>()), in_place)];
    let zoneout = matches!(f, ZONEOUT | ZONEOUT_INFER);
    if zoneout {
        read.push((place(at_z, reads * size_of::<T>()), z == y && !in_place));
    }
    for (bytes, same) in &read {
        assert!(*same || !overlap(*bytes, output), "an overlap was not seen");
    }
    let mut rng = None;
    if !infers {
        let mask_bytes = place(
            mask_at,
            4 * if source.kind == DK_SOURCE_MASK { words_read } else { words_drawn },
        );
        match source.kind {
            DK_SOURCE_KEY => {}
            DK_SOURCE_MASK => assert!(!overlap(mask_bytes, output)),
            DK_SOURCE_KEY_INTO | DK_SOURCE_RNG => {
                assert!(
                    !overlap(mask_bytes, output)
                        && read.iter().all(|(bytes, _)| !overlap(*bytes, mask_bytes))
                );
                if source.kind == DK_SOURCE_RNG {
                    let state = place(rng_at, 256);
                    assert!(
                        !overlap(state, output)
                            && !overlap(state, mask_bytes)
                            && read.iter().all(|(bytes, _)| !overlap(*bytes, state))
                    );
                    rng = rng_before.map(|rng| rng[0].clone());
                }
            }
            _ => panic!("a source of kind {} was taken", source.kind),
        }
        assert!(source.kind == DK_SOURCE_KEY || given_bits == bits, "{given_bits} bits for {bits}");
    }
    assert_eq!(of_rate.made, DK_MADE);
    // The same by the library.
    let over = Over {
        layout: Layout::new(layout.groups, layout.repeat, layout.width, layout.run).expect("small"),
        panel: if matches!(f, FORWARD_PANEL | BACKWARD_PANEL | INFER_PANEL) {
            Panel::new(panel.rows, panel.width)
                .and_then(|p| {
                    p.with_strides(
                        if in_place { panel.y_stride } else { panel.x_stride },
                        panel.y_stride,
                    )
                })
                .and_then(|p| p.with_mask_stride(panel.mask_stride))
                .expect("C has taken it")
        } else {
            Panel::new(0, 0).expect("nothing")
        },
        blocks: match DropBlock::new(
            rate,
            blocks.block,
            blocks.batch,
            blocks.channels,
            blocks.spatial.get(..blocks.axes).unwrap_or(&[]),
        ) {
            Ok(each) => {
                if blocks.shared != 0 {
                    each.shared()
                } else {
                    each
                }
            }
            Err(_) => DropBlock::new(rate, 1, 0, 0, &[1]).expect("nothing"),
        },
    };
    let mut wanted_output = before[output.0..output.0 + output.1]
        .chunks_exact(size_of::<T>())
        // SAFETY: as many bytes as a number has.
        .map(|bytes| unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
        .collect::<Vec<_>>();
    let x = if in_place { wanted_output.clone() } else { inputs.0.unwrap_or_default() };
    let mut z = inputs.1.unwrap_or_default();
    let mut words = vec![0; words_drawn];
    let own = own_words.unwrap_or_default();
    let mask = if infers {
        Mask::Key(MaskKey::new(0, 0))
    } else {
        match source.kind {
            DK_SOURCE_KEY => Mask::Key(MaskKey::new(key.seed, key.stream)),
            DK_SOURCE_KEY_INTO => Mask::Into(
                MaskKey::new(key.seed, key.stream),
                MaskMut::new(&mut words, given_bits).expect("so many words"),
            ),
            DK_SOURCE_RNG => Mask::Rng(
                rng.as_mut().expect("C has taken it"),
                MaskMut::new(&mut words, given_bits).expect("so many words"),
            ),
            _ => Mask::Of(
                MaskRef::new(&own, first + given_bits).expect("so many words"),
                first,
                given_bits,
            ),
        }
    };
    T::rust(f, &dropout, rate, &over, &x, &mut wanted_output, &mut z, mask)
        .expect("C has taken it");
    let got = case.elements::<T>(at_y, writes).unwrap_or_default();
    assert!(
        got.iter().map(|x| x.bits()).eq(wanted_output.iter().map(|x| x.bits())),
        "other elements than the library's"
    );
    if !infers && matches!(source.kind, DK_SOURCE_KEY_INTO | DK_SOURCE_RNG) {
        assert_eq!(
            case.elements::<u32>(mask_at, words_drawn).unwrap_or_default(),
            words,
            "another mask than the library's"
        );
    }
    if let Some(rng) = rng {
        assert!(
            case.elements::<MaskRng>(rng_at, 1).unwrap_or_default()[0] == rng,
            "another state than the library's"
        );
    }
    // Nothing else is written.
    let mut written = vec![output];
    if !infers && matches!(source.kind, DK_SOURCE_KEY_INTO | DK_SOURCE_RNG) {
        written.push((offset(&case.input, mask_at).unwrap_or(0), 4 * words_drawn));
        if source.kind == DK_SOURCE_RNG {
            written.push((offset(&case.input, rng_at).unwrap_or(0), 256));
        }
    }
    for (i, (now, then)) in case.bytes().iter().zip(&before).enumerate() {
        assert!(now == then || written.iter().any(|w| overlap(*w, (i, 1))), "byte {i} was written");
    }
}

/// Keys, checkpoints, rates, and bias, dropout and residual.
fn others(input: &Input) {
    let path: Vec<dk_index> = input
        .path
        .iter()
        .map(|(index, extent)| dk_index { index: *index, extent: *extent })
        .collect();
    let path = &path[..usize::from(input.first % 4)];
    let mut key = dk_key { seed: 1, stream: 2 };
    // SAFETY: a slice.
    let status = unsafe { masks::dk_key_at(&raw mut key, input.seed, path.as_ptr(), path.len()) };
    let pairs: Vec<_> = path.iter().map(|step| (step.index, step.extent)).collect();
    match MaskKey::at(input.seed, &pairs) {
        Ok(wanted) => {
            assert!(status == DK_OK && (key.seed, key.stream) == (wanted.seed(), wanted.stream()))
        }
        Err(error) => assert!(status == dk_status::from(error) && (key.seed, key.stream) == (1, 2)),
    }

    let mut rate = dk_rate { threshold: 1, scale: 2.0, scale_f32: 3.0, made: 4 };
    let p = f64::from_bits(input.fill);
    // SAFETY: a rate.
    let status = unsafe { masks::dk_rate_from_f64(&raw mut rate, p) };
    match DropRate::from_f64(p) {
        Ok(wanted) => assert!(
            status == DK_OK
                && rate.threshold == wanted.threshold()
                && rate.scale.to_bits() == wanted.scale().to_bits()
        ),
        Err(error) => assert!(status == dk_status::from(error) && rate.made == 4),
    }

    let mut bytes = MaskRng::new(input.seed, 3).to_checkpoint();
    for (i, change) in input.checkpoint.iter().enumerate() {
        bytes[i * 8 + usize::from(*change & 7)] ^=
            if input.kind & 1 == 0 { change >> 3 } else { 0 };
    }
    let n = bytes.len().saturating_sub(usize::from(input.rule / 128) * usize::from(input.first));
    let mut rng = dk_rng { state: [5; 64] };
    // SAFETY: a slice, and a generator.
    let status = unsafe { masks::dk_rng_load(&raw mut rng, bytes.as_ptr(), n) };
    match MaskRng::from_checkpoint(&bytes[..n]) {
        Ok(wanted) => {
            let mut saved = [0; 272];
            // SAFETY: a generator, and as many bytes as a checkpoint has.
            assert_eq!(unsafe { masks::dk_rng_save(&raw const rng, saved.as_mut_ptr()) }, DK_OK);
            assert!(status == DK_OK && saved == wanted.to_checkpoint());
        }
        Err(error) => assert!(status == dk_status::from(error) && rng.state == [5; 64]),
    }

    let rate = input.rate.get(&Reference::new(input.seed, 1));
    let dropout = dk_dropout { rate: rate.into(), rule: DK_INVERTED, zero_point: 0 };
    let (n, width) = (usize::from(input.n % 300), usize::from(input.extents[0] % 40));
    let number = |i: usize| ((i * 31 + 7) % 257) as f32 - 128.0;
    let x: Vec<f32> = (0..n).map(number).collect();
    let residual: Vec<f32> = (0..n).map(|i| number(i + 5)).collect();
    let bias: Vec<f32> = (0..width).map(|i| number(i + 11)).collect();
    let (mut y, mut wanted) = (vec![7f32; n], vec![7f32; n]);
    let source = dk_source {
        kind: DK_SOURCE_KEY,
        bits: 0,
        first: 0,
        mask: core::ptr::null(),
        draw: core::ptr::null_mut(),
        rng: core::ptr::null_mut(),
        key: dk_key { seed: input.seed, stream: 9 },
    };
    let key = MaskKey::new(input.seed, 9);
    let lent = if input.made { residual.as_ptr() } else { core::ptr::null() };
    // SAFETY: slices of so many elements.
    let status = unsafe {
        fused::dk_bias_dropout_add_f32(
            &raw const dropout,
            x.as_ptr(),
            bias.as_ptr(),
            width,
            lent,
            y.as_mut_ptr(),
            n,
            &raw const source,
        )
    };
    let block = Dropout::new(rate).with_bias(&bias);
    let done = if input.made {
        block.forward_residual(&x, &residual, &mut wanted, key)
    } else {
        block.forward(&x, &mut wanted, key)
    };
    assert!((status == DK_OK) == done.is_ok() && y == wanted);
    let (mut dbias, mut wanted_bias) = (vec![1f32; width], vec![1f32; width]);
    // SAFETY: slices of so many elements.
    let status = unsafe {
        fused::dk_bias_dropout_add_backward_f32(
            &raw const dropout,
            x.as_ptr(),
            y.as_mut_ptr(),
            dbias.as_mut_ptr(),
            width,
            n,
            &raw const source,
        )
    };
    let done = block.backward(&x, &mut wanted, &mut wanted_bias, key);
    assert!((status == DK_OK) == done.is_ok() && y == wanted && dbias == wanted_bias);
}
