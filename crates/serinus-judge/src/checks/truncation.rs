//! Whether an answer breaks off before its end.

use serinus::host::{Answer, Expects};

/// A text of fewer characters is taken to be whole: a title, a name, a number end without a full stop.
const LONG: usize = 300;
/// A line of fewer is a heading, a signature, an item of a list.
const LINE_OF_PROSE: usize = 60;
/// A text with fewer ends of sentences is not prose, or does not mark them.
const SENTENCES: usize = 3;

/// Whether an answer breaks off. What the server says goes before what the text looks like.
pub(super) fn is_truncated(expects: &Expects, answer: &Answer) -> bool {
    if let Some(cut_off) = answer.cut_off {
        return cut_off;
    }
    let text = answer.text.trim_end();
    match expects {
        Expects::Json { .. } => ends_too_early(text),
        _ => has_open_block(text) || (answer.tool_calls.is_empty() && breaks_off(text)),
    }
}

/// Whether JSON begins and does not end.
fn ends_too_early(text: &str) -> bool {
    let begins = text.trim_start().starts_with(['{', '[']);
    begins && serde_json::from_str::<serde::de::IgnoredAny>(text).is_err_and(|error| error.is_eof())
}

/// Whether a Markdown code block is opened and not closed.
fn has_open_block(text: &str) -> bool {
    let mut open: Option<&str> = None;
    for line in text.lines().map(str::trim_start) {
        let marks = |mark: char| &line[..line.len() - line.trim_start_matches(mark).len()];
        let marks = if line.starts_with('~') { marks('~') } else { marks('`') };
        match open {
            // It is closed by as many marks or more, and nothing else.
            Some(opened) if marks.starts_with(opened) && line[marks.len()..].trim().is_empty() => open = None,
            // Inline code can stand at the beginning of a line, too.
            None if marks.len() >= 3 && !line[marks.len()..].contains('`') => open = Some(marks),
            _ => {}
        }
    }
    open.is_some()
}

/// Whether a long text in prose ends within a sentence.
fn breaks_off(text: &str) -> bool {
    if text.len() < LONG || text.chars().count() < LONG {
        return false;
    }
    let last = text.lines().next_back().unwrap_or_default();
    let prose =
        last.chars().count() >= LINE_OF_PROSE && !last.trim_start().starts_with(['|', '#', '>', '`', '<', '{', '\\']);
    let Some(end) = last.chars().next_back().filter(|_| prose) else { return false };
    let last_word = last.rsplit(char::is_whitespace).next().unwrap_or_default();
    let address = last_word.contains(['/', '@', '_', '=', '#']);
    let open = end.is_alphanumeric() || matches!(end, ',' | '-' | '(' | '，' | '、' | '—' | '–');
    open && !address && sentences(text) >= SENTENCES
}

/// Ends of sentences, counted up to what is needed.
fn sentences(text: &str) -> usize {
    let mut chars = text.chars().peekable();
    let mut ends = 0;
    while let (Some(c), true) = (chars.next(), ends < SENTENCES) {
        let end = match c {
            '。' | '！' | '？' | '।' | '؟' | '۔' => true,
            '.' | '!' | '?' | '…' => {
                chars.peek().is_none_or(|next| next.is_whitespace() || "\"')»”’*".contains(*next))
            }
            _ => false,
        };
        ends += usize::from(end);
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "The Rhine rises in the Alps. It flows north through six countries, past Basel, Strasbourg, Mainz, \
                         Cologne and Rotterdam. On its way it takes up the Neckar, the Main and the Moselle. Ships sail on it \
                         from the North Sea to Rheinfelden, and no river in Europe carries more freight than it does.";

    fn truncated(text: &str) -> bool {
        is_truncated(&Expects::Text, &Answer::new(text))
    }

    #[test]
    fn what_the_server_says_goes_first() {
        assert!(is_truncated(&Expects::Text, &Answer::new("Whole.").cut_off(true)));
        assert!(!is_truncated(&Expects::Text, &Answer::new("```\nopen").cut_off(false)));
    }

    #[test]
    fn a_long_text_that_breaks_off_is_truncated() {
        assert!(!truncated(WHOLE));
        for end in [
            " The longest of its tributaries, as measured from its source, is the",
            " Its delta, which it shares with the Meuse,",
        ] {
            assert!(truncated(&format!("{WHOLE}{end}")), "{end}");
        }
        let chinese = "莱茵河发源于阿尔卑斯山，流经六个国家，最后注入北海。".repeat(14);
        assert!(!truncated(&chinese));
        assert!(truncated(&format!(
            "{chinese}它的主要支流包括内卡河、美因河和摩泽尔河，其中最长的一条支流是美因河，而摩泽尔河则发源于法国的孚日山脉，在科布伦茨汇入莱茵河，沿岸盛产葡萄酒并且吸引了很"
        )));
    }

    #[test]
    fn many_whole_texts_end_without_a_full_stop() {
        for end in [
            "\n\nBest regards,\nAnna Schmidt",
            "\n\n- Basel\n- Strasbourg\n- Cologne",
            "\n\n| river | length of the whole course from the source to the mouth |\n| Rhine | 1,230 km from the source to the mouth |",
            "\n\nFor more on the river and the ships that sail on it, see this page: https://example.com/rivers/rhine",
            " Is there anything else that you would like to know about the river?",
            " 🙂",
            " (This is a note.)",
            " **Done**",
            "\n```\nrhine = 1230\n```",
        ] {
            assert!(!truncated(&format!("{WHOLE}{end}")), "{end}");
        }
        assert!(!truncated("Paris"));
        assert!(!truncated(""));
        assert!(!truncated(&"แม่น้ำไรน์ไหลผ่านหกประเทศ ".repeat(30)), "Thai has no full stops");
    }

    #[test]
    fn a_code_block_that_is_not_closed_is_truncated() {
        assert!(truncated("Here:\n```rust\nfn main() {"));
        assert!(truncated("```\na\n```\nand\n~~~\nb"));
        assert!(truncated("````\n```\ninner\n```\n"), "the outer one is open");
        for whole in [
            "Here:\n```rust\nfn main() {}\n```",
            "```\na\n```\nand\n~~~\nb\n~~~\n",
            "```x``` is code",
            "````\n```\n````",
        ] {
            assert!(!truncated(whole), "{whole}");
        }
    }

    #[test]
    fn json_that_ends_too_early_is_truncated() {
        let json = |text: &str| is_truncated(&Expects::Json { schema: None }, &Answer::new(text));
        assert!(json("{\"a\": [1, 2"));
        assert!(json("[\"text"));
        assert!(!json("{\"a\": 1}"));
        assert!(!json("{\"a\": }"), "wrong, but not cut off");
        assert!(!json("I cannot say"));
        assert!(!json(""));
    }
}
