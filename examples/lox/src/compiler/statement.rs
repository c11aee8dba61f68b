//! Statements and declarations.

use super::Compiler;
use super::scope::{Function, FunctionKind};
use crate::chunk::Label;
use crate::step::{Branch, Step};
use crate::token::TokenKind;

impl Compiler<'_, '_> {
    pub(super) fn declaration(&mut self) {
        if self.matches(TokenKind::Class) {
            self.class_declaration();
        } else if self.matches(TokenKind::Fun) {
            self.function_declaration();
        } else if self.matches(TokenKind::Var) {
            self.variable_declaration();
        } else {
            self.statement();
        }
        if self.panic_mode {
            self.synchronize();
        }
    }

    fn class_declaration(&mut self) {
        self.consume(TokenKind::Identifier, "Expect class name.");
        let class = self.previous.text;
        let name = self.name_constant();
        self.declare_variable();
        self.emit(Step::Class(name));
        let global = self.at_top_level().then_some(name);
        self.define_variable(global);

        self.classes.push(false);
        if self.matches(TokenKind::Less) {
            self.superclass(class);
        }
        let place = self.resolve(class);
        self.emit(place.read());
        self.consume(TokenKind::LeftBrace, "Expect '{' before class body.");
        while !self.check(TokenKind::RightBrace) && !self.check(TokenKind::End) {
            self.method();
        }
        self.consume(TokenKind::RightBrace, "Expect '}' after class body.");
        self.emit(Step::Pop);
        if self.classes.pop() == Some(true) {
            self.end_scope();
        }
    }

    /// The superclass lives in a variable `super` of a block around the methods, which capture it.
    fn superclass(&mut self, class: &str) {
        self.consume(TokenKind::Identifier, "Expect superclass name.");
        let superclass = self.previous.text;
        let place = self.resolve(superclass);
        self.emit(place.read());
        if superclass == class {
            self.error("A class can't inherit from itself.");
        }
        self.begin_scope();
        self.add_local("super");
        self.mark_initialized();
        let place = self.resolve(class);
        self.emit(place.read());
        self.emit(Step::Inherit);
        if let Some(has_superclass) = self.classes.last_mut() {
            *has_superclass = true;
        }
    }

    fn method(&mut self) {
        self.consume(TokenKind::Identifier, "Expect method name.");
        let name = self.name_constant();
        let initializer = self.previous.text == "init";
        self.function_body(if initializer { FunctionKind::Initializer } else { FunctionKind::Method });
        self.emit(Step::Method(name));
    }

    fn function_declaration(&mut self) {
        self.consume(TokenKind::Identifier, "Expect function name.");
        let global = self.declared_name();
        // A function may refer to itself.
        self.mark_initialized();
        self.function_body(FunctionKind::Function);
        self.define_variable(global);
    }

    /// Parameters and body of the function that the previous token names.
    fn function_body(&mut self, kind: FunctionKind) {
        let name = self.name();
        self.functions.push(Function::new(kind, Some(name)));
        self.begin_scope();
        self.consume(TokenKind::LeftParen, "Expect '(' after function name.");
        if !self.check(TokenKind::RightParen) {
            loop {
                self.function().arity += 1;
                if self.function().arity > MAX_PARAMETERS {
                    self.error_at_current("Can't have more than 255 parameters.");
                }
                self.consume(TokenKind::Identifier, "Expect parameter name.");
                self.declare_variable();
                self.mark_initialized();
                self.chunk().parameter();
                if !self.matches(TokenKind::Comma) {
                    break;
                }
            }
        }
        self.consume(TokenKind::RightParen, "Expect ')' after parameters.");
        self.consume(TokenKind::LeftBrace, "Expect '{' before function body.");
        self.nested(Self::block);
        let function = self.end_function();
        let constant = self.chunk().function(function);
        let constant = self.within(constant);
        self.emit(Step::Closure(constant));
    }

