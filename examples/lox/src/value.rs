//! `Value`: what a variable, a field or a stack slot holds.

use std::fmt;

use gc_core::{Gc, GcCell, Trace, Weak};

use crate::class::{Class, Instance};
use crate::function::{Closure, Function};
use crate::names::{Names, Symbol};
use crate::number::Shown;

/// A Lox value: 16 bytes, copied freely.
///
/// Payloads are words and nothing else (no `f64`, no `bool`), so that the compiler passes a value in two registers and
/// copies it by halves. Copied as 16 bytes at once it would wait for the two stores that have just written it.
#[derive(Clone, Copy, Trace)]
#[repr(u8)]
pub(crate) enum Value<'gc> {
    Number(Number),
    Nil,
    False,
    True,
    Text(Gc<'gc, str>),
    Instance(Gc<'gc, Instance<'gc>>),
    Class(Gc<'gc, Class<'gc>>),
    Closure(Gc<'gc, Closure<'gc>>),
    Method(Gc<'gc, BoundMethod<'gc>>),
    Native(Native),
    /// A weak reference. A program calls it to read it.
    Weak(Weak<'gc, Instance<'gc>>),
    /// No value: a global not yet defined, a field not yet assigned. Never on the stack.
    Absent,
}

const _: () = assert!(size_of::<Value<'_>>() == 16);

/// A number, by its bits.
#[derive(Clone, Copy, Trace)]
pub(crate) struct Number(u64);

/// A function that is part of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Trace)]
pub(crate) enum Native {
    /// `clock()`: seconds since the machine was made.
    Clock,
    /// `collect()`: collects all that the program cannot reach, and runs the finalizers that are due.
    Collect,
    /// `finalize(x, f)`: has `f(x)` run after nothing else leads to the instance `x`.
    Finalize,
    /// `id(x)`: a number that nothing else has, had or will have.
    Id,
    /// `weak(x)`: a reference that does not keep the instance alive. Called, it returns the instance, or `nil` if that is dead.
    Weak,
}

/// A method with the instance it was read from.
#[derive(Trace)]
pub(crate) struct BoundMethod<'gc> {
    pub(crate) receiver: Gc<'gc, Instance<'gc>>,
    pub(crate) method: Gc<'gc, Closure<'gc>>,
}

/// A place of the heap that a program assigns to.
pub(crate) type Place<'gc> = GcCell<Value<'gc>>;

impl<'gc> Value<'gc> {
    #[inline(always)]
    pub(crate) fn number(number: f64) -> Self {
        Self::Number(Number(number.to_bits()))
    }

    #[inline(always)]
    pub(crate) fn bool(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }

    #[inline(always)]
    pub(crate) fn is_falsey(self) -> bool {
        matches!(self, Self::Nil | Self::False)
    }

    #[inline(always)]
    pub(crate) fn is_nil(self) -> bool {
        matches!(self, Self::Nil)
    }

    #[inline(always)]
    pub(crate) fn is_number(self, number: i16) -> bool {
        matches!(self, Self::Number(own) if own.get() == f64::from(number))
    }

    #[inline(always)]
    pub(crate) fn is_absent(self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Lox's `==`: numbers and strings by value, the rest by identity.
    #[inline]
    pub(crate) fn equals(self, other: Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.get() == b.get(),
            (Self::Nil, Self::Nil) | (Self::True, Self::True) | (Self::False, Self::False) => true,
            // Equal strings are mostly one object, but need not be: see `strings`.
            (Self::Text(a), Self::Text(b)) => Gc::ptr_eq(a, b) || *a == *b,
            (Self::Instance(a), Self::Instance(b)) => Gc::ptr_eq(a, b),
            (Self::Class(a), Self::Class(b)) => Gc::ptr_eq(a, b),
            (Self::Closure(a), Self::Closure(b)) => Gc::ptr_eq(a, b),
            (Self::Method(a), Self::Method(b)) => Gc::ptr_eq(a, b),
            (Self::Native(a), Self::Native(b)) => a == b,
            (Self::Weak(a), Self::Weak(b)) => a == b,
            _ => false,
        }
    }

    /// The value as `print` shows it.
    pub(crate) fn shown(self, names: &Names) -> impl fmt::Display {
        ShownValue { value: self, names }
    }
}

impl Native {
    pub(crate) const ALL: [(&'static str, Self); 5] = [
        ("clock", Self::Clock),
        ("collect", Self::Collect),
        ("finalize", Self::Finalize),
        ("id", Self::Id),
        ("weak", Self::Weak),
    ];

    pub(crate) fn arity(self) -> u8 {
        match self {
            Self::Clock | Self::Collect => 0,
            Self::Id | Self::Weak => 1,
            Self::Finalize => 2,
        }
    }
}

impl Number {
    #[inline(always)]
    pub(crate) fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

struct ShownValue<'gc, 'n> {
    value: Value<'gc>,
    names: &'n Names,
}

impl fmt::Display for ShownValue<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = |f: &mut fmt::Formatter<'_>, function: Gc<'_, Function<'_>>| match function.name {
            Some(name) => write!(f, "<fn {}>", self.names.text(name)),
            None => f.write_str("<script>"),
        };
        let class = |class: Gc<'_, Class<'_>>| -> Symbol { class.name };
        match self.value {
            Value::Number(number) => Shown(number.get()).fmt(f),
            Value::Nil | Value::Absent => f.write_str("nil"),
            Value::False => f.write_str("false"),
            Value::True => f.write_str("true"),
            Value::Text(text) => f.write_str(&text),
            Value::Instance(instance) => write!(f, "{} instance", self.names.text(class(instance.class))),
            Value::Class(it) => f.write_str(self.names.text(class(it))),
            Value::Closure(closure) => function(f, closure.function),
            Value::Method(bound) => function(f, bound.method.function),
            Value::Native(_) => f.write_str("<native fn>"),
            Value::Weak(_) => f.write_str("<weak reference>"),
        }
    }
}
