//! Bounded lists in messages: ten items and the number of the others.

/// Readers skip longer lists.
const MOST: usize = 10;

/// `names` with ticks around each and commas between them.
pub fn listed<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> String {
    joined(names.into_iter().map(|name| format!("`{}`", name.as_ref())))
}

/// `clauses` as they are, with commas between them.
pub fn joined(clauses: impl IntoIterator<Item = String>) -> String {
    let mut clauses = clauses.into_iter();
    let first = clauses.by_ref().take(MOST).collect::<Vec<String>>().join(", ");
    match clauses.count() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_names_are_shown() {
        let check = |count: usize, expect: &str| {
            assert_eq!(listed((1..=count).map(|name| name.to_string())), expect);
        };
        check(0, "");
        check(2, "`1`, `2`");
        check(10, "`1`, `2`, `3`, `4`, `5`, `6`, `7`, `8`, `9`, `10`");
        check(12, "`1`, `2`, `3`, `4`, `5`, `6`, `7`, `8`, `9`, `10` and 2 more");
    }
}
