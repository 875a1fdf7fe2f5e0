//! nalgebra's matrices by plain slices: they stand in memory column after column, and so do the bits of their masks.

use dropout_kernels::{Dropout, Mask, MaskKey, Panel, ShapeError, drop_rate, mask_words};
use nalgebra::{DMatrix, SMatrix};

const DROPOUT: Dropout = Dropout::new(drop_rate!(0.5));
const KEY: MaskKey = MaskKey::new(42, 7);
const ROWS: usize = 40;
const COLUMNS: usize = 12;

fn mask() -> Mask<{ mask_words(ROWS * COLUMNS) }> {
    let mut mask = Mask::new();
    KEY.fill(DROPOUT.rate(), mask.view_mut(ROWS * COLUMNS).unwrap());
    mask
}

#[test]
fn whole_matrices() -> Result<(), ShapeError> {
    let mask = mask();
    let mut x = DMatrix::<f32>::repeat(ROWS, COLUMNS, 1.0);
    DROPOUT.forward_in_place(x.as_mut_slice(), KEY)?;
    let mut of_known_size = SMatrix::<f32, ROWS, COLUMNS>::repeat(1.0);
    DROPOUT.forward_in_place(of_known_size.as_mut_slice(), KEY)?;
    for (i, j) in (0..ROWS).flat_map(|i| (0..COLUMNS).map(move |j| (i, j))) {
        let kept = mask.view(ROWS * COLUMNS)?.get(j * ROWS + i) == Some(true);
        assert_eq!(x[(i, j)], if kept { 2.0 } else { 0.0 }, "({i}, {j})");
        assert_eq!(of_known_size[(i, j)], x[(i, j)]);
    }
    Ok(())
}

#[test]
fn columns_are_contiguous() -> Result<(), ShapeError> {
    let mask = mask();
    let mut whole = DMatrix::<f32>::repeat(ROWS, COLUMNS, 1.0);
    DROPOUT.forward_in_place(whole.as_mut_slice(), &mask)?;
    let mut x = DMatrix::<f32>::repeat(ROWS, COLUMNS, 1.0);
    let bits = mask.view(ROWS * COLUMNS)?.window(3 * ROWS..7 * ROWS)?;
    DROPOUT.forward_in_place(&mut x.as_mut_slice()[3 * ROWS..7 * ROWS], bits)?;
    for (i, j) in (0..ROWS).flat_map(|i| (0..COLUMNS).map(move |j| (i, j))) {
        let expected = if (3..7).contains(&j) { whole[(i, j)] } else { 1.0 };
        assert_eq!(x[(i, j)], expected, "({i}, {j})");
    }
    Ok(())
}

/// Rows 5 to 27 of columns 3 to 9: a panel whose "rows" are the matrix's columns.
#[test]
fn a_part_by_a_panel() -> Result<(), ShapeError> {
    let (rows, columns) = (5..27, 3..9);
    let part = Panel::new(columns.len(), rows.len())?.with_stride(ROWS)?;
    let first = columns.start * ROWS + rows.start;
    let inside = |i, j| rows.contains(&i) && columns.contains(&j);

    // By the mask of the whole matrix.
    let (mask, mut whole) = (mask(), DMatrix::<f32>::repeat(ROWS, COLUMNS, 1.0));
    DROPOUT.forward_in_place(whole.as_mut_slice(), &mask)?;
    let mut x = DMatrix::<f32>::repeat(ROWS, COLUMNS, 1.0);
    let of_whole = part.with_mask_stride(ROWS)?;
    let bits = mask.view(ROWS * COLUMNS)?.window(first..first + of_whole.mask_bits())?;
    DROPOUT.over(of_whole).forward_in_place(&mut x.as_mut_slice()[first..], bits)?;
    for (i, j) in (0..ROWS).flat_map(|i| (0..COLUMNS).map(move |j| (i, j))) {
        let expected = if inside(i, j) { whole[(i, j)] } else { 1.0 };
        assert_eq!(x[(i, j)], expected, "({i}, {j})");
    }

    // By a key: the mask of the part alone, as its copy has it.
    let mut x = DMatrix::<f32>::repeat(ROWS, COLUMNS, 1.0);
    let mut copy = x.view((5, 3), (22, 6)).clone_owned();
    DROPOUT.over(part).forward_in_place(&mut x.as_mut_slice()[first..], KEY)?;
    DROPOUT.forward_in_place(copy.as_mut_slice(), KEY)?;
    assert_eq!(x.view((5, 3), (22, 6)).clone_owned(), copy);
    assert_eq!(x.iter().filter(|x| **x == 1.0).count(), ROWS * COLUMNS - 22 * 6);
    Ok(())
}
