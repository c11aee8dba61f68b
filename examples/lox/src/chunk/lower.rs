//! From steps to instructions.
//!
//! A step that takes an operand off the stack looks at the last instruction. If that only copied a local variable or a
//! small number to the top, it goes, and the step names what was copied. That is right as long as nothing lies between
//! the copy and its use, which is why only the last instruction is looked at, never across a label (C2). Likewise a
//! result that is stored in a local variable and dropped is made there at once, and one that is dropped right away is
//! not made at all if making it cannot fail.

use super::Chunk;
use crate::op::{Op, Slot};
use crate::step::{Branch, Step};

impl Chunk {
    pub(crate) fn emit(&mut self, step: Step, line: u32) {
        let captures = match step {
            Step::Closure(function) => self.functions.get(usize::from(function)).map_or(0, |f| f.captures.len()),
            _ => 0,
        };
        self.book += step.book_size(captures);
        match step {
            Step::Constant(index) => self.load(line, |to| Op::Constant { to, index }),
            Step::Number(number) => self.load(line, |to| Op::Number { to, number }),
            Step::Nil => self.load(line, |to| Op::Nil { to }),
            Step::True => self.load(line, |to| Op::True { to }),
            Step::False => self.load(line, |to| Op::False { to }),
            Step::GetLocal(slot) => self.load(line, |to| Op::Move { to, from: slot.into() }),
            Step::GetGlobal(name) => self.load(line, |to| Op::GetGlobal { to, name }),
            Step::GetUpvalue(index) => self.load(line, |to| Op::GetUpvalue { to, index }),
            Step::Closure(index) => self.load(line, |to| Op::Closure { to, index }),
            Step::Class(name) => self.load(line, |to| Op::Class { to, name }),

            Step::Pop => self.discard(),
            Step::SetLocal(slot) => self.write(Op::Move { to: slot.into(), from: self.top() }, line),
            Step::SetGlobal(name) => self.write(Op::SetGlobal { from: self.top(), name }, line),
            Step::SetUpvalue(index) => self.write(Op::SetUpvalue { from: self.top(), index }, line),
            Step::DefineGlobal(name) => {
                let from = self.operand();
                self.write(Op::DefineGlobal { from, name }, line);
            }
            Step::GetProperty(site) => self.unary(line, |to, object| Op::GetProperty { to, object, site }),
            Step::SetProperty(site) => {
                let value = self.operand();
                let object = self.operand();
                self.write(Op::SetProperty { object, value, site }, line);
                self.load(line, |to| Op::Move { to, from: value });
            }
            Step::GetSuper(site) => {
                self.pop();
                self.write(Op::GetSuper { to: self.top(), site }, line);
            }

            Step::Not => self.unary(line, |to, from| Op::Not { to, from }),
            Step::Negate => self.unary(line, |to, from| Op::Negate { to, from }),
            Step::Multiply => self.binary(line, |to, a, b| Op::Multiply { to, a, b }),
            Step::Divide => self.binary(line, |to, a, b| Op::Divide { to, a, b }),
            Step::Add => match self.small_number() {
                Some(b) => self.unary(line, |to, a| Op::AddNumber { to, a, b }),
                None => self.binary(line, |to, a, b| Op::Add { to, a, b }),
            },
            Step::Subtract => match self.small_number() {
                Some(b) => self.unary(line, |to, a| Op::SubtractNumber { to, a, b }),
                None => self.binary(line, |to, a, b| Op::Subtract { to, a, b }),
            },
            Step::Equal => {
                if self.nil() {
                    self.unary(line, |to, a| Op::IsNil { to, a });
                } else if let Some(b) = self.small_number() {
                    self.unary(line, |to, a| Op::EqualNumber { to, a, b });
                } else {
                    self.binary(line, |to, a, b| Op::Equal { to, a, b });
                }
            }
            Step::NotEqual => {
                if self.nil() {
                    self.unary(line, |to, a| Op::IsNotNil { to, a });
                } else if let Some(b) = self.small_number() {
                    self.unary(line, |to, a| Op::NotEqualNumber { to, a, b });
                } else {
                    self.binary(line, |to, a, b| Op::NotEqual { to, a, b });
                }
            }
            Step::Less => match self.small_number() {
                Some(b) => self.unary(line, |to, a| Op::LessNumber { to, a, b }),
                None => self.binary(line, |to, a, b| Op::Less { to, a, b }),
            },
            Step::GreaterEqual => match self.small_number() {
                Some(b) => self.unary(line, |to, a| Op::NotLessNumber { to, a, b }),
                None => self.binary(line, |to, a, b| Op::NotLess { to, a, b }),
            },
            // The operands have been evaluated when they change places.
            Step::Greater => match self.small_number() {
                Some(b) => self.unary(line, |to, a| Op::GreaterNumber { to, a, b }),
                None => self.binary(line, |to, a, b| Op::Less { to, a: b, b: a }),
            },
            Step::LessEqual => match self.small_number() {
                Some(b) => self.unary(line, |to, a| Op::NotGreaterNumber { to, a, b }),
                None => self.binary(line, |to, a, b| Op::NotLess { to, a: b, b: a }),
            },
            Step::Print => {
                let from = self.operand();
                self.write(Op::Print { from }, line);
            }

            Step::Call(arguments) => {
                let base = self.call(arguments);
                self.write(Op::Call { base, arguments }, line);
            }
            Step::Invoke { site, arguments } => {
                let base = self.call(arguments);
                self.write(Op::Invoke { base, arguments, site }, line);
            }
            Step::InvokeSuper { site, arguments } => {
                self.pop();
                let base = self.call(arguments);
                self.write(Op::InvokeSuper { base, arguments, site }, line);
            }
            Step::Return => {
                let from = self.operand();
                self.write(Op::Return { from }, line);
            }
            Step::CloseUpvalue => {
                let from = self.pop();
                self.write(Op::Close { from }, line);
            }
            Step::Inherit => {
                self.pop();
                self.write(Op::Inherit { superclass: self.top() }, line);
            }
            Step::Method(name) => {
                self.pop();
                self.write(Op::Method { class: self.top(), name }, line);
            }
        }
    }

