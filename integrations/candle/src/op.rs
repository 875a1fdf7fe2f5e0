//! The operation: forward, backward and in place, for each element type that there is.

use candle_core::backend::BackendStorage as _;
use candle_core::{
    CpuStorage, CustomOp1, DType, Error, InplaceOp1, Layout, Result, Shape, Tensor, bail,
};
use dropout_kernels::{DropRate, Dropout, Element, Float, Inverted, MaskKey, RuleFor};

const NAME: &str = "dropout by dropout-kernels";

/// Dropout at a rate by the mask of a key: for `apply_op1` and `inplace_op1` of a tensor.
///
/// The operation is linear, and its own backward: the gradient of the input is the operation on
/// the gradient of the output. So nothing is saved between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropoutOp {
    rate: DropRate,
    key: MaskKey,
}

impl DropoutOp {
    /// The operation at this rate, by this mask.
    #[must_use]
    pub const fn new(rate: DropRate, key: MaskKey) -> Self {
        Self { rate, key }
    }

    fn dropped<T: Float>(&self, x: &[T], layout: &Layout) -> Result<Vec<T>>
    where
        Inverted: RuleFor<T>,
    {
        let dropout = Dropout::new(self.rate);
        let Some((start, end)) = layout.contiguous_offsets() else {
            let mut y = Rows::of(layout)?.gather(x);
            dropout.forward_in_place(&mut y, self.key).map_err(Error::wrap)?;
            return Ok(y);
        };
        let x = &x[start..end];
        let mut y = Vec::with_capacity(x.len());
        dropout
            .forward_uninit(x, &mut y.spare_capacity_mut()[..x.len()], self.key)
            .map_err(Error::wrap)?;
        // SAFETY: `forward_uninit` has written the first `x.len()` elements.
        unsafe { y.set_len(x.len()) };
        Ok(y)
    }

    fn drop_in_place<T: Float>(&self, x: &mut [T], layout: &Layout) -> Result<()>
    where
        Inverted: RuleFor<T>,
    {
        let dropout = Dropout::new(self.rate);
        let Some((start, end)) = layout.contiguous_offsets() else {
            let rows = Rows::of(layout)?;
            let mut y = rows.gather(x);
            dropout.forward_in_place(&mut y, self.key).map_err(Error::wrap)?;
            rows.scatter(&y, x);
            return Ok(());
        };
        dropout.forward_in_place(&mut x[start..end], self.key).map_err(Error::wrap)
    }
}

impl CustomOp1 for DropoutOp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.dropped(x, layout)?),
            CpuStorage::F64(x) => CpuStorage::F64(self.dropped(x, layout)?),
            CpuStorage::F16(x) => CpuStorage::F16(self.dropped(x, layout)?),
            CpuStorage::BF16(x) => CpuStorage::BF16(self.dropped(x, layout)?),
            other => return Err(unsupported(other.dtype())),
        };
        Ok((y, layout.shape().clone()))
    }

    fn bwd(&self, _arg: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        grad_res.apply_op1(*self).map(Some)
    }
}

impl InplaceOp1 for DropoutOp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        match storage {
            CpuStorage::F32(x) => self.drop_in_place(x, layout),
            CpuStorage::F64(x) => self.drop_in_place(x, layout),
            CpuStorage::F16(x) => self.drop_in_place(x, layout),
            CpuStorage::BF16(x) => self.drop_in_place(x, layout),
            other => Err(unsupported(other.dtype())),
        }
    }
}

/// Refuses tensors that the operation does not work on.
pub(crate) fn check(xs: &Tensor) -> Result<()> {
    if !xs.device().is_cpu() {
        bail!("{NAME}: expected a tensor on the CPU, got one on {:?}", xs.device().location());
    }
    match xs.dtype() {
        DType::F32 | DType::F64 | DType::F16 | DType::BF16 => Ok(()),
        other => Err(unsupported(other)),
    }
}

fn unsupported(dtype: DType) -> Error {
    Error::msg(format!(
        "{NAME}: expected elements of f32, f64, f16 or bf16, got {}",
        dtype.as_str()
    ))
}

/// A layout as rows along its last axis, in logical order.
struct Rows<'a> {
    layout: &'a Layout,
    rows: usize,
    width: usize,
    stride: usize,
}

impl<'a> Rows<'a> {
    /// Of a layout that is not contiguous, and so has an axis.
    fn of(layout: &'a Layout) -> Result<Self> {
        let ([outer @ .., width], [.., stride]) = (layout.dims(), layout.stride()) else {
            bail!("{NAME}: expected at least one axis, got the shape {:?}", layout.shape());
        };
        let rows = if *width == 0 { 0 } else { outer.iter().product() };
        Ok(Self { layout, rows, width: *width, stride: *stride })
    }

    /// The first element of each row.
    fn starts(&self) -> impl Iterator<Item = usize> {
        let axes = self.layout.dims().iter().zip(self.layout.stride()).rev().skip(1);
        (0..self.rows).map(move |row| {
            let mut left = row;
            axes.clone().fold(self.layout.start_offset(), |start, (extent, stride)| {
                let index = left % extent;
                left /= extent;
                start + index * stride
            })
        })
    }

    fn gather<T: Element>(&self, x: &[T]) -> Vec<T> {
        let mut y = Vec::with_capacity(self.rows * self.width);
        for start in self.starts() {
            if self.stride == 1 {
                y.extend_from_slice(&x[start..start + self.width]);
            } else {
                y.extend((0..self.width).map(|j| x[start + j * self.stride]));
            }
        }
        y
    }

    fn scatter<T: Element>(&self, y: &[T], x: &mut [T]) {
        for (start, row) in self.starts().zip(y.chunks_exact(self.width.max(1))) {
            for (j, y) in row.iter().enumerate() {
                x[start + j * self.stride] = *y;
            }
        }
    }
}
