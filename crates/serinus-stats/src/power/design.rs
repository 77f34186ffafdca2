//! What is compared, and with which test.

/// What is compared with which test, and so what the *effect* means. Effects are `b` minus `a`: positive where `b` is
/// higher.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Design {
    /// Each request is answered by both versions, or one sample is held against a number. The effect is the mean
    /// difference in standard deviations *of the differences*.
    Paired,
    /// Two independent samples, compared by their means. The effect is the difference of the means in standard
    /// deviations (Cohen's d). The default.
    #[default]
    TwoSample,
    /// Two independent samples of normal data, compared by Mann and Whitney's test: π/3 times as many as in
    /// [`TwoSample`](Design::TwoSample). The effect is the shift in standard deviations.
    MannWhitney,
    /// The same for data of any continuous distribution, as long as one is the other shifted: never more than
    /// 125/108 = 1/0.864 times as many as in [`TwoSample`](Design::TwoSample).
    ///
    /// Source: J. L. Hodges and E. L. Lehmann, "The efficiency of some nonparametric competitors of the t-test", Annals
    /// of Mathematical Statistics 27 (1956), <https://doi.org/10.1214/aoms/1177728261>.
    MannWhitneyBound,
    /// Mann and Whitney's test where the win rate itself is known. The effect is the win rate
    /// P(b > a) + ½ P(b = a) minus ½, in [−½, ½]. Conservative with many ties.
    ///
    /// Source: G. E. Noether, "Sample size determination for some common nonparametric tests", Journal of the American
    /// Statistical Association 82 (1987), <https://doi.org/10.1080/01621459.1987.10478478>.
    WinRate,
    /// Two shares, such as failure rates, of which `a` has the `baseline`. The effect is their difference: 0.01 is one
    /// point more in `b`. The standard deviation under the null hypothesis is that of the *pooled* rate, under the
    /// effect that of the two rates, without a correction for continuity (as in Fleiss and statsmodels). With a margin,
    /// the pooled rate becomes the two likeliest rates that are that far apart, as in Miettinen and Nurminen's test.
    ///
    /// Source: J. L. Fleiss, A. Tytun and H. K. Ury, "A simple approximation for calculating sample sizes for comparing
    /// independent proportions", Biometrics 36 (1980), <https://doi.org/10.2307/2529990>; with a margin C. P.
    /// Farrington and G. Manning, "Test statistics and sample size formulae for comparative binomial trials",
    /// Statistics in Medicine 9 (1990), method 3, <https://doi.org/10.1002/sim.4780091208>.
    TwoProportions {
        /// The share of `a`, in (0, 1).
        baseline: f64,
    },
}