    /// Writes the instruction of a forward jump.
    pub(super) fn branch(&mut self, branch: Branch, line: u32) {
        let by = 0;
        let op = match branch {
            Branch::Always => Op::Jump { by },
            // The condition is the result of the whole if the jump is taken, so it has to be in its place.
            Branch::And => Op::JumpIfFalse { from: self.pop(), by },
            Branch::Or => Op::JumpIfTrue { from: self.pop(), by },
            Branch::IfFalse => self.test(),
        };
        self.write(op, line);
    }

    /// A jump on the condition that is popped, together with the comparison that makes it if that is the last
    /// instruction.
    fn test(&mut self) -> Op {
        let by = 0;
        let top = self.top();
        let op = match self.last() {
            Some(Op::Less { to, a, b }) if to == top => Op::JumpUnlessLess { a, b, by },
            Some(Op::NotLess { to, a, b }) if to == top => Op::JumpIfLess { a, b, by },
            Some(Op::Equal { to, a, b }) if to == top => Op::JumpUnlessEqual { a, b, by },
            Some(Op::NotEqual { to, a, b }) if to == top => Op::JumpIfEqual { a, b, by },
            Some(Op::IsNil { to, a }) if to == top => Op::JumpUnlessNil { a, by },
            Some(Op::IsNotNil { to, a }) if to == top => Op::JumpIfNil { a, by },
            Some(Op::EqualNumber { to, a, b }) if to == top => Op::JumpUnlessEqualNumber { a, b, by },
            Some(Op::NotEqualNumber { to, a, b }) if to == top => Op::JumpIfEqualNumber { a, b, by },
            Some(Op::LessNumber { to, a, b }) if to == top => Op::JumpUnlessLessNumber { a, b, by },
            Some(Op::NotLessNumber { to, a, b }) if to == top => Op::JumpIfLessNumber { a, b, by },
            Some(Op::GreaterNumber { to, a, b }) if to == top => Op::JumpUnlessGreaterNumber { a, b, by },
            Some(Op::NotGreaterNumber { to, a, b }) if to == top => Op::JumpIfGreaterNumber { a, b, by },
            Some(Op::Not { to, from }) if to == top => Op::JumpIfTrue { from, by },
            _ => return Op::JumpIfFalse { from: self.operand(), by },
        };
        self.retract();
        self.pop();
        op
    }

