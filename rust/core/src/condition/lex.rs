//! Cuts the text of a condition into tokens, one at a time, so that the first thing wrong is the one that is named.

use super::error::{ConditionError, Refusal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A variable, a function or one of the words `true`, `false`, `null` and `in`.
    Name,
    /// A string with its quotes, not yet unescaped.
    Text,
    /// Digits in one of the forms of a number, without a sign.
    Number,
    /// An operator or a bracket.
    Symbol,
    End,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    /// In characters, from 1.
    pub(super) at: usize,
    pub(super) kind: Kind,
    pub(super) text: &'t str,
}

impl Token<'_> {
    /// Whether it is this operator or bracket.
    pub(super) fn is(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// As a sentence names what came.
    pub(super) fn describe(&self) -> String {
        match self.kind {
            Kind::End => "the end".to_owned(),
            Kind::Text => self.text.to_owned(),
            _ => format!("'{}'", self.text),
        }
    }
}

/// What is left of the text.
pub(super) struct Lexer<'t> {
    rest: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text, at: 1 }
    }

    pub(super) fn next(&mut self) -> Result<Token<'t>, ConditionError> {
        let trimmed = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
        self.take(self.rest.len() - trimmed.len());
        let Some(first) = self.rest.chars().next() else {
            return Ok(Token { at: self.at, kind: Kind::End, text: "" });
        };
        let after = &self.rest[first.len_utf8()..];
        match first {
            'a'..='z' | 'A'..='Z' | '_' => self.name(),
            '0'..='9' => self.number(),
            '.' if after.starts_with(|next: char| next.is_ascii_digit()) => self.number(),
            '"' | '\'' => self.string(first),
            _ => self.symbol(first),
        }
    }

    fn name(&mut self) -> Result<Token<'t>, ConditionError> {
        let length = run(self.rest, is_name_byte);
        let (name, after) = self.rest.split_at(length);
        let is_prefix = ["r", "b", "br"].iter().any(|prefix| name.eq_ignore_ascii_case(prefix));
        if is_prefix && after.starts_with(['"', '\'']) {
            return self.refuse(Refusal::Prefix(name.to_owned()));
        }
        Ok(self.token(Kind::Name, length))
    }

    /// Digits, then a fraction and an exponent if they are complete, then the mark of a uint.
    fn number(&mut self) -> Result<Token<'t>, ConditionError> {
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| run(&self.rest[from..], |byte| byte.is_ascii_digit());
        let hex = self.rest.strip_prefix("0x").map_or(0, |rest| run(rest, |byte| byte.is_ascii_hexdigit()));
        let mut length = if hex > 0 { 2 + hex } else { digits(0) };
        if hex == 0 {
            if bytes.get(length) == Some(&b'.') && digits(length + 1) > 0 {
                length += 1 + digits(length + 1);
            }
            if matches!(bytes.get(length), Some(b'e' | b'E')) {
                let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
                let exponent = digits((length + 1 + sign).min(bytes.len()));
                length += if exponent > 0 { 1 + sign + exponent } else { 0 };
            }
        }
        let is_whole = hex > 0 || length == digits(0);
        length += usize::from(is_whole && matches!(bytes.get(length), Some(b'u' | b'U')));
        let tail = run(&self.rest[length..], is_name_byte);
        if tail > 0 {
            return self.refuse(Refusal::Number(self.rest[..length + tail].to_owned()));
        }
        Ok(self.token(Kind::Number, length))
    }

    /// Up to the closing quote; what the escapes mean is not looked at here.
    fn string(&mut self, quote: char) -> Result<Token<'t>, ConditionError> {
        if self.rest.chars().take_while(|next| *next == quote).count() >= 3 {
            return self.refuse(Refusal::TripleQuotes);
        }
        let mut is_escaped = false;
        for (index, next) in self.rest.char_indices().skip(1) {
            match next {
                '\n' | '\r' => break,
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                _ if next == quote => return Ok(self.token(Kind::Text, index + 1)),
                _ => {}
            }
        }
        self.refuse(Refusal::Unclosed(quote))
    }

    fn symbol(&mut self, first: char) -> Result<Token<'t>, ConditionError> {
        const PAIRS: [&str; 6] = ["==", "!=", "<=", ">=", "&&", "||"];
        if PAIRS.iter().any(|pair| self.rest.starts_with(pair)) {
            return Ok(self.token(Kind::Symbol, 2));
        }
        self.refuse(match first {
            '(' | ')' | '[' | ']' | '.' | ',' | '!' | '<' | '>' | '-' => return Ok(self.token(Kind::Symbol, 1)),
            '/' if self.rest.starts_with("//") => Refusal::Comment,
            '+' | '*' | '/' | '%' => Refusal::Arithmetic(first),
            '?' => Refusal::Ternary,
            '{' | '}' => Refusal::Brace(first),
            '=' => Refusal::Half { got: first, write: "==" },
            '&' => Refusal::Half { got: first, write: "&&" },
            '|' => Refusal::Half { got: first, write: "||" },
            _ => Refusal::Character(first),
        })
    }

    fn refuse(&self, refusal: Refusal) -> Result<Token<'t>, ConditionError> {
        Err(refusal.at(self.at))
    }

    fn token(&mut self, kind: Kind, length: usize) -> Token<'t> {
        let at = self.at;
        Token { at, kind, text: self.take(length) }
    }

    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.at += taken.chars().count();
        taken
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How many bytes at the beginning are of a kind; they are ASCII, so the number is a place between characters.
fn run(text: &str, is_of_kind: fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| is_of_kind(*byte)).count()
}
