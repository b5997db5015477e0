//! Kubernetes quantities such as `1500m` or `1Gi`: their canonical text, their amount, rounding, and what
//! arithmetic needs.

/// Amounts are counted in billionths, the finest that Kubernetes knows.
pub const NANOS_PER_UNIT: i128 = 1_000_000_000;
const NANOS_PER_MILLI: i128 = 1_000_000;
const DECIMAL_SUFFIXES: [(i32, &str); 10] = [
    (-9, "n"),
    (-6, "u"),
    (-3, "m"),
    (0, ""),
    (3, "k"),
    (6, "M"),
    (9, "G"),
    (12, "T"),
    (15, "P"),
    (18, "E"),
];
const BINARY_SUFFIXES: [(usize, &str); 6] = [
    (10, "Ki"),
    (20, "Mi"),
    (30, "Gi"),
    (40, "Ti"),
    (50, "Pi"),
    (60, "Ei"),
];
/// The largest amount with a binary suffix, as in Kubernetes.
const MAX_BINARY_UNITS: i128 = i64::MAX as i128;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    DecimalSuffix,
    DecimalExponent,
    Binary,
}

/// An amount, with the way in which it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    nanos: i128,
    format: Format,
    /// Power of ten of the last digit, when Kubernetes keeps the text as it was given. That depends on the
    /// digits only: `1.500` stays, although `1.5` is written `1500m`.
    kept_at: Option<i32>,
}

/// The text that Kubernetes writes for this quantity: `1` for `1000m`, `1Gi` for `1024Mi`. None when the
/// text is no quantity, or one larger than any that makes sense.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    let quantity = Quantity::parse(text)?;
    if quantity.kept_at.is_some() {
        Some(text.to_owned())
    } else {
        quantity.write()
    }
}

/// The amount in billionths, so that `1`, `1000m` and `1e0` are equal. None when the text is no quantity,
/// or one larger than any that makes sense.
#[must_use]
pub fn nanos(text: &str) -> Option<i128> {
    Quantity::parse(text).map(|quantity| quantity.nanos)
}

