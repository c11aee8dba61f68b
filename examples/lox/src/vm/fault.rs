//! `Fault`: why a program stopped.

use std::{fmt, io};

use crate::names::{Names, Symbol};

pub(super) enum Fault {
    OperandsNotNumbers,
    OperandNotNumber,
    OperandsNotAddable,
    NotCallable,
    Arity {
        expected: u8,
        found: u8,
    },
    StackOverflow,
    UndefinedVariable(Symbol),
    UndefinedProperty(Symbol),
    PropertiesOfNonInstance,
    FieldsOfNonInstance,
    MethodsOfNonInstance,
    SuperclassNotClass,
    NotAnInstance,
    NotAFinalizer,
    NoIdentity,
    /// Not the program's fault: what it prints cannot be written.
    Output(io::Error),
}

impl Fault {
    pub(super) fn shown(&self, names: &Names) -> impl fmt::Display {
        struct Shown<'f, 'n>(&'f Fault, &'n Names);
        impl fmt::Display for Shown<'_, '_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Self(fault, names) = self;
                match fault {
                    Fault::OperandsNotNumbers => f.write_str("Operands must be numbers."),
                    Fault::OperandNotNumber => f.write_str("Operand must be a number."),
                    Fault::OperandsNotAddable => f.write_str("Operands must be two numbers or two strings."),
                    Fault::NotCallable => f.write_str("Can only call functions and classes."),
                    Fault::Arity { expected, found } => {
                        write!(f, "Expected {expected} arguments but got {found}.")
                    }
                    Fault::StackOverflow => f.write_str("Stack overflow."),
                    Fault::UndefinedVariable(name) => write!(f, "Undefined variable '{}'.", names.text(*name)),
                    Fault::UndefinedProperty(name) => write!(f, "Undefined property '{}'.", names.text(*name)),
                    Fault::PropertiesOfNonInstance => f.write_str("Only instances have properties."),
                    Fault::FieldsOfNonInstance => f.write_str("Only instances have fields."),
                    Fault::MethodsOfNonInstance => f.write_str("Only instances have methods."),
                    Fault::SuperclassNotClass => f.write_str("Superclass must be a class."),
                    Fault::NotAnInstance => f.write_str("Argument must be an instance."),
                    Fault::NotAFinalizer => f.write_str("Finalizer must be a function with one parameter."),
                    Fault::NoIdentity => f.write_str("Only instances, classes and functions have an identity."),
                    Fault::Output(error) => write!(f, "Could not write output: {error}."),
                }
            }
        }
        Shown(self, names)
    }
}
