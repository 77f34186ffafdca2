//! Whether the judge works.

use super::JudgeError;

/// Failures in a row before somebody is told.
const IN_A_ROW: u32 = 5;

/// Whether the judge works.
#[derive(Debug, Default)]
pub(super) struct Health {
    failures_in_a_row: u32,
    last: Option<JudgeError>,
}

impl Health {
    pub(super) fn note<T>(&mut self, result: &Result<T, JudgeError>) {
        match result {
            Ok(_) => *self = Self::default(),
            Err(error) => {
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                self.last = Some(error.clone());
            }
        }
    }

    /// What somebody should know of it.
    pub(super) fn alert(&self) -> Option<String> {
        let last = self.last.as_ref()?;
        let consequence = "no answer is judged until it works again; nothing is rolled back or promoted for that";
        match last {
            JudgeError::OutOfBudget(_) => Some(format!("{last}; {consequence}: give it more or wait")),
            JudgeError::Refused(_) => Some(format!(
                "{last}; {consequence}, and it will not by itself: look at its key, its model and its settings"
            )),
            _ if self.failures_in_a_row >= IN_A_ROW => Some(format!(
                "the judge has failed {} times in a row, at last so: {last}; {consequence}",
                self.failures_in_a_row
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable() -> Result<(), JudgeError> {
        Err(JudgeError::Unavailable("503".into()))
    }

    #[test]
    fn one_failure_is_nothing_and_five_in_a_row_are() {
        let mut health = Health::default();
        for _ in 0..4 {
            health.note(&unavailable());
        }
        assert_eq!(health.alert(), None);
        health.note(&Ok(()));
        health.note(&unavailable());
        assert_eq!(health.alert(), None, "it worked in between");
        for _ in 0..4 {
            health.note(&unavailable());
        }
        assert!(health.alert().is_some_and(|alert| alert.contains("5 times in a row")));
    }

    #[test]
    fn an_empty_purse_is_told_at_once() {
        let mut health = Health::default();
        health.note::<()>(&Err(JudgeError::OutOfBudget("1,000 of 1,000 calls".into())));
        assert!(health.alert().is_some_and(|alert| alert.contains("1,000 of 1,000 calls")));
    }
}
