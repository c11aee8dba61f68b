//! The scanner: source text to tokens, one at a time, as the compiler asks for them.

use crate::token::{Token, TokenKind};

pub(crate) struct Scanner<'s> {
    source: &'s str,
    /// Byte offset of the next character, always at a character boundary.
    at: usize,
    line: u32,
}

impl<'s> Scanner<'s> {
    pub(crate) fn new(source: &'s str) -> Self {
        Self { source, at: 0, line: 1 }
    }

    /// The next token; [`TokenKind::End`] for ever after the last.
    pub(crate) fn token(&mut self) -> Token<'s> {
        self.skip_blanks();
        let start = self.at;
        let Some(first) = self.bump() else {
            return self.finish(start, TokenKind::End);
        };
        let kind = match first {
            '(' => TokenKind::LeftParen,
            ')' => TokenKind::RightParen,
            '{' => TokenKind::LeftBrace,
            '}' => TokenKind::RightBrace,
            ',' => TokenKind::Comma,
            '.' => TokenKind::Dot,
            '-' => TokenKind::Minus,
            '+' => TokenKind::Plus,
            ';' => TokenKind::Semicolon,
            '/' => TokenKind::Slash,
            '*' => TokenKind::Star,
            '!' => self.with_equal(TokenKind::BangEqual, TokenKind::Bang),
            '=' => self.with_equal(TokenKind::EqualEqual, TokenKind::Equal),
            '<' => self.with_equal(TokenKind::LessEqual, TokenKind::Less),
            '>' => self.with_equal(TokenKind::GreaterEqual, TokenKind::Greater),
            '"' => return self.string(start),
            '0'..='9' => self.number(),
            'a'..='z' | 'A'..='Z' | '_' => {
                self.skip_while(|c| c.is_ascii_alphanumeric() || c == '_');
                TokenKind::of_word(&self.source[start..self.at])
            }
            _ => return self.error("Unexpected character."),
        };
        self.finish(start, kind)
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\r' | '\t' | '\n') => _ = self.bump(),
                Some('/') if self.rest().starts_with("//") => self.skip_while(|c| c != '\n'),
                _ => return,
            }
        }
    }

    /// The digits after the first, with a fraction if digits follow the point: `1.` is a number and a dot.
    fn number(&mut self) -> TokenKind {
        self.skip_while(|c| c.is_ascii_digit());
        let mut rest = self.rest().chars();
        if rest.next() == Some('.') && rest.next().is_some_and(|c| c.is_ascii_digit()) {
            self.bump();
            self.skip_while(|c| c.is_ascii_digit());
        }
        TokenKind::Number
    }

    fn string(&mut self, start: usize) -> Token<'s> {
        self.skip_while(|c| c != '"');
        match self.bump() {
            Some(_) => self.finish(start, TokenKind::String),
            None => self.error("Unterminated string."),
        }
    }

    fn with_equal(&mut self, with: TokenKind, without: TokenKind) -> TokenKind {
        if self.peek() == Some('=') {
            self.bump();
            with
        } else {
            without
        }
    }

    fn finish(&self, start: usize, kind: TokenKind) -> Token<'s> {
        Token { kind, text: &self.source[start..self.at], line: self.line }
    }

    fn error(&self, message: &'static str) -> Token<'s> {
        Token { kind: TokenKind::Error, text: message, line: self.line }
    }

    fn skip_while(&mut self, keep: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&keep) {
            self.bump();
        }
    }

    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        self.line += u32::from(c == '\n');
        Some(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<TokenKind> {
        let mut scanner = Scanner::new(source);
        std::iter::from_fn(|| Some(scanner.token().kind).filter(|&kind| kind != TokenKind::End)).collect()
    }

    #[test]
    fn operators_take_the_longest_match() {
        use TokenKind::*;
        assert_eq!(
            kinds("!= ! == = <= < >= >"),
            [BangEqual, Bang, EqualEqual, Equal, LessEqual, Less, GreaterEqual, Greater]
        );
        assert_eq!(kinds("==="), [EqualEqual, Equal]);
    }

    #[test]
    fn a_point_needs_digits_on_both_sides() {
        use TokenKind::*;
        assert_eq!(kinds("1.5 1. .5"), [Number, Number, Dot, Dot, Number]);
    }

    #[test]
    fn keywords_are_whole_words() {
        use TokenKind::*;
        assert_eq!(kinds("or orchid _or while"), [Or, Identifier, Identifier, While]);
    }

    #[test]
    fn strings_end_on_the_line_of_their_last_quote() {
        let mut scanner = Scanner::new("\"a\nb\" x // comment \"\n\"open");
        assert_eq!(scanner.token(), Token { kind: TokenKind::String, text: "\"a\nb\"", line: 2 });
        assert_eq!(scanner.token().text, "x");
        assert_eq!(scanner.token(), Token { kind: TokenKind::Error, text: "Unterminated string.", line: 3 });
        assert_eq!(scanner.token().kind, TokenKind::End);
    }

    #[test]
    fn anything_else_is_an_error_and_scanning_goes_on() {
        use TokenKind::*;
        assert_eq!(kinds("a é | b"), [Identifier, Error, Error, Identifier]);
    }
}
