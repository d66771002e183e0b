//! Names in messages: the first ten, and how many more there are.

/// A message with more names is read by nobody.
const MOST: usize = 10;

/// `names` with ticks around each and commas between them.
pub fn listed<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> String {
    let mut names = names.into_iter();
    let first: Vec<String> = names.by_ref().take(MOST).map(|name| format!("`{}`", name.as_ref())).collect();
    let first = first.join(", ");
    match names.count() {
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
