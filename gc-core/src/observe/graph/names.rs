//! Names of types, shortened and compared: `alloc::vec::Vec<demo::Item>` is `Vec<Item>` for short.

/// The name with each path in it cut down to its last segment.
pub(crate) fn short(name: &str) -> String {
    let mut short = String::with_capacity(name.len());
    // Where the path began that is being copied.
    let mut path = 0;
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            // What follows `>::` is not in a path that could be cut: `<T as Trait>::Item`.
            if short.len() > path {
                short.truncate(path);
            } else {
                short.push_str("::");
                path = short.len();
            }
            rest = after;
            continue;
        }
        short.push(c);
        if !(c.is_alphanumeric() || c == '_' || c == '{' || c == '}' || c == '#') {
            path = short.len();
        }
        rest = &rest[c.len_utf8()..];
    }
    short
}

/// The last segment of the outermost path: behind the last `::` that is not within brackets.
fn last_segment(name: &str) -> &str {
    let (mut depth, mut last, mut before) = (0_usize, 0, ' ');
    for (at, c) in name.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            // An arrow, `->`, closes nothing.
            '>' if before == '-' => {}
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ':' if before == ':' && depth == 0 => last = at + 1,
            _ => {}
        }
        before = c;
    }
    &name[last..]
}

/// Whether `wanted` is the name of the type: the whole of it, or its last segment with or without
/// generic arguments.
pub(crate) fn is_named(name: &str, wanted: &str) -> bool {
    let last = last_segment(name);
    let bare = last.split_once('<').map_or(last, |(bare, _)| bare);
    name == wanted || last == wanted || (bare == wanted && !bare.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_wherever_they_are() {
        assert_eq!(short("alloc::vec::Vec<gc_core::gc::Gc<demo::Session>>"), "Vec<Gc<Session>>");
        assert_eq!(short("[core::option::Option<&'static str>; 3]"), "[Option<&'static str>; 3]");
        assert_eq!(short("(a::B, c::D)"), "(B, D)");
        assert_eq!(short("fn(a::B) -> c::D"), "fn(B) -> D");
        assert_eq!(short("<a::B as c::D>::Item"), "<B as D>::Item");
        assert_eq!(short("demo::main::{{closure}}"), "{{closure}}");
        assert_eq!(short(""), "");
        assert_eq!(short("system / Context"), "system / Context");
        assert_eq!(short("größe::Maß"), "Maß");
        assert_eq!(short("::"), "::");
    }

    #[test]
    fn a_type_is_found_by_its_whole_name_or_its_last_segment() {
        let name = "alloc::vec::Vec<demo::Item>";
        for wanted in [name, "Vec<demo::Item>", "Vec"] {
            assert!(is_named(name, wanted), "{wanted}");
        }
        for wanted in ["", "Item", "Item>", "vec", "vec::Vec", "demo::Item", "ec"] {
            assert!(!is_named(name, wanted), "{wanted}");
        }
        assert!(is_named("", "") && is_named("[demo::Item]", "[demo::Item]") && !is_named("[demo::Item]", "Item"));
        assert!(is_named("m::F<fn(a::B) -> c::D>", "F"));
    }
}
