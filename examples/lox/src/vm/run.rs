//! The loop that runs instructions.
//!
//! Its registers are local variables: the closure, its code, the next instruction, and the frame's window on the stack.
//! They are saved in the [`Vm`] whenever the loop is left, and restored from there. The loop is two loops: the inner one
//! takes one turn per instruction, the outer one one turn per call. What is rare or slow is a function of its own that
//! is not inlined, so that the registers are some of the processor's.
//!
//! Safepoints are at calls, when the new frame is complete, and at [`Op::Loop`]. There the loop only asks whether a
//! collection is due, which costs a load and a branch, and is left if so.

use std::io::Write;

use gc_core::{Gc, Mutator, Weak};

use super::capture::{close, make_closure};
use super::fault::Fault;
use super::property::{self, Callee};
use super::{Frame, Vm};
use crate::class::{Class, Instance};
use crate::function::{Function, Variable};
use crate::names::Names;
use crate::op::{Op, Slot};
use crate::strings::Strings;
use crate::value::{Native, Value};

/// Why the loop was left.
pub(super) enum Exit {
    /// A collection is due: reach a safepoint and come back.
    Safepoint,
    /// The program asks for a collection: collect and come back.
    Collect,
    /// The script, or the finalizer, has ended.
    Finished,
    Failed(Fault),
}

