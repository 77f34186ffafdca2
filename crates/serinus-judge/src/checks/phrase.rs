//! A phrase with choices and gaps.

/// What a text may begin with: parts in a row, each a choice of several, with gaps between some.
#[derive(Debug)]
pub(super) struct Phrase(Vec<Part>);

#[derive(Debug)]
enum Part {
    OneOf(Vec<String>),
    /// Anything up to the end of the sentence, in whole words.
    Gap,
}

impl Phrase {
    /// Reads `i (can't|cannot) * help`. Says what was expected if it is none.
    pub(super) fn parse(line: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        for (number, piece) in line.split('*').enumerate() {
            if number > 0 {
                parts.push(Part::Gap);
            }
            let mut rest = piece.trim();
            if rest.is_empty() {
                return Err("words before and after each gap");
            }
            while let Some((plain, after)) = rest.split_once('(') {
                let (choices, after) = after.split_once(')').ok_or("a closing parenthesis for each that opens")?;
                parts.push(Part::one_of(&[plain])?);
                parts.push(Part::one_of(&choices.split('|').collect::<Vec<_>>())?);
                rest = after;
            }
            parts.push(Part::one_of(&[rest])?);
        }
        parts.retain(|part| !matches!(part, Part::OneOf(words) if words.iter().all(String::is_empty)));
        Ok(Self(parts))
    }

    /// What follows the phrase in a folded text, if the text begins with it.
    pub(super) fn begins<'a>(&self, text: &'a str) -> Option<&'a str> {
        follow(&self.0, text, 0)
    }
}

impl Part {
    fn one_of(words: &[&str]) -> Result<Self, &'static str> {
        if words.iter().any(|word| word.contains(['(', ')', '|'])) {
            return Err("an opening parenthesis for each that closes, and choices inside of them");
        }
        let folded = words.iter().map(|word| {
            let mut folded = String::new();
            fold(word, &mut folded);
            folded
        });
        Ok(Self::OneOf(folded.collect()))
    }
}

/// What is left of the text if these parts follow from here on. A phrase ends where a word does.
fn follow<'a>(parts: &[Part], text: &'a str, at: usize) -> Option<&'a str> {
    match parts.split_first() {
        None => is_boundary(text, at).then(|| &text[at..]),
        Some((Part::OneOf(words), others)) => words
            .iter()
            .filter(|word| text[at..].starts_with(word.as_str()))
            .find_map(|word| follow(others, text, at + word.len())),
        Some((Part::Gap, _)) if !is_boundary(text, at) => None,
        Some((Part::Gap, others)) => {
            let sentence = text[at..].find(['.', '!', '?', '。', '！', '？']).unwrap_or(text.len() - at);
            let places = text[at..at + sentence].char_indices().map(|(offset, _)| at + offset);
            places.filter(|place| is_boundary(text, *place)).find_map(|place| follow(others, text, place))
        }
    }
}

/// Whether this place is not in the middle of a word. Scripts from Thai on are written without spaces, or with endings.
fn is_boundary(text: &str, at: usize) -> bool {
    let letter = |c: char| c.is_alphanumeric() && (c as u32) < 0xe00;
    let before = text[..at].chars().next_back().is_some_and(letter);
    !(before && text[at..].chars().next().is_some_and(letter))
}

/// In lower case, with plain apostrophes.
pub(super) fn fold(text: &str, folded: &mut String) {
    for c in text.chars() {
        match c {
            '’' | 'ʼ' | '`' => folded.push('\''),
            c => folded.extend(c.to_lowercase()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest<'a>(phrase: &str, text: &'a str) -> Option<&'a str> {
        Phrase::parse(phrase).unwrap().begins(text)
    }

    #[test]
    fn choices_and_gaps() {
        assert_eq!(rest("i (can't|cannot) help", "i cannot help you"), Some(" you"));
        assert_eq!(rest("i (can't|cannot) help", "i can help you"), None);
        assert_eq!(rest("(please |)stop", "stop now"), Some(" now"));
        assert_eq!(rest("ich kann * nicht (helfen|dienen)", "ich kann dir da nicht helfen."), Some("."));
        assert_eq!(rest("ich kann * nicht", "ich kann nicht"), Some(""));
        assert_eq!(rest("ich kann * nicht", "ich kann. oder nicht"), None, "not over the end of a sentence");
        assert_eq!(rest("no * way", "no wayward way"), Some(""));
        assert_eq!(rest("no", "nobody"), None);
        assert_eq!(rest("我(无法|不能)", "我不能说"), Some("说"));
        assert_eq!(rest("I Can’t", "i can't"), Some(""), "a phrase is folded, too");
    }

    #[test]
    fn what_is_none_is_refused() {
        for bad in ["", "*", "* a", "a *", "a (b", "a b)", "a | b", "(a|(b|c))"] {
            assert!(Phrase::parse(bad).is_err(), "{bad}");
        }
    }
}
