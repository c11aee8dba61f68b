//! The limits of the book's implementation: what is just allowed, and what is not.

mod harness;

use harness::{Outcome, run_source};

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(", ")
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|i| line(i) + "\n").collect()
}

#[track_caller]
fn prints(name: &str, source: &str, output: &str) {
    let found = run_source(name, source, "");
    assert_eq!(found, Outcome { code: Some(0), output: output.to_owned(), errors: String::new() });
}

#[track_caller]
fn fails(name: &str, source: &str, code: i32, message: &str) {
    let found = run_source(name, source, "");
    assert_eq!(found.code, Some(code));
    assert!(found.errors.lines().next().is_some_and(|line| line.ends_with(message)), "{}", found.errors);
}

#[test]
fn parameters_and_arguments() {
    let source = |parameters, arguments| {
        let parameters = list(parameters, |i| format!("a{i}"));
        // Not numbers, of which there may be fewer.
        let arguments = list(arguments, |i| if i == 254 { "true" } else { "nil" }.to_owned());
        format!("fun f({parameters}) {{ return a254; }} print f({arguments});")
    };
    prints("arguments_255.lox", &source(255, 255), "true\n");
    fails("parameters_256.lox", &source(256, 1), 65, "Error at 'a255': Can't have more than 255 parameters.");
    fails("arguments_256.lox", &source(255, 256), 65, "Error at 'nil': Can't have more than 255 arguments.");
}

#[test]
fn local_variables() {
    // The callee takes a slot too.
    let source =
        |count| format!("fun f() {{\n{} print v{}; }} f();", lines(count, |i| format!("var v{i} = true;")), count - 1);
    prints("locals_255.lox", &source(255), "true\n");
    fails("locals_256.lox", &source(256), 65, "Error at 'v255': Too many local variables in function.");
}

#[test]
fn captured_variables() {
    // More than one function can declare.
    let source = |count: usize| {
        let half = count / 2;
        let declare = |from: usize, to: usize| lines(to - from, |i| format!("var v{} = true;", from + i));
        let uses = lines(count, |i| format!("v{i};"));
        format!(
            "fun f() {{ {} fun g() {{ {} fun h() {{ {uses} return v{}; }} return h; }} return g; }} print f()()();",
            declare(0, half),
            declare(half, count),
            count - 1,
        )
    };
    prints("upvalues_256.lox", &source(256), "true\n");
    fails("upvalues_257.lox", &source(257), 65, "Error at 'v256': Too many closure variables in function.");
}

#[test]
fn constants() {
    // Every use counts, of names too.
    let source = |count| format!("fun f() {{ {} }} f(); print \"done\";", lines(count, |i| format!("{i}.25;")));
    prints("constants_256.lox", &source(256), "done\n");
    fails("constants_257.lox", &source(257), 65, "Error at '256.25': Too many constants in one chunk.");
    let source = format!("fun f(x) {{ {} }}", lines(257, |_| "x.y;".to_owned()));
    fails("names_257.lox", &source, 65, "Error at 'y': Too many constants in one chunk.");
}

#[test]
fn calls() {
    let source = |depth| format!("fun f(n) {{ if (n > 1) f(n - 1); else print \"deep\"; }} f({depth});");
    // The script is a call.
    prints("calls_63.lox", &source(63), "deep\n");
    let found = run_source("calls_64.lox", &source(64), "");
    assert_eq!(found.code, Some(70));
    let trace: Vec<&str> = found.errors.lines().collect();
    assert_eq!(
        (trace[0], trace[1], trace[64], trace.len()),
        ("Stack overflow.", "[line 1] in f()", "[line 1] in script", 65)
    );
}

#[test]
fn jumps() {
    // `true;` is two bytes in the book.
    let body = |count| lines(count, |_| "true;".to_owned());
    prints("jump_65534.lox", &format!("if (false) {{ {} }} print \"over\";", body(32_765)), "over\n");
    let source = format!("if (false) {{ {} }}", body(32_768));
    fails("jump_65536.lox", &source, 65, "Error at '}': Too much code to jump over.");
    let source = format!("while (false) {{ {} }}", body(32_768));
    fails("loop_65536.lox", &source, 65, "Error at '}': Loop body too large.");
}

#[test]
fn nesting() {
    let deep = |count: usize| format!("print {}7{};", "(".repeat(count), ")".repeat(count));
    prints("nested_900.lox", &deep(900), "7\n");
    fails("nested_100000.lox", &deep(100_000), 65, "Too many nested expressions or statements.");
}
