//! What a layer of each kind calls in a training step, and what makes such a layer at run time.

use dropout_kernels::{DropBlock, DropRate, Dropout, GaussianDropout, MaskKey, MaskRng};

use crate::{Call, Entry, Outcome};

macro_rules! entries {
    ($($name:ident),*) => {
        /// All of them, by name.
        pub const ENTRIES: &[(&str, Entry)] = &[$((stringify!($name), $name)),*];
    };
}

entries!(
    fill,
    forward,
    backward,
    forward_backward,
    replay,
    forward_backward_f64,
    fold_i16,
    requantise_i16,
    fold_i8,
    requantise_i8,
    requantise_i8_zero,
    infer,
    channels,
    classic,
    alpha,
    drop_key,
    drop_block,
    drop_block_per_sample,
    locked,
    zoneout,
    embedding,
    embedding_noise,
    drop_path,
    layer_drop,
    drop_head,
    drop_connect,
    drop_connect_replay,
    drop_connect_infer,
    drop_connect_transposed,
    gaussian,
    concrete,
    monte_carlo,
    tape,
    rate_new,
    rng_new,
    alpha_new,
    drop_block_new,
    gaussian_new,
    concrete_step,
    schedule,
    error_text,
    basic
);

fn fill(call: &mut Call<'_>) -> Outcome {
    call.rng.fill(call.dropout.rate(), call.mask.reborrow());
    Ok(())
}

fn forward(call: &mut Call<'_>) -> Outcome {
    call.dropout.forward_in_place(call.x, call.rng.draw(call.mask.reborrow()))?;
    Ok(())
}

fn backward(call: &mut Call<'_>) -> Outcome {
    call.dropout.backward_in_place(call.x, call.mask.as_ref())?;
    Ok(())
}

fn forward_backward(call: &mut Call<'_>) -> Outcome {
    forward(call)?;
    backward(call)
}

fn replay(call: &mut Call<'_>) -> Outcome {
    let _fits = call.dropout.forward_in_place(call.x, MaskKey::new(call.seed, call.stream));
    let _fits = call.dropout.backward_in_place(call.y, MaskKey::new(call.seed, call.stream));
    Ok(())
}

fn forward_backward_f64(call: &mut Call<'_>) -> Outcome {
    call.dropout.forward_in_place(call.doubles, call.rng.draw(call.mask.reborrow()))?;
    call.dropout.backward_in_place(call.doubles, call.mask.as_ref())?;
    Ok(())
}

/// Forward and backward, as the rows of integers that follow.
fn fold_i16(call: &mut Call<'_>) -> Outcome {
    call.classic.forward_in_place(call.words, call.rng.draw(call.mask.reborrow()))?;
    call.classic.backward_in_place(call.words, call.mask.as_ref())?;
    Ok(())
}

fn requantise_i16(call: &mut Call<'_>) -> Outcome {
    call.dropout.forward_in_place(call.words, call.rng.draw(call.mask.reborrow()))?;
    call.dropout.backward_in_place(call.words, call.mask.as_ref())?;
    Ok(())
}

fn fold_i8(call: &mut Call<'_>) -> Outcome {
    call.classic.forward_in_place(call.bytes, call.rng.draw(call.mask.reborrow()))?;
    call.classic.backward_in_place(call.bytes, call.mask.as_ref())?;
    Ok(())
}

fn requantise_i8(call: &mut Call<'_>) -> Outcome {
    call.dropout.forward_in_place(call.bytes, call.rng.draw(call.mask.reborrow()))?;
    call.dropout.backward_in_place(call.bytes, call.mask.as_ref())?;
    Ok(())
}

fn requantise_i8_zero(call: &mut Call<'_>) -> Outcome {
    call.zero_point.forward_in_place(call.bytes, call.rng.draw(call.mask.reborrow()))?;
    call.zero_point.backward_in_place(call.bytes, call.mask.as_ref())?;
    Ok(())
}

fn infer(call: &mut Call<'_>) -> Outcome {
    call.classic.infer_in_place(call.x);
    Ok(())
}

