//! What the server counts, as Prometheus reads it.

use std::sync::Arc;

use anyhow::Result;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Of a request that was answered or refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Outcome {
    path: &'static str,
    code: u16,
}

/// Shared by all that hold a clone.
#[derive(Clone)]
pub(super) struct Figures {
    registry: Arc<Registry>,
    requests: Family<Outcome, Counter>,
    pub(super) texts: Counter,
    pub(super) waiting: Gauge,
    /// Texts that are computed together.
    pub(super) batches: Histogram,
    pub(super) model_seconds: Histogram,
    request_seconds: Histogram,
}

impl Default for Figures {
    fn default() -> Figures {
        // From a half of a millisecond to 16 s.
        let seconds = || Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        let mut figures = Figures {
            registry: Arc::new(Registry::default()),
            requests: Family::default(),
            texts: Counter::default(),
            waiting: Gauge::default(),
            batches: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            model_seconds: seconds(),
            request_seconds: seconds(),
        };
        let mut registry = Registry::with_prefix("bertline");
        registry.register("requests", "Requests, by path and status code", figures.requests.clone());
        registry.register("texts", "Texts that were answered", figures.texts.clone());
        registry.register("queue_texts", "Texts that wait for the model", figures.waiting.clone());
        registry.register("batch_texts", "Texts of a batch", figures.batches.clone());
        registry.register("model_seconds", "Time of a batch", figures.model_seconds.clone());
        registry.register("request_seconds", "Time of a prediction", figures.request_seconds.clone());
        figures.registry = Arc::new(registry);
        figures
    }
}

impl Figures {
    /// A request is over. `path` is one of the server's own, so that nobody can make as many series as there are paths.
    pub(super) fn count(&self, path: &'static str, code: u16) {
        self.requests.get_or_create(&Outcome { path, code }).inc();
    }

    pub(super) fn predicted(&self, seconds: f64) {
        self.request_seconds.observe(seconds);
    }

    /// In OpenMetrics' text format.
    pub(super) fn text(&self) -> Result<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_by_their_names() {
        let figures = Figures::default();
        figures.count("/predict", 200);
        figures.count("/predict", 200);
        figures.texts.inc_by(3);
        figures.waiting.inc_by(2);
        figures.batches.observe(3.0);
        figures.predicted(0.5);
        let text = figures.text().unwrap();
        for line in [
            "bertline_requests_total{path=\"/predict\",code=\"200\"} 2",
            "bertline_texts_total 3",
            "bertline_queue_texts 2",
            "bertline_batch_texts_bucket{le=\"4.0\"} 1",
            "bertline_request_seconds_count 1",
        ] {
            assert!(text.contains(line), "{text}\nlacks {line}");
        }
    }
}
