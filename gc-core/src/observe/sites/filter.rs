//! Filters of traces.

use super::snapshot::{SiteTrace, Snapshot};

/// Chooses traces by their types and sites. Python: `tracemalloc.Filter`.
///
/// A pattern is matched with all of the name: `*` stands for any number of characters, `?` for one.
///
/// ```
/// use gc_core::observe::sites::{self, Filter, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
/// # let m = heap.attach()?;
/// m.alloc(1_u64);
/// m.alloc_str("one");
/// let snapshot = sites::snapshot(&m);
/// let numbers = snapshot.filter(&[Filter::include().of_type("u*"), Filter::exclude().at("*/other.rs")]);
/// assert_eq!(numbers.live().objects, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    includes: bool,
    type_name: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    all_frames: bool,
}

impl Filter {
    /// Returns a filter that keeps what matches it: everything, so far.
    #[must_use]
    pub fn include() -> Self {
        Self { includes: true, type_name: None, file: None, line: None, all_frames: false }
    }

    /// Returns a filter that leaves out what matches it: everything, so far.
    #[must_use]
    pub fn exclude() -> Self {
        Self { includes: false, ..Self::include() }
    }

    /// Matches only types with such a name.
    #[must_use]
    pub fn of_type(self, pattern: &str) -> Self {
        Self { type_name: Some(pattern.to_owned()), ..self }
    }

    /// Matches only sites in such a file.
    #[must_use]
    pub fn at(self, file: &str) -> Self {
        Self { file: Some(file.to_owned()), ..self }
    }

    /// Matches only sites in this line.
    #[must_use]
    pub fn line(self, line: u32) -> Self {
        Self { line: Some(line), ..self }
    }

    /// Matches a trace also if another frame of its backtrace is in such a file and line. Python:
    /// `all_frames`.
    #[must_use]
    pub fn all_frames(self) -> Self {
        Self { all_frames: true, ..self }
    }

    fn matches(&self, trace: &SiteTrace) -> bool {
        let is_at = |file: &str, line: u32| {
            self.file.as_deref().is_none_or(|pattern| is_like(pattern, file)) && self.line.is_none_or(|own| own == line)
        };
        let is_of_type = self.type_name.as_deref().is_none_or(|pattern| is_like(pattern, trace.type_name()));
        let is_there = is_at(trace.site().file(), trace.site().line())
            || (self.all_frames
                && trace
                    .backtrace()
                    .iter()
                    .any(|frame| frame.file().is_some_and(|file| is_at(file, frame.line().unwrap_or_default()))));
        is_of_type && is_there
    }
}

impl Snapshot {
    /// Returns the traces that match one of the filters that include, if there are any, and none of
    /// those that exclude. Python: `Snapshot.filter_traces`.
    ///
    /// ```
    /// use gc_core::observe::sites::{self, Filter, SitesConfig};
    /// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
    /// # let m = heap.attach()?;
    /// m.alloc(1_u64);
    /// let snapshot = sites::snapshot(&m);
    /// assert_eq!(snapshot.filter(&[Filter::exclude().of_type("?64")]).traces().len(), 0);
    /// assert_eq!(snapshot.filter(&[]), snapshot);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn filter(&self, filters: &[Filter]) -> Self {
        let includes = filters.iter().any(|filter| filter.includes);
        let matches = |trace: &&SiteTrace, including| {
            filters.iter().filter(|filter| filter.includes == including).any(|filter| filter.matches(trace))
        };
        let traces = self.traces.iter().filter(|trace| (!includes || matches(trace, true)) && !matches(trace, false));
        Self { traces: traces.cloned().collect(), ..self.clone_without_traces() }
    }

    fn clone_without_traces(&self) -> Self {
        Self { traces: Vec::new(), ..*self }
    }
}

/// Returns whether a pattern matches a text. Takes time in proportion to the product of their
/// lengths at most.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` is, and how far the text goes that it stands for.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((at, end)) = star else { return false };
                star = Some((at, end + 1));
                (p, t) = (at + 1, end + 1);
            }
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::is_like;

    /// By the definition.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], _) => text.is_empty(),
            (['*', rest @ ..], _) => (0..=text.len()).any(|skipped| slowly(rest, &text[skipped..])),
            ([_, ..], []) => false,
            ([p, rest @ ..], [t, others @ ..]) => (*p == '?' || p == t) && slowly(rest, others),
        }
    }

    #[test]
    fn patterns_match_what_they_stand_for() {
        let words = |letters: &[char], most: u32| -> Vec<Vec<char>> {
            let all = (0..=most).flat_map(|len| (0..letters.len().pow(len)).map(move |n| (len, n)));
            let base = letters.len();
            all.map(|(len, n)| (0..len).map(|digit| letters[n / base.pow(digit) % base]).collect()).collect()
        };
        let texts = words(&['a', 'b'], 4);
        for pattern in words(&['a', 'b', '*', '?'], 5) {
            for text in &texts {
                let [p, t]: [String; 2] = [&pattern, text].map(|word| word.iter().collect());
                assert_eq!(is_like(&p, &t), slowly(&pattern, text), "{p} {t}");
            }
        }
    }
}
