//! All that was measured, by name: criterion's benches by their ids, all else by file and place in it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// A figure, and how far it spreads where that is known: criterion's 95% interval of the median, or the quartiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) middle: f64,
    pub(super) spread: Option<(f64, f64)>,
}

/// All of them, and what is said in words.
#[derive(Debug, Default)]
pub(super) struct Figures {
    figures: BTreeMap<String, Figure>,
    texts: BTreeMap<String, String>,
}

impl Figures {
    pub(super) fn put(&mut self, name: impl Into<String>, figure: Figure) {
        self.figures.insert(name.into(), figure);
    }

    /// An empty text is none.
    pub(super) fn put_text(&mut self, name: impl Into<String>, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.texts.insert(name.into(), text);
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    pub(super) fn len(&self) -> usize {
        self.figures.len()
    }

    /// The figures whose names begin like this, by the rest of their names.
    pub(super) fn under<'a>(&'a self, beginning: &'a str) -> impl Iterator<Item = (&'a str, Figure)> {
        self.figures.iter().filter_map(move |(name, figure)| Some((name.strip_prefix(beginning)?, *figure)))
    }

    /// Whether there is anything whose name begins like this.
    pub(super) fn any(&self, beginning: &str) -> bool {
        self.figures.keys().chain(self.texts.keys()).any(|name| name.starts_with(beginning))
    }

    /// What `name`, `name / other` or `2 * name / other` comes to.
    pub(super) fn get(&self, expression: &str) -> Option<Figure> {
        if let Some(figure) = self.figures.get(expression) {
            return Some(*figure);
        }
        let (times, rest) = match expression.split_once(" * ") {
            Some((times, rest)) => (times.parse().ok()?, rest),
            None => (1.0, expression),
        };
        let (above, below) = rest.split_once(" / ")?;
        let middle = times * self.figures.get(above)?.middle / self.figures.get(below)?.middle;
        Some(Figure { middle, spread: None })
    }

    /// Criterion's estimates: `new/benchmark.json` and `new/estimates.json`, wherever they are below this folder.
    pub(super) fn add_criterion(&mut self, folder: &Path) -> Result<(), Box<dyn Error>> {
        let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
        for entry in entries {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name == "new") && path.join("estimates.json").exists() {
                let (about, estimates) = (json(&path.join("benchmark.json"))?, json(&path.join("estimates.json"))?);
                let (id, median) = (about["full_id"].as_str().ok_or("a bench without an id")?, &estimates["median"]);
                let at = |value: &Value| value.as_f64().ok_or("a median that is no number");
                let interval = &median["confidence_interval"];
                let spread = Some((at(&interval["lower_bound"])?, at(&interval["upper_bound"])?));
                self.put(id, Figure { middle: at(&median["point_estimate"])?, spread });
            } else if path.is_dir() {
                self.add_criterion(&path)?;
            }
        }
        Ok(())
    }

    /// The files that the other benches have written.
    pub(super) fn add_files(&mut self, folder: &Path) -> Result<(), Box<dyn Error>> {
        let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if path.extension().is_some_and(|extension| extension == "json") {
                self.add(name, &json(&path)?);
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, value: &Value) {
        let number = |key: &str| value.get(key).and_then(Value::as_f64);
        if let Some(middle) = value.as_f64().or_else(|| number("median")) {
            self.put(name, Figure { middle, spread: number("low").zip(number("high")) });
        } else if let Some(text) = value.as_str() {
            self.put_text(name, text);
        } else if let Some(object) = value.as_object() {
            object.iter().for_each(|(key, value)| self.add(&format!("{name}/{key}"), value));
        }
    }
}

fn json(path: &Path) -> Result<Value, Box<dyn Error>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_figures_by_place() {
        let mut figures = Figures::default();
        let file =
            json!({"versions": {"NumPy": "2.4"}, "ns": {"a b": {"median": 6.0, "low": 5.0, "high": 9.0}, "c": 3}});
        figures.add("python", &file);
        assert_eq!(figures.get("python/ns/a b"), Some(Figure { middle: 6.0, spread: Some((5.0, 9.0)) }));
        assert_eq!(figures.get("2 * python/ns/a b / python/ns/c").map(|ratio| ratio.middle), Some(4.0));
        assert_eq!(figures.get("python/ns/a b / python/ns/d"), None);
        assert_eq!(figures.text("python/versions/NumPy"), Some("2.4"));
        assert_eq!(figures.under("python/ns/").map(|(rest, _)| rest).collect::<Vec<_>>(), ["a b", "c"]);
        assert!(figures.any("python/ns/a") && !figures.any("scipy"));
    }
}
