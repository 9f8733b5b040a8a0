//! What strings and numbers mean, by the rules of CEL.

use super::error::{ConditionError, Refusal};
use super::lex::Token;
use super::syntax::Literal;

/// The string of a token that has its quotes still around it.
pub(super) fn text(token: Token<'_>) -> Result<String, ConditionError> {
    let inner = &token.text[1..token.text.len() - 1];
    let mut decoded = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(backslash) = rest.find('\\') {
        decoded.push_str(&rest[..backslash]);
        rest = &rest[backslash..];
        let (character, length) = escape(rest).map_err(|refusal| {
            let before = &inner[..inner.len() - rest.len()];
            refusal.at(token.at + 1 + before.chars().count())
        })?;
        decoded.push(character);
        rest = &rest[length..];
    }
    decoded.push_str(rest);
    Ok(decoded)
}

/// The character of the escape at the beginning of the text, and how many bytes spell it.
fn escape(text: &str) -> Result<(char, usize), Refusal> {
    let letter = text[1..].chars().next().expect("no string ends in a lone backslash");
    let spelled = |characters: usize| text.chars().take(characters).collect::<String>();
    let plain = match letter {
        '\\' | '"' | '\'' | '`' | '?' => Some(letter),
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        _ => None,
    };
    if let Some(character) = plain {
        return Ok((character, 2));
    }
    let (from, digits, radix) = match letter {
        'x' | 'X' => (2, 2, 16),
        'u' => (2, 4, 16),
        'U' => (2, 8, 16),
        '0'..='3' => (1, 3, 8),
        _ => return Err(Refusal::Escape(spelled(2))),
    };
    let is_complete = |code: &&str| code.chars().all(|digit| digit.is_digit(radix));
    let code = text.get(from..from + digits).filter(is_complete);
    let code = code.ok_or_else(|| Refusal::Escape(spelled(from + digits)))?;
    let code = u32::from_str_radix(code, radix).expect("at most eight digits, and all of them are");
    let character = char::from_u32(code).ok_or_else(|| Refusal::CodePoint(spelled(from + digits)))?;
    Ok((character, from + digits))
}

/// The number that digits spell, with the sign before them.
pub(super) fn number(digits: &str, is_negative: bool) -> Result<Literal, Refusal> {
    let spelled = || format!("{}{digits}", if is_negative { "-" } else { "" });
    let out_of = |range| Refusal::NumberRange { text: spelled(), range };
    let whole = digits.strip_suffix(['u', 'U']);
    let (radix, magnitude) = match whole.unwrap_or(digits) {
        digits if digits.starts_with("0x") => (16, &digits[2..]),
        digits => (10, digits),
    };
    if radix == 10 && magnitude.contains(['.', 'e', 'E']) {
        let value: f64 = spelled().parse().map_err(|_| Refusal::Number(spelled()))?;
        let fits = value.is_finite().then_some(Literal::Double(value));
        return fits.ok_or_else(|| out_of("a double is at most about 1.8e308"));
    }
    let magnitude = u64::from_str_radix(magnitude, radix).ok();
    if whole.is_some() {
        if is_negative {
            return Err(Refusal::Number(spelled()));
        }
        return magnitude.map(Literal::Uint).ok_or_else(|| out_of("a uint is at most 18446744073709551615"));
    }
    let value = magnitude.and_then(|magnitude| {
        if is_negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
    });
    let range =
        "an int is from -9223372036854775808 to 9223372036854775807, a uint such as 5u at most 18446744073709551615";
    value.map(Literal::Int).ok_or_else(|| out_of(range))
}
