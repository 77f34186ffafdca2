//! Whether an answer declines to answer.

use super::builder::ChecksError;
use super::phrase::{Phrase, fold};

/// A longer answer says something, too.
const SHORT: usize = 1_000;
/// So much of its beginning is looked at.
const BEGINNING: usize = 400;
/// Openers in a row: "Sorry, but as an AI language model, unfortunately …".
const OPENERS: usize = 4;

/// Phrases with which a refusal begins.
#[derive(Debug)]
pub(super) struct Refusals {
    openers: Vec<Phrase>,
    refusals: Vec<Phrase>,
}

impl Refusals {
    /// Those of this crate.
    pub(super) fn standard() -> Self {
        Self::parse(include_str!("../../data/refusals.txt"))
            .expect("the list of this crate is well-formed: a test parses it")
    }

    /// Reads a list.
    pub(super) fn parse(list: &str) -> Result<Self, ChecksError> {
        let (mut openers, mut refusals) = (Vec::new(), Vec::new());
        let mut section: Option<&mut Vec<Phrase>> = None;
        for (number, line) in list.lines().enumerate() {
            let wrong = |expected| ChecksError::Refusals { line: number + 1, expected };
            let line = line.trim();
            match line {
                "" => {}
                "[openers]" => section = Some(&mut openers),
                "[refusals]" => section = Some(&mut refusals),
                _ if line.starts_with('#') => {}
                _ => {
                    let section = section.as_mut();
                    let section = section.ok_or_else(|| wrong("[openers] or [refusals] before the first phrase"))?;
                    section.push(Phrase::parse(line).map_err(wrong)?);
                }
            }
        }
        Ok(Self { openers, refusals })
    }

    /// Whether a text is a refusal: a short one that begins with one of the phrases, after any number of openers.
    pub(super) fn is_refusal(&self, text: &str) -> bool {
        if text.chars().nth(SHORT).is_some() {
            return false;
        }
        let text = normal(text);
        let mut rest = text.as_str();
        for _ in 0..=OPENERS {
            if self.refusals.iter().any(|phrase| phrase.begins(rest).is_some()) {
                return true;
            }
            let Some(after) =
                self.openers.iter().filter_map(|opener| opener.begins(rest)).min_by_key(|rest| rest.len())
            else {
                return false;
            };
            rest = after.trim_start_matches(|c: char| !c.is_alphanumeric());
        }
        false
    }
}

/// Folded, with single spaces, from the first letter on and without emphasis.
fn normal(text: &str) -> String {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let plain: String = text.chars().take(BEGINNING).filter(|c| !matches!(c, '*' | '_')).collect();
    let mut normal = String::new();
    for word in plain.split_whitespace() {
        if !normal.is_empty() {
            normal.push(' ');
        }
        fold(word, &mut normal);
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_found() {
        let refusals = Refusals::standard();
        for refusal in [
            "I'm sorry, but I can't assist with that.",
            "I’m sorry, but I can’t help with that request.",
            "I cannot help you with this.",
            "Sorry, I can't do that.",
            "**I'm unable to provide instructions for that.**",
            "As an AI language model, I cannot provide medical advice.",
            "I apologize, but as an AI, I am not able to help with this request.",
            "Unfortunately, I won't be able to assist with that.",
            "I must decline this request.",
            "I'm not comfortable with writing that.",
            "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
            "Ich kann Ihnen bei dieser Anfrage leider nicht helfen.",
            "Je suis désolé, mais je ne peux pas vous aider.",
            "Lo siento, pero no puedo ayudarte con eso.",
            "Desculpe, mas não posso ajudar com isso.",
            "Mi dispiace, ma non posso aiutarti con questa richiesta.",
            "Извините, но я не могу помочь с этим.",
            "抱歉，我无法协助满足您的请求。",
            "很抱歉，我不能提供这方面的信息。",
            "申し訳ありませんが、そのご要望にはお応えできません。",
            "죄송하지만 그 요청은 도와드릴 수 없습니다.",
            "عذرًا، لا أستطيع مساعدتك في ذلك.",
        ] {
            assert!(refusals.is_refusal(refusal), "{refusal}");
        }
    }

    #[test]
    fn what_only_sounds_like_one_is_none() {
        let refusals = Refusals::standard();
        for answer in [
            "I cannot recommend this enough!",
            "I can't help but wonder whether it will rain.",
            "I can't wait to see you.",
            "I cannot provide a better example than this one: the bee.",
            "Sorry to hear that! Have you tried restarting it?",
            "I'm sorry for your loss. Here is what you can do.",
            "Unfortunately, the train is late. The next one leaves at nine.",
            "She said: I can't help with that.",
            "\"I can't assist with that\" is what models say when they refuse."
                .trim_start_matches('"')
                .trim_start_matches("I "),
            "As an AI language model, I was trained on text.",
            "Ich kann dir das Buch nur empfehlen.",
            "Je ne peux pas vous dire combien ce film est beau.",
            "No puedo esperar a verte.",
            "抱歉让您久等了，答案是七。",
            "申し訳ありませんが、答えは七です。",
            "",
        ] {
            assert!(!refusals.is_refusal(answer), "{answer}");
        }
        let long =
            format!("I can't help with diagnosing you, but here is what is known. {}", "It is known. ".repeat(100));
        assert!(!refusals.is_refusal(&long), "a long answer says something");
    }

    #[test]
    fn a_list_is_read_strictly() {
        let line = |list| match Refusals::parse(list) {
            Err(ChecksError::Refusals { line, .. }) => Some(line),
            _ => None,
        };
        assert_eq!(line("[refusals]\n# a note\nno (way|chance)\n"), None);
        assert_eq!(line("no"), Some(1));
        assert_eq!(line("[refusals]\n\nno (way"), Some(3));
        assert_eq!(line("[refusals]\n* no"), Some(2));
        assert_eq!(line("[refusals]\nno way) * today"), Some(2));
        let own = Refusals::parse("[openers]\nalas\n[refusals]\nno (way|chance) * today").unwrap();
        assert!(own.is_refusal("Alas, no chance of that today!"));
        assert!(!own.is_refusal("No chance. Today I am off."));
        assert!(!own.is_refusal("No wayward son today"));
    }
}
