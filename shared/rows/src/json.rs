//! Files of JSON objects: one array of them, or one object after the other.

use std::io::{BufRead, BufReader, Cursor, Read};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Deserializer, Map, Value};
use shared::fault::Fault;

use super::columns::Columns;
use super::header::empty_file;
use super::{Input, Place, Row, decompressed};

const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// The bytes of a document without a byte order mark.
pub(super) type Reader = Box<dyn BufRead + Send>;

/// Opens `input` and skips a byte order mark.
pub(super) fn reader(input: Input) -> Result<Reader> {
    let context = format!("cannot read {}", input.shown);
    let mut bytes = decompressed::open(input)?;
    let mut start = Vec::new();
    bytes.by_ref().take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut start).context(context)?;
    if start == BYTE_ORDER_MARK {
        start.clear();
    }
    Ok(Box::new(BufReader::new(Cursor::new(start).chain(bytes))))
}

/// Reads the whole input as one value of type `T`.
///
/// # Errors
/// An input fault that names the file, and the line that does not fit `T`.
pub(super) fn document<T: DeserializeOwned>(reader: Reader, shown: &str) -> Result<T> {
    let damaged = format!("{shown} is not the JSON that is expected there");
    serde_json::from_reader(reader).with_context(|| Fault::input(damaged))
}

/// Reads a file that is one array of objects. Returns every object with its place.
///
/// # Errors
/// As for [`open`](super::open).
pub fn array<T: DeserializeOwned>(input: Input) -> Result<impl Iterator<Item = (Place, T)> + use<T>> {
    let shown = input.shown.clone();
    let objects: Vec<T> = document(reader(input)?, &shown)?;
    Ok((1..).map(Place::Row).zip(objects))
}

/// Rows of objects that are read one at a time.
pub(super) struct ObjectRows {
    reader: Reader,
    columns: Columns,
    form: Form,
    /// The number of objects read so far.
    count: u64,
}

/// The syntax between objects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Brackets around the objects, and commas between them.
    Array,
    /// Nothing or white space between the objects.
    Sequence,
}

impl ObjectRows {
    pub(super) fn open(mut reader: Reader, columns: Columns) -> Result<ObjectRows> {
        let shown = &columns.shown;
        let form = match peek(&mut reader, shown)? {
            Some(b'[') => Form::Array,
            Some(b'{') => Form::Sequence,
            Some(_) => bail!(Fault::input(format!("{shown} is neither a JSON array nor JSON objects"))),
            None => bail!(empty_file(shown)),
        };
        if form == Form::Array {
            reader.consume(1);
        }
        Ok(ObjectRows { reader, columns, form, count: 0 })
    }

    fn read(&mut self) -> Result<Option<Row>> {
        if !self.advance()? {
            return Ok(None);
        }
        self.count += 1;
        let place = Place::Row(self.count);
        let broken = || Fault::input(format!("{}, {place}: it is no JSON object", self.columns.shown));
        let object = match peek(&mut self.reader, &self.columns.shown)? {
            Some(b'{') => Map::<String, Value>::deserialize(&mut Deserializer::from_reader(&mut self.reader)),
            _ => bail!(broken()),
        };
        let object = object.with_context(broken)?;
        self.columns.object_row(place, &object).map(Some)
    }

    /// Moves to the next object. Returns whether there is one.
    fn advance(&mut self) -> Result<bool> {
        let next = peek(&mut self.reader, &self.columns.shown)?;
        let torn =
            |what: &str| Fault::input(format!("{}: after row {} {what}", self.columns.shown, self.count));
        match (self.form, next) {
            (Form::Sequence, next) => Ok(next.is_some()),
            (Form::Array, Some(b']')) => {
                self.reader.consume(1);
                let rest = peek(&mut self.reader, &self.columns.shown)?;
                ensure!(rest.is_none(), torn("the array ends, and more follows"));
                // The reader is at its end, and a sequence ends there.
                self.form = Form::Sequence;
                Ok(false)
            }
            (Form::Array, Some(b',')) if self.count > 0 => {
                self.reader.consume(1);
                Ok(true)
            }
            (Form::Array, Some(_)) if self.count == 0 => Ok(true),
            (Form::Array, Some(_)) => bail!(torn("there is no comma")),
            (Form::Array, None) => bail!(torn("the file ends within the array")),
        }
    }
}

/// Skips white space and returns the next byte without consuming it.
pub(super) fn peek(reader: &mut Reader, shown: &str) -> Result<Option<u8>> {
    loop {
        let bytes = reader.fill_buf().with_context(|| format!("cannot read {shown}"))?;
        let Some(&first) = bytes.first() else { return Ok(None) };
        if !first.is_ascii_whitespace() {
            return Ok(Some(first));
        }
        let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        reader.consume(blank);
    }
}

impl Iterator for ObjectRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