fn channels(call: &mut Call<'_>) -> Outcome {
    let over = call.dropout.over(call.layout);
    over.forward_in_place(call.x, call.rng.draw(call.groups.reborrow()))?;
    over.backward_in_place(call.x, call.groups.as_ref())?;
    Ok(())
}

fn classic(call: &mut Call<'_>) -> Outcome {
    call.classic.forward_in_place(call.x, call.rng.draw(call.mask.reborrow()))?;
    call.classic.backward_in_place(call.x, call.mask.as_ref())?;
    Ok(())
}

fn alpha(call: &mut Call<'_>) -> Outcome {
    call.alpha.forward_in_place(call.x, call.rng.draw(call.mask.reborrow()))?;
    call.alpha.backward_in_place(call.x, call.mask.as_ref())?;
    Ok(())
}

fn drop_key(call: &mut Call<'_>) -> Outcome {
    call.drop_key.forward_in_place(call.x, call.rng.draw(call.mask.reborrow()))?;
    call.drop_key.backward_in_place(call.x, call.mask.as_ref())?;
    Ok(())
}

fn drop_block(call: &mut Call<'_>) -> Outcome {
    call.blocks.forward_in_place(call.x, call.rng.draw(call.mask.reborrow()))?;
    call.blocks.backward_in_place(call.x, call.mask.as_ref())?;
    Ok(())
}

/// On chips one function does both, so that its row in `expected/` is that of `drop_block`.
fn drop_block_per_sample(call: &mut Call<'_>) -> Outcome {
    call.samples.forward_in_place(call.x, call.rng.draw(call.mask.reborrow()))?;
    call.samples.backward_in_place(call.x, call.mask.as_ref())?;
    Ok(())
}

fn locked(call: &mut Call<'_>) -> Outcome {
    call.locked.draw(1, &mut call.rng)?;
    call.locked.forward_in_place(call.x)?;
    call.locked.backward_in_place(call.x)?;
    Ok(())
}

fn zoneout(call: &mut Call<'_>) -> Outcome {
    call.zoneout.forward(call.x, call.y, call.z, call.rng.draw(call.mask.reborrow()))?;
    call.zoneout.backward(call.z, call.x, call.y, call.mask.as_ref())?;
    Ok(())
}

fn embedding(call: &mut Call<'_>) -> Outcome {
    call.embedding.fill(call.groups.reborrow(), &mut call.rng)?;
    call.embedding.forward(&call.indices, call.x, call.y, call.groups.as_ref())?;
    call.embedding.backward(&call.indices, call.y, call.x, call.groups.as_ref())?;
    Ok(())
}

fn embedding_noise(call: &mut Call<'_>) -> Outcome {
    call.noise.forward_in_place(call.x, &mut call.rng);
    Ok(())
}

fn drop_path(call: &mut Call<'_>) -> Outcome {
    call.path.fill(call.groups.reborrow(), &mut call.rng)?;
    call.path.add(call.x, call.y, call.groups.as_ref())?;
    call.path.branch().backward(call.y, call.x, call.groups.as_ref())?;
    Ok(())
}

/// What is trained, and what is kept at inference.
fn layer_drop(call: &mut Call<'_>) -> Outcome {
    call.layers.fill(call.groups.reborrow(), &mut call.rng)?;
    call.layers.prune(call.groups.reborrow(), call.indices.len())?;
    Ok(())
}

fn drop_head(call: &mut Call<'_>) -> Outcome {
    call.heads.forward_in_place(call.x, call.rng.draw(call.groups.reborrow()))?;
    call.heads.backward_in_place(call.x, call.groups.as_ref())?;
    Ok(())
}

fn drop_connect(call: &mut Call<'_>) -> Outcome {
    let (mask, outputs) = (call.mask.reborrow(), &mut call.outputs);
    call.weights.forward(call.x, call.inputs, outputs, call.rng.draw(mask))?;
    call.weights.backward_input(call.x, outputs, call.inputs, call.mask.as_ref())?;
    call.weights.backward_weights(call.inputs, outputs, call.y, call.mask.as_ref())?;
    Ok(())
}

