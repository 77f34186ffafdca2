//! Figures as they are read: three digits, and a unit that suits them.

use super::figures::Figure;

/// Three digits, with commas between thousands.
pub(super) fn three_digits(value: f64) -> String {
    match value.abs() {
        large if large >= 99.95 => with_commas(value.round()),
        tens if tens >= 9.995 => format!("{value:.1}"),
        ones if ones >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A whole number, with commas between thousands.
pub(super) fn with_commas(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "−" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time given in nanoseconds, with its spread.
pub(super) fn time(figure: Figure) -> String {
    let (unit, scale) = unit_of(figure.middle);
    spread(figure, scale, unit)
}

/// A round time given in nanoseconds, such as a bound.
pub(super) fn round_time(ns: f64) -> String {
    let (unit, scale) = unit_of(ns);
    format!("{} {unit}", ns / scale)
}

fn unit_of(ns: f64) -> (&'static str, f64) {
    match ns {
        short if short < 999.5 => ("ns", 1.0),
        short if short < 999.5e3 => ("µs", 1e3),
        short if short < 999.5e6 => ("ms", 1e6),
        _ => ("s", 1e9),
    }
}

/// A size in bytes.
pub(super) fn bytes(figure: Figure) -> String {
    let (unit, scale) = match figure.middle {
        small if small < 1_024.0 => ("B", 1.0),
        medium if medium < 1_048_576.0 => ("KiB", 1_024.0),
        _ => ("MiB", 1_048_576.0),
    };
    spread(figure, scale, unit)
}

/// A time given in seconds.
pub(super) fn seconds(figure: Figure) -> String {
    spread(figure, 1.0, "s")
}

fn spread(figure: Figure, scale: f64, unit: &str) -> String {
    let middle = three_digits(figure.middle / scale);
    match figure.spread {
        Some((low, high)) => {
            format!("{middle} {unit} ({} to {})", three_digits(low / scale), three_digits(high / scale))
        }
        None => format!("{middle} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        let alone = |middle| Figure { middle, spread: None };
        let read: Vec<String> = [12.345, 999.4, 1_000.0, 82_100.0, 23.5e6, 3.25e9].map(|ns| time(alone(ns))).into();
        assert_eq!(read, ["12.3 ns", "999 ns", "1.00 µs", "82.1 µs", "23.5 ms", "3.25 s"]);
        assert_eq!(time(Figure { middle: 2_000.0, spread: Some((1_900.0, 2_111.0)) }), "2.00 µs (1.90 to 2.11)");
        assert_eq!((round_time(50_000.0), round_time(0.1)), ("50 µs".into(), "0.1 ns".into()));
        assert_eq!(bytes(alone(98_304.0)), "96.0 KiB");
        assert_eq!(seconds(alone(71.26)), "71.3 s");
        assert_eq!((three_digits(0.8), with_commas(1_234_567.0)), ("0.800".into(), "1,234,567".into()));
        assert_eq!((three_digits(9.999), three_digits(99.96)), ("10.0".into(), "100".into()));
    }
}
