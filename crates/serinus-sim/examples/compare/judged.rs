//! Rollouts whose answers a judge reads, by samples and in the shadow.

use serinus::plan::Shadow;
use serinus_sim::{Behaviour, Ending, NoisyJudge, Report, Simulation, Traffic, plans};

use crate::percent;
use crate::rows::{self, Group, Row};

pub(crate) const HEADING: &str = "| judged rollouts | rolled back | 99% interval | in the shadow | pairs: median, p90 | judged canary answers: median | \
     requests with a bad answer: median | promoted | to reach |\n|---|---|---|---|---|---|---|---|---|";

pub(crate) fn rows() -> Vec<Row> {
    // It takes one answer in ten for what it is not, and prefers the first of two one time in five.
    let noisy = NoisyJudge { error: 0.1, position_bias: 0.2, ..NoisyJudge::default() };
    let mut rows = Vec::new();
    for (of_judge, judge) in
        [("a judge without errors", NoisyJudge::default()), ("10% errors, 20% position bias", noisy)]
    {
        for (of_shadow, shadow) in [("a shadow", Some(Shadow::default())), ("no shadow", None)] {
            for (of_canary, canary, target) in
                [("identical", 0.03, "<= 1%"), ("failures 3% -> 14%", 0.14, "found, in the shadow where there is one")]
            {
                let name = format!("{of_canary}, {of_shadow}, {of_judge}");
                rows.push(rows::row(Group::Judged, name, simulation(canary, judge, shadow), target));
            }
        }
    }
    rows
}

fn simulation(failures: f64, judge: NoisyJudge, shadow: Option<Shadow>) -> Simulation {
    // A plan with or without a shadow is a plan: its stages are the same.
    let plan = plans::five_hours().with_shadow(shadow).unwrap_or_else(|_| plans::five_hours());
    let of = |rate: f64| Behaviour::new().error_rate(0.01).fail_rate(rate);
    Simulation::new(plan, Traffic::per_hour(10_000.0), of(0.03), of(failures)).reviewed_by(judge)
}

pub(crate) fn line(row: &Row, ours: &Report) -> String {
    let (share, interval) = ours.share(Ending::RolledBack, 0.99);
    let unseen = ours.runs().iter().filter(|run| run.ending == Ending::RolledBack && run.exposed == 0).count();
    let ending = if ours.rolled_back() > 0 { Ending::RolledBack } else { Ending::Promoted };
    let of = |q: f64, number: fn(&serinus_sim::Run) -> u64| ours.quantile(ending, q, |run| number(run) as f64);
    format!(
        "| {} | {} | {} to {} | {} | {:.0}, {:.0} | {:.0} | {:.0} | {} | {} |",
        row.name,
        percent(share),
        percent(interval.low),
        percent(interval.high),
        percent(unseen as f64 / ours.runs().len() as f64),
        of(0.5, |run| run.pairs),
        of(0.9, |run| run.pairs),
        of(0.5, |run| run.judged),
        of(0.5, |run| run.bad),
        percent(ours.share(Ending::Promoted, 0.99).0),
        row.target,
    )
}