fn drop_connect_replay(call: &mut Call<'_>) -> Outcome {
    let (seed, stream, outputs) = (call.seed, call.stream, &mut call.outputs);
    call.weights.forward(call.x, call.inputs, outputs, MaskKey::new(seed, stream))?;
    call.weights.backward_input(call.x, outputs, call.inputs, MaskKey::new(seed, stream))?;
    call.weights.backward_weights(call.inputs, outputs, call.y, MaskKey::new(seed, stream))?;
    Ok(())
}

fn drop_connect_infer(call: &mut Call<'_>) -> Outcome {
    let (outputs, variances) = (&mut call.outputs, &mut call.variances);
    call.weights.infer_moments(call.x, call.inputs, outputs, variances)?;
    Ok(())
}

fn drop_connect_transposed(call: &mut Call<'_>) -> Outcome {
    call.weights.infer_transposed(call.x, &call.outputs, call.inputs)?;
    Ok(())
}

fn gaussian(call: &mut Call<'_>) -> Outcome {
    let mut before = call.rng.clone();
    call.gaussian.forward_in_place(call.x, &mut call.rng);
    call.gaussian.backward_in_place(call.y, &mut before);
    Ok(())
}

fn concrete(call: &mut Call<'_>) -> Outcome {
    let (seed, stream) = (call.seed, call.stream);
    call.concrete.forward_in_place(call.x, MaskKey::new(seed, stream));
    call.logit = call.concrete.backward_in_place(call.y, call.z, MaskKey::new(seed, stream))?;
    Ok(())
}

fn monte_carlo(call: &mut Call<'_>) -> Outcome {
    call.passes.push(call.x)?;
    if let Some(variance) = call.passes.population_variance() {
        call.y.iter_mut().zip(variance).for_each(|(y, variance)| *y = variance);
    }
    Ok(())
}

fn tape(call: &mut Call<'_>) -> Outcome {
    let n = call.x.len();
    call.tape.push(0, n)?.copy_from(call.mask.as_ref())?;
    call.mask.copy_from(call.tape.pop(0, n)?)?;
    Ok(())
}

fn rate_new(call: &mut Call<'_>) -> Outcome {
    call.dropout = Dropout::new(DropRate::new(call.p)?);
    Ok(())
}

fn rng_new(call: &mut Call<'_>) -> Outcome {
    call.rng = MaskRng::new(call.seed, call.stream);
    Ok(())
}

fn alpha_new(call: &mut Call<'_>) -> Outcome {
    call.alpha = Dropout::alpha(call.rate);
    Ok(())
}

fn drop_block_new(call: &mut Call<'_>) -> Outcome {
    let [n, c, h, w] = call.extents;
    call.blocks = DropBlock::new(call.rate, call.indices.len(), n, c, &[h, w])?;
    Ok(())
}

fn gaussian_new(call: &mut Call<'_>) -> Outcome {
    call.gaussian = GaussianDropout::new(call.rate)?;
    Ok(())
}

/// What its rate takes at a step of the optimiser.
fn concrete_step(call: &mut Call<'_>) -> Outcome {
    let [squares, weight, entropy, rate] = call.outputs;
    let to_logit = call.concrete.penalty(squares, call.step, weight, entropy).to_logit;
    call.concrete = call.concrete.with_logit(call.concrete.logit() - rate * to_logit)?;
    Ok(())
}

fn schedule(call: &mut Call<'_>) -> Outcome {
    call.rate = call.schedule.rate(call.step);
    Ok(())
}

fn error_text(call: &mut Call<'_>) -> Outcome {
    // Whether it could be printed is for the printer to say.
    let _ = write!(call.out, "{}", call.error);
    Ok(())
}

/// What a small trainer has: a rate and a generator made at run time, plain dropout stored and
/// replayed, and over channels.
fn basic(call: &mut Call<'_>) -> Outcome {
    rate_new(call)?;
    rng_new(call)?;
    forward_backward(call)?;
    replay(call)?;
    channels(call)
}
