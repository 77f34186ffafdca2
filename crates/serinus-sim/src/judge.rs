//! A judge that makes mistakes, and the answers that it is shown.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serinus::clock::Clock;
use serinus::host::{Answer, Generate, HostError, Prompt};
use serinus::judge::{Judge, JudgeError, Preference, Reviewer, Sampling, Score};
use serinus::model::VersionId;

use crate::behaviour::Behaviour;
use crate::simulation::{Simulation, SimulationError};

/// A judge that reads answers and makes mistakes, each time anew.
///
/// With it answers are judged as a deployment's [`Reviewer`] does it: by samples, late, in blocks of their own, and before
/// the first stage in pairs where the plan has a shadow. The rate of failures of a [`Behaviour`] is the true one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoisyJudge {
    /// The probability that it takes a good answer for a bad one, or a bad one for a good one. 0 unless set.
    pub error: f64,
    /// The probability that it prefers the answer that is shown first, whatever they say. 0 unless set.
    pub position_bias: f64,
    /// The probability that it gives no judgement. 0 unless set.
    pub silence: f64,
    /// How many answers are judged.
    pub sampling: Sampling,
}

impl Default for NoisyJudge {
    fn default() -> Self {
        Self { error: 0.0, position_bias: 0.0, silence: 0.0, sampling: Sampling::default() }
    }
}

impl NoisyJudge {
    /// Looks whether it makes sense. [`Simulation::run`](crate::Simulation::run) does so too.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] with what does not.
    pub fn check(&self) -> Result<(), SimulationError> {
        let rates = [self.error, self.position_bias, self.silence];
        match rates.into_iter().find(|rate| !(0.0..=1.0).contains(rate)) {
            Some(got) => Err(SimulationError::new("judge", "probabilities in [0, 1]", got)),
            None => Ok(()),
        }
    }

    /// The reviewer of one run, which works on the run's own thread.
    pub(crate) fn reviewer(
        self,
        of: &Simulation,
        seed: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Reviewer>, SimulationError> {
        let dice = || Dice(Mutex::new(Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x6a75_6467_6500)));
        let replays = Replays { canary: of.canary.clone(), dice: dice() };
        let reviewer = Reviewer::builder()
            .judge(Arc::new(Reader { judge: self, dice: dice() }))
            .replays(Arc::new(replays))
            .sampling(self.sampling)
            .workers(0)
            .clock(clock)
            .build();
        reviewer.map(Arc::new).map_err(|error| SimulationError::refused(&error))
    }
}

struct Dice(Mutex<Xoshiro256PlusPlus>);

impl Dice {
    fn roll(&self) -> MutexGuard<'_, Xoshiro256PlusPlus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Dice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dice")
    }
}

/// What was asked, from a user whose failures are so many times the usual, at this time.
pub(crate) fn prompt(user: f64, seconds: f64) -> Prompt {
    Prompt::new(format!("{user} {seconds}"))
}

/// An answer, good or bad. No two have the same text.
pub(crate) fn answer(failed: bool, number: u64) -> Answer {
    Answer::new(format!("{} {number}", if failed { "bad" } else { "good" }))
}

#[derive(Debug)]
struct Replays {
    canary: Behaviour,
    dice: Dice,
}

impl Generate for Replays {
    fn generate(&self, _: &VersionId, prompt: &Prompt) -> Result<Answer, HostError> {
        let mut parts = prompt.text.split(' ').filter_map(|part| part.parse::<f64>().ok());
        let (user, seconds) = (parts.next().unwrap_or(1.0), parts.next().unwrap_or(0.0));
        let rate = (self.canary.fails_at(seconds) * user).min(1.0);
        let mut dice = self.dice.roll();
        let failed = dice.random::<f64>() < rate;
        Ok(answer(failed, dice.random()))
    }
}

#[derive(Debug)]
struct Reader {
    judge: NoisyJudge,
    dice: Dice,
}

impl Reader {
    /// Whether it takes an answer for a good one.
    fn likes(&self, dice: &mut Xoshiro256PlusPlus, answer: &Answer) -> bool {
        answer.text.starts_with("good") != (dice.random::<f64>() < self.judge.error)
    }

    fn speak(&self, dice: &mut Xoshiro256PlusPlus) -> Result<(), JudgeError> {
        if dice.random::<f64>() < self.judge.silence {
            return Err(JudgeError::Unavailable("it does not answer".into()));
        }
        Ok(())
    }
}

impl Judge for Reader {
    fn score(&self, _: &Prompt, answer: &Answer) -> Result<Score, JudgeError> {
        let mut dice = self.dice.roll();
        self.speak(&mut dice)?;
        let passed = self.likes(&mut dice, answer);
        Ok(Score { quality: if passed { 0.9 } else { 0.2 }, passed: Some(passed) })
    }

    fn prefer(&self, _: &Prompt, first: &Answer, second: &Answer) -> Result<Preference, JudgeError> {
        let mut dice = self.dice.roll();
        self.speak(&mut dice)?;
        if dice.random::<f64>() < self.judge.position_bias {
            return Ok(Preference::First);
        }
        Ok(match (self.likes(&mut dice, first), self.likes(&mut dice, second)) {
            (true, false) => Preference::First,
            (false, true) => Preference::Second,
            _ => Preference::Neither,
        })
    }
}