/// Runs the topmost frame until it is left for one of the reasons.
pub(super) fn run<'gc>(vm: &mut Vm<'gc>, m: &'gc Mutator, output: &mut dyn Write) -> Exit {
    let Vm { stack, frames, open, globals, strings, class_ids, init, lines, names, natives, interrupted: _ } = vm;
    let Some(Frame { mut closure, mut next, mut base }) = frames.pop() else { return Exit::Finished };
    // The rest of the registers.
    let mut function: &'gc Function<'gc> = Gc::as_ref(closure.function);
    let mut code: &'gc [Op] = Gc::as_ref(function.code);
    let mut window = frame_slots(stack, base, function.frame_size);
    // How many slots from `base` on are in use where the loop is left.
    let height;

    let exit = 'run: loop {
        macro_rules! fail {
            ($fault:expr) => {{
                // Captured variables are closed when the calls are unwound.
                height = window.len();
                break 'run Exit::Failed($fault);
            }};
        }
        macro_rules! attempt {
            ($result:expr) => {
                match $result {
                    Ok(value) => value,
                    Err(fault) => fail!(fault),
                }
            };
        }
        macro_rules! slot {
            ($slot:expr) => {
                window[usize::from($slot)]
            };
        }
        macro_rules! numbers {
            ($a:expr, $b:expr, $result:expr) => {
                match (slot!($a), slot!($b)) {
                    (Value::Number(a), Value::Number(b)) => $result(a.get(), b.get()),
                    _ => fail!(Fault::OperandsNotNumbers),
                }
            };
        }
        // The same with a number that is part of the instruction.
        macro_rules! number {
            ($a:expr, $b:expr, $result:expr) => {
                match slot!($a) {
                    Value::Number(a) => $result(a.get(), f64::from($b)),
                    _ => fail!(Fault::OperandsNotNumbers),
                }
            };
        }
        macro_rules! jump_if {
            ($condition:expr, $by:expr) => {
                if $condition {
                    next += usize::from($by);
                }
            };
        }

        // Ends with something to call, its slot and the number of its arguments.
        let (callee, place, arguments) = 'call: loop {
            let op = &code[next];
            next += 1;
            match *op {
                Op::Move { to, from } => slot!(to) = slot!(from),
                Op::Constant { to, index } => slot!(to) = function.constants[usize::from(index)],
                Op::Number { to, number } => slot!(to) = Value::number(number.into()),
                Op::Nil { to } => slot!(to) = Value::Nil,
                Op::True { to } => slot!(to) = Value::True,
                Op::False { to } => slot!(to) = Value::False,

                Op::GetGlobal { to, name } => match globals[name.index()] {
                    Value::Absent => fail!(Fault::UndefinedVariable(name)),
                    value => slot!(to) = value,
                },
                Op::DefineGlobal { from, name } => globals[name.index()] = slot!(from),
                Op::SetGlobal { from, name } => {
                    let global = &mut globals[name.index()];
                    if global.is_absent() {
                        fail!(Fault::UndefinedVariable(name));
                    }
                    *global = slot!(from);
                }
                Op::GetUpvalue { to, index } => match closure.upvalues[usize::from(index)].variable.get(m) {
                    Variable::Closed(value) => slot!(to) = value,
                    Variable::Open(slot) => {
                        let value = stack[slot as usize];
                        window = frame_slots(stack, base, function.frame_size);
                        slot!(to) = value;
                    }
                },
                Op::SetUpvalue { from, index } => {
                    let value = slot!(from);
                    let upvalue = closure.upvalues[usize::from(index)];
                    match upvalue.variable.get(m) {
                        Variable::Closed(_) => upvalue.variable.set(m, Variable::Closed(value)),
                        Variable::Open(slot) => {
                            stack[slot as usize] = value;
                            window = frame_slots(stack, base, function.frame_size);
                        }
                    }
                }

                Op::GetProperty { to, object, site } => {
                    let Value::Instance(instance) = slot!(object) else { fail!(Fault::PropertiesOfNonInstance) };
                    let site = &function.sites[usize::from(site)];
                    let known = site.cached(instance.class.id()).map(|index| instance.field(m, index));
                    slot!(to) = match known {
                        None | Some(Value::Absent) => attempt!(property::read(m, instance, site)),
                        Some(value) => value,
                    };
                }
                Op::SetProperty { object, value, site } => {
                    let Value::Instance(instance) = slot!(object) else { fail!(Fault::FieldsOfNonInstance) };
                    let value = slot!(value);
                    let site = &function.sites[usize::from(site)];
                    let known = site.cached(instance.class.id());
                    if !known.is_some_and(|index| instance.set_field(m, index, value)) {
                        property::write(m, instance, site, value, class_ids);
                    }
                }
                Op::GetSuper { to, site } => {
                    let (Value::Instance(instance), Value::Class(superclass)) = (slot!(to), slot!(to + 1)) else {
                        unreachable!("`this` and `super` are variables of the compiler's making")
                    };
                    let method = attempt!(property::find_method(m, superclass, &function.sites[usize::from(site)]));
                    slot!(to) = property::bind(m, instance, method);
                }

                Op::Equal { to, a, b } => slot!(to) = Value::bool(slot!(a).equals(slot!(b))),
                Op::NotEqual { to, a, b } => slot!(to) = Value::bool(!slot!(a).equals(slot!(b))),
                Op::Less { to, a, b } => slot!(to) = Value::bool(numbers!(a, b, |a, b| a < b)),
                Op::NotLess { to, a, b } => slot!(to) = Value::bool(!numbers!(a, b, |a, b| a < b)),
                Op::Add { to, a, b } => {
                    slot!(to) = match (slot!(a), slot!(b)) {
                        (Value::Number(a), Value::Number(b)) => Value::number(a.get() + b.get()),
                        (a, b) => attempt!(concatenate(m, strings, a, b)),
                    }
                }
                Op::Subtract { to, a, b } => slot!(to) = Value::number(numbers!(a, b, |a, b| a - b)),
                Op::Multiply { to, a, b } => slot!(to) = Value::number(numbers!(a, b, |a, b| a * b)),
                Op::Divide { to, a, b } => slot!(to) = Value::number(numbers!(a, b, |a, b| a / b)),
                Op::Not { to, from } => slot!(to) = Value::bool(slot!(from).is_falsey()),
                Op::Negate { to, from } => match slot!(from) {
                    Value::Number(number) => slot!(to) = Value::number(-number.get()),
                    _ => fail!(Fault::OperandNotNumber),
                },

                Op::IsNil { to, a } => slot!(to) = Value::bool(slot!(a).is_nil()),
                Op::IsNotNil { to, a } => slot!(to) = Value::bool(!slot!(a).is_nil()),
                Op::EqualNumber { to, a, b } => slot!(to) = Value::bool(slot!(a).is_number(b)),
                Op::NotEqualNumber { to, a, b } => slot!(to) = Value::bool(!slot!(a).is_number(b)),
                Op::LessNumber { to, a, b } => slot!(to) = Value::bool(number!(a, b, |a, b| a < b)),
                Op::NotLessNumber { to, a, b } => slot!(to) = Value::bool(!number!(a, b, |a, b| a < b)),
                Op::GreaterNumber { to, a, b } => slot!(to) = Value::bool(number!(a, b, |a, b| a > b)),
                Op::NotGreaterNumber { to, a, b } => slot!(to) = Value::bool(!number!(a, b, |a, b| a > b)),
                Op::AddNumber { to, a, b } => match slot!(a) {
                    Value::Number(a) => slot!(to) = Value::number(a.get() + f64::from(b)),
                    _ => fail!(Fault::OperandsNotAddable),
                },
                Op::SubtractNumber { to, a, b } => slot!(to) = Value::number(number!(a, b, |a, b| a - b)),

                Op::Jump { by } => next += usize::from(by),
                Op::JumpIfFalse { from, by } => jump_if!(slot!(from).is_falsey(), by),
                Op::JumpIfTrue { from, by } => jump_if!(!slot!(from).is_falsey(), by),
                Op::JumpIfNil { a, by } => jump_if!(slot!(a).is_nil(), by),
                Op::JumpUnlessNil { a, by } => jump_if!(!slot!(a).is_nil(), by),
                Op::JumpIfEqual { a, b, by } => jump_if!(slot!(a).equals(slot!(b)), by),
                Op::JumpUnlessEqual { a, b, by } => jump_if!(!slot!(a).equals(slot!(b)), by),
                Op::JumpIfEqualNumber { a, b, by } => jump_if!(slot!(a).is_number(b), by),
                Op::JumpUnlessEqualNumber { a, b, by } => jump_if!(!slot!(a).is_number(b), by),
                Op::JumpIfLess { a, b, by } => jump_if!(numbers!(a, b, |a, b| a < b), by),
                Op::JumpUnlessLess { a, b, by } => jump_if!(!numbers!(a, b, |a, b| a < b), by),
                Op::JumpIfLessNumber { a, b, by } => jump_if!(number!(a, b, |a, b| a < b), by),
                Op::JumpUnlessLessNumber { a, b, by } => jump_if!(!number!(a, b, |a, b| a < b), by),
                Op::JumpIfGreaterNumber { a, b, by } => jump_if!(number!(a, b, |a, b| a > b), by),
                Op::JumpUnlessGreaterNumber { a, b, by } => jump_if!(!number!(a, b, |a, b| a > b), by),
                Op::Loop { by, height: in_use } => {
                    next -= usize::from(by);
                    // Safepoint.
                    if m.safepoint_pending() {
                        height = usize::from(in_use);
                        break 'run Exit::Safepoint;
                    }
                }

                Op::Call { base, arguments } => break 'call (slot!(base), base, arguments),
                Op::Invoke { base, arguments, site } => {
                    let Value::Instance(instance) = slot!(base) else { fail!(Fault::MethodsOfNonInstance) };
                    let site = &function.sites[usize::from(site)];
                    let class = instance.class;
                    if let Some(method) = site.cached(class.id()).and_then(|index| class.method(index)) {
                        break 'call (Value::Closure(method), base, arguments);
                    }
                    match attempt!(property::callee(m, instance, site)) {
                        Callee::Method(method) => break 'call (Value::Closure(method), base, arguments),
                        Callee::Field(value) => {
                            slot!(base) = value;
                            break 'call (value, base, arguments);
                        }
                    }
                }
                Op::InvokeSuper { base, arguments, site } => {
                    let Value::Class(superclass) = slot!(base + Slot::from(arguments) + 1) else {
                        unreachable!("`super` is a variable of the compiler's making")
                    };
                    let method = attempt!(property::find_method(m, superclass, &function.sites[usize::from(site)]));
                    break 'call (Value::Closure(method), base, arguments);
                }
                Op::Return { from } => {
                    let result = slot!(from);
                    if open.last().is_some_and(|upvalue| upvalue.slot >= base) {
                        close(m, open, stack, base);
                    }
                    let Some(caller) = frames.pop() else {
                        height = 0;
                        break 'run Exit::Finished;
                    };
                    // The callee's slot becomes the result's.
                    stack[base] = result;
                    Frame { closure, next, base } = caller;
                    function = Gc::as_ref(closure.function);
                    code = Gc::as_ref(function.code);
                    window = frame_slots(stack, base, function.frame_size);
                }

                Op::Closure { to, index } => {
                    let inner = function.functions[usize::from(index)];
                    slot!(to) = Value::Closure(make_closure(m, inner, closure, open, base));
                }
                Op::Close { from } => {
                    close(m, open, stack, base + usize::from(from));
                    window = frame_slots(stack, base, function.frame_size);
                }
                Op::Class { to, name } => slot!(to) = Value::Class(Class::new(m, name, class_ids)),
                Op::Inherit { superclass } => {
                    let Value::Class(class) = slot!(superclass + 1) else { unreachable!("a class inherits") };
                    let Value::Class(superclass) = slot!(superclass) else { fail!(Fault::SuperclassNotClass) };
                    class.inherit(m, &superclass);
                }
                Op::Method { class, name } => {
                    let (Value::Class(class), Value::Closure(method)) = (slot!(class), slot!(class + 1)) else {
                        unreachable!("a class gets a method")
                    };
                    class.define_method(m, name, method, *init);
                }
                Op::Print { from } => attempt!(print(slot!(from), names, output)),
            }
        };

        let method = match callee {
            Value::Closure(closure) => closure,
            Value::Method(bound) => {
                slot!(place) = Value::Instance(bound.receiver);
                bound.method
            }
            Value::Class(class) => {
                let instance = Instance::new(m, class);
                if let Some(lines) = lines {
                    lines.add(m, instance, function.lines[next - 1]);
                }
                slot!(place) = Value::Instance(instance);
                match class.initializer.get() {
                    Some(initializer) => initializer,
                    None if arguments == 0 => continue 'run,
                    None => fail!(Fault::Arity { expected: 0, found: arguments }),
                }
            }
            Value::Native(native) => {
                let first = usize::from(place) + 1;
                let passed = &window[first..first + usize::from(arguments)];
                slot!(place) = attempt!(natives.call(native, m, passed, class_ids));
                if native == Native::Collect {
                    height = first;
                    break 'run Exit::Collect;
                }
                continue 'run;
            }
            Value::Weak(_) if arguments > 0 => fail!(Fault::Arity { expected: 0, found: arguments }),
            Value::Weak(weak) => {
                slot!(place) = upgrade(m, weak);
                continue 'run;
            }
            _ => fail!(Fault::NotCallable),
        };
        let callee = Gc::as_ref(method.function);
        if callee.arity != arguments {
            fail!(Fault::Arity { expected: callee.arity, found: arguments });
        }
        if frames.len() == MAX_FRAMES - 1 {
            fail!(Fault::StackOverflow);
        }
        frames.push(Frame { closure, next, base });
        (closure, function, code, next) = (method, callee, Gc::as_ref(callee.code), 0);
        base += usize::from(place);
        window = frame_slots(stack, base, function.frame_size);
        // Safepoint.
        if m.safepoint_pending() {
            height = 1 + usize::from(arguments);
            break 'run Exit::Safepoint;
        }
    };

    // The program does not need what is above, and the root would keep it alive.
    stack.truncate(base + height);
    if !matches!(exit, Exit::Finished) {
        frames.push(Frame { closure, next, base });
    }
    exit
}

