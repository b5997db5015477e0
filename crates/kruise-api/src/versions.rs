//! What conversions between the versions of a kind are made of.

mod between;
mod error;
mod marks;
mod raw_object;
pub(crate) mod renamed;

pub(crate) use between::Conversion;
pub use error::ConversionError;
pub(crate) use marks::Marks;
pub(crate) use raw_object::RawObject;
