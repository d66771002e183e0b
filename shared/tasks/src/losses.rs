//! Evaluation losses, in nats and float64.

use metrics::log_softmax;
use shared::model_output::Output;
use shared::schema::Targets;

/// A sum of losses and their number. The loss of a split is the quotient over all its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Loss {
    /// The sum of losses.
    pub sum: f64,
    /// The number of losses.
    pub count: f64,
}

impl Loss {
    /// The mean loss; NaN without losses.
    pub fn mean(self) -> f64 {
        self.sum / self.count
    }

    /// The loss of a row whose targets belong to another task.
    pub(crate) const UNDEFINED: Loss = Loss { sum: f64::NAN, count: 1.0 };
}

impl std::iter::Sum for Loss {
    fn sum<I: Iterator<Item = Loss>>(losses: I) -> Loss {
        losses.fold(Loss::default(), |all, one| Loss { sum: all.sum + one.sum, count: all.count + one.count })
    }
}

/// The cross-entropy of one class.
pub(crate) fn cross_entropy(targets: &Targets, output: &Output) -> Loss {
    let Targets::Class(class) = targets else { return Loss::UNDEFINED };
    of_class(*class, output.logits())
}

/// The sum of cross-entropies over the tokens that have a tag.
pub(crate) fn token_cross_entropy(targets: &Targets, output: &Output) -> Loss {
    let (Targets::Tags(tags), logits) = (targets, output.logits()) else { return Loss::UNDEFINED };
    if tags.is_empty() || !logits.len().is_multiple_of(tags.len()) {
        return Loss::UNDEFINED;
    }
    let labels = (logits.len() / tags.len()).max(1);
    let tokens = tags.iter().zip(logits.chunks(labels)).filter(|(tag, _)| **tag != Targets::IGNORED);
    tokens.map(|(&tag, logits)| of_class(tag, logits)).sum()
}

fn of_class(class: i64, logits: &[f32]) -> Loss {
    let class = usize::try_from(class).ok();
    let log_probability = class.and_then(|class| log_softmax(logits).get(class).copied());
    Loss { sum: -log_probability.unwrap_or(f64::NAN), count: 1.0 }
}

/// The binary cross-entropy, averaged over the labels.
pub(crate) fn binary_cross_entropy(targets: &Targets, output: &Output) -> Loss {
    let Targets::Classes(classes) = targets else { return Loss::UNDEFINED };
    let logits = output.logits();
    if logits.len() != classes.len() {
        return Loss::UNDEFINED;
    }
    let pairs =
        logits.iter().map(|&logit| f64::from(logit)).zip(classes.iter().map(|&class| f64::from(class)));
    // -class·ln σ(logit) - (1 - class)·ln σ(-logit), in a form whose exponential does not overflow.
    let losses = pairs.map(|(logit, class)| logit.max(0.0) - logit * class + (-logit.abs()).exp().ln_1p());
    Loss { sum: losses.sum::<f64>() / logits.len() as f64, count: 1.0 }
}

/// The squared error of a score.
pub(crate) fn squared_error(targets: &Targets, output: &Output) -> Loss {
    let (Targets::Score(score), [predicted]) = (targets, output.logits()) else { return Loss::UNDEFINED };
    Loss { sum: (f64::from(*predicted) - f64::from(*score)).powi(2), count: 1.0 }
}

/// The mean of the cross-entropies of a span's first and last token, each a class among the tokens of the row. A span that
/// ends outside the row does not count.
pub(crate) fn span_cross_entropy(targets: &Targets, output: &Output) -> Loss {
    let Targets::Span { start, end } = targets else { return Loss::UNDEFINED };
    let logits = output.logits();
    let (starts, ends) = logits.split_at(logits.len() / 2);
    let of = |logits: &[f32], place: i64| log_softmax(logits).get(usize::try_from(place).ok()?).copied();
    match of(starts, *start).zip(of(ends, *end)) {
        Some((start, end)) => Loss { sum: -(start + end) / 2.0, count: 1.0 },
        None => Loss::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_equals_that_of_torch() {
        let output = Output::Logits(vec![0.0, 2.0, 0.0]);
        let loss = |class| cross_entropy(&Targets::Class(class), &output).mean();
        let expect = -(2f64.exp() / (2f64.exp() + 2.0)).ln();
        assert!((loss(1) - expect).abs() < 1e-12 && (loss(0) - expect - 2.0).abs() < 1e-12);
        assert!(loss(3).is_nan() && cross_entropy(&Targets::Score(1.0), &output).mean().is_nan());
    }

    fn check(loss: Loss, expect: f64) {
        assert!((loss.mean() - expect).abs() < 1e-12, "{loss:?} is not {expect}");
    }

    #[test]
    fn binary_cross_entropy_equals_that_of_torch() {
        let loss = |logits: &[f32], classes: &[f32]| {
            binary_cross_entropy(&Targets::Classes(classes.into()), &Output::Logits(logits.into()))
        };
        // torch.nn.functional.binary_cross_entropy_with_logits(logits, classes) in float64
        check(loss(&[2.0, -1.5, 0.25], &[1.0, 1.0, 0.0]), 0.884_760_236_301_522_8);
        check(loss(&[1000.0, -1000.0], &[0.0, 0.0]), 500.0);
        assert!(loss(&[1.0], &[1.0, 0.0]).mean().is_nan());
        let output = Output::Logits(vec![1.0]);
        assert!(binary_cross_entropy(&Targets::Score(1.0), &output).mean().is_nan());
    }

    #[test]
    fn squared_error_equals_that_of_torch() {
        let loss = |logits: &[f32], targets: Targets| squared_error(&targets, &Output::Logits(logits.into()));
        // torch.nn.functional.mse_loss([2.75], [4.5])
        check(loss(&[2.75], Targets::Score(4.5)), 3.0625);
        assert!(loss(&[2.75, 1.0], Targets::Score(4.5)).mean().is_nan());
        assert!(loss(&[2.75], Targets::Class(1)).mean().is_nan());
    }

    #[test]
    fn the_loss_of_a_span_is_the_mean_of_both_ends() {
        let output = Output::Logits(vec![0.0, 2.0, 0.0, 1.0, 0.0, 0.0]);
        let loss = |start, end| span_cross_entropy(&Targets::Span { start, end }, &output);
        let of_start = (2f64.exp() + 2.0).ln() - 2.0;
        let of_end = (1f64.exp() + 2.0).ln();
        assert!((loss(1, 2).mean() - (of_start + of_end) / 2.0).abs() < 1e-12);
        assert_eq!((loss(1, 3), loss(-1, 0)), (Loss::default(), Loss::default()));
        assert!(span_cross_entropy(&Targets::Class(1), &output).mean().is_nan());
    }

    #[test]
    fn tokens_without_a_tag_do_not_count() {
        let output = Output::Logits(vec![0.0, 2.0, 9.0, -9.0, 0.0, 2.0]);
        let loss = |tags: &[i64]| token_cross_entropy(&Targets::Tags(tags.to_vec()), &output);
        let one = cross_entropy(&Targets::Class(1), &Output::Logits(vec![0.0, 2.0]));
        assert_eq!(loss(&[1, -100, 1]), Loss { sum: 2.0 * one.sum, count: 2.0 });
        assert_eq!(loss(&[-100; 3]), Loss::default());
        assert!(loss(&[1, 2, 1]).mean().is_nan());
        assert!(loss(&[]).mean().is_nan() && loss(&[1; 4]).mean().is_nan());
    }
}
