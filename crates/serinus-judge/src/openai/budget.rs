//! What a judge may spend, and what it has spent.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serinus::judge::JudgeError;

/// What a judge may spend, over its whole life. What is `None` is not limited.
///
/// A call is made only if there is room for it: one call, the tokens of its question by estimate and the longest answer that it may
/// give, and what these cost. What is actually used is booked afterwards. Calls are never exceeded; tokens and money can be
/// only by what an estimate was too low.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// HTTP requests; repeated ones count.
    pub calls: Option<u64>,
    /// Tokens, of questions and answers together.
    pub tokens: Option<u64>,
    /// Money, in the currency of the [`Prices`].
    pub money: Option<f64>,
}

/// What tokens cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// A million tokens of questions.
    pub input_per_million: f64,
    /// A million tokens of answers.
    pub output_per_million: f64,
}

/// What a judge has spent since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Spent {
    /// HTTP requests, of whatever end.
    pub calls: u64,
    /// Of these, those that repeated one that had failed.
    pub retries: u64,
    /// Of these, those that asked again because the answer could not be understood.
    pub asked_again: u64,
    /// Tokens of questions.
    pub input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
    /// Calls whose tokens had to be estimated, as the server did not say or did not answer.
    pub estimated: u64,
    /// Money, in the currency of the [`Prices`]; 0 without prices.
    pub money: f64,
}

/// Tokens of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) input: u64,
    pub(super) output: u64,
}

/// Why a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    First,
    Retry,
    AskAgain,
}

/// Keeps the accounts.
#[derive(Debug)]
pub(super) struct Ledger {
    prices: Option<Prices>,
    accounts: Mutex<Accounts>,
}

#[derive(Debug, Default)]
struct Accounts {
    budget: Budget,
    spent: Spent,
    /// What calls under way may use yet.
    reserved: Usage,
    reserved_calls: u64,
}

impl Ledger {
    pub(super) fn new(budget: Budget, prices: Option<Prices>) -> Self {
        Self { prices, accounts: Mutex::new(Accounts { budget, ..Accounts::default() }) }
    }

    pub(super) const fn has_prices(&self) -> bool {
        self.prices.is_some()
    }

    pub(super) fn set_budget(&self, budget: Budget) {
        self.accounts.lock().budget = budget;
    }

    pub(super) fn spent(&self) -> Spent {
        self.accounts.lock().spent
    }

    pub(super) fn remaining(&self) -> Budget {
        let accounts = self.accounts.lock();
        let Accounts { budget, spent, .. } = &*accounts;
        Budget {
            calls: budget.calls.map(|calls| calls.saturating_sub(spent.calls)),
            tokens: budget.tokens.map(|tokens| tokens.saturating_sub(spent.input_tokens + spent.output_tokens)),
            money: budget.money.map(|money| (money - spent.money).max(0.0)),
        }
    }

    /// Room for one more call.
    pub(super) fn reserve(&self, most: Usage) -> Result<Reservation<'_>, JudgeError> {
        let mut accounts = self.accounts.lock();
        let Accounts { budget, spent, reserved, reserved_calls } = &*accounts;
        let refused = |wanted: String| Err(JudgeError::OutOfBudget(wanted));
        if let Some(limit) = budget.calls {
            let used = spent.calls + reserved_calls;
            if used >= limit {
                return refused(format!("{used} of {limit} calls are used"));
            }
        }
        if let Some(limit) = budget.tokens {
            let used = spent.input_tokens + spent.output_tokens + reserved.input + reserved.output;
            let wanted = most.input + most.output;
            if used.saturating_add(wanted) > limit {
                return refused(format!("{used} of {limit} tokens are used, and a call may take {wanted}"));
            }
        }
        if let Some(limit) = budget.money {
            let (used, wanted) = (spent.money + self.price(*reserved), self.price(most));
            if used + wanted > limit {
                return refused(format!("{used:.4} of {limit:.4} are spent, and a call may cost {wanted:.4}"));
            }
        }
        accounts.reserved_calls += 1;
        accounts.reserved.input += most.input;
        accounts.reserved.output += most.output;
        Ok(Reservation { ledger: self, most, sent: None, used: None })
    }

    fn price(&self, usage: Usage) -> f64 {
        self.prices.map_or(0.0, |prices| {
            (usage.input as f64 * prices.input_per_million + usage.output as f64 * prices.output_per_million) / 1e6
        })
    }
}

/// Room for one call. Dropped, it gives back what was not used.
#[derive(Debug)]
#[must_use]
pub(super) struct Reservation<'a> {
    ledger: &'a Ledger,
    most: Usage,
    sent: Option<Reason>,
    used: Option<(Usage, Known)>,
}