/// Whether two texts stand for the same amount. A text that is no quantity equals only itself.
#[must_use]
pub fn same_amount(a: &str, b: &str) -> bool {
    match (nanos(a), nanos(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// The canonical text of the quantity rounded up to a whole number of thousandths. None as for
/// [`canonical`].
#[must_use]
pub fn round_up_to_milli(text: &str) -> Option<String> {
    let quantity = Quantity::parse(text)?;
    if quantity.kept_at.is_some_and(|power| power >= -3) {
        return Some(text.to_owned());
    }
    let nanos =
        divide_away_from_zero(quantity.nanos, NANOS_PER_MILLI).checked_mul(NANOS_PER_MILLI)?;
    Quantity { nanos, ..quantity }.write()
}

impl Quantity {
    /// The quantity that a text stands for. None as for [`canonical`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if unsigned.is_empty() {
            return None;
        }
        let number_end = unsigned
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at_checked(number_end)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            digits => digits,
        };
        let digits = format!("{whole}{fraction}");
        let mantissa: i128 = digits.parse().ok()?;
        let places = i32::try_from(fraction.len()).ok()?;

        let Multiplier {
            exponent,
            bits,
            format,
        } = Multiplier::of(suffix)?;
        let exponent = exponent.checked_sub(places)?;
        let nanos = scale(mantissa.checked_mul(1 << bits)?, exponent)?;
        let (nanos, is_kept) = match format {
            Format::Binary => (
                nanos.min(MAX_BINARY_UNITS.checked_mul(NANOS_PER_UNIT)?),
                // 10 bits are about 3 digits.
                fraction.is_empty() && whole.len() + bits * 3 / 10 <= 14 && mantissa % 8 != 0,
            ),
            _ => (
                nanos,
                digits.len() <= 18
                    && exponent >= -9
                    && exponent % 3 == 0
                    && !digits.ends_with("000")
                    && !digits.starts_with('0'),
            ),
        };
        Some(Self {
            nanos: if negative { -nanos } else { nanos },
            format,
            kept_at: is_kept.then_some(exponent),
        })
    }

    /// So many thousandths, written with decimal suffixes.
    #[must_use]
    pub fn of_millis(millis: i64) -> Self {
        Self {
            nanos: i128::from(millis) * NANOS_PER_MILLI,
            format: Format::DecimalSuffix,
            kept_at: None,
        }
    }

    /// Another amount, written with the same kind of suffixes.
    #[must_use]
    pub fn with_nanos(self, nanos: i128) -> Self {
        Self {
            nanos,
            format: self.format,
            kept_at: None,
        }
    }

    /// Both amounts together, written with the suffixes of the first that is not 0. None when 128 bits can't count them.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let format = if self.nanos == 0 { other } else { self };
        Some(format.with_nanos(self.nanos.checked_add(other.nanos)?))
    }

    /// The amount in billionths.
    #[must_use]
    pub fn nanos(self) -> i128 {
        self.nanos
    }

    /// The amount in thousandths, rounded away from zero. None if 64 bits can't count them.
    #[must_use]
    pub fn millis(self) -> Option<i64> {
        i64::try_from(divide_away_from_zero(self.nanos, NANOS_PER_MILLI)).ok()
    }

    /// The text that Kubernetes writes for the amount. None when it is larger than any that makes sense.
    #[must_use]
    pub fn write(self) -> Option<String> {
        if self.nanos == 0 {
            return Some("0".to_owned());
        }
        let whole = self.nanos % NANOS_PER_UNIT == 0;
        let units = self.nanos / NANOS_PER_UNIT;
        if self.format == Format::Binary && whole && units.abs() >= 1024 {
            return Some(write_binary(units));
        }
        let (mut mantissa, mut exponent) = (self.nanos, -9);
        while mantissa % 1000 == 0 {
            mantissa /= 1000;
            exponent += 3;
        }
        match self.format {
            Format::DecimalExponent if exponent == 0 => Some(mantissa.to_string()),
            Format::DecimalExponent => Some(format!("{mantissa}e{exponent}")),
            _ => {
                let (_, suffix) = DECIMAL_SUFFIXES
                    .iter()
                    .find(|(power, _)| *power == exponent)?;
                Some(format!("{mantissa}{suffix}"))
            }
        }
    }
}

/// What a suffix stands for: 10^exponent or 2^bits.
struct Multiplier {
    exponent: i32,
    bits: usize,
    format: Format,
}

impl Multiplier {
    fn of(suffix: &str) -> Option<Self> {
        if let Some((exponent, _)) = DECIMAL_SUFFIXES.iter().find(|(_, text)| *text == suffix) {
            return Some(Self {
                exponent: *exponent,
                bits: 0,
                format: Format::DecimalSuffix,
            });
        }
        if let Some((bits, _)) = BINARY_SUFFIXES.iter().find(|(_, text)| *text == suffix) {
            return Some(Self {
                exponent: 0,
                bits: *bits,
                format: Format::Binary,
            });
        }
        let exponent = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
        Some(Self {
            exponent,
            bits: 0,
            format: Format::DecimalExponent,
        })
    }
}

/// `mantissa * 10^exponent` in nanos, any rest rounded away from zero.
fn scale(mantissa: i128, exponent: i32) -> Option<i128> {
    let power = exponent.checked_add(9)?;
    let factor = |power: u32| 10_i128.checked_pow(power);
    if power >= 0 {
        return match mantissa {
            0 => Some(0),
            _ => mantissa.checked_mul(factor(power.unsigned_abs())?),
        };
    }
    Some(match factor(power.unsigned_abs()) {
        Some(divisor) => divide_away_from_zero(mantissa, divisor),
        None => mantissa.signum(),
    })
}

fn divide_away_from_zero(number: i128, divisor: i128) -> i128 {
    let rest = number % divisor;
    number / divisor + rest.signum()
}

fn write_binary(units: i128) -> String {
    let mut mantissa = units;
    let mut suffix = "";
    for (_, larger) in BINARY_SUFFIXES {
        if mantissa % 1024 != 0 {
            break;
        }
        mantissa /= 1024;
        suffix = larger;
    }
    format!("{mantissa}{suffix}")
}
