//! The command line: arguments, exit codes, messages, the prompt.

mod harness;

use std::ffi::OsStr;

use harness::{Outcome, here, lox, run_source};

fn with(arguments: &[&str], input: &str) -> Outcome {
    let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    lox(&arguments, "", input)
}

#[test]
fn wrong_usage_is_64_and_says_what_was_expected_and_found() {
    for (arguments, error) in [
        (&["one.lox", "two.lox"][..], "expected one path, found one.lox and two.lox"),
        (&["--unknown"], "expected an option, found --unknown"),
        (&["--threads"], "expected a number after --threads, found nothing"),
        (&["--threads", "2"], "expected a path with --threads, found none"),
        (&["--threads", "x"], "expected a number after --threads, found x"),
    ] {
        let found = with(arguments, "");
        let errors = format!("lox: {error}\nUsage: lox [options] [path]; `lox --help` lists the options.\n");
        assert_eq!((found.code, found.errors), (Some(64), errors));
    }
}

#[test]
fn help_names_every_option() {
    let found = with(&["--help"], "");
    assert_eq!((found.code, found.errors.as_str()), (Some(0), ""));
    for option in ["--gc-snapshot FILE", "--gc-sites", "--gc-stats", "--gc-trace FILE", "--help", "--threads N"] {
        assert!(found.output.contains(option), "{option}");
    }
}

#[test]
fn an_unreadable_file_is_74() {
    let found = with(&["no/such/file.lox"], "");
    assert_eq!((found.code, found.errors.as_str()), (Some(74), "Could not open file \"no/such/file.lox\".\n"));
}

#[test]
fn errors_in_the_source_are_65_and_nothing_runs() {
    let source = "print 1;\nvar = 2;\nprint 3 4;\nprint \"open";
    let found = run_source("compile_errors.lox", source, "");
    let errors = "[line 2] Error at '=': Expect variable name.\n\
                  [line 3] Error at '4': Expect ';' after value.\n\
                  [line 4] Error: Unterminated string.\n";
    assert_eq!(found, Outcome { code: Some(65), output: String::new(), errors: errors.to_owned() });
}

#[test]
fn an_error_at_run_time_is_70_with_a_trace() {
    let source = "\
class Account {
  init(balance) {
    this.balance = balance;
    this.withdraw(
      200);
  }

  withdraw(amount) {
    fun check() {
      return this.limit - amount;
    }
    print check();
  }
}
print \"before\";
Account(100);
print \"after\";
";
    let errors = "Undefined property 'limit'.\n\
                  [line 10] in check()\n\
                  [line 12] in withdraw()\n\
                  [line 5] in init()\n\
                  [line 16] in script\n";
    let expected = Outcome { code: Some(70), output: "before\n".to_owned(), errors: errors.to_owned() };
    for profile in harness::PROFILES {
        assert_eq!(run_source("trace.lox", source, profile), expected);
    }
}

#[test]
fn the_prompt_goes_on_after_errors() {
    let input =
        "var a = 1;\nprint a +;\nprint a + \"x\";\nfun f() { return a; }\na = 2;\nprint f();\nprint b;\nprint a";
    let found = with(&[], input);
    let errors = "[line 1] Error at ';': Expect expression.\n\
                  Operands must be two numbers or two strings.\n\
                  [line 1] in script\n\
                  Undefined variable 'b'.\n\
                  [line 1] in script\n\
                  [line 1] Error at end: Expect ';' after value.\n";
    let expected = Outcome { code: Some(0), output: "> > > > > > 2\n> > > \n".to_owned(), errors: errors.to_owned() };
    assert_eq!(found, expected);
}

/// The message of a finalizer that fails goes to the error stream, with its own calls, and the script goes on.
#[test]
fn a_finalizer_may_fail() {
    let source = "\
class A {}
var saved;
fun fail(it) { return it.missing; }
fun done(it) {
  var kept = \"kept\";
  fun get() { return kept; }
  saved = get;
  var other = \"other\";
  return fail(it);
}
fun f(n) {
  fun g() { return n; }
  finalize(A(), done);
  finalize(A(), done);
  collect();
  return g;
}
print f(1)();
print saved();
";
    let errors = "Undefined property 'missing'.\n\
                  [line 3] in fail()\n\
                  [line 9] in done()\n";
    let expected = Outcome { code: Some(0), output: "1\nkept\n".to_owned(), errors: errors.repeat(2) };
    for profile in harness::PROFILES {
        assert_eq!(run_source("finalizer_fails.lox", source, profile), expected);
    }
}

/// A line that fails leaves its closures the variables that they have captured.
#[test]
fn closures_outlive_a_line_that_failed() {
    let input = "var f;\n\
                 fun fail(b) { var c = 3; fun g() { return b + c; } f = g; var d = 4; return nil + d; }\n\
                 { var a = 9; fail(2); }\n\
                 fun other(a, b, c, d) { return f(); }\n\
                 print other(9, 9, 9, 9);\n";
    for profile in harness::PROFILES {
        let found = lox(&[], profile, input);
        assert_eq!((found.code, found.output.as_str()), (Some(0), "> > > > > 5\n> \n"), "{}", found.errors);
    }
}

#[test]
fn the_prompt_works_under_stress() {
    let input = "class A { init(n) { this.n = n; } }\nvar a = A(\"kept\");\nfun f() { return a.n; }\nprint f();\n";
    for profile in harness::PROFILES {
        let found = lox(&[], profile, input);
        assert_eq!((found.code, found.output.as_str()), (Some(0), "> > > > kept\n> \n"), "{}", found.errors);
    }
}

#[test]
fn statistics_tell_what_the_collector_did() {
    let program = here("programs/binary_trees.lox");
    let program = program.to_str().expect("the path is UTF-8");
    for arguments in [["--gc-stats", program], [program, "--gc-stats"]] {
        let found = with(&arguments, "");
        assert_eq!(found.code, Some(0));
        let words: Vec<&str> = found.errors.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(words, ["collections", "pauses", "allocated", "copied", "promoted", "freed", "peak"]);
        assert!(!found.errors.contains("collections  0 young"), "{}", found.errors);
    }
}