/// Whether the server said what a call used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Told,
    Estimated,
}

impl Reservation<'_> {
    /// The call is made: it counts, whatever becomes of it.
    pub(super) fn sent(&mut self, reason: Reason) {
        self.sent = Some(reason);
    }

    /// What it used.
    pub(super) fn used(mut self, usage: Usage, known: Known) {
        self.used = Some((usage, known));
    }

    /// The question may have been read and paid for, though no answer came.
    pub(super) fn used_the_question(self) {
        let question = Usage { output: 0, ..self.most };
        self.used(question, Known::Estimated);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let (usage, known) = self.used.unwrap_or((Usage::default(), Known::Told));
        let money = self.ledger.price(usage);
        let mut accounts = self.ledger.accounts.lock();
        accounts.reserved_calls -= 1;
        accounts.reserved.input -= self.most.input;
        accounts.reserved.output -= self.most.output;
        let Some(reason) = self.sent else { return };
        let spent = &mut accounts.spent;
        spent.calls += 1;
        spent.retries += u64::from(reason == Reason::Retry);
        spent.asked_again += u64::from(reason == Reason::AskAgain);
        spent.input_tokens = spent.input_tokens.saturating_add(usage.input);
        spent.output_tokens = spent.output_tokens.saturating_add(usage.output);
        spent.estimated += u64::from(known == Known::Estimated);
        spent.money += money;
    }
}

/// About how many tokens a text is: four ASCII characters to one, and any other character by itself.
pub(super) fn estimate_tokens(text: &str) -> u64 {
    let chars = text.chars().count() as u64;
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    ascii.div_ceil(4) + (chars - ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(input: u64, output: u64) -> Usage {
        Usage { input, output }
    }

    fn spend(ledger: &Ledger, usage: Usage) -> Result<(), JudgeError> {
        let mut room = ledger.reserve(usage)?;
        room.sent(Reason::First);
        room.used(usage, Known::Told);
        Ok(())
    }

    #[test]
    fn a_call_under_way_takes_its_room() {
        let ledger = Ledger::new(Budget { calls: Some(2), ..Budget::default() }, None);
        let one = ledger.reserve(most(1, 1)).unwrap();
        let mut other = ledger.reserve(most(1, 1)).unwrap();
        assert!(
            matches!(ledger.reserve(most(1, 1)), Err(JudgeError::OutOfBudget(why)) if why.contains("2 of 2 calls"))
        );
        drop(one);
        other.sent(Reason::Retry);
        other.used(most(1, 1), Known::Told);
        assert_eq!(ledger.remaining().calls, Some(1), "a call that was not made costs nothing");
        assert_eq!((ledger.spent().calls, ledger.spent().retries), (1, 1));
        spend(&ledger, most(0, 0)).unwrap();
        assert!(ledger.reserve(most(0, 0)).is_err());
        ledger.set_budget(Budget::default());
        assert!(ledger.reserve(most(0, 0)).is_ok());
    }

    #[test]
    fn tokens_and_money_are_counted_by_what_was_used() {
        let prices = Prices { input_per_million: 1.0, output_per_million: 10.0 };
        let budget = Budget { tokens: Some(1_000), money: Some(0.005), ..Budget::default() };
        let ledger = Ledger::new(budget, Some(prices));
        let mut room = ledger.reserve(most(500, 400)).unwrap();
        assert!(ledger.reserve(most(100, 1)).is_err(), "900 are spoken for");
        room.sent(Reason::First);
        room.used(most(300, 20), Known::Told);
        let spent = ledger.spent();
        assert_eq!((spent.input_tokens, spent.output_tokens, spent.estimated), (300, 20, 0));
        assert!((spent.money - 0.0005).abs() < 1e-12);
        assert_eq!(ledger.remaining().tokens, Some(680));
        let poor = ledger.reserve(most(0, 460)).unwrap_err();
        assert!(poor.to_string().contains("0.0005 of 0.0050"), "{poor}");
        assert!(ledger.reserve(most(0, 440)).is_ok());
    }

    #[test]
    fn a_question_without_an_answer_may_have_been_paid_for() {
        let ledger = Ledger::new(Budget::default(), None);
        let mut room = ledger.reserve(most(70, 400)).unwrap();
        room.sent(Reason::First);
        room.used_the_question();
        assert_eq!((ledger.spent().input_tokens, ledger.spent().output_tokens, ledger.spent().estimated), (70, 0, 1));
    }

    #[test]
    fn tokens_are_estimated_from_characters() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("12345678"), 2);
        assert_eq!(estimate_tokens("日本語"), 3);
        assert_eq!(estimate_tokens("naïve"), 2);
    }
}
