use std::io::Cursor;

use super::lines::{LINE_BYTES_MAX, LinesError};
use super::*;

const EXAMPLE: &str = include_str!("../../../../docs/histories.md");

fn line(op: &str, client: u64, value: &str, invoke: u64, end: &str) -> String {
    let who = format!(r#""client":{client},"op":"{op}","key":"k""#);
    format!(r#"{{{who},"value":{value},"invoke":{invoke},"return":{end}}}"#)
}

fn put(client: u64, value: &str, invoke: u64, end: &str) -> String {
    line("put", client, &format!("\"{value}\""), invoke, end)
}

fn get(client: u64, value: &str, invoke: u64, end: &str) -> String {
    line("get", client, value, invoke, end)
}

fn with_file<T>(name: &str, text: &str, use_it: impl FnOnce(&Path) -> T) -> T {
    let file = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
    std::fs::write(&file, text).expect("the temporary folder takes files");
    let used = use_it(&file);
    std::fs::remove_file(file).expect("it was just written");
    used
}

fn judged(name: &str, text: &str) -> (u8, String) {
    with_file(name, text, |file| judge(&options(file)))
}

fn options(file: &Path) -> CheckHistory {
    CheckHistory {
        file: file.to_owned(),
        steps: 1_000_000,
        remember: 1_000,
    }
}

/// The words about a malformed text.
fn wrong(text: &[u8]) -> String {
    let error = Lines::read(Cursor::new(text)).expect_err("it is malformed");
    assert!(matches!(error, LinesError::Line { .. }));
    error.to_string()
}

/// The blocks of the document that hold JSON lines.
fn examples() -> Vec<&'static str> {
    let blocks = EXAMPLE.split("```json\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap_or_default())
        .collect()
}

#[test]
fn the_examples_of_the_document_are_what_it_says_they_are() {
    let examples = examples();
    assert_eq!(examples.len(), 2);
    let (code, text) = judged("example-right", examples[0]);
    assert_eq!(code, LINEARIZABLE, "{text}");
    assert!(
        text.starts_with("linearizable: 8 operations on 2 keys\n"),
        "{text}"
    );
    let (code, text) = judged("example-wrong", examples[1]);
    assert_eq!(code, NOT_LINEARIZABLE, "{text}");
    let output = EXAMPLE
        .split("```text\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    assert_eq!(Some(format!("{text}\n").as_str()), output);
}

#[test]
fn a_spent_budget_has_the_exit_code_of_no_verdict() {
    let text = [put(1, "a", 0, "1"), get(1, "\"a\"", 2, "3")].join("\n");
    let (code, words) = with_file("budget", &text, |file| {
        judge(&CheckHistory {
            steps: 0,
            ..options(file)
        })
    });
    assert_eq!(code, NO_VERDICT);
    assert!(words.starts_with("unknown: key \"k\""), "{words}");
}

#[test]
fn a_file_that_is_malformed_or_absent_has_the_exit_code_of_no_verdict() {
    let text = format!("{}\n\nnonsense\n", put(1, "a", 0, "1"));
    let (code, words) = judged("malformed", &text);
    assert_eq!(code, NO_VERDICT);
    assert!(words.contains(": line 3: expected"), "{words}");
    let (code, words) = judge(&options(Path::new("/nowhere/at/all")));
    assert_eq!(code, NO_VERDICT);
    assert!(words.contains("cannot read"), "{words}");
}

#[test]
fn the_command_ends_with_the_exit_code_of_the_verdict() {
    let right = run(&options(Path::new("/nowhere/at/all")));
    assert_eq!(
        format!("{right:?}"),
        format!("{:?}", ExitCode::from(NO_VERDICT))
    );
    let cases = [("\"a\"", LINEARIZABLE), ("\"b\"", NOT_LINEARIZABLE)];
    for (value, code) in cases {
        let text = [put(1, "a", 0, "1"), get(1, value, 2, "3")].join("\n");
        let ended = with_file("code", &text, |file| run(&options(file)));
        assert_eq!(format!("{ended:?}"), format!("{:?}", ExitCode::from(code)));
    }
}

#[test]
fn what_is_missing_or_does_not_belong_is_told_with_its_line() {
    let cases = [
        (
            r#"{"client":1,"op":"get","key":"k","value":null,"invoke":1}"#,
            "no `return`",
        ),
        (
            r#"{"client":1,"op":"get","key":"k","invoke":1,"return":2}"#,
            "no `value`",
        ),
        (
            r#"{"client":1,"op":"get","key":"k","value":"x","invoke":1,"return":null}"#,
            "it has no answer",
        ),
        (
            r#"{"client":1,"op":"put","key":"k","value":null,"invoke":1,"return":2}"#,
            "a string",
        ),
        (
            r#"{"client":1,"op":"append","key":"k","invoke":1,"return":2}"#,
            "a string",
        ),
        (
            r#"{"client":1,"op":"put","key":"k","value":"x","ok":true,"invoke":1,"return":2}"#,
            "only `cas`",
        ),
        (
            r#"{"client":1,"op":"delete","key":"k","value":"x","invoke":1,"return":2}"#,
            "has no `value`",
        ),
        (
            r#"{"client":1,"op":"cas","key":"k","value":"x","ok":true,"invoke":1,"return":2}"#,
            "no `expected`",
        ),
        (
            r#"{"client":1,"op":"cas","key":"","expected":null,"value":"","invoke":1,"return":2}"#,
            "true or false",
        ),
        (
            r#"{"client":1,"op":"put","key":"k","value":"x","invoke":1,"return":2,"node":3}"#,
            "unknown field `node`",
        ),
        (
            r#"{"client":1,"client":1,"op":"delete","key":"k","invoke":1,"return":2}"#,
            "duplicate field `client`",
        ),
        (
            r#"{"client":-1,"op":"delete","key":"k","invoke":1,"return":2}"#,
            "invalid value",
        ),
        (
            r#"{"client":1,"op":"delete","key":"k","invoke":1.5,"return":2}"#,
            "invalid type",
        ),
        (
            r#"{"client":1,"op":"scan","key":"k","invoke":1,"return":2}"#,
            "unknown variant",
        ),
        ("[]", "invalid"),
        ("{", "EOF"),
    ];
    for (line, words) in cases {
        let text = format!("{}\n{line}\n", put(7, "a", 0, "1"));
        let reason = wrong(text.as_bytes());
        assert!(reason.starts_with("line 2: "), "{line}: {reason}");
        assert!(reason.contains(words), "{line}: {reason}");
    }
    assert!(wrong(b"\"\xff\"").starts_with("line 1: "));
}

#[test]
fn what_cannot_have_happened_is_told_with_its_line() {
    let text = [put(1, "a", 5, "9"), String::new(), put(1, "b", 7, "8")].join("\n");
    let words = "line 3: client 1 invoked it at 7, while another had yet to return at 9 (line 1)";
    assert_eq!(wrong(text.as_bytes()), words);
    let words = "line 1: it returned at 4, before it was invoked at 5";
    assert_eq!(wrong(put(1, "a", 5, "4").as_bytes()), words);
}

#[test]
fn a_line_that_is_too_long_is_refused_before_it_is_read_to_its_end() {
    let long = "x".repeat(LINE_BYTES_MAX);
    assert!(wrong(long.as_bytes()).starts_with("line 1: expected value"));
    let longer = format!("\n{long}x\n");
    assert!(wrong(longer.as_bytes()).starts_with("line 2: longer than"));
    let endless = io_of_endless_bytes();
    let error = Lines::read(endless).expect_err("no line ends");
    assert!(
        error.to_string().starts_with("line 1: longer than"),
        "{error}"
    );
}

fn io_of_endless_bytes() -> impl std::io::BufRead {
    BufReader::new(std::io::repeat(b' '))
}

#[test]
fn a_nest_of_brackets_is_refused() {
    let nest = format!("{}\n", "[".repeat(100_000));
    assert!(wrong(nest.as_bytes()).starts_with("line 1: "));
}

#[test]
fn what_is_printed_has_no_control_characters_and_an_end() {
    assert_eq!(quoted(b"a\x1b[2J\n"), r#""a\u{1b}[2J\n""#);
    let long = quoted("ä".repeat(1_000).as_bytes());
    assert_eq!(
        long.chars().filter(|&character| character == 'ä').count(),
        CHARACTERS_MAX
    );
    assert!(long.ends_with("(2000 bytes)"), "{long}");
}
