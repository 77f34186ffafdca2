//! Requests: when they arrive, what comes of them, and when they end.

use rand::{Rng, RngExt};
use rand_distr::Exp1;
use serinus::observe::Outcome;
use serinus::route::{Lease, Request, TrafficSplitter};

use super::{World, timestamp};
use crate::agenda::{Flight, Sampled};
use crate::judge::{self, prompt};
use crate::simulation::Simulation;
use crate::traffic::PromptKind;

impl World<'_> {
    /// Until the next request: exponential at the peak's rate, thinned to the hour's.
    pub(super) fn gap(&mut self) -> f64 {
        let mut gap = 0.0;
        loop {
            let exponential: f64 = self.rng.sample(Exp1);
            gap += exponential / self.of.traffic.peak();
            let share = self.of.traffic.share_of_peak(self.now + gap);
            if share >= 1.0 || self.rng.random::<f64>() < share {
                return gap;
            }
        }
    }

    pub(super) fn arrive(&mut self) {
        self.seen.requests += 1;
        if self.engine.is_none() {
            self.seen.died += 1;
            return;
        }
        let (name, user) = self.crowd.next(&mut self.rng);
        let lease = self.routers.route(&Request::new().sticky_key(name));
        self.serve(lease, user);
    }

    /// Runs a request on the version that it was sent to.
    pub(super) fn serve(&mut self, lease: Lease, user: f64) {
        let is_canary = lease.version() == self.of.plan.target().version();
        let arm = usize::from(is_canary);
        self.clock.set(timestamp(self.now + self.off));
        let ticket =
            self.reviewer.as_ref().and_then(|reviewer| reviewer.ticket(&lease, &self.seen.requests.to_string()));
        if self.replicas[arm] == 0 {
            self.seen.misrouted += 1;
        }
        let behaviour = if is_canary { &self.of.canary } else { &self.of.stable };
        let (kind, factors) = kind(self.of, is_canary, &mut self.rng);
        let (flips, is_judged) = (self.rng.random::<f64>(), self.rng.random::<f64>() < self.of.traffic.judged);
        let answer = behaviour.answer(&mut self.rng, self.now, factors, user, is_judged);
        if is_canary {
            self.seen.exposed += 1;
            self.seen.bad += u64::from(answer.error || answer.failed == Some(true));
        }
        if answer.hangs {
            self.hung.push(lease);
            return;
        }
        let capacity = if is_canary { self.of.host.canary } else { self.of.host.stable };
        let alive = if is_canary { self.replicas[1].saturating_sub(self.dead) } else { self.replicas[0] };
        let wait_ms = 1_000.0 * self.queues[arm].join(self.now, answer.service_ms / 1_000.0, alive, capacity);
        let latency_ms = wait_ms + answer.service_ms;
        let mut outcome = Outcome { error: answer.error, ..Outcome::ok() }.latency_ms(latency_ms).tokens(answer.tokens);
        outcome.ttft_ms = answer.ttft_ms.map(|ttft_ms| wait_ms + ttft_ms);
        outcome.quality = answer.score.filter(|_| self.reviewer.is_none());
        let says_failed = |failed: bool| failed != (flips < self.of.traffic.judge_error);
        let judged_at_once = is_judged && self.reviewer.is_none();
        outcome.passed = answer.failed.filter(|_| judged_at_once).map(|failed| !says_failed(failed));
        outcome.stratum = kind.filter(|_| self.of.traffic.labelled);
        let mut ends = self.now + latency_ms / 1_000.0;
        if answer.abandoned {
            // Somebody leaves somewhere on the way.
            let part: f64 = self.rng.random();
            ends = self.now + part * latency_ms / 1_000.0;
            let so_far = Outcome::ok().latency_ms(part * latency_ms);
            outcome = Outcome { ttft_ms: outcome.ttft_ms.filter(|ttft| *ttft <= part * latency_ms), ..so_far };
        }
        let sampled = ticket.zip(answer.failed).map(|(ticket, failed)| Sampled {
            ticket,
            prompt: prompt(user, self.now),
            answer: judge::answer(failed, self.seen.requests),
        });
        self.flights.plan(ends, Flight { lease, outcome, abandoned: answer.abandoned, sampled });
    }

    pub(super) fn end_flight(&mut self) {
        let Some(Flight { lease, outcome, abandoned, sampled }) = self.flights.pop() else { return };
        if lease.is_cancelled() {
            self.retry(lease);
        } else if abandoned {
            lease.abandon(outcome);
        } else {
            lease.finish(outcome);
            if let Some(Sampled { ticket, prompt, answer }) = sampled {
                ticket.submit(prompt, answer);
            }
        }
        if !self.drains.is_empty() {
            self.look_at_drains();
        }
    }

    pub(super) fn retry(&mut self, lease: Lease) {
        self.seen.retried += 1;
        let again = self.routers.retry(lease);
        self.serve(again, 1.0);
    }
}

/// The kind of a prompt, and what its times and its failures are multiplied by.
fn kind(of: &Simulation, is_canary: bool, rng: &mut impl Rng) -> (Option<u8>, (f64, f64)) {
    let kinds = &of.traffic.kinds;
    if kinds.is_empty() {
        return (None, (1.0, 1.0));
    }
    let share = |kind: &PromptKind| if is_canary { kind.canary_share } else { kind.share };
    let mut left = rng.random::<f64>() * kinds.iter().map(share).sum::<f64>();
    for (label, kind) in (0u8..).zip(kinds) {
        left -= share(kind);
        if left < 0.0 {
            return (Some(label), (kind.slower, kind.fails_more));
        }
    }
    (None, (1.0, 1.0))
}
