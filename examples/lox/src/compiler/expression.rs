//! Expressions, by operator precedence: each token has an infix precedence, and what may follow an operand is decided
//! by comparing it with that of the operator on the left.

use super::Compiler;
use crate::chunk::Constant;
use crate::step::{Branch, Step};
use crate::token::TokenKind;

/// How tightly an operator binds, the loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    None,
    Assignment,
    Or,
    And,
    Equality,
    Comparison,
    Term,
    Factor,
    Unary,
    Call,
    Primary,
}

impl Precedence {
    /// Of a token that stands behind an operand.
    fn of(kind: TokenKind) -> Self {
        match kind {
            TokenKind::Or => Self::Or,
            TokenKind::And => Self::And,
            TokenKind::BangEqual | TokenKind::EqualEqual => Self::Equality,
            TokenKind::Greater | TokenKind::GreaterEqual | TokenKind::Less | TokenKind::LessEqual => Self::Comparison,
            TokenKind::Plus | TokenKind::Minus => Self::Term,
            TokenKind::Star | TokenKind::Slash => Self::Factor,
            TokenKind::LeftParen | TokenKind::Dot => Self::Call,
            _ => Self::None,
        }
    }

    /// Of the right operand of a left-associative operator.
    fn tighter(self) -> Self {
        match self {
            Self::None => Self::Assignment,
            Self::Assignment => Self::Or,
            Self::Or => Self::And,
            Self::And => Self::Equality,
            Self::Equality => Self::Comparison,
            Self::Comparison => Self::Term,
            Self::Term => Self::Factor,
            Self::Factor => Self::Unary,
            Self::Unary => Self::Call,
            Self::Call | Self::Primary => Self::Primary,
        }
    }
}

impl Compiler<'_, '_> {
    pub(super) fn expression(&mut self) {
        self.operand(Precedence::Assignment);
    }

    /// Compiles an operand and every operator behind it that binds at least as tightly as `precedence`.
    fn operand(&mut self, precedence: Precedence) {
        self.nested(|this| {
            this.advance();
            // `a + b = c` must not assign to `b`.
            let can_assign = precedence <= Precedence::Assignment;
            if !this.prefix(can_assign) {
                this.error("Expect expression.");
                return;
            }
            while precedence <= Precedence::of(this.current.kind) {
                this.advance();
                this.infix(can_assign);
            }
            if can_assign && this.matches(TokenKind::Equal) {
                this.error("Invalid assignment target.");
            }
        });
    }

    /// Compiles what the previous token begins; `false` if no expression begins with it.
    fn prefix(&mut self, can_assign: bool) -> bool {
        match self.previous.kind {
            TokenKind::LeftParen => {
                self.expression();
                self.consume(TokenKind::RightParen, "Expect ')' after expression.");
            }
            TokenKind::Bang => {
                self.operand(Precedence::Unary);
                self.emit(Step::Not);
            }
            TokenKind::Minus => {
                self.operand(Precedence::Unary);
                self.emit(Step::Negate);
            }
            TokenKind::Nil => self.emit(Step::Nil),
            TokenKind::True => self.emit(Step::True),
            TokenKind::False => self.emit(Step::False),
            TokenKind::Number => self.number(),
            TokenKind::String => self.string(),
            TokenKind::Identifier => self.variable(self.previous.text, can_assign),
            TokenKind::This => self.this(),
            TokenKind::Super => self.super_method(),
            _ => return false,
        }
        true
    }

