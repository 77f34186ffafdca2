//! Bytes into text, while characters may still be incomplete.

/// Takes from `pending` all that can be shown. Bytes that can never be text become `U+FFFD`; the beginning of a
/// character stays until the rest of it comes, unless these are the `last` bytes.
pub(super) fn decode_available(pending: &mut Vec<u8>, last: bool) -> String {
    let held = if last { 0 } else { incomplete_tail(pending) };
    let tail = pending.split_off(pending.len() - held);
    let bytes = std::mem::replace(pending, tail);
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Length of a character at the end that more bytes could complete.
fn incomplete_tail(bytes: &[u8]) -> usize {
    let broken = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    match std::str::from_utf8(broken) {
        Err(error) if error.error_len().is_none() => broken.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(bytes: &[u8]) -> Vec<String> {
        let mut pending = Vec::new();
        let mut steps: Vec<String> = bytes
            .iter()
            .map(|byte| {
                pending.push(*byte);
                decode_available(&mut pending, false)
            })
            .collect();
        steps.push(decode_available(&mut pending, true));
        steps
    }

    #[test]
    fn a_character_is_shown_when_it_is_complete() {
        assert_eq!(stream("aé".as_bytes()), ["a", "", "é", ""]);
        assert_eq!(stream("€".as_bytes()), ["", "", "€", ""]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_hold_nothing_up() {
        assert_eq!(stream(b"\xffb"), ["\u{fffd}", "b", ""]);
        assert_eq!(stream(b"\xc3b"), ["", "\u{fffd}b", ""]);
        assert_eq!(stream(b"a\xe2\x82"), ["a", "", "", "\u{fffd}"]);
    }
}