    fn variable_declaration(&mut self) {
        self.consume(TokenKind::Identifier, "Expect variable name.");
        let global = self.declared_name();
        if self.matches(TokenKind::Equal) {
            self.expression();
        } else {
            self.emit(Step::Nil);
        }
        self.consume(TokenKind::Semicolon, "Expect ';' after variable declaration.");
        self.define_variable(global);
    }

    fn statement(&mut self) {
        self.nested(|this| {
            if this.matches(TokenKind::Print) {
                this.print_statement();
            } else if this.matches(TokenKind::For) {
                this.for_statement();
            } else if this.matches(TokenKind::If) {
                this.if_statement();
            } else if this.matches(TokenKind::Return) {
                this.return_statement();
            } else if this.matches(TokenKind::While) {
                this.while_statement();
            } else if this.matches(TokenKind::LeftBrace) {
                this.begin_scope();
                this.block();
                this.end_scope();
            } else {
                this.expression_statement();
            }
        });
    }

    fn block(&mut self) {
        while !self.check(TokenKind::RightBrace) && !self.check(TokenKind::End) {
            self.declaration();
        }
        self.consume(TokenKind::RightBrace, "Expect '}' after block.");
    }

    fn expression_statement(&mut self) {
        self.expression();
        self.consume(TokenKind::Semicolon, "Expect ';' after expression.");
        self.emit(Step::Pop);
    }

    fn print_statement(&mut self) {
        self.expression();
        self.consume(TokenKind::Semicolon, "Expect ';' after value.");
        self.emit(Step::Print);
    }

    fn return_statement(&mut self) {
        if self.function().kind == FunctionKind::Script {
            self.error("Can't return from top-level code.");
        }
        if self.matches(TokenKind::Semicolon) {
            self.emit_return();
            return;
        }
        if self.function().kind == FunctionKind::Initializer {
            self.error("Can't return a value from an initializer.");
        }
        self.expression();
        self.consume(TokenKind::Semicolon, "Expect ';' after return value.");
        self.emit(Step::Return);
    }

    fn if_statement(&mut self) {
        self.consume(TokenKind::LeftParen, "Expect '(' after 'if'.");
        self.expression();
        self.consume(TokenKind::RightParen, "Expect ')' after condition.");
        let otherwise = self.jump(Branch::IfFalse);
        self.statement();
        let end = self.jump(Branch::Always);
        self.bind(otherwise);
        if self.matches(TokenKind::Else) {
            self.statement();
        }
        self.bind(end);
    }

    fn while_statement(&mut self) {
        let start = self.chunk().label();
        self.consume(TokenKind::LeftParen, "Expect '(' after 'while'.");
        self.expression();
        self.consume(TokenKind::RightParen, "Expect ')' after condition.");
        let exit = self.jump(Branch::IfFalse);
        self.statement();
        self.jump_back(start);
        self.bind(exit);
    }

    fn for_statement(&mut self) {
        self.begin_scope();
        self.consume(TokenKind::LeftParen, "Expect '(' after 'for'.");
        if self.matches(TokenKind::Var) {
            self.variable_declaration();
        } else if !self.matches(TokenKind::Semicolon) {
            self.expression_statement();
        }

        let mut next = self.chunk().label();
        let mut exit = None;
        if !self.matches(TokenKind::Semicolon) {
            self.expression();
            self.consume(TokenKind::Semicolon, "Expect ';' after loop condition.");
            exit = Some(self.jump(Branch::IfFalse));
        }
        // The increment stands before the body in the text and runs after it.
        if !self.matches(TokenKind::RightParen) {
            let body = self.jump(Branch::Always);
            let increment = self.chunk().label();
            self.expression();
            self.emit(Step::Pop);
            self.consume(TokenKind::RightParen, "Expect ')' after for clauses.");
            self.jump_back(next);
            next = increment;
            self.bind(body);
        }
        self.statement();
        self.jump_back(next);
        if let Some(exit) = exit {
            self.bind(exit);
        }
        self.end_scope();
    }

    fn jump_back(&mut self, label: Label) {
        let line = self.previous.line;
        if self.chunk().jump_back(label, line).is_err() {
            self.error("Loop body too large.");
        }
    }
}

const MAX_PARAMETERS: usize = 255;
