//! Whether an answer says the same over and over.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// So much of an answer's end is searched for a loop that goes on to the end.
const TAIL: usize = 16_384;
/// Words by which a passage is recognized.
const GRAM: usize = 4;

/// Whether a text says the same over and over, without a break: at its end, where a model that loops stays until it is cut
/// off, or for a long stretch anywhere. Takes time proportional to the text. In `json`, numbers and punctuation may
/// repeat, as they do in tables.
pub(super) fn repeats(text: &str, json: bool) -> bool {
    at_the_end(text, json) || anywhere(text, json)
}

/// A loop at the end, by characters, so that it is found in any language, within words, and cut off in the middle of a unit.
fn at_the_end(text: &str, json: bool) -> bool {
    let reversed: Vec<char> = text.chars().rev().take(TAIL).collect();
    let agrees = agreement(&reversed);
    (1..reversed.len()).any(|period| {
        let covered = period + agrees[period];
        let times = covered / period;
        if times < 5 {
            return false;
        }
        let unit = &reversed[..period];
        if unit.iter().any(|c| c.is_alphabetic()) {
            return (times >= 8 && covered >= 80) || covered >= 500;
        }
        if unit.iter().all(|c| c.is_whitespace()) {
            return covered >= 500;
        }
        !json && covered >= 200 && 2 * covered >= reversed.len()
    })
}

/// For each place, how many characters from there on are the same as from the beginning on (the Z algorithm; Gusfield,
/// Algorithms on Strings, Trees and Sequences, 1997, §1.4). A text reversed whose place `p` agrees with its beginning for `n`
/// characters ends in `n + p` characters of period `p`.
fn agreement(text: &[char]) -> Vec<usize> {
    let mut agrees = vec![0; text.len()];
    let (mut left, mut right) = (0, 0);
    for at in 1..text.len() {
        let mut length = if at < right { agrees[at - left].min(right - at) } else { 0 };
        while at + length < text.len() && text[length] == text[at + length] {
            length += 1;
        }
        agrees[at] = length;
        if at + length > right {
            (left, right) = (at, at + length);
        }
    }
    agrees
}

/// A long loop anywhere, by words (characters, where a script has no spaces): the same four words stand at the same distance
/// from where they stood last, again and again.
fn anywhere(text: &str, json: bool) -> bool {
    let words = words(text);
    let hasher = RandomState::new();
    let hashes: Vec<u64> = words.iter().map(|(_, word)| hasher.hash_one(word)).collect();
    let mut last_at: HashMap<&[u64], usize> = HashMap::with_capacity(hashes.len());
    let (mut distance, mut begun) = (0, 0);
    for (at, gram) in hashes.windows(GRAM).enumerate() {
        let since = last_at.insert(gram, at).map_or(0, |last| at - last);
        if since != distance {
            (distance, begun) = (since, at);
        }
        if distance == 0 {
            continue;
        }
        // The loop began one unit before the first words that were seen again.
        let first = begun - distance;
        let times = (at + GRAM - first) / distance;
        if times < 5 {
            continue;
        }
        let from = words[first].0;
        let (last, word) = words[at + GRAM - 1];
        let passage = &text[from..last + word.len()];
        let long = |chars: usize| passage.len() >= chars && passage.chars().count() >= chars;
        let lettered = || words[first..first + distance].iter().any(|(_, word)| word.chars().any(char::is_alphabetic));
        if ((times >= 8 && long(200)) || long(800)) && (!json || 2 * passage.len() >= text.len()) && lettered() {
            return true;
        }
    }
    false
}

/// The words of a text with where they begin. Characters of scripts without spaces are words by themselves.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut begun = None;
    for (at, c) in text.char_indices() {
        let alone = is_without_spaces(c);
        if alone || c.is_whitespace() {
            if let Some(from) = begun.take() {
                words.push((from, &text[from..at]));
            }
            if alone {
                words.push((at, &text[at..at + c.len_utf8()]));
            }
        } else {
            begun.get_or_insert(at);
        }
    }
    if let Some(from) = begun {
        words.push((from, &text[from..]));
    }
    words
}

