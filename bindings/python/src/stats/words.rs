//! Options that are words.

use pyo3::prelude::*;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use serinus_stats::quantiles::QuantileType;
use serinus_stats::ranks::ZeroMethod;
use serinus_stats::sequential::Direction;
use serinus_stats::{Alternative, Method};

use crate::errors;

pub(crate) fn word<'a, T: Deserialize<'a>>(
    py: Python<'_>,
    argument: &str,
    word: &'a str,
    expected: &str,
) -> PyResult<T> {
    let reading: StrDeserializer<'a, Error> = word.into_deserializer();
    T::deserialize(reading).map_err(|_| unknown(py, argument, word, expected))
}

/// A word that is none of the expected ones.
pub(super) fn unknown(py: Python<'_>, argument: &str, got: &str, expected: &str) -> PyErr {
    let what = format!("{argument} must be {expected}, got {got:?}");
    errors::raise(py, "StatisticsError", &what, Some(expected), Some(got))
}

pub(crate) fn alternative(py: Python<'_>, name: &str) -> PyResult<Alternative> {
    word(py, "alternative", name, "\"two-sided\", \"less\" or \"greater\"")
}

pub(super) fn method(py: Python<'_>, name: &str) -> PyResult<Method> {
    word(py, "method", name, "\"auto\", \"exact\" or \"asymptotic\"")
}

pub(super) const fn method_name(method: Method) -> &'static str {
    match method {
        Method::Auto => "auto",
        Method::Exact => "exact",
        Method::Asymptotic => "asymptotic",
    }
}

pub(super) fn zero_method(py: Python<'_>, name: &str) -> PyResult<ZeroMethod> {
    word(py, "zero_method", name, "\"wilcox\", \"pratt\" or \"zsplit\"")
}

pub(super) fn direction(py: Python<'_>, name: &str) -> PyResult<Direction> {
    word(py, "direction", name, "\"worse\" or \"safe\"")
}

/// By NumPy's name.
pub(super) fn quantile_type(py: Python<'_>, name: &str) -> PyResult<QuantileType> {
    let expected = "\"inverted_cdf\", \"averaged_inverted_cdf\", \"closest_observation\", \"interpolated_inverted_cdf\", \
                    \"hazen\", \"weibull\", \"linear\", \"median_unbiased\" or \"normal_unbiased\"";
    Ok(match name {
        "inverted_cdf" => QuantileType::InvertedCdf,
        "averaged_inverted_cdf" => QuantileType::AveragedInvertedCdf,
        "closest_observation" => QuantileType::ClosestObservation,
        "interpolated_inverted_cdf" => QuantileType::InterpolatedInvertedCdf,
        "hazen" => QuantileType::Hazen,
        "weibull" => QuantileType::Weibull,
        "linear" => QuantileType::Linear,
        "median_unbiased" => QuantileType::MedianUnbiased,
        "normal_unbiased" => QuantileType::NormalUnbiased,
        _ => return Err(unknown(py, "method", name, expected)),
    })
}
