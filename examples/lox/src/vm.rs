//! The machine's state, and `Lox`, which owns it and runs sources on it.
//!
//! All that a program can reach hangs from one [`Vm`], which is one [`Root`]. While instructions run, the machine holds
//! it as `&mut Vm<'gc>` together with `&'gc Mutator`, and every pointer on its stack is a plain `Gc<'gc, _>`. Nothing can
//! move. At a call or at the end of a loop's turn the machine asks whether a collection is due; if so it saves its
//! registers in the `Vm` and returns to [`Lox::interpret`], which reaches the safepoint with the `Root` alone in hand
//! and goes on. So the compiler proves that no pointer was kept across it.
//!
//! Finalizers run between two instructions of the script where the loop was left for a safepoint, and when the script has ended: see
//! [`Vm::interrupt`]. One runs to its end before the next begins. What lives at the end of a script, or of the machine, is not finalized.

mod capture;
mod fault;
mod lines;
mod look;
mod native;
mod property;
mod run;

use std::io::{self, Write};
use std::mem;

use gc_core::{AttachError, Collect, Gc, Heap, Mutator, Root, Trace};

use crate::class::ClassIds;
use crate::compiler;
use crate::function::{Closure, Function};
use crate::names::{Names, Symbol};
use crate::strings::Strings;
use crate::value::{Native, Value};
use capture::{OpenUpvalue, close};
use fault::Fault;
pub use lines::LineCount;
pub use look::Instances;
use native::Natives;
use run::{Exit, run};

/// The machine's state: the one root.
#[derive(Trace)]
pub(crate) struct Vm<'gc> {
    /// The slots of all frames, one after the other. At a safepoint it ends with the last one in use.
    stack: Vec<Value<'gc>>,
    /// The callers of the running frame; when the machine is not running, the running frame too.
    frames: Vec<Frame<'gc>>,
    /// While a finalizer runs: the frames of the script. The finalizer's are in `frames`, and its slots above the script's.
    interrupted: Option<Vec<Frame<'gc>>>,
    /// The captured variables that are still on the stack.
    open: Vec<OpenUpvalue<'gc>>,
    /// By symbol.
    globals: Vec<Value<'gc>>,
    strings: Strings<'gc>,
    class_ids: ClassIds,
    init: Symbol,
    /// Which lines make instances, if that is asked for.
    lines: Option<lines::Lines<'gc>>,
    #[trace(skip)]
    names: Names,
    #[trace(skip)]
    natives: Natives,
}

/// A call that waits for the one it made, or for a safepoint.
#[derive(Clone, Copy, Trace)]
struct Frame<'gc> {
    closure: Gc<'gc, Closure<'gc>>,
    /// The next instruction.
    next: usize,
    /// The stack slot of the callee.
    base: usize,
}

/// How a script that did not run to its end ended.
#[derive(Debug)]
pub enum Failure {
    /// The source has errors. Nothing was run.
    Compile,
    /// An error at run time.
    Runtime,
    /// The output cannot be written.
    Output(io::Error),
}

/// A Lox machine: globals, and the heap they live in.
///
/// ```
/// let heap = gc_core::Heap::builder().build()?;
/// let mut lox = lox::Lox::new(&heap)?;
/// let (mut output, mut errors) = (Vec::new(), Vec::new());
/// lox.interpret("var a = 1;", &mut output, &mut errors).unwrap();
/// lox.interpret("print a + 1;", &mut output, &mut errors).unwrap();
/// assert_eq!(output, b"2\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Lox {
    // Before the mutator: a root is cheapest to drop where it was made.
    vm: Root<Vm<'static>>,
    mutator: Mutator,
}

impl Lox {
    /// A machine without globals but the native ones, on the calling thread.
    ///
    /// # Errors
    ///
    /// If the thread cannot be attached to the heap.
    pub fn new(heap: &Heap) -> Result<Self, AttachError> {
        let mutator = heap.attach()?;
        let vm = mutator.root(Vm::new(&mutator, heap));
        Ok(Self { vm, mutator })
    }