    fn load(&mut self, line: u32, op: impl FnOnce(Slot) -> Op) {
        let to = self.push();
        self.write(op(to), line);
    }

    fn unary(&mut self, line: u32, op: impl FnOnce(Slot, Slot) -> Op) {
        let a = self.operand();
        self.load(line, |to| op(to, a));
    }

    fn binary(&mut self, line: u32, op: impl FnOnce(Slot, Slot, Slot) -> Op) {
        let b = self.operand();
        let a = self.operand();
        self.load(line, |to| op(to, a, b));
    }

    /// Pops arguments, and the callee, whose slot is where the result is pushed.
    fn call(&mut self, arguments: u8) -> Slot {
        self.height = self.height.saturating_sub(arguments.into());
        self.top()
    }

    /// Pops an operand and says where it is: on the stack, or in the variable that the last instruction copied.
    fn operand(&mut self) -> Slot {
        let top = self.pop();
        match self.last() {
            Some(Op::Move { to, from }) if to == top => {
                self.retract();
                from
            }
            _ => top,
        }
    }

    /// Pops the operand if it is a small whole number.
    fn small_number(&mut self) -> Option<i16> {
        match self.last() {
            // The cast saturates, so a number that does not fit differs from its cast. So does -0.
            Some(Op::Number { to, number })
                if to == self.top() && f32::from(number as i16).to_bits() == number.to_bits() =>
            {
                self.retract();
                self.pop();
                Some(number as i16)
            }
            _ => None,
        }
    }

    /// Pops the operand if it is `nil`.
    fn nil(&mut self) -> bool {
        let nil = self.last() == Some(Op::Nil { to: self.top() });
        if nil {
            self.retract();
            self.pop();
        }
        nil
    }

    /// Pops a value that nobody wants.
    fn discard(&mut self) {
        let top = self.pop();
        match self.last() {
            Some(last) if last.loads() == Some(top) => self.retract(),
            // A result on its way to a variable.
            Some(Op::Move { to: variable, from }) if from == top && self.code.len() >= self.fence + 2 => {
                let at = self.code.len() - 2;
                if let Some(to) = self.code[at].result().filter(|to| **to == top) {
                    *to = variable;
                    self.retract();
                }
            }
            _ => {}
        }
    }

    /// The last instruction, unless a jump may lead behind it.
    fn last(&self) -> Option<Op> {
        if self.code.len() > self.fence { self.code.last().copied() } else { None }
    }

    /// Takes the last instruction back.
    fn retract(&mut self) {
        self.code.pop();
        self.lines.pop();
    }

    pub(super) fn write(&mut self, op: Op, line: u32) {
        self.code.push(op);
        self.lines.push(line);
    }

    /// A new slot on top of the stack.
    pub(super) fn push(&mut self) -> Slot {
        self.height += 1;
        self.peak = self.peak.max(self.height);
        self.top()
    }

    fn pop(&mut self) -> Slot {
        let top = self.top();
        // After an error the steps may not fit together; then the code is not used.
        self.height = self.height.saturating_sub(1);
        top
    }

