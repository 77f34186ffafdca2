//! When to try again.

use std::time::{Duration, SystemTime};

/// A server that asks for more than this is asked again after it all the same.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);

/// How often, and after how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retries {
    pub(super) most: u32,
    pub(super) first_wait: Duration,
}

impl Retries {
    /// How long to wait before the retry of this number, from 0: twice as long each time, less up to half of it by chance, and
    /// no less than the server asked for.
    pub(super) fn wait(self, number: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.first_wait.saturating_mul(1 << number.min(16)).min(LONGEST_BACKOFF.max(self.first_wait));
        let jittered = doubled.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        jittered.max(asked.unwrap_or_default())
    }
}

/// Whether a status may go away by itself.
pub(super) const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 529)
}

/// What `Retry-After` asks for: seconds, or a date; a minute at most.
pub(super) fn asked_for(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    let wait = if let Ok(seconds) = header.parse::<f64>() {
        // Whole seconds by the book; some send fractions.
        Duration::try_from_secs_f64(seconds).ok().or((seconds > 0.0).then_some(LONGEST_RETRY_AFTER))?
    } else {
        httpdate::parse_http_date(header).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_with_jitter_up_to_a_limit() {
        let retries = Retries { most: 2, first_wait: Duration::from_millis(500) };
        for (number, longest) in [(0, 500), (1, 1_000), (2, 2_000), (9, 8_000), (u32::MAX, 8_000)] {
            for _ in 0..50 {
                let wait = retries.wait(number, None);
                assert!((longest / 2..=longest).contains(&wait.as_millis()), "{number}: {wait:?}");
            }
        }
        let none = Retries { most: 2, first_wait: Duration::ZERO };
        assert_eq!(none.wait(5, None), Duration::ZERO);
        let waits: Vec<_> = (0..20).map(|_| retries.wait(0, None)).collect();
        assert!(waits.iter().any(|wait| *wait != waits[0]), "by chance");
    }

    #[test]
    fn the_server_is_given_the_time_it_asks_for() {
        let retries = Retries { most: 2, first_wait: Duration::from_millis(500) };
        assert_eq!(retries.wait(0, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert!(retries.wait(0, Some(Duration::ZERO)) >= Duration::from_millis(250));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let asked = |header| asked_for(header, now);
        assert_eq!(asked(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(asked("0.25"), Some(Duration::from_millis(250)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:57 GMT"), Some(Duration::from_secs(20)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO), "past");
        let in_an_hour = httpdate::fmt_http_date(now + Duration::from_secs(3_600));
        for far in ["3600", "1e300", "inf", &in_an_hour] {
            assert_eq!(asked(far), Some(LONGEST_RETRY_AFTER), "{far}");
        }
        for nonsense in ["", "soon", "-5", "NaN", "-inf"] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
    }
}
