//! How often each anytime-valid test rejects a true null hypothesis when it is looked at after every block, and how soon it
//! rejects a false one. Prints two tables.
//!
//! ```sh
//! cargo run -p serinus-stats --release --example validity            # 10,000 runs a row: some half an hour on two cores
//! cargo run -p serinus-stats --release --example validity -- 1000    # fewer
//! cargo run -p serinus-stats --release --example validity -- 1000 RateTest    # of one test
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints tables")]

mod draw;
mod false_alarms;
mod power;
mod run;

use run::Rows;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let runs = match arguments.next().map(|text| text.parse()) {
        None => 10_000,
        Some(Ok(runs)) if runs > 0 => runs,
        Some(_) => {
            eprintln!("the first argument must be the number of runs for each row, above 0");
            std::process::exit(2);
        }
    };
    let only = arguments.next().unwrap_or_default();
    println!("# False alarms at α = 0.05, looking after every block, on the boundary of the null hypothesis\n");
    false_alarms::print(&Rows { runs, only: &only });
    println!("\n# Canary observations until a false null hypothesis is rejected\n");
    power::print(&Rows { runs: (runs / 5).max(100), only: &only });
}
