//! The protobuf wire format, read without copying and written without intermediate objects.
//!
//! `prost` allocates a `String` per field; on the batch path that costs more than the work itself.
//! These two files read and write the same bytes (property tests hold them against `prost`).

mod reader;
mod writer;

pub use reader::{Field, Reader, Value};
pub use writer::{varint_len, Writer};
