//! The operation on Flex, and its backward.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::{
    BalancedCheckpointing, CheckpointStrategy, NoCheckpointing,
};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Bytes, DType, Tensor, bf16, f16};
use dropout_kernels::{DropRate, Dropout, MaskKey};

use crate::Error;

/// Drops by the mask of this key. The gradient goes through the elements that were kept.
///
/// # Errors
///
/// If the tensor is not one of the Flex backend, or if its elements are not `f32`, `f64`, `f16` or `bf16`.
pub fn dropout_by_key<const D: usize>(
    xs: Tensor<D>,
    rate: DropRate,
    key: MaskKey,
) -> Result<Tensor<D>, Error> {
    match xs.dtype() {
        DType::F32 | DType::F64 | DType::F16 | DType::BF16 => {}
        other => return Err(Error::Elements { given: format!("{other:?}") }),
    }
    let op = DropoutOp { rate, key };
    // Each clone is gone before the kernel runs, so that a tensor that nothing else holds is changed in place.
    let plain = match xs.clone().try_into_primitive::<Autodiff<Flex, NoCheckpointing>>() {
        Err(_) => xs,
        Ok(x) => {
            drop(xs);
            return Ok(Tensor::from_primitive::<Autodiff<Flex, NoCheckpointing>>(
                op.tracked::<NoCheckpointing>(x),
            ));
        }
    };
    let plain = match plain.clone().try_into_primitive::<Autodiff<Flex, BalancedCheckpointing>>() {
        Err(_) => plain,
        Ok(x) => {
            drop(plain);
            return Ok(Tensor::from_primitive::<Autodiff<Flex, BalancedCheckpointing>>(
                op.tracked::<BalancedCheckpointing>(x),
            ));
        }
    };
    match plain.try_into_primitive::<Flex>() {
        Ok(x) => Ok(Tensor::from_primitive::<Flex>(op.apply(x))),
        Err(error) => Err(Error::Backend { given: format!("{error:?}") }),
    }
}

/// All that backward needs of forward.
#[derive(Clone, Copy, Debug)]
struct DropoutOp {
    rate: DropRate,
    key: MaskKey,
}

/// The step of backward. The operation is linear, and its own backward.
#[derive(Debug)]
struct Step;

impl Backward<Flex, 1> for Step {
    type State = DropoutOp;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        unary::<Flex, _>(ops.parents, ops.node, grads, |dy| ops.state.apply(dy));
    }
}

impl DropoutOp {
    fn tracked<C: CheckpointStrategy>(
        self,
        x: FloatTensor<Autodiff<Flex, C>>,
    ) -> FloatTensor<Autodiff<Flex, C>> {
        match Step.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(self, self.apply(x.into_primitive())),
            OpsKind::UnTracked(prep) => prep.finish(self.apply(x.into_primitive())),
        }
    }

    /// Of one of the four types of floating-point numbers, as `dropout_by_key` has seen.
    fn apply(self, x: FlexTensor) -> FlexTensor {
        let mut x = if x.is_contiguous() { x } else { x.to_contiguous() };
        let start = x.layout().start_offset();
        let range = start..start + x.layout().num_elements();
        let dropout = Dropout::new(self.rate);
        // In place and by a key there is nothing that could not fit.
        macro_rules! apply {
            ($($dtype:ident $element:ty;)*) => {
                match x.dtype() {
                    $(DType::$dtype => {
                        if let Some(y) = x.try_storage_mut::<$element>() {
                            let _ = dropout.forward_in_place(&mut y[range], self.key);
                            return x;
                        }
                        let mut y = x.storage::<$element>()[range].to_vec();
                        let _ = dropout.forward_in_place(&mut y, self.key);
                        Bytes::from_elems(y)
                    })*
                    _ => return x,
                }
            };
        }
        let y = apply! { F32 f32; F64 f64; F16 f16; BF16 bf16; };
        FlexTensor::new(y, Layout::contiguous(x.layout().shape().clone()), x.dtype())
    }
}