    /// Compiles `source` and runs it. What it prints goes to `output`; messages go to `errors`, after the output.
    ///
    /// Finalizers that are due run meanwhile, and before this returns `Ok`. The message of one that fails goes to `errors`, and the
    /// script goes on.
    ///
    /// # Errors
    ///
    /// If the source has errors, if it fails at run time, or if the output cannot be written.
    pub fn interpret(&mut self, source: &str, output: &mut dyn Write, errors: &mut dyn Write) -> Result<(), Failure> {
        self.vm.get_mut(&self.mutator).load(&self.mutator, source, errors)?;
        loop {
            let vm = self.vm.get_mut(&self.mutator);
            let ended = match run(vm, &self.mutator, output) {
                Exit::Safepoint => {
                    self.mutator.safepoint();
                    false
                }
                Exit::Collect => {
                    self.mutator.collect(Collect::Full);
                    false
                }
                Exit::Finished => !vm.resume(),
                Exit::Failed(Fault::Output(error)) => {
                    vm.reset(&self.mutator);
                    return Err(Failure::Output(error));
                }
                Exit::Failed(fault) => {
                    output.flush().map_err(Failure::Output)?;
                    vm.report(&fault, errors);
                    vm.unwind(&self.mutator);
                    if !vm.resume() {
                        return Err(Failure::Runtime);
                    }
                    false
                }
            };
            let interrupted = self.vm.get_mut(&self.mutator).interrupt(&self.mutator);
            if ended && !interrupted {
                return output.flush().map_err(Failure::Output);
            }
        }
    }

    /// Collects all that the globals do not lead to.
    pub fn collect(&mut self) {
        self.mutator.collect(Collect::Full);
    }

    /// Runs `wait`, which may block, without holding up collections.
    pub fn blocked<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        self.mutator.blocked(wait)
    }
}

impl<'gc> Vm<'gc> {
    fn new(m: &'gc Mutator, heap: &Heap) -> Self {
        let mut names = Names::default();
        let init = names.intern("init");
        let natives = Natives::new(heap, &mut names);
        let known = Native::ALL.map(|(name, native)| (names.intern(name), native));
        let mut globals = vec![Value::Absent; names.len()];
        for (name, native) in known {
            globals[name.index()] = Value::Native(native);
        }
        Self {
            stack: Vec::new(),
            frames: Vec::new(),
            interrupted: None,
            open: Vec::new(),
            globals,
            strings: Strings::new(m),
            class_ids: ClassIds::new(),
            init,
            lines: None,
            names,
            natives,
        }
    }

    /// Compiles a script and prepares to run it.
    fn load(&mut self, m: &'gc Mutator, source: &str, errors: &mut dyn Write) -> Result<(), Failure> {
        let script = compiler::compile(source, &mut self.names, errors).map_err(|_| Failure::Compile)?;
        self.globals.resize(self.names.len(), Value::Absent);
        // A panic may have left something.
        self.reset(m);
        let function = Function::load(m, &script, &mut self.strings);
        let closure = m.alloc(Closure { function, upvalues: m.alloc_slice_copy(&[]) });
        self.stack.push(Value::Closure(closure));
        self.frames.push(Frame { closure, next: 0, base: 0 });
        Ok(())
    }

    /// Writes a message and the calls that led to it, the innermost first.
    fn report(&self, fault: &Fault, errors: &mut dyn Write) {
        let mut trace = format!("{}\n", fault.shown(&self.names));
        for frame in self.frames.iter().rev() {
            let function = frame.closure.function;
            // The instruction that failed or called is the one before the next.
            let line = function.lines[frame.next - 1];
            match function.name {
                Some(name) => trace += &format!("[line {line}] in {}()\n", self.names.text(name)),
                None => trace += &format!("[line {line}] in script\n"),
            }
        }
        // There is nobody left to tell if the error stream is closed.
        _ = errors.write_all(trace.as_bytes());
    }

    /// Interrupts the script for the finalizer of an instance that has died, if there is one and none is running. Returns whether it did.
    fn interrupt(&mut self, m: &'gc Mutator) -> bool {
        if self.interrupted.is_some() {
            return false;
        }
        let Some((object, finalizer)) = self.natives.take_dead(m) else { return false };
        let frame = Frame { closure: finalizer, next: 0, base: self.stack.len() };
        self.stack.extend([Value::Closure(finalizer), Value::Instance(object)]);
        self.interrupted = Some(mem::replace(&mut self.frames, vec![frame]));
        true
    }

    /// Goes back to the script, if it was a finalizer that has ended. Returns whether it was.
    fn resume(&mut self) -> bool {
        let script = self.interrupted.take();
        let is_interrupted = script.is_some();
        self.frames = script.unwrap_or_default();
        is_interrupted
    }

    /// Forgets the calls of the script or finalizer that failed.
    fn unwind(&mut self, m: &'gc Mutator) {
        let base = self.frames.first().map_or(0, |frame| frame.base);
        // Its closures may be in use elsewhere.
        close(m, &mut self.open, &self.stack, base);
        self.stack.truncate(base);
        self.frames.clear();
    }

    /// Forgets all calls.
    fn reset(&mut self, m: &'gc Mutator) {
        self.interrupted = None;
        self.frames.clear();
        self.unwind(m);
    }
}
