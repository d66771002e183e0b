//! The metrics of the server, for Prometheus.

use std::sync::Arc;

use anyhow::Result;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::sync::watch;

/// The labels of a finished request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Outcome {
    path: &'static str,
    code: u16,
}

/// The metrics of the server. Clones share the values.
#[derive(Clone)]
pub(super) struct ServerMetrics {
    registry: Arc<Registry>,
    requests: Family<Outcome, Counter>,
    pub(super) texts: Counter,
    /// The number of texts that wait for the model; its changes can be awaited.
    pub(super) waiting: watch::Sender<u64>,
    queue_texts: Gauge,
    /// The number of texts in each batch.
    pub(super) batches: Histogram,
    pub(super) model_seconds: Histogram,
    answer_seconds: Histogram,
}

impl Default for ServerMetrics {
    fn default() -> ServerMetrics {
        // From 1 ms to more than twice the longest `--timeout`, since the body and the answer each have that time.
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 24));
        let mut metrics = ServerMetrics {
            registry: Arc::new(Registry::default()),
            requests: Family::default(),
            texts: Counter::default(),
            waiting: watch::Sender::new(0),
            queue_texts: Gauge::default(),
            batches: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            model_seconds: seconds(),
            answer_seconds: seconds(),
        };
        let mut registry = Registry::with_prefix("bertline");
        registry.register("requests", "Requests, by path and status code", metrics.requests.clone());
        registry.register("texts", "Texts that were answered", metrics.texts.clone());
        registry.register("queue_texts", "Texts that wait for the model", metrics.queue_texts.clone());
        registry.register("batch_texts", "Texts of a batch", metrics.batches.clone());
        registry.register("model_seconds", "Time of a batch", metrics.model_seconds.clone());
        let help = "Time of a request to /predict that was answered with 200";
        registry.register("request_seconds", help, metrics.answer_seconds.clone());
        metrics.registry = Arc::new(registry);
        metrics
    }
}

impl ServerMetrics {
    /// Counts a finished request. `path` is one of the server's own routes, so that clients cannot create series.
    pub(super) fn count(&self, path: &'static str, code: u16) {
        self.requests.get_or_create(&Outcome { path, code }).inc();
    }

    /// Observes the time of a request that was answered with a prediction, in seconds. Refusals are left out: they take
    /// almost no time and would distort the histogram.
    pub(super) fn answered(&self, seconds: f64) {
        self.answer_seconds.observe(seconds);
    }

    /// The metrics in OpenMetrics' text format.
    pub(super) fn text(&self) -> Result<String> {
        self.queue_texts.set(i64::try_from(*self.waiting.borrow())?);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_their_names_in_the_text() {
        let metrics = ServerMetrics::default();
        metrics.count("/predict", 200);
        metrics.count("/predict", 200);
        metrics.texts.inc_by(3);
        metrics.waiting.send_replace(2);
        metrics.batches.observe(3.0);
        metrics.answered(45.0);
        let text = metrics.text().unwrap();
        for line in [
            "bertline_requests_total{path=\"/predict\",code=\"200\"} 2",
            "bertline_texts_total 3",
            "bertline_queue_texts 2",
            "bertline_batch_texts_bucket{le=\"4.0\"} 1",
            "bertline_request_seconds_count 1",
            "bertline_request_seconds_bucket{le=\"65.536\"} 1",
        ] {
            assert!(text.contains(line), "{text}\nlacks {line}");
        }
    }
}
