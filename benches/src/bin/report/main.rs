//! Makes `docs/benchmarks.md` and `docs/benchmarks.svg` of what the benches have left in the target folder: run it with
//! `make bench`, or alone with `cargo run --release -p serinus-benches --bin report`. What was not measured is left out.
#![allow(clippy::print_stdout)] // says what it has written

mod chart;
mod figures;
mod machine;
mod page;
mod peers;
mod targets;
mod units;

use std::error::Error;
use std::fs;
use std::path::Path;

use serinus_benches::folder;

use self::figures::Figures;

const TEMPLATE: &str = include_str!("../../../report/benchmarks.md");

fn main() -> Result<(), Box<dyn Error>> {
    let mut figures = Figures::default();
    figures.add_criterion(&folder().join("criterion"))?;
    figures.add_files(&folder().join("bench"))?;
    peers::add_fastest(&mut figures);
    machine::describe(&mut figures)?;
    figures.put_text("peers table", peers::table(&figures));
    figures.put_text("python peers table", peers::python_table(&figures));
    figures.put_text("targets table", targets::table(&figures)?);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    fs::write(docs.join("benchmarks.md"), page::fill(TEMPLATE, &figures)?)?;
    fs::write(docs.join("benchmarks.svg"), chart::draw(&figures))?;
    println!("docs/benchmarks.md and docs/benchmarks.svg, of {} figures", figures.len());
    Ok(())
}
