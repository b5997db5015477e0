//! Arithmetic with numbers and quantities (SS-154, SS-160, SS-161).

use super::error::ExpressionError;
use crate::quantity::Quantity;

/// The value of a part of an expression.
#[derive(Debug, Clone, Copy)]
pub enum Amount {
    /// A number without a unit.
    Number(f64),
    /// A quantity. None is one that is too large to be counted, which is an error of its own only if there is no other.
    Quantity(Option<Quantity>),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Max,
    Min,
}

impl Operator {
    /// Operators of a higher rank come first.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Add | Self::Subtract => 0,
            Self::Multiply | Self::Divide => 1,
            Self::Max | Self::Min => 2,
        }
    }

    pub(super) fn apply(self, left: Amount, right: Amount) -> Result<Amount, ExpressionError> {
        match self {
            Self::Add => Ok(sum(left, right)),
            Self::Subtract => Ok(sum(left, right.negated())),
            Self::Multiply => product(left, right),
            Self::Divide => quotient(left, right),
            Self::Max => Ok(choice(left, right, |left, right| right > left)),
            Self::Min => Ok(choice(left, right, |left, right| right < left)),
        }
    }
}

impl Amount {
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Number(number) => Self::Number(-number),
            Self::Quantity(quantity) => {
                let negated = |it: Quantity| Some(it.with_nanos(it.nanos().checked_neg()?));
                Self::Quantity(quantity.and_then(negated))
            }
        }
    }

    /// The amount as a quantity. A number is cut off at thousandths.
    pub(super) fn quantity(self) -> Option<Quantity> {
        match self {
            Self::Number(number) => millis(number * 1000.0).map(Quantity::of_millis),
            Self::Quantity(quantity) => quantity,
        }
    }
}

fn sum(left: Amount, right: Amount) -> Amount {
    if let (Amount::Number(left), Amount::Number(right)) = (left, right) {
        return Amount::Number(left + right);
    }
    let sum = left.quantity().zip(right.quantity());
    Amount::Quantity(sum.and_then(|(left, right)| left.plus(right)))
}

fn product(left: Amount, right: Amount) -> Result<Amount, ExpressionError> {
    match (left, right) {
        (Amount::Number(left), Amount::Number(right)) => Ok(Amount::Number(left * right)),
        (Amount::Quantity(quantity), Amount::Number(factor))
        | (Amount::Number(factor), Amount::Quantity(quantity)) => {
            Ok(scaled(quantity, |millis| millis * factor))
        }
        (Amount::Quantity(_), Amount::Quantity(_)) => Err(ExpressionError::QuantityTimesQuantity),
    }
}

fn quotient(left: Amount, right: Amount) -> Result<Amount, ExpressionError> {
    match (left, right) {
        (_, Amount::Quantity(_)) => Err(ExpressionError::QuantityAsDivisor),
        (_, Amount::Number(0.0)) => Err(ExpressionError::DivisionByZero),
        (Amount::Number(left), Amount::Number(right)) => Ok(Amount::Number(left / right)),
        (Amount::Quantity(quantity), Amount::Number(divisor)) => {
            Ok(scaled(quantity, |millis| millis / divisor))
        }
    }
}

/// The left amount, unless the right one is better. A number and a quantity are compared as quantities.
fn choice(left: Amount, right: Amount, right_is_better: fn(f64, f64) -> bool) -> Amount {
    if let (Amount::Number(a), Amount::Number(b)) = (left, right) {
        return if right_is_better(a, b) { right } else { left };
    }
    let choice = left.quantity().zip(right.quantity());
    Amount::Quantity(choice.map(|(left, right)| {
        // The sign of the difference says which is larger.
        let difference = right.nanos().saturating_sub(left.nanos()).signum();
        if right_is_better(0.0, difference as f64) {
            right
        } else {
            left
        }
    }))
}

/// The quantity with another number of thousandths, in the same format.
fn scaled(quantity: Option<Quantity>, scale: impl FnOnce(f64) -> f64) -> Amount {
    Amount::Quantity(quantity.and_then(|quantity| {
        let scaled = Quantity::of_millis(millis(scale(quantity.millis()? as f64))?);
        Some(quantity.with_nanos(scaled.nanos()))
    }))
}

/// A whole number of thousandths, if 64 bits can count them.
fn millis(number: f64) -> Option<i64> {
    // The limit itself is the first number that 64 bits can't have.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (number.abs() < LIMIT).then_some(number as i64)
}
