//! The confusion matrix as a table. The shade of a cell is its share of the row.

use maud::{Markup, html};
use tasks::Details;

use super::page::{Section, thousands};

pub(super) fn section(details: &Details, labels: &[String]) -> Option<Section> {
    let Details::Classes { confusion_matrix, .. } = details else { return None };
    let body = html! {
        div.scroll { table.heat {
            thead { tr {
                th scope="col" { "true ↓ predicted →" }
                @for label in labels { th scope="col" { (label) } }
            } }
            tbody { @for (label, counts) in labels.iter().zip(confusion_matrix) {
                tr { th scope="row" { (label) } (cells(counts)) }
            } }
        } }
        p.note {
            "Each row has the examples of a true label: their number for each predicted label, and its share of the \
             row."
        }
    };
    Some(Section { id: "confusion", title: "Confusion matrix".into(), body })
}

fn cells(counts: &[u64]) -> Markup {
    let all = counts.iter().sum::<u64>().max(1);
    html! { @for &count in counts {
        @let share = count as f64 / all as f64;
        td style={ "--share:" (format!("{share:.3}")) } {
            (thousands(count)) small { (format!("{:.1} %", 100.0 * share)) }
        }
    } }
}