    /// Compiles the operator that the previous token is; its left operand is on the stack.
    fn infix(&mut self, can_assign: bool) {
        let operator = self.previous.kind;
        match operator {
            TokenKind::LeftParen => {
                let arguments = self.arguments();
                self.emit(Step::Call(arguments));
            }
            TokenKind::Dot => self.property(can_assign),
            TokenKind::And => {
                let end = self.jump(Branch::And);
                self.operand(Precedence::And);
                self.bind(end);
            }
            TokenKind::Or => {
                let end = self.jump(Branch::Or);
                self.operand(Precedence::Or);
                self.bind(end);
            }
            _ => {
                self.operand(Precedence::of(operator).tighter());
                self.emit(match operator {
                    TokenKind::BangEqual => Step::NotEqual,
                    TokenKind::EqualEqual => Step::Equal,
                    TokenKind::Greater => Step::Greater,
                    TokenKind::GreaterEqual => Step::GreaterEqual,
                    TokenKind::Less => Step::Less,
                    TokenKind::LessEqual => Step::LessEqual,
                    TokenKind::Plus => Step::Add,
                    TokenKind::Minus => Step::Subtract,
                    TokenKind::Star => Step::Multiply,
                    TokenKind::Slash => Step::Divide,
                    _ => unreachable!("{operator:?} is no operator"),
                });
            }
        }
    }

    fn number(&mut self) {
        let number: f64 = self.previous.text.parse().expect("the scanner passes digits only");
        let short = number as f32;
        if f64::from(short) == number {
            let charged = self.chunk().charge();
            self.within(charged);
            self.emit(Step::Number(short));
        } else {
            self.constant(Constant::Number(number));
        }
    }

    fn string(&mut self) {
        let text = self.previous.text;
        self.constant(Constant::Text(text[1..text.len() - 1].to_owned()));
    }

    fn constant(&mut self, constant: Constant) {
        let operand = self.chunk().constant(constant);
        let operand = self.within(operand);
        self.emit(Step::Constant(operand));
    }

    fn variable(&mut self, name: &str, can_assign: bool) {
        let place = self.resolve(name);
        if can_assign && self.matches(TokenKind::Equal) {
            self.expression();
            self.emit(place.write());
        } else {
            self.emit(place.read());
        }
    }

    fn this(&mut self) {
        if self.classes.is_empty() {
            self.error("Can't use 'this' outside of a class.");
        } else {
            self.variable("this", false);
        }
    }

    fn super_method(&mut self) {
        match self.classes.last() {
            None => self.error("Can't use 'super' outside of a class."),
            Some(false) => self.error("Can't use 'super' in a class with no superclass."),
            Some(true) => {}
        }
        self.consume(TokenKind::Dot, "Expect '.' after 'super'.");
        self.consume(TokenKind::Identifier, "Expect superclass method name.");
        let site = self.site();
        self.variable("this", false);
        if self.matches(TokenKind::LeftParen) {
            let arguments = self.arguments();
            self.variable("super", false);
            self.emit(Step::InvokeSuper { site, arguments });
        } else {
            self.variable("super", false);
            self.emit(Step::GetSuper(site));
        }
    }

    fn property(&mut self, can_assign: bool) {
        self.consume(TokenKind::Identifier, "Expect property name after '.'.");
        let site = self.site();
        if can_assign && self.matches(TokenKind::Equal) {
            self.expression();
            self.emit(Step::SetProperty(site));
        } else if self.matches(TokenKind::LeftParen) {
            let arguments = self.arguments();
            self.emit(Step::Invoke { site, arguments });
        } else {
            self.emit(Step::GetProperty(site));
        }
    }

    /// A site for the property that the previous token names.
    fn site(&mut self) -> u8 {
        let name = self.name();
        let site = self.chunk().site(name);
        self.within(site)
    }

    /// Compiles arguments up to the closing parenthesis, and counts them.
    fn arguments(&mut self) -> u8 {
        let mut count = 0;
        if !self.check(TokenKind::RightParen) {
            loop {
                self.expression();
                if count == MAX_ARGUMENTS {
                    self.error("Can't have more than 255 arguments.");
                } else {
                    count += 1;
                }
                if !self.matches(TokenKind::Comma) {
                    break;
                }
            }
        }
        self.consume(TokenKind::RightParen, "Expect ')' after arguments.");
        count
    }
}

const MAX_ARGUMENTS: u8 = 255;