/// Thai, Lao, Myanmar, Khmer, kana, Chinese characters.
const fn is_without_spaces(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3000}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> bool {
        repeats(text, false)
    }

    #[test]
    fn a_loop_at_the_end_is_found() {
        assert!(text(&format!("The answer is {}", "the the ".repeat(20))));
        assert!(text(&"a".repeat(100)));
        assert!(text(&format!("It is known.{}", " It is not known why this happens.".repeat(9))), "sentences");
        assert!(text(&format!("Well:\n{}", "- Add two cups of flour and stir.\n".repeat(10))), "lines");
        assert!(text(&format!("东京是日本的首都。{}", "我不知道为什么。".repeat(12))), "Chinese");
        assert!(text(&format!("そうです。{}", "わからない".repeat(20))), "Japanese");
        let paragraph = "First, open the settings and look for the network pane. Then choose your adapter and press the button \
                         that says reset. Wait until it is done, and try again from the beginning.\n\n";
        assert!(text(&paragraph.repeat(5)), "paragraphs");
        let cut = format!("So: {}and then he w", "and then he went home. ".repeat(8));
        assert!(text(&cut), "cut off in the middle of a unit");
        assert!(text(&"0, ".repeat(120)), "numbers");
        assert!(text(&format!("{{\"a\": 1{}", "\n".repeat(600))), "blanks");
    }

    #[test]
    fn a_long_loop_that_ends_is_found_too() {
        let looped = "I will think about it again. ".repeat(12);
        assert!(text(&format!(
            "Let me see. {looped}And so the answer is seven, as we have shown above in some detail."
        )));
        let chinese = "我们再想一想这个问题。".repeat(30);
        assert!(text(&format!("好的。{chinese}所以答案是七，如上所述，非常清楚。")));
    }

    #[test]
    fn a_refrain_is_no_loop() {
        let song = "Row, row, row your boat,\nGently down the stream.\nMerrily, merrily, merrily, merrily,\nLife is but a dream.\n";
        assert!(!text(&song.repeat(3)), "sung three times");
        let verses = ["the mouse", "the cat", "the dog", "the cow", "the maid", "the man", "the priest", "the cock"];
        let poem: Vec<String> = verses
            .iter()
            .map(|verse| {
                format!("This is {verse}\nthat lay in the house that Jack built.\nOh, the house that Jack built!\n")
            })
            .collect();
        assert!(!text(&poem.concat()));
        assert!(!text("No, no, no, no! Never, never, never."));
        assert!(!text("Ha ha ha ha ha ha ha ha ha! That is a good one."));
        assert!(!text("我哈哈哈哈哈哈哈哈哈哈哈哈哈笑了"));
    }

    #[test]
    fn tables_rulers_lists_and_code_are_no_loops() {
        assert!(!text(&format!("Title\n{}\nSome text that follows the ruler, at some length.", "=".repeat(120))));
        assert!(!text(&format!("A line of dots stands at the end of this text, as in a form: {}", ".".repeat(60))));
        let table: Vec<String> = (0..40).map(|n| format!("| row {n} | {} | yes | no |\n", n * n)).collect();
        assert!(!text(&format!("| a | b | c | d |\n|---|---|---|---|\n{}", table.concat())));
        let numbers: Vec<String> = (1..400).map(|n| format!("{n}, ")).collect();
        assert!(!text(&numbers.concat()));
        let bottles: Vec<String> = (1..40)
            .rev()
            .map(|n| format!("{n} bottles of beer on the wall, {n} bottles of beer. Take one down, pass it around.\n"))
            .collect();
        assert!(!text(&bottles.concat()));
        let code: Vec<String> =
            (0..30).map(|n| format!("    if x == {n} {{\n        return y_{n};\n    }}\n")).collect();
        assert!(!text(&format!("fn f(x: u32) -> u32 {{\n{}    0\n}}\n", code.concat())));
    }

    #[test]
    fn numbers_may_repeat_in_json() {
        let zeros = format!("[{}0]", "0, ".repeat(200));
        assert!(!repeats(&zeros, true));
        assert!(repeats(&format!("{{\"text\": \"{}", "so it goes ".repeat(40)), true));
        let rows = "{\"name\": \"x\", \"error\": null},\n".repeat(12);
        let document = format!("{{\"rows\": [{rows}], \"text\": \"{}\"}}", numbered_words(200));
        assert!(!repeats(&document, true), "equal rows in a longer document");
    }

    fn numbered_words(count: usize) -> String {
        (0..count).map(|n| format!("word{n} ")).collect::<Vec<_>>().concat()
    }

    #[test]
    fn short_texts_and_long_ones() {
        assert!(!text(""));
        assert!(!text("a"));
        assert!(!text(&numbered_words(50_000)));
    }

    #[test]
    fn the_agreement_is_what_it_says() {
        let chars: Vec<char> = "aabaabaaa".chars().collect();
        let slow = |at: usize| (0..chars.len() - at).take_while(|n| chars[*n] == chars[at + n]).count();
        let agrees = agreement(&chars);
        for (at, agrees) in agrees.into_iter().enumerate().skip(1) {
            assert_eq!(agrees, slow(at), "{at}");
        }
    }
}
