//! Lists in columns.

use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{Array, ArrayRef, FixedSizeListArray, ListArray, RecordBatch, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};

use super::parquet_file::column;
use crate::fault::Fault;

/// A column of lists of `width` items each.
pub(super) fn fixed_field(name: &str, item: &DataType, width: usize) -> Result<Field> {
    let item = Arc::new(Field::new_list_field(item.clone(), false));
    Ok(Field::new(name, DataType::FixedSizeList(item, i32::try_from(width)?), false))
}

/// A list column of `values`, `width` a row.
pub(super) fn fixed(values: ArrayRef, width: usize) -> Result<ArrayRef> {
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), false));
    Ok(Arc::new(FixedSizeListArray::try_new(item, i32::try_from(width)?, values, None)?))
}

/// A column of lists of any length.
pub(super) fn list_field(name: &str, item: DataType) -> Field {
    Field::new(name, DataType::List(Arc::new(Field::new_list_field(item, false))), false)
}

/// A list column of `values` with rows of `lengths`.
pub(super) fn list(values: ArrayRef, lengths: impl Iterator<Item = usize>) -> Result<ArrayRef> {
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), false));
    Ok(Arc::new(ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), values, None)?))
}

/// The items of every row of the column `name` of lists of fixed width, all as an array of type `A`.
pub(super) fn fixed_items<A: Array + Clone + 'static>(batch: &RecordBatch, name: &str) -> Result<Vec<A>> {
    let lists = column::<FixedSizeListArray>(batch, name)?;
    (0..lists.len()).map(|row| items(&lists.value(row), name)).collect()
}

/// The items of a column of lists of any length.
pub(super) fn list_items<A: Array + Clone + 'static>(batch: &RecordBatch, name: &str) -> Result<Vec<A>> {
    let lists = column::<ListArray>(batch, name)?;
    (0..lists.len()).map(|row| items(&lists.value(row), name)).collect()
}

fn items<A: Array + Clone + 'static>(items: &ArrayRef, name: &str) -> Result<A> {
    let mistyped = || Fault::input(format!("the items of the Parquet column `{name}` are of another type"));
    items.as_any().downcast_ref::<A>().cloned().with_context(mistyped)
}

/// The values that the structs of a list have in the field `name`.
pub(super) fn field<'a, A: Array + 'static>(rows: &'a StructArray, name: &str) -> Result<&'a A> {
    let mistyped =
        || Fault::input(format!("the field `{name}` of a Parquet column is missing or of another type"));
    rows.column_by_name(name).and_then(|values| values.as_any().downcast_ref::<A>()).with_context(mistyped)
}
