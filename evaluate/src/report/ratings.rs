//! A plot of predicted scores against the true ones.

use maud::html;
use metrics::regression::Rating;
use shared::schema::Prediction;
use tasks::rating;

use super::chart::{Axis, Chart, Mark, Range, Series};
use super::page::{Section, thousands};

/// The most points of the plot; more would cover each other.
const MOST: usize = 2000;

pub(super) fn section(predictions: &[Prediction]) -> Option<Section> {
    let ratings: Vec<Rating> = predictions.iter().filter_map(rating).collect();
    let values = || ratings.iter().flat_map(|rating| [rating.predicted, rating.label]);
    let (low, high) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
    let every = ratings.len().div_ceil(MOST);
    let points: Vec<(f64, f64)> =
        ratings.iter().step_by(every).map(|rating| (rating.label, rating.predicted)).collect();
    let chart = Chart {
        id: "scores",
        title: "True and predicted scores".into(),
        summary: summary(&ratings, points.len()),
        x: Axis { name: "true score", range: Range::Data },
        y: Axis { name: "predicted score", range: Range::Data },
        series: vec![
            Series { name: "example".into(), points, mark: Mark::Dots },
            Series::diagonal("perfect", low, high),
        ],
    };
    let body = html! { div.charts { (chart.figure()) } };
    Some(Section { id: "scores", title: "Scores".into(), body })
}

fn summary(ratings: &[Rating], shown: usize) -> String {
    let off: f64 = ratings.iter().map(|rating| (rating.predicted - rating.label).abs()).sum();
    let mean = off / ratings.len() as f64;
    let shown = match shown == ratings.len() {
        true => String::new(),
        false => {
            format!(" {} of {} examples are shown.", thousands(shown as u64), thousands(ratings.len() as u64))
        }
    };
    format!("The mean absolute error is {mean:.4}.{shown}")
}
