//! The page around the sections.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::ReportInput;

/// The Content-Security-Policy of the page: nothing is loaded and no script runs, whatever a text contains.
const POLICY: &str = include_str!("policy.txt").trim_ascii();

const STYLE: &str = include_str!("style.css");

/// A section of the page.
pub(super) struct Section {
    /// Its anchor, unique in the page.
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) body: Markup,
}

pub(super) fn page(input: &ReportInput<'_>, sections: impl Iterator<Item = Section>) -> Markup {
    let sections: Vec<Section> = sections.collect();
    let task = input.task.name();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (input.name) " · evaluation" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (input.name) }
                    p { (task.replace('_', " ")) " on " strong { (input.split) } " of "
                        (input.provenance.fetched.corpus) ": "
                        (thousands(input.predictions.len() as u64)) " examples" }
                    nav aria-label="Sections" {
                        @for section in &sections { a href={ "#" (section.id) } { (section.title) } }
                    }
                }
                main {
                    @for Section { id, title, body } in &sections {
                        section id=(id) { h2 { (title) } (body) }
                    }
                }
            }
        }
    }
}

/// A table with a line of headings; the first column names the rows, the others hold values.
pub(super) fn table(headings: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Markup {
    html! {
        div.scroll { table {
            thead { tr { @for heading in headings { th scope="col" { (heading) } } } }
            tbody { @for row in rows { tr {
                @for (place, cell) in row.iter().enumerate() {
                    @if place == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                }
            } } }
        } }
    }
}

/// The number with commas between thousands.
pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated_by_commas() {
        let check = |count, expect: &str| assert_eq!(thousands(count), expect);
        check(0, "0");
        check(999, "999");
        check(50_000, "50,000");
        check(1_234_567, "1,234,567");
    }
}
