//! `Counted` is read and written as its contents are.

use gc_core::Counted;

type Value = (Counted<str>, Counted<[u64]>, Counted<Vec<Counted<str>>>);

#[test]
fn what_is_written_is_read_back() {
    let name: Counted<str> = "Ada".into();
    let value: Value = (name.clone(), [1, 2].into(), Counted::new(vec![name.clone(), name]));
    let text = serde_json::to_string(&value).unwrap();
    assert_eq!(text, r#"["Ada",[1,2],["Ada","Ada"]]"#);
    let back: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(back, value);
    assert!(serde_json::from_str::<Counted<[u64]>>("[1, -1]").is_err());
}
