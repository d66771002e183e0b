//! The reliability diagram: accuracy by confidence.

use maud::html;
use metrics::calibration::{Bin, Calibration, Judged, calibration};
use shared::schema::{Decoded, Prediction};

use super::chart::{Axis, Chart, Mark, Range, Series};
use super::page::{Section, table, thousands};

pub(super) fn section(predictions: &[Prediction]) -> Option<Section> {
    let judged: Vec<Judged> = predictions.iter().filter_map(judged).collect();
    let calibration = calibration(&judged)?;
    let row = |bin: &Bin| {
        let range = format!("{:.2} to {:.2}", bin.lower, bin.upper);
        let [confidence, accuracy] = [bin.confidence, bin.accuracy].map(|value| format!("{value:.4}"));
        vec![range, thousands(bin.predictions), confidence, accuracy]
    };
    let headings = ["confidence", "examples", "mean confidence", "accuracy"];
    let body = html! {
        div.charts { (chart(&calibration).figure()) }
        details { summary { "Values of the diagram" } (table(&headings, calibration.bins.iter().map(row))) }
    };
    Some(Section { id: "calibration", title: "Calibration".into(), body })
}

/// The confidence of the predicted label, and its correctness; None for other tasks.
fn judged(prediction: &Prediction) -> Option<Judged> {
    let Decoded::Class { predicted, probabilities } = &prediction.decoded else { return None };
    let confidence = probabilities.iter().copied().reduce(f32::max)?;
    Some(Judged { confidence: confidence.into(), correct: prediction.truth.as_label()? == predicted })
}

fn chart(calibration: &Calibration) -> Chart {
    let points = calibration.bins.iter().map(|bin| (bin.confidence, bin.accuracy)).collect();
    let model = Series { name: "the model".into(), points, mark: Mark::Joined };
    Chart {
        id: "reliability",
        title: "Reliability".into(),
        summary: format!(
            "Expected calibration error {:.4}: the average distance between accuracy and confidence. Below the \
             dashed line the model is overconfident.",
            calibration.expected_error
        ),
        x: Axis { name: "confidence", range: Range::Unit },
        y: Axis { name: "accuracy", range: Range::Unit },
        series: vec![model, Series::diagonal("calibrated", 0.0, 1.0)],
    }
}
