//! A plan in words and numbers.

use std::fmt::Write;
use std::time::Duration;

use super::{Strategy, UpdatePlan};

pub(super) fn explain(plan: &UpdatePlan) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(plan, &mut text);
    text
}

fn write(plan: &UpdatePlan, out: &mut String) -> std::fmt::Result {
    let (current, target) = (plan.current(), plan.target());
    writeln!(out, "Update of {}: {} -> {}", target.model_id(), current.version(), target.version())?;
    writeln!(out, "  {} risk: {}.", plan.risk(), plan.change())?;
    let way = match plan.strategy() {
        Strategy::Rolling => "replica by replica",
        Strategy::Canary => "a little traffic first, judged all the way",
        Strategy::BlueGreen => "a full second set, one flip",
    };
    writeln!(out, "  Strategy: {} ({way}).", plan.strategy())?;
    memory(plan, out)?;
    stages(plan, out)?;
    triggers(plan, out)?;
    way_back(plan, out)
}

fn memory(plan: &UpdatePlan, out: &mut String) -> std::fmt::Result {
    let gpu = plan.gpu();
    writeln!(
        out,
        "  GPU memory: {:.1} GB today, {:.1} GB at the peak (+{:.0}%), {:.1} GB there; {}.",
        gpu.stable_memory_gb,
        gpu.peak_memory_gb,
        gpu.overhead_fraction * 100.0,
        gpu.available_memory_gb,
        if plan.colocated() { "both versions fit on one replica" } else { "one version on each replica" }
    )
}

fn stages(plan: &UpdatePlan, out: &mut String) -> std::fmt::Result {
    if let Some(shadow) = plan.shadow() {
        let least = if shadow.hold().is_zero() { String::new() } else { format!(", at least {}", time(shadow.hold())) };
        writeln!(
            out,
            "  First in the shadow: {} prompts of the old version's users answered on both{least}.",
            shadow.min_pairs()
        )?;
    }
    if plan.strategy() == Strategy::Canary {
        writeln!(out, "  {:>6}  {:>8}  {:>9}  {:>8}  {:>8}  for", "share", "hold", "requests", "canary", "stable")?;
        for stage in plan.stages() {
            writeln!(
                out,
                "  {:>5.0}%  {:>8}  {:>9}  {:>8}  {:>8}  {}",
                stage.weight() * 100.0,
                time(stage.hold()),
                stage.min_requests(),
                stage.canary_replicas(),
                stage.stable_replicas(),
                stage.purpose()
            )?;
        }
    }
    let shadow = plan.shadow().map_or(Duration::ZERO, super::Shadow::hold);
    let held: Duration = shadow + plan.stages().iter().map(super::Stage::hold).sum::<Duration>() + plan.bake();
    writeln!(out, "  At least {} in all, a bake of {} at 100% included.", time(held), time(plan.bake()))
}

fn triggers(plan: &UpdatePlan, out: &mut String) -> std::fmt::Result {
    let margins = plan.margins();
    writeln!(
        out,
        "  Rolled back at: errors +{:.0}%, judged failures +{:.0}%, latency and time to the first token +{:.0}%, judged score -{:.2}.",
        margins.error_rate_increase * 100.0,
        margins.failure_rate_increase() * 100.0,
        margins.p99_latency_increase * 100.0,
        margins.quality_decrease
    )?;
    writeln!(
        out,
        "  A healthy version is rolled back with a probability of at most {:.1}% over the whole rollout.",
        plan.false_rollback_budget() * 100.0
    )?;
    if plan.health_gate() {
        writeln!(out, "  It must be proven healthy before it gets all the traffic.")?;
    }
    if plan.require_approval() {
        writeln!(out, "  A person must approve the last step.")?;
    }
    Ok(())
}

fn way_back(plan: &UpdatePlan, out: &mut String) -> std::fmt::Result {
    let (kept, full) = (plan.promoted().stable, plan.fleet().replicas());
    if plan.bake().is_zero() {
        return writeln!(out, "  Way back: until the last replica; afterwards an update the other way.");
    }
    writeln!(
        out,
        "  Way back during the bake: traffic at once; {kept} of {full} old replicas are kept{}.",
        if kept >= full { String::new() } else { format!(", the others take about {}", time(plan.way_back())) }
    )
}

fn time(duration: Duration) -> String {
    match duration.as_secs_f64() {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}
