#![no_main]
//! C's functions, given anything: what they say, and write, is what the library does with the same slices. Pointers
//! lie anywhere in one allocation, NULL, misaligned and overlapping too; whatever is refused has written nothing.

use arbitrary::Arbitrary;
use dropout_kernels::{
    ConcreteDropout, DropBlock, DropConnect, DropRate, Dropout, Element, EmbeddingNoise, LayerDrop,
    Layout, MaskKey, MaskMut, MaskRef, MaskRng, Panel, ShapeError, Zoneout,
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
    fn new(input: Input) -> Self {
        let mixed = |i: u64| (i ^ input.fill).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
        Self { arena: (0..BYTES as u64 / 8).map(mixed).collect(), input }
    }

    /// The source of the input, with a generator that was made, where there is room for one.
    fn source(&mut self, bits: usize) -> dk_source {
        let (kind, first) = (u32::from(self.input.kind % 5), usize::from(self.input.first));
        let key = dk_key { seed: self.input.seed, stream: 7 };
        let rng: *mut dk_rng = self.pointer(self.input.rng);
        if !rng.is_null() && rng.is_aligned() && self.input.made {
            // SAFETY: in the arena.
            assert_eq!(unsafe { masks::dk_rng_init(rng, key) }, DK_OK);
        }
        let (mask, draw) = (self.pointer(self.input.mask), self.pointer(self.input.mask));
        dk_source { kind, bits, first, mask, draw, rng, key }
    }

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
fn overlap(a: Range, b: Range) -> bool {
    a.1 > 0 && b.1 > 0 && a.0 < b.0 + b.1 && b.0 < a.0 + a.1
}

fuzz_target!(|input: Input| {
    match input.verb % 4 {
        0 => verbs::<f32>(input),
        1 => verbs::<bf16>(input),
        2 => verbs::<i8>(input),
        _ if input.verb & 4 != 0 => layers(input),
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

macro_rules! drawn {
    ($s:expr, |$m:ident| $call:expr) => {
        match $s {
            Mask::Into(key, mask) => {
                let $m = key.draw(mask);
                $call
            }
            Mask::Rng(rng, mask) => {
                let $m = rng.draw(mask);
                $call
            }
            _ => unreachable!("C has refused it"),
        }
    };
}

impl<'a> Mask<'a> {
    /// That of a source that C has taken.
    fn of(
        source: &dk_source,
        rng: Option<&'a mut MaskRng>,
        words: &'a mut [u32],
        own: &'a [u32],
    ) -> Self {
        let (key, bits) = (MaskKey::new(source.key.seed, source.key.stream), source.bits);
        match source.kind {
            DK_SOURCE_KEY => Mask::Key(key),
            DK_SOURCE_KEY_INTO => {
                Mask::Into(key, MaskMut::new(words, bits).expect("so many words"))
            }
            DK_SOURCE_RNG => Mask::Rng(
                rng.expect("C has taken it"),
                MaskMut::new(words, bits).expect("so many words"),
            ),
            // A mask of no bits has no words, wherever it begins.
            _ if bits == 0 => Mask::Of(MaskRef::new(&[], 0).expect("no words"), 0, 0),
            _ => {
                let whole = MaskRef::new(own, source.first + bits).expect("so many words");
                Mask::Of(whole, source.first, bits)
            }
        }
    }
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
/// Of the highest inputs, so that the others' meaning stays.
const RELU_PANEL: u8 = 11;

macro_rules! c {
    ($t:ty, $c:ty, $bits:expr, |$dropout:ident, $given:ident| $zero:expr, $forward:ident $backward:ident $infer:ident $forward_layout:ident $backward_layout:ident
     $forward_panel:ident $backward_panel:ident $infer_panel:ident $relu_panel:ident $blocks:ident $zoneout:ident $zoneout_infer:ident) => {
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
                        RELU_PANEL => fused::$relu_panel(d, p, x, y, s),
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
                            let words = &mask.words()[first / 32..][..bits.div_ceil(32)];
                            over.blocks.forward(x, y, MaskRef::new(words, bits)?)
                        }
                        Mask::Key(_) => unreachable!("C has refused it"),
                    },
                    RELU_PANEL if $given.rule == DK_INVERTED => {
                        drawn!(s, |m| Dropout::new(rate).over(over.panel).forward_relu(x, y, m))
                    }
                    RELU_PANEL => {
                        drawn!(s, |m| Dropout::classic(rate).over(over.panel).forward_relu(x, y, m))
                    }
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
   dk_forward_panel_f32 dk_backward_panel_f32 dk_infer_panel_f32 dk_forward_relu_panel_f32 dk_drop_block_forward_f32 dk_zoneout_forward_f32 dk_zoneout_infer_f32);
c!(bf16, u16, |x: bf16| u32::from(x.to_bits()), |d, given| { assert_eq!(given.zero_point, 0); d }, dk_forward_bf16 dk_backward_bf16 dk_infer_bf16 dk_forward_layout_bf16 dk_backward_layout_bf16
   dk_forward_panel_bf16 dk_backward_panel_bf16 dk_infer_panel_bf16 dk_forward_relu_panel_bf16 dk_drop_block_forward_bf16 dk_zoneout_forward_bf16 dk_zoneout_infer_bf16);
c!(i8, i8, |x: i8| x as u32, |d, given| d.with_zero_point(i8::try_from(given.zero_point).expect("C has refused it")), dk_forward_s8 dk_backward_s8 dk_infer_s8 dk_forward_layout_s8 dk_backward_layout_s8
   dk_forward_panel_s8 dk_backward_panel_s8 dk_infer_panel_s8 dk_forward_relu_panel_s8 dk_drop_block_forward_s8 dk_zoneout_forward_s8 dk_zoneout_infer_s8);

fn verbs<T: C>(input: Input) {
    let f = if input.verb >= 240 { RELU_PANEL } else { input.verb / 4 % VERBS };
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
        per_sample: u32::from(input.fill as u8 & 2),
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
        FORWARD_PANEL | BACKWARD_PANEL | INFER_PANEL | RELU_PANEL => (
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
    let (rng_at, mask_at) = (input.rng, input.mask);
    let mut case = Case::new(input);
    let source = case.source(given_bits);
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
    // In place that of y holds.
    let read: Vec<_> = read.into_iter().filter(|(_, same)| !same).map(|(bytes, _)| bytes).collect();
    let mut rng = None;
    if !infers {
        assert_apart(&case.input, &source, &read, &[output]);
        assert!(source.kind == DK_SOURCE_KEY || given_bits == bits, "{given_bits} bits for {bits}");
        if source.kind == DK_SOURCE_RNG {
            rng = rng_before.map(|rng| rng[0].clone());
        }
    }
    assert_eq!(of_rate.made, DK_MADE);
    // The same by the library.
    let over = Over {
        layout: Layout::new(layout.groups, layout.repeat, layout.width, layout.run).expect("small"),
        panel: if matches!(f, FORWARD_PANEL | BACKWARD_PANEL | INFER_PANEL | RELU_PANEL) {
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
                let each = if blocks.shared != 0 { each.shared() } else { each };
                if blocks.per_sample != 0 { each.per_sample() } else { each }
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
        Mask::of(&source, rng.as_mut(), &mut words, &own)
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
    let source = if infers { None } else { Some(&source) };
    assert_alone(&case, &before, source, &[output]);
}

/// Where bytes begin, and how many there are.
type Range = (usize, usize);

/// What a source reads and what it writes.
fn reach(input: &Input, source: &dk_source) -> (Vec<Range>, Vec<Range>) {
    let place = |at: At, bytes: usize| (offset(input, at).unwrap_or(0), bytes);
    let drawn = place(input.mask, 4 * source.bits.div_ceil(32));
    match source.kind {
        DK_SOURCE_KEY => (vec![], vec![]),
        DK_SOURCE_KEY_INTO => (vec![], vec![drawn]),
        DK_SOURCE_RNG => (vec![], vec![drawn, place(input.rng, 256)]),
        DK_SOURCE_MASK if source.bits == 0 => (vec![], vec![]),
        DK_SOURCE_MASK => {
            (vec![place(input.mask, 4 * (source.first + source.bits).div_ceil(32))], vec![])
        }
        kind => panic!("a source of kind {kind} was taken"),
    }
}

/// What a call has taken writes over nothing that it reads by its source, and the source over nothing else.
fn assert_apart(input: &Input, source: &dk_source, read: &[Range], written: &[Range]) {
    let (by_source, of_source) = reach(input, source);
    for (i, own) in of_source.iter().enumerate() {
        let others = read.iter().chain(written).chain(&of_source[..i]);
        assert!(others.into_iter().all(|other| !overlap(*own, *other)), "an overlap was not seen");
    }
    for own in by_source {
        assert!(written.iter().all(|other| !overlap(own, *other)), "an overlap was not seen");
    }
}

/// Nothing is written but the outputs, and what the source draws.
fn assert_alone(case: &Case, before: &[u8], source: Option<&dk_source>, outputs: &[Range]) {
    let mut written = outputs.to_vec();
    if let Some(source) = source {
        written.extend(reach(&case.input, source).1);
    }
    for (i, (now, then)) in case.bytes().iter().zip(before).enumerate() {
        assert!(now == then || written.iter().any(|w| overlap(*w, (i, 1))), "byte {i} was written");
    }
}

/// Verbs of layers that have a struct of their own.
const NOISE: u8 = 0;
const CONCRETE: u8 = 1;
const CONCRETE_BACKWARD: u8 = 2;
const CONNECT: u8 = 3;
const CONNECT_INPUT: u8 = 4;
const CONNECT_WEIGHTS: u8 = 5;
const CONNECT_INFER: u8 = 6;
const CONNECT_TRANSPOSED: u8 = 7;

/// Concrete dropout, noise on embeddings, and dropped weights.
fn layers(input: Input) {
    let f = input.verb / 8 % 8;
    let [a, b, c, d, e] = input.extents.map(usize::from);
    let rate = input.rate.get(&Reference::new(input.seed, 1));
    let mut of_rate = dk_rate::from(rate);
    if !input.made {
        of_rate.made = input.seed as u32;
    }
    let connect = dk_drop_connect {
        dropout: dk_dropout { rate: of_rate, rule: u32::from(input.rule % 3), zero_point: 0 },
        rows: a % 9,
        columns: b % 70,
    };
    let batch = c % 7;
    let concrete = match input.made {
        true => dk_concrete_f32 {
            logit: f32::from(input.zero_point) / 300.0,
            temperature: input.extents[3].into(),
        },
        false => dk_concrete_f32 {
            logit: f32::from_bits(input.fill as u32),
            temperature: f32::from_bits((input.fill >> 32) as u32),
        },
    };
    let noise = dk_embedding_noise { alpha: input.zero_point.into(), length: d, dimension: e };
    let count = usize::from(input.n % 700);
    let (weights, inputs, outputs) =
        (connect.rows * connect.columns, batch * connect.columns, batch * connect.rows);
    // Elements of x, of z, and of y, which is written.
    let (of_x, of_z, of_y) = match f {
        NOISE | CONCRETE => (count, 0, count),
        CONCRETE_BACKWARD => (count, count, count),
        CONNECT | CONNECT_INFER => (weights, inputs, outputs),
        CONNECT_WEIGHTS => (inputs, outputs, weights),
        _ => (weights, outputs, inputs),
    };
    let masked = matches!(f, CONNECT | CONNECT_INPUT | CONNECT_WEIGHTS);
    let infers = matches!(f, CONNECT_INFER | CONNECT_TRANSPOSED);
    let surplus = if input.surplus.unsigned_abs() < 100 { 0 } else { input.surplus };
    let bits = if masked { weights } else { 0 };
    let mut case = Case::new(input);
    let source = case.source(bits.saturating_add_signed(surplus.into()));
    let (x, y, z) = (
        case.pointer::<f32>(case.input.x),
        case.pointer::<f32>(case.input.y),
        case.pointer::<f32>(case.input.z),
    );
    // Where no mask is, there is room for the gradient to the logit.
    let sum: *mut f32 = case.pointer(case.input.mask);
    let before = case.bytes().to_vec();
    let (at_x, at_y, at_z) = (case.input.x, case.input.y, case.input.z);
    let (xs, zs, mut ys) = (
        case.elements::<f32>(at_x, of_x),
        case.elements::<f32>(at_z, of_z),
        case.elements::<f32>(at_y, of_y),
    );
    let own = case.elements::<u32>(case.input.mask, (source.first + source.bits).div_ceil(32));
    let rng_before = case.elements::<MaskRng>(case.input.rng, 1);
    let s = &raw const source;
    let (of_noise, of_concrete, of_connect) =
        (&raw const noise, &raw const concrete, &raw const connect);
    // SAFETY: what the call reaches lies in the arena, and has the bits of numbers.
    let status = unsafe {
        match f {
            NOISE => variants::dk_embedding_noise_forward_f32(of_noise, x, y, count, s),
            CONCRETE => variants::dk_concrete_forward_f32(of_concrete, x, y, count, s),
            CONCRETE_BACKWARD => {
                variants::dk_concrete_backward_f32(of_concrete, x, z, y, count, sum, s)
            }
            CONNECT => variants::dk_drop_connect_forward_f32(of_connect, x, z, y, batch, s),
            CONNECT_INPUT => {
                variants::dk_drop_connect_backward_input_f32(of_connect, x, z, y, batch, s)
            }
            CONNECT_WEIGHTS => {
                variants::dk_drop_connect_backward_weights_f32(of_connect, x, z, y, batch, s)
            }
            CONNECT_INFER => variants::dk_drop_connect_infer_f32(of_connect, x, z, y, batch),
            _ => variants::dk_drop_connect_infer_transposed_f32(of_connect, x, z, y, batch),
        }
    };
    if status != DK_OK {
        assert!(case.bytes() == before, "{status:?} has written something");
        return;
    }
    let place = |at: At, n: usize| (offset(&case.input, at).unwrap_or(0), n * size_of::<f32>());
    let mut outputs = vec![place(at_y, of_y)];
    if f == CONCRETE_BACKWARD {
        outputs.push(place(case.input.mask, 1));
        assert!(!overlap(outputs[0], outputs[1]), "an overlap was not seen");
    }
    let read = [place(at_x, of_x), place(at_z, of_z)];
    let same = [matches!(f, NOISE | CONCRETE) && x == y, f == CONCRETE_BACKWARD && z == y];
    for (read, same) in read.iter().zip(same) {
        for (i, output) in outputs.iter().enumerate() {
            assert!((same && i == 0) || !overlap(*read, *output), "an overlap was not seen");
        }
    }
    let mut rng = rng_before.map(|rng| rng[0].clone()).filter(|_| source.kind == DK_SOURCE_RNG);
    let mut words = vec![0; source.bits.div_ceil(32)];
    let drawn = !infers && matches!(source.kind, DK_SOURCE_KEY_INTO | DK_SOURCE_RNG);
    if infers {
        rng = None;
    } else {
        // Where the sum stands there is no mask: the source has no bits.
        assert_apart(&case.input, &source, &read, &outputs);
        assert!(source.kind == DK_SOURCE_KEY || source.bits == bits);
    }
    // The same by the library.
    let (xs, zs) = (xs.unwrap_or_default(), zs.unwrap_or_default());
    let mut wanted = ys.take().unwrap_or_default();
    let key = MaskKey::new(source.key.seed, source.key.stream);
    let mut gradient = None;
    macro_rules! random {
        (|$random:ident| $call:expr) => {
            match &mut rng {
                Some($random) => $call,
                None => {
                    let $random = key;
                    $call
                }
            }
        };
    }
    match f {
        NOISE => {
            let noise = EmbeddingNoise::new(noise.alpha, noise.length, noise.dimension);
            let noise = noise.expect("C has taken it");
            random!(|random| noise.forward(&xs, &mut wanted, random)).expect("C has taken it");
        }
        CONCRETE | CONCRETE_BACKWARD => {
            let layer = ConcreteDropout::from_logit(concrete.logit, concrete.temperature);
            let layer = layer.expect("C has taken it");
            if f == CONCRETE {
                random!(|random| layer.forward(&xs, &mut wanted, random)).expect("C has taken it");
            } else {
                let sum = random!(|random| layer.backward(&xs, &zs, &mut wanted, random));
                gradient = Some(sum.expect("C has taken it"));
            }
        }
        _ => {
            let own = own.unwrap_or_default();
            let (rows, columns) = (connect.rows, connect.columns);
            assert_eq!(of_rate.made, DK_MADE);
            macro_rules! products {
                ($layer:expr) => {{
                    let (layer, y) = ($layer.expect("small"), &mut wanted);
                    let mask = if infers {
                        Mask::Key(key)
                    } else {
                        Mask::of(&source, rng.as_mut(), &mut words, &own)
                    };
                    // So that a part of a mask can be refused by `?`.
                    let run = || -> Result<(), ShapeError> {
                        match f {
                            CONNECT => by!(mask, |m| layer.forward(&xs, &zs, y, m)),
                            CONNECT_INPUT => known!(mask, |m| layer.backward_input(&xs, &zs, y, m)),
                            CONNECT_WEIGHTS => {
                                known!(mask, |m| layer.backward_weights(&xs, &zs, y, m))
                            }
                            CONNECT_INFER => layer.infer(&xs, &zs, y),
                            _ => layer.infer_transposed(&xs, &zs, y),
                        }
                    };
                    run().expect("C has taken it");
                }};
            }
            if connect.dropout.rule == DK_INVERTED {
                products!(DropConnect::new(rate, rows, columns));
            } else {
                products!(DropConnect::classic(rate, rows, columns));
            }
        }
    }
    let bits = |x: &f32| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() };
    let got = case.elements::<f32>(at_y, of_y).unwrap_or_default();
    assert!(got.iter().map(bits).eq(wanted.iter().map(bits)), "other elements than the library's");
    if let Some(wanted) = gradient {
        let got = case.elements::<f32>(case.input.mask, 1).unwrap_or_default();
        assert_eq!(bits(&got[0]), bits(&wanted), "another gradient than the library's");
    }
    if drawn {
        let got = case.elements::<u32>(case.input.mask, words.len()).unwrap_or_default();
        assert_eq!(got, words, "another mask than the library's");
    }
    if let Some(rng) = rng {
        let got = case.elements::<MaskRng>(case.input.rng, 1).unwrap_or_default();
        assert!(got[0] == rng, "another state than the library's");
    }
    assert_alone(&case, &before, (!infers).then_some(&source), &outputs);
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
    // Over rows of a matrix, with a residual that stands together.
    let [rows, wide, more, ..] = input.extents.map(usize::from);
    let panel = dk_panel {
        rows: rows % 8,
        width,
        x_stride: wide % 60,
        y_stride: width + more % 9,
        mask_stride: wide % 50,
    };
    let far = |stride: usize| (panel.rows.max(1) - 1) * stride + width;
    let (inputs, mut outputs) = (vec![3f32; far(panel.x_stride)], vec![7f32; far(panel.y_stride)]);
    let mut wanted_outputs = outputs.clone();
    let rest: Vec<f32> = (0..panel.rows * width).map(number).collect();
    // SAFETY: slices of so many elements.
    let status = unsafe {
        fused::dk_bias_dropout_add_panel_f32(
            &raw const dropout,
            &raw const panel,
            inputs.as_ptr(),
            bias.as_ptr(),
            if input.made { rest.as_ptr() } else { core::ptr::null() },
            width,
            outputs.as_mut_ptr(),
            &raw const source,
        )
    };
    let made = Panel::new(panel.rows, width)
        .and_then(|p| p.with_strides(panel.x_stride, panel.y_stride)?.with_residual_stride(width))
        .and_then(|p| p.with_mask_stride(panel.mask_stride))
        .expect("small");
    let over = Dropout::new(rate).over(made);
    let block = over.with_bias(&bias);
    let done = if input.made {
        block.forward_residual(&inputs, &rest, &mut wanted_outputs, key)
    } else {
        block.forward(&inputs, &mut wanted_outputs, key)
    };
    assert!((status == DK_OK) == done.is_ok() && outputs == wanted_outputs);

    let (mut kept, mut wanted_kept) = (vec![5u32; n.div_ceil(32)], vec![5u32; n.div_ceil(32)]);
    // SAFETY: as many words as a mask of n bits has.
    let status = unsafe { variants::dk_layer_drop_prune(kept.as_mut_ptr(), n, width) };
    let mask = MaskMut::new(&mut wanted_kept, n).expect("so many words");
    LayerDrop::new(rate, n).prune(mask, width).expect("as many bits");
    assert!(status == DK_OK && kept == wanted_kept);

    let block = Dropout::new(rate).with_bias(&bias);
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
