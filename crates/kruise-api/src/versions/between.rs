//! The way from one version of a kind to another. Each kind's room lists its own.

use super::{error::ConversionError, raw_object::RawObject};
use crate::object::CustomResource;

/// The way from one version of a kind to another. The way back is a `Conversion` of its own.
pub(crate) struct Conversion {
    /// `apiVersion` before the conversion.
    pub(crate) from: &'static str,
    /// `apiVersion` after the conversion.
    pub(crate) to: &'static str,
    /// Changes everything in the object but its `apiVersion`.
    pub(crate) convert: fn(&mut RawObject) -> Result<(), ConversionError>,
}

impl Conversion {
    /// The way from version `From` to version `To`.
    pub(crate) const fn new<From: CustomResource, To: CustomResource>(
        convert: fn(&mut RawObject) -> Result<(), ConversionError>,
    ) -> Self {
        Self {
            from: From::API_VERSION,
            to: To::API_VERSION,
            convert,
        }
    }

    /// Both ways between two versions that have the same schema: nothing but the name of the version changes.
    pub(crate) const fn same_schema<A: CustomResource, B: CustomResource>() -> [Self; 2] {
        [Self::new::<A, B>(|_| Ok(())), Self::new::<B, A>(|_| Ok(()))]
    }
}
