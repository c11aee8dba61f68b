//! The compiler: source text to a [`Proto`] in a single pass, without a syntax tree.
//!
//! Statements are compiled by recursive descent (`statement`), expressions by operator precedence (`expression`), and
//! variables are resolved as they are met (`scope`). Here are the parts they share: the window of two tokens, and
//! errors.
//!
//! The first error in a statement is reported and puts the compiler into *panic mode*: what follows is read but not
//! reported until a token that begins or ends a statement. Nothing that was compiled after an error is ever run.

mod expression;
mod scope;
mod statement;

use std::io::Write;

use crate::chunk::{Chunk, Exceeded, Jump, Proto};
use crate::names::{Names, Symbol};
use crate::scanner::Scanner;
use crate::step::{Branch, Step};
use crate::token::{Token, TokenKind};
use scope::{Function, FunctionKind};

/// The source had errors, which have been reported.
#[derive(Debug)]
pub(crate) struct CompileError;

/// Compiles a script. Errors are written to `errors`, one a line.
pub(crate) fn compile(source: &str, names: &mut Names, errors: &mut dyn Write) -> Result<Proto, CompileError> {
    let mut compiler = Compiler::new(source, names, errors);
    compiler.advance();
    while !compiler.matches(TokenKind::End) {
        compiler.declaration();
    }
    let script = compiler.end_function();
    if compiler.had_error { Err(CompileError) } else { Ok(script) }
}

struct Compiler<'s, 'e> {
    scanner: Scanner<'s>,
    current: Token<'s>,
    previous: Token<'s>,
    /// The functions around the current token, the innermost last; the script is the first.
    functions: Vec<Function<'s>>,
    /// For each class around the current token, whether it has a superclass.
    classes: Vec<bool>,
    /// How deep the compiler's own recursion is.
    nesting: usize,
    names: &'e mut Names,
    errors: &'e mut dyn Write,
    had_error: bool,
    panic_mode: bool,
}

impl<'s, 'e> Compiler<'s, 'e> {
    fn new(source: &'s str, names: &'e mut Names, errors: &'e mut dyn Write) -> Self {
        let start = Token { kind: TokenKind::End, text: "", line: 1 };
        Self {
            scanner: Scanner::new(source),
            current: start,
            previous: start,
            functions: vec![Function::new(FunctionKind::Script, None)],
            classes: Vec::new(),
            nesting: 0,
            names,
            errors,
            had_error: false,
            panic_mode: false,
        }
    }

    // Tokens.

    fn advance(&mut self) {
        self.previous = self.current;
        loop {
            self.current = self.scanner.token();
            if self.current.kind != TokenKind::Error {
                return;
            }
            self.error_at_current(self.current.text);
        }
    }

    fn check(&self, kind: TokenKind) -> bool {
        self.current.kind == kind
    }

    fn matches(&mut self, kind: TokenKind) -> bool {
        let matches = self.check(kind);
        if matches {
            self.advance();
        }
        matches
    }

    fn consume(&mut self, kind: TokenKind, message: &str) {
        if !self.matches(kind) {
            self.error_at_current(message);
        }
    }

    // Code.

