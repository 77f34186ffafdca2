//! Whether an answer is in the prompt's language.

use whatlang::{Info, Lang, Script};

/// So many characters are looked at.
const LOOKED_AT: usize = 1_500;
/// Letters that it takes: a character of Chinese says as much as several of an alphabet.
const LETTERS: usize = 100;
const CHARACTERS: usize = 25;
const CONFIDENCE: f64 = 0.95;

/// Languages that are easily taken for each other.
const RELATED: [&[Lang]; 8] = [
    &[Lang::Dan, Lang::Nob, Lang::Swe],
    &[Lang::Ces, Lang::Slk],
    &[Lang::Hrv, Lang::Slv, Lang::Srp],
    &[Lang::Nld, Lang::Afr],
    &[Lang::Ind, Lang::Jav],
    &[Lang::Rus, Lang::Ukr, Lang::Bel, Lang::Bul, Lang::Mkd, Lang::Srp],
    &[Lang::Spa, Lang::Por, Lang::Cat],
    &[Lang::Hin, Lang::Mar, Lang::Nep],
];

/// Whether two texts are in the same language; `None` where that is not beyond doubt.
pub(super) fn same(prompt: &str, answer: &str) -> Option<bool> {
    let (asked, answered) = (language(prompt)?, language(answer)?);
    if asked == answered {
        return Some(true);
    }
    let related = RELATED.iter().any(|group| group.contains(&asked) && group.contains(&answered));
    (!related).then_some(false)
}

fn language(text: &str) -> Option<Lang> {
    let prose = prose(text);
    let found: Info = whatlang::detect(&prose)?;
    let enough = match found.script() {
        Script::Mandarin | Script::Hiragana | Script::Katakana | Script::Hangul => CHARACTERS,
        _ => LETTERS,
    };
    let letters = prose.chars().filter(|c| c.is_alphabetic()).count();
    (letters >= enough && found.is_reliable() && found.confidence() >= CONFIDENCE).then(|| found.lang())
}

/// The beginning of a text without code, markup and addresses.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    let mut left = LOOKED_AT;
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~") {
            in_block = !in_block;
            continue;
        }
        if in_block || left == 0 {
            continue;
        }
        // Every second part between backticks is code.
        for (number, part) in line.split('`').enumerate() {
            if number % 2 == 1 {
                continue;
            }
            for word in
                part.split_whitespace().filter(|word| !word.contains(['/', '@', '_', '<', '>', '{', '}', '=', '\\']))
            {
                let taken = word.chars().take(left).collect::<String>();
                left -= taken.chars().count();
                prose.push_str(&taken);
                prose.push(' ');
            }
        }
    }
    prose
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: &str = "The river rises in the mountains and flows through six countries before it reaches the sea. Ships \
                           have carried goods along its banks since the days of the Romans, and they still do.";
    const GERMAN: &str = "Der Fluss entspringt in den Bergen und fließt durch sechs Länder, bevor er das Meer erreicht. Schon \
                          zur Zeit der Römer wurden auf ihm Waren befördert, und daran hat sich bis heute nichts geändert.";
    const FRENCH: &str = "Le fleuve prend sa source dans les montagnes et traverse six pays avant de se jeter dans la mer. Les \
                          bateaux y transportent des marchandises depuis l'époque des Romains, et encore aujourd'hui.";
    const RUSSIAN: &str = "Река берёт начало в горах и протекает через шесть стран, прежде чем впадает в море. Ещё во времена \
                           римлян по ней перевозили товары, и так продолжается до сих пор.";
    const CHINESE: &str =
        "这条河发源于高山，流经六个国家，最后注入大海。自罗马时代以来，人们就用船在河上运输货物，至今仍然如此。";
    const JAPANESE: &str =
        "この川は山に源を発し、六つの国を流れて海に注ぎます。ローマ時代から船で荷物が運ばれ、今もそれは変わりません。";

    #[test]
    fn the_same_language_is_the_same() {
        for text in [ENGLISH, GERMAN, FRENCH, RUSSIAN, CHINESE, JAPANESE] {
            assert_eq!(same(text, text), Some(true), "{text}");
        }
    }

    #[test]
    fn another_language_is_another() {
        for (asked, answered) in [
            (ENGLISH, GERMAN),
            (GERMAN, FRENCH),
            (ENGLISH, CHINESE),
            (RUSSIAN, ENGLISH),
            (JAPANESE, CHINESE),
            (CHINESE, ENGLISH),
        ] {
            assert_eq!(same(asked, answered), Some(false), "{asked} {answered}");
        }
    }

    #[test]
    fn in_doubt_nothing_is_said() {
        assert_eq!(same(ENGLISH, "Paris."), None);
        assert_eq!(same("Hi", GERMAN), None);
        assert_eq!(same(ENGLISH, ""), None);
        assert_eq!(same(ENGLISH, &"0123456789 ".repeat(50)), None);
        assert_eq!(same(ENGLISH, &"```\nfn main() { let valeur = bonjour(le, monde); }\n".repeat(20)), None);
    }

    #[test]
    fn code_and_addresses_have_no_language() {
        let code = "while let Some(next) = the_iterator.next() { and_then(the, other) }\n".repeat(20);
        assert_eq!(same(GERMAN, &format!("{GERMAN}\n```rust\n{code}```\n")), Some(true));
        assert!(prose("see `the code` at https://example.com/the/page for more").trim() == "see at for more");
    }
}
