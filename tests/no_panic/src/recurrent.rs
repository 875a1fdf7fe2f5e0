//! Zoneout, and variational dropout a step at a time.

use core::hint::black_box;

use dropout_kernels::{
    Backend, DropRate, Dropout, Element, Error, LockedDropout, MaskKey, MaskMut, MaskRef, MaskRng,
    RuleFor, VariationalDropout, Zoneout,
};

pub fn all<T: Element>(rate: DropRate, x: &mut [T; 100]) -> Result<(), Error> {
    let mut rng = MaskRng::new(black_box(1), black_box(2));
    zoneout(Zoneout::new(rate), x, &mut rng)?;
    locked(Dropout::new(rate), x, &mut rng)?;
    locked(Dropout::classic(rate), x, &mut rng)
}

fn zoneout<T: Element>(z: Zoneout, x: &mut [T; 100], rng: &mut MaskRng) -> Result<(), Error> {
    let z = z.with_backend(black_box(Backend::detect()));
    let n = black_box(33usize);
    let (a, rest) = x.split_at_mut_checked(n).unwrap_or_default();
    let (b, c) = rest.split_at_mut_checked(n).unwrap_or_default();
    let (mut words, brought) = (black_box([3u32; 2]), black_box([5u32; 2]));
    let mut mask = MaskMut::new(&mut words, n)?;
    let other = MaskRef::new(&brought, n)?;
    black_box(z.rate());
    z.forward(a, b, c, rng.draw(mask.reborrow()))?;
    z.forward_into_prev(a, b, rng.draw(mask.reborrow()))?;
    z.forward_into_new(a, b, rng.draw(mask.reborrow()))?;
    z.forward(a, b, c, MaskKey::new(black_box(1), black_box(2)))?;
    z.forward_into_prev(a, b, MaskKey::new(black_box(1), black_box(2)))?;
    z.forward_into_new(a, b, MaskKey::new(black_box(1), black_box(2)))?;
    z.forward(a, b, c, other)?;
    z.forward_into_prev(a, b, other)?;
    z.forward_into_new(a, b, other)?;
    z.backward(a, b, c, other)?;
    z.backward_in_place(a, b, other)?;
    z.backward(a, b, c, MaskKey::new(black_box(1), black_box(2)))?;
    z.backward_in_place(a, b, MaskKey::new(black_box(1), black_box(2)))?;
    z.infer(a, b, c)?;
    z.infer_into_prev(a, b)?;
    z.infer_into_new(a, b)?;
    z.infer_where(a, b, c, other)?;
    z.infer_into_prev_where(a, b, other)?;
    z.infer_into_new_where(a, b, other)?;
    z.forward(a, b, c, other.window(black_box(0..33))?)?;
    Ok(())
}

fn locked<T: Element, R: RuleFor<T>>(
    dropout: Dropout<R>,
    x: &mut [T; 100],
    rng: &mut MaskRng,
) -> Result<(), Error> {
    let units = black_box(25usize);
    let mut variational = VariationalDropout {
        input: LockedDropout::new(dropout, units, [0; 2]),
        recurrent: LockedDropout::new(dropout, units, [0; 3]),
        output: LockedDropout::new(dropout, units, [0; 4]),
    };
    variational.draw(black_box(2), rng)?;
    variational.output.draw(black_box(2), rng)?;
    let (x, y) = x.split_at_mut_checked(black_box(50)).unwrap_or_default();
    let input = black_box(&variational.input);
    black_box((input.mask().count_kept(), input.dropout().rate(), input.units()));
    input.forward(x, y)?;
    input.forward_in_place(x)?;
    input.backward(x, y)?;
    input.backward_in_place(x)?;
    Ok(())
}
