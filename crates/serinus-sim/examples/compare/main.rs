//! Speed check.
#![allow(clippy::print_stdout)]
use serinus_sim::*;
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rate: f64 = std::env::args().nth(1).unwrap().parse()?;
    let n: u64 = std::env::args().nth(2).unwrap().parse()?;
    let b = Behaviour::new()
        .error_rate(0.01)
        .fail_rate(0.03)
        .latency(LogNormal::new(1100.0, 0.5))
        .ttft(LogNormal::new(120.0, 0.5))
        .score(0.85, 0.11);
    let sim = Simulation::new(plans::five_hours(), Traffic::per_hour(rate), b.clone(), b.clone());
    let t = std::time::Instant::now();
    let r = sim.run_many(0..n)?;
    println!("{r}");
    println!("{:?} per run on one core", t.elapsed() * 2 / n as u32);
    println!("hours {:.2}", r.quantile(Ending::Promoted, 0.5, |run| run.seconds) / 3600.0);
    for run in r.runs().iter().filter(|r| r.ending != Ending::Promoted).take(5) {
        println!("{:?}", run);
    }
    println!("{:?}", r.runs()[0]);
    Ok(())
}
