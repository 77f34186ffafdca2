//! The page, made of a template.
//!
//! `{{time NAME}}`, `{{bytes NAME}}`, `{{seconds NAME}}`, `{{count NAME}}`, `{{ratio NAME / OTHER}}` and `{{text NAME}}` stand
//! for figures. A row of a table none of whose figures was measured is left out, and so are a table without such rows and a paragraph
//! that lacks a figure. What stands between `<!-- if NAME -->` and `<!-- else -->` or `<!-- end -->`, each on a line, is there if
//! anything was measured whose name begins like that.

use std::error::Error;

use super::figures::Figures;
use super::units;

const MISSING: &str = "not measured";

pub(super) fn fill(template: &str, figures: &Figures) -> Result<String, Box<dyn Error>> {
    let chosen = choose(template, figures);
    let mut page = Vec::new();
    for block in chosen.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty()) {
        let filled = if block.starts_with('|') { table(block, figures)? } else { paragraph(block, figures)? };
        page.extend(filled);
    }
    Ok(page.join("\n\n") + "\n")
}

fn choose(template: &str, figures: &Figures) -> String {
    let mut shown = true;
    let mut chosen = String::new();
    for line in template.lines() {
        let word = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->"));
        match word.map(|word| word.split_once(' ').unwrap_or((word, ""))) {
            Some(("if", name)) => shown = figures.any(name),
            Some(("else", _)) => shown = !shown,
            Some(("end", _)) => shown = true,
            _ if shown => chosen.push_str(line),
            _ => continue,
        }
        chosen.push('\n');
    }
    chosen
}

fn paragraph(text: &str, figures: &Figures) -> Result<Option<String>, Box<dyn Error>> {
    let line = Line::fill(text, figures)?;
    Ok((line.missing == 0).then_some(line.text))
}

fn table(text: &str, figures: &Figures) -> Result<Option<String>, Box<dyn Error>> {
    let lines = text.lines().map(|line| Line::fill(line, figures)).collect::<Result<Vec<_>, _>>()?;
    let had_figures = lines.iter().any(|line| line.found + line.missing > 0);
    let kept: Vec<Line> = lines.into_iter().filter(|line| line.missing == 0 || line.found > 0).collect();
    let has_figures = kept.iter().any(|line| line.found > 0);
    let text = kept.into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n");
    Ok((has_figures || !had_figures).then_some(text))
}

/// A piece of the template with its figures in place.
struct Line {
    text: String,
    found: usize,
    missing: usize,
}

impl Line {
    fn fill(template: &str, figures: &Figures) -> Result<Self, Box<dyn Error>> {
        let mut line = Self { text: String::new(), found: 0, missing: 0 };
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (asked, after) = after.split_once("}}").ok_or_else(|| format!("no end of {{{{ in {template:?}"))?;
            let (kind, name) = asked.split_once(' ').ok_or_else(|| format!("no name in {asked:?}"))?;
            let figure = figures.get(name);
            let value = match kind {
                "time" => figure.map(units::time),
                "bytes" => figure.map(units::bytes),
                "seconds" => figure.map(units::seconds),
                "count" => figure.map(|figure| units::with_commas(figure.middle)),
                "ratio" => figure.map(|figure| units::three_digits(figure.middle)),
                "text" => figures.text(name).map(str::to_owned),
                _ => return Err(format!("unknown kind of figure {asked:?}").into()),
            };
            line.text.push_str(before);
            line.text.push_str(value.as_deref().unwrap_or(MISSING));
            line.found += usize::from(value.is_some());
            line.missing += usize::from(value.is_none());
            rest = after;
        }
        line.text.push_str(rest);
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::Figure;
    use super::*;

    fn figures() -> Figures {
        let mut figures = Figures::default();
        figures.put("route/a", Figure { middle: 12.0, spread: None });
        figures.put("route/b", Figure { middle: 3.0, spread: None });
        figures.put_text("who", "a machine");
        figures
    }

    #[test]
    fn figures_stand_in_their_places() {
        let page = fill("On {{text who}}: {{time route/a}},\n{{ratio route/a / route/b}}.\n\n\n\nEnd.\n", &figures());
        assert_eq!(page.unwrap(), "On a machine: 12.0 ns,\n4.00.\n\nEnd.\n");
        assert!(fill("{{tme route/a}}", &figures()).is_err());
        assert!(fill("{{time route/a", &figures()).is_err());
    }

    #[test]
    fn what_was_not_measured_is_left_out() {
        let rows = "| a | b |\n|---|---|\n| x | {{time route/a}} | {{time c}} |\n| y | {{time c}} |";
        assert_eq!(fill(rows, &figures()).unwrap(), "| a | b |\n|---|---|\n| x | 12.0 ns | not measured |\n");
        assert_eq!(fill("| a |\n|---|\n| {{time c}} |\n\nIt takes {{time c}}.\n\nEnd.", &figures()).unwrap(), "End.\n");
        assert_eq!(fill("| a |\n|---|\n| words |", &figures()).unwrap(), "| a |\n|---|\n| words |\n");
    }

    #[test]
    fn a_section_is_there_if_its_figures_are() {
        let template = "<!-- if route/ -->\nyes\n<!-- else -->\nno\n<!-- end -->\n\n<!-- if peers/ -->\nyes\n<!-- else -->\nno\n<!-- end -->\nend";
        assert_eq!(fill(template, &figures()).unwrap(), "yes\n\nno\n\nend\n");
    }
}