    /// The slot on top. If it does not fit, `fits` says so before the code is used.
    fn top(&self) -> Slot {
        self.height.saturating_sub(1) as Slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ops(steps: &[Step]) -> Vec<Op> {
        // The callee and two variables, in slots 0 to 2.
        let mut chunk = Chunk::new();
        chunk.parameter();
        chunk.parameter();
        for &step in steps {
            chunk.emit(step, 1);
        }
        chunk.finish(None, 0, Vec::new()).code
    }

    #[test]
    fn variables_are_operands_where_they_are() {
        let sum = [Step::GetLocal(1), Step::GetLocal(2), Step::Multiply, Step::Return];
        assert_eq!(ops(&sum), [Op::Multiply { to: 3, a: 1, b: 2 }, Op::Return { from: 3 }]);
    }

    #[test]
    fn a_copy_stays_if_something_happens_before_its_use() {
        let steps = [Step::GetLocal(1), Step::Number(0.5), Step::SetLocal(1), Step::Add];
        let expected = [
            Op::Move { to: 3, from: 1 },
            Op::Number { to: 4, number: 0.5 },
            Op::Move { to: 1, from: 4 },
            Op::Add { to: 3, a: 3, b: 4 },
        ];
        assert_eq!(ops(&steps), expected);
    }

    #[test]
    fn results_are_made_where_they_are_wanted() {
        let count = [Step::GetLocal(1), Step::Number(1.0), Step::Subtract, Step::SetLocal(1), Step::Pop];
        assert_eq!(ops(&count), [Op::SubtractNumber { to: 1, a: 1, b: 1 }]);
        let copy = [Step::GetLocal(2), Step::SetLocal(1), Step::Pop];
        assert_eq!(ops(&copy), [Op::Move { to: 1, from: 2 }]);
        assert_eq!(ops(&[Step::Nil, Step::Pop]), []);
    }

    #[test]
    fn an_assignment_that_is_an_operand_keeps_its_value() {
        let steps = [Step::GetLocal(2), Step::SetLocal(1), Step::SetLocal(2), Step::Pop];
        // `b = a = b`: the value in between is not lost, whatever is left out.
        assert_eq!(
            ops(&steps),
            [Op::Move { to: 3, from: 2 }, Op::Move { to: 1, from: 3 }, Op::Move { to: 2, from: 3 }]
        );
    }

    #[test]
    fn small_numbers_are_part_of_the_instruction() {
        let compare = |number| ops(&[Step::GetLocal(1), Step::Number(number), Step::Greater]);
        assert_eq!(compare(7.0), [Op::GreaterNumber { to: 3, a: 1, b: 7 }]);
        for other in [0.5, -0.0, 40_000.0] {
            assert_eq!(compare(other).last(), Some(&Op::Less { to: 3, a: 4, b: 3 }));
        }
    }

    #[test]
    fn nothing_is_combined_across_a_label() {
        let mut chunk = Chunk::new();
        chunk.emit(Step::True, 1);
        let jump = chunk.jump(Branch::And, 1);
        chunk.emit(Step::GetLocal(0), 1);
        assert!(chunk.bind(jump).is_ok());
        chunk.emit(Step::Print, 1);
        assert_eq!(
            chunk.finish(None, 0, Vec::new()).code,
            [
                Op::True { to: 1 },
                Op::JumpIfFalse { from: 1, by: 1 },
                Op::Move { to: 1, from: 0 },
                Op::Print { from: 1 },
            ]
        );
    }

    #[test]
    fn conditions_and_jumps_are_one() {
        let mut chunk = Chunk::new();
        for step in [Step::GetLocal(0), Step::Nil, Step::Equal] {
            chunk.emit(step, 1);
        }
        let jump = chunk.jump(Branch::IfFalse, 1);
        chunk.emit(Step::True, 1);
        chunk.emit(Step::Print, 1);
        assert!(chunk.bind(jump).is_ok());
        assert_eq!(chunk.finish(None, 0, Vec::new()).code[0], Op::JumpUnlessNil { a: 0, by: 2 });
    }

    #[test]
    fn the_frame_has_room_for_the_deepest_operand() {
        let mut chunk = Chunk::new();
        for step in [Step::Nil, Step::Nil, Step::Nil, Step::Call(2), Step::Pop, Step::Nil, Step::Return] {
            chunk.emit(step, 1);
        }
        assert_eq!(chunk.finish(None, 0, Vec::new()).frame_size, 4);
    }
}
