//! What is wrong with an expression.

/// Why an expression has no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// The text is no expression.
    #[error("syntax error at character {at}")]
    Syntax {
        /// Where, in bytes from 1.
        at: usize,
    },
    /// What looks like an amount with a unit is none.
    #[error("{text:?} is no quantity")]
    NoQuantity {
        /// The text found.
        text: String,
    },
    /// There are two functions: `max` and `min`.
    #[error("function {name} is unknown")]
    UnknownFunction {
        /// The name, in lower case.
        name: String,
    },
    /// Both functions take two arguments.
    #[error("a function needs two arguments")]
    OneArgument,
    /// There is one variable.
    #[error("variable {name} is unknown")]
    UnknownVariable {
        /// The name, in lower case.
        name: String,
    },
    /// Amounts with units have no product.
    #[error("a quantity can't be multiplied by a quantity")]
    QuantityTimesQuantity,
    /// An amount with a unit divides nothing.
    #[error("nothing can be divided by a quantity")]
    QuantityAsDivisor,
    /// Nothing can be divided by 0.
    #[error("division by zero")]
    DivisionByZero,
    /// The result is below 0.
    #[error("the result is negative")]
    Negative,
    /// A value is infinite, or has more thousandths than 64 bits can count.
    #[error("a value is too large")]
    TooLarge,
}
