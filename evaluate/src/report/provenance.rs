//! Provenance: the corpus, the model, and the manifests of the earlier stages.

use maud::{Markup, html};
use serde_json::Value;
use shared::layout::Stage;
use shared::manifest::Manifest;
use shared::metadata::{FetchMetadata, Source, SplitMetadata, TrainMetadata};

use super::ReportInput;
use super::page::{Section, table, thousands};

/// The origin of the evaluation: corpus, model, device and earlier stages.
pub(crate) struct Provenance<'a> {
    pub(crate) fetched: &'a FetchMetadata,
    /// The statistics of the evaluated split.
    pub(crate) tokenized: Option<SplitMetadata>,
    pub(crate) training: &'a TrainMetadata,
    /// The manifests of the earlier stages, in their order.
    pub(crate) manifests: Vec<&'a Manifest>,
    /// Evaluate's own section of the config.
    pub(crate) section: Value,
    /// The device of evaluate.
    pub(crate) device: &'a str,
}

pub(super) fn section(input: &ReportInput<'_>) -> Section {
    let provenance = input.provenance;
    let body = html! {
        (run(input))
        h3 { "Stages" }
        (stages(&provenance.manifests))
        p.note {
            "The fingerprint names the stage's folder; the digest covers its files and metadata. Time and memory \
             are those of the process that finished the stage. Those of evaluate are in the manifest beside this \
             page, which is written later."
        }
        h3 { "Configuration" }
        @for manifest in &provenance.manifests { (section_of(manifest.stage, &manifest.config)) }
        (section_of(Stage::Evaluate, &provenance.section))
        (sources(&provenance.fetched.sources))
    };
    Section { id: "provenance", title: "Provenance".into(), body }
}

fn run(input: &ReportInput<'_>) -> Markup {
    let Provenance { fetched, tokenized, training, device, .. } = input.provenance;
    let mut rows = vec![
        ["corpus".to_owned(), fetched.corpus.clone()],
        ["licence".to_owned(), fetched.licence.clone()],
        [
            "model".to_owned(),
            format!("{}, {} parameters", fetched.model, thousands(training.parameters as u64)),
        ],
        ["trained".to_owned(), trained(training)],
        ["evaluated on".to_owned(), (*device).to_owned()],
        ["seed".to_owned(), input.seed.to_string()],
        ["version".to_owned(), format!("bertline {}", env!("CARGO_PKG_VERSION"))],
    ];
    if let Some(SplitMetadata { truncation_rate, unk_rate, .. }) = tokenized {
        let rates = [truncation_rate, unk_rate].map(|rate| format!("{:.2} %", 100.0 * rate));
        let [truncated, unknown] = rates;
        rows.push([
            "tokens".to_owned(),
            format!("{truncated} of the rows truncated, {unknown} of the tokens unknown"),
        ]);
    }
    html! { dl { @for [name, value] in &rows { dt { (name) } dd { (value) } } } }
}

fn trained(training: &TrainMetadata) -> String {
    format!(
        "{} steps; the model after step {} was kept, with {} on dev",
        thousands(training.steps),
        thousands(training.best_step),
        training.best_dev.sentence()
    )
}

fn stages(manifests: &[&Manifest]) -> Markup {
    let row = |manifest: &&Manifest| {
        let provenance = &manifest.provenance;
        let memory = provenance.peak_memory_bytes;
        vec![
            manifest.stage.to_string(),
            duration(provenance.wall_seconds),
            memory.map_or_else(|| "–".to_owned(), |bytes| format!("{} MiB", thousands(bytes >> 20))),
            provenance.version.clone(),
            manifest.fingerprint.clone(),
            manifest
                .content_digest()
                .map_or_else(|_| "–".to_owned(), |digest| digest.chars().take(16).collect()),
        ]
    };
    let headings = ["stage", "wall time", "peak memory", "version", "fingerprint", "digest"];
    table(&headings, manifests.iter().map(row))
}

fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

fn section_of(stage: Stage, section: &Value) -> Markup {
    html! { details { summary { code { "[" (stage) "]" } } pre { (format!("{section:#}")) } } }
}

fn sources(sources: &[Source]) -> Markup {
    let row = |source: &Source| vec![source.location.clone(), thousands(source.bytes), source.sha256.clone()];
    html! { @if !sources.is_empty() {
        details {
            summary { "Source files" }
            (table(&["location", "bytes", "SHA-256"], sources.iter().map(row)))
        }
    } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_readable_units() {
        let check = |seconds, expect: &str| assert_eq!(duration(seconds), expect);
        check(0.04, "0.0 s");
        check(59.4, "59.4 s");
        check(59.6, "1 min 0 s");
        check(3725.0, "1 h 2 min");
    }
}
