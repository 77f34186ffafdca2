//! Tests and effect sizes of ranks, which no outlier can sway.
mod ordering;
#[doc(hidden)]
pub fn scratch(a: &[f64], b: &[f64]) -> (f64, f64) {
    let (mut below, mut u, mut ties) = (0u64, 0u128, 0u128);
    ordering::visit_groups(a, b, 1, &mut |g| {
        u += u128::from((2 * below + g.a) * g.b);
        below += g.a;
        let t = u128::from(g.a + g.b);
        ties += t * t * t - t;
    })
    .unwrap();
    (u as f64 / 2.0, ties as f64)
}
