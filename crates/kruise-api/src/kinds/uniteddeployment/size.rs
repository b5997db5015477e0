//! How many pods a group of nodes shall have, as it is written in the topology (UD-23).

use crate::{int_or_string::IntOrString, validation::numbers};

/// Why a size can't be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// It is neither a number nor a percentage.
    #[error("must be an integer that is not negative, or a percentage from 0% to 100%")]
    Unreadable,
    /// It is a percentage, and nobody has said of what.
    #[error("can be a percentage only where spec.replicas is given")]
    OfNothing,
}

/// The number that a size stands for, with a half rounded up. `total` is the number of all pods.
///
/// # Errors
/// When it stands for none.
pub fn resolve(size: &IntOrString, total: Option<i32>) -> Result<i32, SizeError> {
    match size {
        IntOrString::Int(number) if *number >= 0 => Ok(*number),
        IntOrString::Int(_) => Err(SizeError::Unreadable),
        IntOrString::String(text) => {
            let percent = numbers::percentage(text).filter(|percent| *percent <= 100);
            let percent = percent.ok_or(SizeError::Unreadable)?;
            let total = total.ok_or(SizeError::OfNothing)?;
            let exact = i64::from(total) * i64::from(percent);
            // A share of at most all of them fits.
            Ok(i32::try_from((exact + 50).div_euclid(100)).unwrap_or(total))
        }
    }
}
