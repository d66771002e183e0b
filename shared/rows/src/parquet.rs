//! Parquet files with columns of strings, numbers, booleans, and lists and structs of these.

use std::collections::VecDeque;

use anyhow::{Context, Result, anyhow};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use serde_json::{Map, Value};
use shared::fault::Fault;
use shared::schema::ParquetReader;

use super::columns::{Columns, is_named};
use super::{Input, Place, Row, class_names};

/// The rows of a Parquet file.
pub(super) struct ParquetRows {
    batches: ParquetReader,
    /// The description of the columns by `datasets`, as JSON.
    metadata: Option<String>,
    /// Decoded rows that have not been returned.
    ready: VecDeque<Row>,
    /// The number of rows decoded so far.
    rows: u64,
    columns: Columns,
}

impl ParquetRows {
    pub(super) fn open(input: &Input, columns: Columns) -> Result<ParquetRows> {
        let batches = ParquetReader::open(input.path()?)?;
        Ok(ParquetRows {
            metadata: batches.metadata(class_names::KEY).map(str::to_owned),
            batches,
            ready: VecDeque::new(),
            rows: 0,
            columns,
        })
    }

    /// Decodes `batch` into `ready`.
    fn decode(&mut self, batch: &RecordBatch) -> Result<()> {
        let schema = batch.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        self.columns.fit(&names)?;
        let names =
            self.columns.classes().and_then(|column| class_names::find(self.metadata.as_ref()?, column));
        let named = |column: &str, values: Vec<Value>| match &names {
            Some(names) if self.columns.classes() == Some(column) => {
                values.into_iter().map(|value| class_names::named(value, names)).collect()
            }
            _ => values,
        };
        let columns = self.columns.names().map(|name| Ok(named(name, self.values(batch, name)?)));
        let columns: Vec<Vec<Value>> = columns.collect::<Result<_>>()?;
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        for _ in 0..batch.num_rows() {
            self.rows += 1;
            let values = columns.iter_mut().map(|values| values.next().unwrap_or_default());
            self.ready.push_back(self.columns.row(Place::Row(self.rows), values)?);
        }
        Ok(())
    }

    fn values(&self, batch: &RecordBatch, name: &str) -> Result<Vec<Value>> {
        let shown = &self.columns.shown;
        let foreign = || Fault::input(format!("{shown}: the column `{name}` cannot be read"));
        let schema = batch.schema();
        let place = schema.fields().iter().position(|field| is_named(field.name(), name));
        place.map(|place| values(batch.column(place))).with_context(foreign)?.with_context(foreign)
    }
}

/// The value of every row, null where the column has none.
fn values(column: &ArrayRef) -> Result<Vec<Value>> {
    let kind = column.data_type();
    let valid = |row: usize| column.is_valid(row);
    let rows = 0..column.len();
    Ok(match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            let strings = cast(column, &DataType::Utf8)?;
            let strings: &StringArray = strings.as_string();
            rows.map(|row| strings.is_valid(row).then(|| strings.value(row)).into()).collect()
        }
        kind if kind.is_integer() => {
            let numbers = cast(column, &DataType::Int64)?;
            let numbers: &Int64Array = numbers.as_primitive();
            rows.map(|row| numbers.is_valid(row).then(|| numbers.value(row)).into()).collect()
        }
        kind if kind.is_floating() => {
            let numbers = cast(column, &DataType::Float64)?;
            let numbers: &Float64Array = numbers.as_primitive();
            rows.map(|row| valid(row).then(|| numbers.value(row)).into()).collect()
        }
        DataType::Null => rows.map(|_| Value::Null).collect(),
        DataType::Boolean => {
            let bits: &BooleanArray = column.as_boolean();
            rows.map(|row| valid(row).then(|| bits.value(row)).into()).collect()
        }
        DataType::List(item) | DataType::LargeList(item) => lists(column, item)?,
        DataType::Struct(_) => structs(column)?,
        kind => return Err(anyhow!(Fault::input(format!("a column of {kind} is none of this task's")))),
    })
}

fn lists(column: &ArrayRef, item: &Field) -> Result<Vec<Value>> {
    let lists = cast(column, &DataType::LargeList(item.clone().into()))?;
    let lists = lists.as_list::<i64>();
    let list = |row| {
        let valid = lists.is_valid(row);
        if valid { Ok(Value::Array(values(&lists.value(row))?)) } else { Ok(Value::Null) }
    };
    (0..lists.len()).map(list).collect()
}

fn structs(column: &ArrayRef) -> Result<Vec<Value>> {
    let structs = column.as_struct();
    let mut objects = vec![Map::new(); structs.len()];
    for (field, column) in structs.fields().iter().zip(structs.columns()) {
        for (object, value) in objects.iter_mut().zip(values(column)?) {
            object.insert(field.name().clone(), value);
        }
    }
    let value = |(row, object)| if structs.is_valid(row) { Value::Object(object) } else { Value::Null };
    Ok(objects.into_iter().enumerate().map(value).collect())
}

impl Iterator for ParquetRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            let decoded = self.batches.next()?.and_then(|batch| self.decode(&batch));
            if let Err(error) = decoded {
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}
