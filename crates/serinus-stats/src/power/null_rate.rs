//! The rates that a test of two shares compares the data with.

/// Newton's steps; a handful suffices, and halving alone would need about 55.
const STEPS: u32 = 60;

/// The likeliest rate of `a` if the rate of `b` is `margin` above it, from the two rates and how many observations each
/// stands for. Without a margin, the pooled rate.
///
/// The likelihood's slope has one root between what either sample alone would say. It is multiplied by the rates'
/// variances here, which leaves a cubic that is finite everywhere.
pub(super) fn likeliest((a, n_a): (f64, f64), (b, n_b): (f64, f64), margin: f64) -> f64 {
    // As shares, so that a great ratio cannot overflow.
    let (n_a, n_b) = (n_a / (n_a + n_b), n_b / (n_a + n_b));
    let pooled = n_a * a + n_b * (b - margin);
    if margin == 0.0 {
        return pooled;
    }
    let lowest = (-margin).max(0.0);
    let highest = (1.0 - margin).min(1.0);
    let mut low = a.min(b - margin).clamp(lowest, highest);
    let mut high = a.max(b - margin).clamp(lowest, highest);
    let mut x = pooled.clamp(low, high);
    for _ in 0..STEPS {
        let y = x + margin;
        let (v_x, v_y) = (x * (1.0 - x), y * (1.0 - y));
        let slope = n_a * (a - x) * v_y + n_b * (b - y) * v_x;
        if slope > 0.0 {
            low = x;
        } else {
            high = x;
        }
        let change = n_a * ((a - x) * (1.0 - 2.0 * y) - v_y) + n_b * ((b - y) * (1.0 - 2.0 * x) - v_x);
        let newton = x - slope / change;
        let next = if newton >= low && newton <= high { newton } else { f64::midpoint(low, high) };
        if (next - x).abs() <= 2.0 * f64::EPSILON * x {
            break;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_likelihood((a, n_a): (f64, f64), (b, n_b): (f64, f64), x: f64, y: f64) -> f64 {
        let term = |n: f64, p: f64, q: f64| if p == 0.0 { 0.0 } else { n * p * q.ln() };
        term(n_a, a, x) + term(n_a, 1.0 - a, 1.0 - x) + term(n_b, b, y) + term(n_b, 1.0 - b, 1.0 - y)
    }

    #[test]
    fn nothing_near_it_is_likelier() {
        for (a, b, margin) in [
            (0.1, 0.1, 0.05),
            (0.1, 0.02, 0.05),
            (0.1, 0.0, 0.05),
            (0.1, 0.0, -0.05),
            (0.9, 1.0, 0.05),
            (0.9, 1.0, -0.3),
            (0.001, 0.001, 0.0005),
            (0.5, 0.7, -0.2),
            (0.04, 0.9, -0.03),
        ] {
            for weights in [(1.0, 1.0), (49.0, 1.0), (1.0, 1e6)] {
                let (a, b) = ((a, weights.0), (b, weights.1));
                let x = likeliest(a, b, margin);
                let best = log_likelihood(a, b, x, x + margin);
                for step in [-1e-4, -1e-6, 1e-6, 1e-4] {
                    let (x, y) = (x + step, x + step + margin);
                    if x > 0.0 && x < 1.0 && y > 0.0 && y < 1.0 {
                        assert!(log_likelihood(a, b, x, y) <= best + 1e-12, "{a:?} {b:?} {margin} {step}");
                    }
                }
            }
        }
    }

    #[test]
    fn without_a_margin_it_is_the_pooled_rate() {
        assert_eq!(likeliest((0.25, 3.0), (0.5, 1.0), 0.0), 0.3125);
    }
}
