//! The plot: bars on a logarithmic scale, as an SVG that reads on light ground and on dark.

use super::figures::{Figure, Figures};
use super::peers;
use super::units::{round_time, time};

const WIDTH: f64 = 900.0;
/// Where bars begin, and how long the longest may be.
const LEFT: f64 = 320.0;
const LENGTH: f64 = 480.0;
const BAR: f64 = 13.0;

/// The powers of ten, in nanoseconds, that a scale may begin and end with.
const DECADES: std::ops::RangeInclusive<i32> = -1..=11;

const STYLE: &str = "
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.small { font-size: 11px; fill: #59636e }
.grid { stroke: #d1d9e0 }
.ours { fill: #1a7f37 }
.other { fill: #8c959f }
.second { opacity: 0.55 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .small { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .ours { fill: #3fb950 }
  .other { fill: #6e7681 }
}";

/// Rows of bars under one title.
struct Panel {
    title: String,
    rows: Vec<Row>,
}

/// A name, one or two times in nanoseconds, and whether it is Serinus.
struct Row {
    name: String,
    bars: Vec<f64>,
    ours: bool,
}

/// Panels of whatever was measured: routing beside its peers, the same from Python, statistics.
pub(super) fn draw(figures: &Figures) -> String {
    let panels = [routing(figures), python(figures), statistics(figures)];
    let (mut body, mut y) = (Vec::new(), 10.0);
    for panel in panels.iter().filter(|panel| !panel.rows.is_empty()) {
        y = panel.draw(y, &mut body);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" width=\"{WIDTH}\" height=\"{y}\" role=\"img\" \
         aria-label=\"Benchmarks\">\n<style>{STYLE}\n</style>\n{}\n</svg>\n",
        body.join("\n")
    )
}

fn routing(figures: &Figures) -> Panel {
    let mut rows = Vec::new();
    for (engine, one) in peers::engines(figures, "1") {
        let two = figures.get(&format!("peers/{engine}/2"));
        let bars = [Some(one), two].into_iter().flatten().map(|figure| figure.middle).collect();
        rows.push(Row { ours: engine.starts_with("serinus"), name: engine, bars });
    }
    Panel::new("Choosing a version for a user: one thread, and two on one object (paler)", rows)
}

fn python(figures: &Figures) -> Panel {
    let row = |(engine, figure): (&str, Figure)| Row {
        name: engine.to_owned(),
        bars: vec![figure.middle],
        ours: engine.starts_with("serinus"),
    };
    Panel::new("Choosing a version for a user, from Python", figures.under("python-peers/ns/").map(row).collect())
}

fn statistics(figures: &Figures) -> Panel {
    let works = [
        ("mann_whitney_u/normal/100000", "Mann-Whitney, 100,000 a sample"),
        ("fixed_sample/welch_t", "Welch, 1,000 a sample"),
        ("fixed_sample/brunner_munzel", "Brunner-Munzel, 1,000"),
        ("fixed_sample/kolmogorov_smirnov", "Kolmogorov-Smirnov, 1,000"),
        ("fixed_sample/bootstrap mean", "BCa of a mean, 1,000"),
    ];
    let mut rows = Vec::new();
    for (id, name) in works {
        if let (Some(ours), Some(theirs)) = (figures.get(id), figures.get(&format!("scipy/ns/{id}"))) {
            rows.push(Row { name: name.into(), bars: vec![ours.middle], ours: true });
            rows.push(Row { name: "SciPy".into(), bars: vec![theirs.middle], ours: false });
        }
    }
    Panel { title: "Statistics, beside SciPy".into(), rows }
}

impl Panel {
    /// With the fastest row first.
    fn new(title: &str, mut rows: Vec<Row>) -> Self {
        rows.sort_by(|a, b| a.bars.first().partial_cmp(&b.bars.first()).unwrap_or(std::cmp::Ordering::Equal));
        Self { title: title.into(), rows }
    }

    /// Draws itself from `y` down; says where it ends.
    fn draw(&self, y: f64, svg: &mut Vec<String>) -> f64 {
        let all = || self.rows.iter().flat_map(|row| row.bars.iter().copied());
        let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
        let first = DECADES.rev().find(|decade| 10f64.powi(*decade) <= least).unwrap_or(*DECADES.start());
        let last = (first + 1..=*DECADES.end()).find(|decade| 10f64.powi(*decade) >= most).unwrap_or(*DECADES.end());
        let x = |ns: f64| LEFT + LENGTH * (ns.log10() - f64::from(first)) / f64::from(last - first);
        svg.push(format!("<text class=\"title\" x=\"10\" y=\"{}\">{}</text>", y + 14.0, escaped(&self.title)));
        let top = y + 40.0;
        let height: f64 = self.rows.iter().map(Row::height).sum();
        for decade in first..=last {
            let ns = 10f64.powi(decade);
            let label = round_time(ns);
            let (at, end) = (x(ns), top + height);
            svg.push(format!(
                "<line class=\"grid\" x1=\"{at:.1}\" y1=\"{top}\" x2=\"{at:.1}\" y2=\"{end}\"/>\
                 <text class=\"small\" x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                top - 5.0
            ));
        }
        let mut y = top;
        for row in &self.rows {
            row.draw(y, x, svg);
            y += row.height();
        }
        y + 24.0
    }
}

impl Row {
    fn height(&self) -> f64 {
        BAR * self.bars.len() as f64 + 9.0
    }

    fn draw(&self, y: f64, x: impl Fn(f64) -> f64, svg: &mut Vec<String>) {
        let middle = y + self.height() / 2.0 + 4.0;
        let name = escaped(&self.name);
        svg.push(format!("<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{name}</text>", LEFT - 10.0));
        for (n, &ns) in self.bars.iter().enumerate() {
            let class = if self.ours { "ours" } else { "other" };
            let second = if n > 0 { " second" } else { "" };
            let (top, end) = (y + 4.0 + BAR * n as f64, x(ns).max(LEFT + 1.0));
            let value = time(Figure { middle: ns, spread: None });
            svg.push(format!(
                "<rect class=\"{class}{second}\" x=\"{LEFT}\" y=\"{top}\" width=\"{:.1}\" height=\"{}\"/>\
                 <text class=\"small\" x=\"{:.1}\" y=\"{}\">{value}</text>",
                end - LEFT,
                BAR - 1.0,
                end + 5.0,
                top + 10.0
            ));
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_logarithm() {
        let mut figures = Figures::default();
        for (id, middle) in [("floor/1", 1.0), ("a<b/1", 10.0), ("serinus/1", 100.0)] {
            figures.put(format!("peers/{id}"), Figure { middle, spread: None });
        }
        let svg = draw(&figures);
        let widths: Vec<&str> = svg
            .lines()
            .filter_map(|line| line.strip_prefix("<rect ")?.split_once("width=\""))
            .map(|(_, rest)| &rest[..5])
            .collect();
        assert_eq!(widths, ["1.0\" ", "240.0", "480.0"]);
        assert!(svg.contains(">a&lt;b</text>") && svg.matches("class=\"ours\"").count() == 1);
        assert!(!svg.contains("Python"), "{svg}");
    }
}