/// The slots of a frame, of which the stack has all when this returns.
#[inline(always)]
fn frame_slots<'v, 'gc>(stack: &'v mut Vec<Value<'gc>>, base: usize, frame_size: u32) -> &'v mut [Value<'gc>] {
    let end = base + frame_size as usize;
    if stack.len() < end {
        grow(stack, end);
    }
    &mut stack[base..end]
}

#[cold]
#[inline(never)]
fn grow(stack: &mut Vec<Value<'_>>, end: usize) {
    stack.resize(end + HEADROOM, Value::Nil);
}

#[inline(never)]
fn upgrade<'gc>(m: &'gc Mutator, weak: Weak<'gc, Instance<'gc>>) -> Value<'gc> {
    weak.upgrade(m).map_or(Value::Nil, Value::Instance)
}

#[inline(never)]
fn print(value: Value<'_>, names: &Names, output: &mut dyn Write) -> Result<(), Fault> {
    writeln!(output, "{}", value.shown(names)).map_err(Fault::Output)
}

#[inline(never)]
fn concatenate<'gc>(
    m: &'gc Mutator,
    strings: &mut Strings<'gc>,
    a: Value<'gc>,
    b: Value<'gc>,
) -> Result<Value<'gc>, Fault> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Ok(Value::Text(strings.concatenate(m, &a, &b))),
        _ => Err(Fault::OperandsNotAddable),
    }
}

/// Calls in progress, the script included.
const MAX_FRAMES: usize = 64;
/// Room made beyond what is needed now, so that a few calls in a row grow the stack once.
const HEADROOM: usize = 64;
