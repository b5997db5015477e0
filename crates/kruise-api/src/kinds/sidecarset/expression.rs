//! Expressions for the resources of a sidecar container, such as `max(cpu*50%, 100m)` (SS-156 to SS-162). Admission
//! evaluates them once with a plain 1, to see whether they make sense; the pod webhook evaluates them with what the pod's
//! containers have together.
//!
//! An expression has no limits of length and nesting, so nothing here recurses.

mod amount;
mod error;
mod tokens;

pub use amount::Amount;
pub use error::ExpressionError;

use amount::Operator;
use tokens::{Token, tokens};

use crate::quantity::Quantity;

/// An expression that was read.
#[derive(Debug, Clone)]
pub struct Expression {
    /// Values, each followed by what is done with those before it.
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Value(Amount),
    Variable(String),
    Negate,
    Apply(Operator),
}

/// The name of the one variable that an expression has in the pod webhook (SS-153).
#[must_use]
pub fn variable_of(text: &str) -> &'static str {
    const MEMORY: &str = "memory";
    let is_word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = text.as_bytes();
    let mut places = text.match_indices(MEMORY);
    let has_memory = places.any(|(start, word)| {
        let before = start.checked_sub(1).and_then(|before| bytes.get(before));
        !is_word(before) && !is_word(bytes.get(start + word.len()))
    });
    if has_memory { MEMORY } else { "cpu" }
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// When the text is none, or calls a function that does not exist.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser::default();
        let mut tokens = tokens(text)?.into_iter().peekable();
        let mut wants_value = true;
        while let Some((at, token)) = tokens.next() {
            wants_value = match (wants_value, token) {
                (true, Token::Number(number)) => parser.value(Step::Value(Amount::Number(number))),
                (true, Token::Quantity(quantity)) => {
                    parser.value(Step::Value(Amount::Quantity(Some(quantity))))
                }
                (true, Token::Word(name)) => {
                    let is_open = |(_, next): &(usize, Token)| matches!(next, Token::Symbol(b'('));
                    match tokens.next_if(is_open) {
                        Some(_) => parser.call(name)?,
                        None => parser.value(Step::Variable(name)),
                    }
                }
                (true, Token::Symbol(b'(')) => parser.begin(Pending::Parenthesis),
                (true, Token::Symbol(b'-')) => parser.begin(Pending::Negate),
                (false, Token::Symbol(b'+')) => parser.operator(Operator::Add),
                (false, Token::Symbol(b'-')) => parser.operator(Operator::Subtract),
                (false, Token::Symbol(b'*')) => parser.operator(Operator::Multiply),
                (false, Token::Symbol(b'/')) => parser.operator(Operator::Divide),
                (false, Token::Symbol(b',')) => parser.comma(at)?,
                (false, Token::Symbol(b')')) => parser.close(at)?,
                _ => return Err(ExpressionError::Syntax { at }),
            };
        }
        let end = ExpressionError::Syntax { at: text.len() + 1 };
        if wants_value {
            return Err(end);
        }
        parser.finish().ok_or(end)
    }

    /// The amount, where the variable of this name has this value. It is not negative.
    ///
    /// # Errors
    ///
    /// When there is no such amount. [`ExpressionError::TooLarge`] is told only if nothing else is wrong.
    pub fn evaluate(&self, variable: &str, value: Amount) -> Result<Quantity, ExpressionError> {
        let mut stack = Vec::new();
        // `parse` sees to it that each step finds its values.
        let pop = |stack: &mut Vec<Amount>| stack.pop().unwrap_or(Amount::Quantity(None));
        for step in &self.steps {
            let amount = match step {
                Step::Value(amount) => *amount,
                Step::Variable(name) if name == variable => value,
                Step::Variable(name) => {
                    return Err(ExpressionError::UnknownVariable { name: name.clone() });
                }
                Step::Negate => pop(&mut stack).negated(),
                Step::Apply(operator) => {
                    let right = pop(&mut stack);
                    let left = pop(&mut stack);
                    operator.apply(left, right)?
                }
            };
            stack.push(amount);
        }
        let amount = pop(&mut stack);
        match (amount.quantity(), amount) {
            (Some(quantity), _) if quantity.nanos() < 0 => Err(ExpressionError::Negative),
            (Some(quantity), _) => Ok(quantity),
            (None, Amount::Number(number)) if number < 0.0 => Err(ExpressionError::Negative),
            (None, _) => Err(ExpressionError::TooLarge),
        }
    }
}

/// Turns an expression into steps (the shunting-yard algorithm).
#[derive(Default)]
struct Parser {
    steps: Vec<Step>,
    pending: Vec<Pending>,
}

/// What waits for its last value.
enum Pending {
    Operator(Operator),
    Negate,
    Parenthesis,
    Call { function: Operator, has_two: bool },
}

/// Each method says whether a value has to follow.
impl Parser {
    fn begin(&mut self, pending: Pending) -> bool {
        self.pending.push(pending);
        true
    }

    fn call(&mut self, name: String) -> Result<bool, ExpressionError> {
        let function = match name.as_str() {
            "max" => Operator::Max,
            "min" => Operator::Min,
            _ => return Err(ExpressionError::UnknownFunction { name }),
        };
        Ok(self.begin(Pending::Call {
            function,
            has_two: false,
        }))
    }

    fn value(&mut self, step: Step) -> bool {
        self.steps.push(step);
        self.apply_signs()
    }

    /// Applies the minus signs before the last value: they bind more tightly than anything else.
    fn apply_signs(&mut self) -> bool {
        let is_sign = |pending: &mut Pending| matches!(pending, Pending::Negate);
        while self.pending.pop_if(is_sign).is_some() {
            self.steps.push(Step::Negate);
        }
        false
    }

    fn operator(&mut self, operator: Operator) -> bool {
        self.apply_operators(operator.rank());
        self.begin(Pending::Operator(operator))
    }

    fn comma(&mut self, at: usize) -> Result<bool, ExpressionError> {
        self.apply_operators(0);
        match self.pending.last_mut() {
            Some(Pending::Call { has_two, .. }) if !*has_two => {
                *has_two = true;
                Ok(true)
            }
            _ => Err(ExpressionError::Syntax { at }),
        }
    }

    fn close(&mut self, at: usize) -> Result<bool, ExpressionError> {
        self.apply_operators(0);
        match self.pending.pop() {
            Some(Pending::Parenthesis) => Ok(self.apply_signs()),
            Some(Pending::Call {
                function,
                has_two: true,
            }) => Ok(self.value(Step::Apply(function))),
            Some(Pending::Call { has_two: false, .. }) => Err(ExpressionError::OneArgument),
            _ => Err(ExpressionError::Syntax { at }),
        }
    }

    fn finish(mut self) -> Option<Expression> {
        self.apply_operators(0);
        let Self { steps, pending } = self;
        pending.is_empty().then_some(Expression { steps })
    }

    /// Applies the operators that have all their values, down to this rank.
    fn apply_operators(&mut self, rank: u8) {
        let is_ready =
            |pending: &mut Pending| matches!(pending, Pending::Operator(it) if it.rank() >= rank);
        while let Some(Pending::Operator(operator)) = self.pending.pop_if(is_ready) {
            self.steps.push(Step::Apply(operator));
        }
    }
}