    fn function(&mut self) -> &mut Function<'s> {
        self.functions.last_mut().expect("the script's function is never popped")
    }

    fn chunk(&mut self) -> &mut Chunk {
        &mut self.function().chunk
    }

    fn emit(&mut self, step: Step) {
        let line = self.previous.line;
        self.chunk().emit(step, line);
    }

    fn jump(&mut self, branch: Branch) -> Jump {
        let line = self.previous.line;
        self.chunk().jump(branch, line)
    }

    fn bind(&mut self, jump: Jump) {
        if self.chunk().bind(jump).is_err() {
            self.error("Too much code to jump over.");
        }
    }

    /// What a constant is used as, or an error and a harmless operand.
    fn within<T: Default>(&mut self, operand: Result<T, Exceeded>) -> T {
        operand.unwrap_or_else(|Exceeded| {
            self.error("Too many constants in one chunk.");
            T::default()
        })
    }

    /// The name that the previous token is.
    fn name(&mut self) -> Symbol {
        let text = self.previous.text;
        self.names.intern(text)
    }

    /// The name that the previous token is, counted as a constant.
    fn name_constant(&mut self) -> Symbol {
        let charged = self.chunk().charge();
        self.within(charged);
        self.name()
    }

    /// Runs `compile` one level deeper, unless that is too deep for the stack of the compiler itself.
    fn nested(&mut self, compile: impl FnOnce(&mut Self)) {
        if self.nesting == MAX_NESTING {
            // Progress, so that loops over statements end.
            self.advance();
            self.error("Too many nested expressions or statements.");
            return;
        }
        self.nesting += 1;
        compile(self);
        self.nesting -= 1;
    }

    // Errors.

    fn error(&mut self, message: &str) {
        self.error_at(self.previous, message);
    }

    fn error_at_current(&mut self, message: &str) {
        self.error_at(self.current, message);
    }

    fn error_at(&mut self, token: Token<'_>, message: &str) {
        if self.panic_mode {
            return;
        }
        self.panic_mode = true;
        self.had_error = true;
        let place = match token.kind {
            TokenKind::End => " at end".to_owned(),
            TokenKind::Error => String::new(),
            _ => format!(" at '{}'", token.text),
        };
        // There is nobody left to tell if the error stream is closed.
        _ = writeln!(self.errors, "[line {}] Error{place}: {message}", token.line);
    }

    /// Leaves panic mode at the next token that begins a statement, or behind the next that ends one.
    fn synchronize(&mut self) {
        self.panic_mode = false;
        while !self.check(TokenKind::End) && self.previous.kind != TokenKind::Semicolon {
            match self.current.kind {
                TokenKind::Class
                | TokenKind::Fun
                | TokenKind::Var
                | TokenKind::For
                | TokenKind::If
                | TokenKind::While
                | TokenKind::Print
                | TokenKind::Return => return,
                _ => self.advance(),
            }
        }
    }
}

/// Bounds the recursion of the compiler, and of all that walks what it makes.
const MAX_NESTING: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Op;

    fn errors(source: &str) -> String {
        let mut errors = Vec::new();
        assert_eq!(compile(source, &mut Names::default(), &mut errors).is_err(), !errors.is_empty());
        String::from_utf8(errors).expect("messages are text")
    }

    fn code(source: &str) -> Vec<Op> {
        compile(source, &mut Names::default(), &mut Vec::new()).expect("the source is correct").code
    }

    #[test]
    fn one_error_per_statement() {
        let source = "var a = ;\nprint a b c;\nprint 1";
        let expected = "[line 1] Error at ';': Expect expression.\n\
                        [line 2] Error at 'b': Expect ';' after value.\n\
                        [line 3] Error at end: Expect ';' after value.\n";
        assert_eq!(errors(source), expected);
    }

    #[test]
    fn precedence_decides_the_order_of_code() {
        let code = code("print 1 + 2 * 3;");
        assert!(matches!(code[3..5], [Op::Multiply { .. }, Op::Add { .. }]));
    }

    #[test]
    fn numbers_that_f32_cannot_hold_are_constants() {
        assert_eq!(code("print 0.5;")[0], Op::Number { to: 1, number: 0.5 });
        assert_eq!(code("print 0.1;")[0], Op::Constant { to: 1, index: 0 });
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        let source = format!("print {}1{};", "(".repeat(100_000), ")".repeat(100_000));
        assert!(errors(&source).contains("Too many nested expressions"));
        assert!(errors(&"{".repeat(100_000)).contains("Too many nested"));
        assert!(errors(&"fun f() {".repeat(100_000)).contains("Too many nested"));
        assert_eq!(errors(&format!("print {}1{};", "(".repeat(900), ")".repeat(900))), "");
    }
}
