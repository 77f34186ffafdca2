//! Numbers in sentences.

/// A fraction as a percentage, with more digits where it is small.
pub(crate) fn percent(fraction: f64) -> String {
    let percent = 100.0 * fraction;
    if percent != 0.0 && percent.abs() < 1.0 { format!("{percent:.2}%") } else { format!("{percent:.1}%") }
}

/// An e-value, given as its logarithm, as betting odds.
pub(crate) fn odds(log_e: f64) -> String {
    match log_e.exp() {
        e if e >= 1e6 => "more than 1,000,000 : 1".into(),
        e if e >= 10.0 => format!("{} : 1", grouped(&format!("{e:.0}"))),
        e => format!("{e:.1} : 1"),
    }
}

/// A number with its digits in groups of three.
pub(crate) fn whole(number: u64) -> String {
    grouped(&number.to_string())
}

/// A whole number's digits in groups of three.
pub(crate) fn grouped(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(["0", "999", "1,000", "12,345,678"], [0, 999, 1_000, 12_345_678].map(whole));
        assert_eq!(["0.0%", "0.30%", "14.2%", "100.0%"], [0.0, 0.003, 0.1416, 1.0].map(percent));
        assert_eq!(["0.0 : 1", "3.0 : 1", "1,250 : 1"], [-800.0, 3f64.ln(), 1_250.4f64.ln()].map(odds));
        assert_eq!(odds(f64::INFINITY), "more than 1,000,000 : 1");
    }
}
