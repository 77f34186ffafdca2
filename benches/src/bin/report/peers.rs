//! What one would use instead, beside it.

use super::figures::{Figure, Figures};
use super::units::{three_digits, time};

/// The engines of the group `peers` that are no peers.
const OWN: [&str; 3] = ["floor", "serinus", "naive"];

/// Adds `fastest peer/1` and `/2`, and the name of the former.
pub(super) fn add_fastest(figures: &mut Figures) {
    for threads in ["1", "2"] {
        let peers = engines(figures, threads).into_iter().filter(|(engine, _)| !is_own(engine));
        if let Some((engine, figure)) = peers.min_by(|(_, a), (_, b)| a.middle.total_cmp(&b.middle)) {
            figures.put(format!("fastest peer/{threads}"), figure);
            figures.put_text(format!("fastest peer/{threads}"), engine);
        }
    }
}

/// The engines of the group `peers` with this many threads.
pub(super) fn engines(figures: &Figures, threads: &str) -> Vec<(String, Figure)> {
    let of = |(id, figure): (&str, Figure)| {
        let (engine, count) = id.rsplit_once('/')?;
        (count == threads).then(|| (engine.to_owned(), figure))
    };
    figures.under("peers/").filter_map(of).collect()
}

pub(super) fn is_own(engine: &str) -> bool {
    OWN.iter().any(|own| engine.starts_with(own))
}

/// All engines, the fastest first.
pub(super) fn table(figures: &Figures) -> String {
    let mut rows = engines(figures, "1");
    if rows.is_empty() {
        return String::new();
    }
    rows.sort_by(|(_, a), (_, b)| a.middle.total_cmp(&b.middle));
    let times = |engine: &str, threads: &str, other: &str| {
        let ratio = figures.get(&format!("peers/{engine}/{threads} / {other}"));
        ratio.map_or("–".to_owned(), |ratio| three_digits(ratio.middle))
    };
    let mut table = vec![
        "| engine | version | one thread | two threads | times the floor | of the fastest peer's time |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    for (engine, one) in rows {
        let two = figures.get(&format!("peers/{engine}/2")).map_or("–".to_owned(), time);
        let version =
            engine.split(' ').next().and_then(|name| figures.text(&format!("version/{name}"))).unwrap_or_default();
        let (floor, fastest) = (times(&engine, "1", "peers/floor/1"), times(&engine, "1", "fastest peer/1"));
        table.push(format!("| {engine} | {version} | {} | {two} | {floor} | {fastest} |", time(one)));
    }
    table.join("\n")
}

/// All engines that Python can call, the fastest first.
pub(super) fn python_table(figures: &Figures) -> String {
    let mut rows: Vec<_> = figures.under("python-peers/ns/").collect();
    if rows.is_empty() {
        return String::new();
    }
    rows.sort_by(|(_, a), (_, b)| a.middle.total_cmp(&b.middle));
    let mut table = vec![
        "| engine | version | a call | times `version_for` of Serinus |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    for (engine, figure) in rows {
        let package = engine.split(' ').next().unwrap_or_default();
        let version = figures.text(&format!("python-peers/versions/{package}")).unwrap_or_default();
        let ratio = figures.get(&format!("python-peers/ns/{engine} / python-peers/ns/serinus version_for"));
        let ratio = ratio.map_or("–".to_owned(), |ratio| three_digits(ratio.middle));
        table.push(format!("| {engine} | {version} | {} | {ratio} |", time(figure)));
    }
    table.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        let mut figures = Figures::default();
        for (id, middle) in [
            ("floor/1", 4.0),
            ("serinus version_for/1", 12.0),
            ("serinus version_for/2", 12.5),
            ("slow one/1", 500.0),
            ("quick two/1", 160.0),
        ] {
            figures.put(format!("peers/{id}"), Figure { middle, spread: None });
        }
        figures.put_text("version/slow", "1.2.3");
        figures
    }

    #[test]
    fn the_fastest_peer_is_none_of_ours() {
        let mut figures = figures();
        add_fastest(&mut figures);
        assert_eq!(figures.text("fastest peer/1"), Some("quick two"));
        assert_eq!(figures.get("fastest peer/1").map(|figure| figure.middle), Some(160.0));
        assert_eq!(figures.get("fastest peer/2"), None);
    }

    #[test]
    fn the_table_has_each_engine_beside_floor_and_fastest_peer() {
        let mut figures = figures();
        add_fastest(&mut figures);
        let table = table(&figures);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(rows[1], "| serinus version_for |  | 12.0 ns | 12.5 ns | 3.00 | 0.075 |");
        assert_eq!(rows[3], "| slow one | 1.2.3 | 500 ns | – | 125 | 3.12 |");
        assert_eq!(super::table(&Figures::default()), "");
    }
}
