#!/usr/bin/env python3
"""Makes cases.json beside this script: random and awkward inputs, and what the public scorers say of them.

    python3 -m venv .venv && .venv/bin/pip install -r tests/metrics/requirements.txt
    .venv/bin/python tests/metrics/make_cases.py --korquad evaluate-v1.0.py

`tests/tests/metrics.rs` holds the file against `shared::metrics`, to 1e-6. scikit-learn scores classes, several
labels, rankings and calibration, scipy regression, seqeval entities, statsmodels McNemar's test. Characters are
scored by the calls of KLUE-baseline (`klue_baseline/metrics/functional.py`), answers by KorQuAD's script where one
is given, and else by korquad.py, which states it anew; `made_with` in the file says which. `--times 20 --seed 2`
makes a file for once that is too large to keep: run the test on it, and restore the old one.
"""

import argparse
import importlib.util
import json
import random
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import stats
from seqeval import metrics as seqeval
from seqeval.scheme import IOB2
from sklearn import metrics
from sklearn.calibration import calibration_curve
from statsmodels.stats.contingency_tables import mcnemar

import korquad

HERE = Path(__file__).resolve().parent
PACKAGES = ["numpy", "scikit-learn", "scipy", "seqeval", "statsmodels"]
CLASSES = ["PS", "LC", "OG"]
CHARACTERS = list("가나다라 서울  ABcdΣσİé😀19,.-!?_'\"《》<>〈〉()‘’“”「」·…")
CHARACTERS += list("\t\n\x1c\x1f\u0085\u00a0\u1680\u2028\u200b\u3000")
pick = random.Random()


def number(value: float) -> float | int | None:
    if np.isnan(value):
        return None
    short = float(f"{value:.8g}")
    return int(short) if short.is_integer() else short


def numbers(*values: float) -> list[float | int | None]:
    return [number(value) for value in values]


def digits(values) -> str:
    return "".join(str(int(value)) for value in values)


def classification() -> dict:
    classes, rows = pick.randint(2, 4), pick.choice([1, 2, 5, 12, 30])
    truth = [pick.randrange(classes) for _ in range(rows)]
    sure = pick.random()
    predicted = [label if pick.random() < sure else pick.randrange(classes) for label in truth]
    labels = dict(labels=list(range(classes)), zero_division=0)
    rows = metrics.precision_recall_fscore_support(truth, predicted, **labels)[:3]
    return {
        "truth": digits(truth),
        "predicted": digits(predicted),
        "classes": [numbers(*row) for row in zip(*rows)],
        "accuracy": number(metrics.accuracy_score(truth, predicted)),
        "macro_f1": number(metrics.f1_score(truth, predicted, average="macro", zero_division=0)),
    }


def correlation(measure, predicted: list[float], labels: list[float]) -> float | None:
    return number(measure(predicted, labels).statistic) if len(labels) > 1 else None


def regression() -> dict:
    rows, places = pick.choice([1, 2, 3, 5, 9, 12]), pick.choice([0, 1, 2])
    offset = pick.choice([0, 0, 0, 1e5])
    labels = [round(pick.uniform(0, 5), 1) for _ in range(rows)]
    noise = pick.choice([0, 0.5, 3])
    predicted = [round(offset + label + pick.uniform(-noise, noise), places) for label in labels]
    constant = pick.random()
    predicted = [predicted[0]] * rows if constant < 0.08 else predicted
    labels = [labels[0]] * rows if constant > 0.92 else labels
    positive = [[value >= 3 for value in side] for side in (labels, predicted)]
    return {
        "predicted": predicted,
        "labels": labels,
        "pearson": correlation(stats.pearsonr, predicted, labels),
        "spearman": correlation(stats.spearmanr, predicted, labels),
        "f1": number(metrics.f1_score(*positive, average="binary", zero_division=0)),
        "mse": number(metrics.mean_squared_error(labels, predicted)),
    }


def multi_label() -> dict:
    rows, labels, steps = pick.choice([1, 2, 4, 7]), pick.randint(2, 5), pick.choice([2, 16, 64])
    scores = np.array([[pick.randint(0, steps) / steps for _ in range(labels)] for _ in range(rows)])
    density = pick.choice([0.0, 0.2, 0.5, 0.8, 1.0])
    truth = np.array([[int(pick.random() < density) for _ in range(labels)] for _ in range(rows)])
    threshold = pick.choice([0.5, pick.randint(0, 64) / 64])
    score = lambda found, average: metrics.f1_score(truth, found, average=average, zero_division=0)
    f1 = lambda at, average: score((scores >= at).astype(int), average)
    candidates = {0.5, *scores.flatten().tolist()}
    best = min(candidates, key=lambda at: (-f1(at, "micro"), abs(at - 0.5), at))
    return {
        "scores_64ths": (scores * 64).astype(int).tolist(),
        "truth": [digits(row) for row in truth],
        "threshold": threshold,
        "micro_f1": number(f1(threshold, "micro")),
        "macro_f1": number(f1(threshold, "macro")),
        "lrap": number(metrics.label_ranking_average_precision_score(truth, scores)),
        "best_threshold": best,
    }


def tags(length: int, like: str | None) -> str:
    """`.` is `O`; `A`, `B`, `C` begin an entity of a class, and small letters go on with one."""
    inside, text = None, ""
    for position in range(length):
        if like is not None and pick.random() < 0.75:
            text += like[position]
        elif inside is not None and pick.random() < 0.5:
            text += inside
        else:
            text += pick.choice(".ABC" if pick.random() < 0.7 else "...ABCabc")
        inside = text[-1].lower() if text[-1] != "." else None
    return text


def spelled(text: str) -> list[str]:
    name = lambda tag: CLASSES["ABC".index(tag.upper())]
    return ["O" if tag == "." else f"{'B' if tag.isupper() else 'I'}-{name(tag)}" for tag in text]


def entities() -> dict:
    truth = [tags(pick.randint(1, 12), None) for _ in range(pick.choice([1, 2, 3]))]
    predicted = [tags(len(text), text) for text in truth]
    sides = [[spelled(text) for text in texts] for texts in (truth, predicted)]
    strict = dict(mode="strict", scheme=IOB2, zero_division=0)
    report = seqeval.classification_report(*sides, output_dict=True, **strict)
    found = {name: row for name, row in report.items() if name in CLASSES}
    labels = ["O"] + [f"{prefix}-{name}" for name in CLASSES for prefix in "BI"]
    flat = [[tag for tags in side for tag in tags] for side in sides]
    character = lambda labels: metrics.f1_score(*flat, labels=labels, average="macro", zero_division=True)
    measures = [seqeval.precision_score, seqeval.recall_score, seqeval.f1_score]
    return {
        "truth": truth,
        "predicted": predicted,
        "micro": numbers(*(measure(*sides, **strict) for measure in measures)),
        # seqeval has no mean of no classes.
        "macro_f1": number(seqeval.f1_score(*sides, average="macro", **strict)) if found else 0.0,
        "classes": {name: numbers(row["f1-score"], row["support"]) for name, row in found.items()},
        "lenient_f1": number(seqeval.f1_score(*sides)),
        "character_f1": numbers(character(labels), character(labels[1:])),
    }


def text() -> str:
    # Of few characters some come more than once, on one side more often than on the other.
    return "".join(pick.choices(pick.choice([CHARACTERS, "가나 ."]), k=pick.choice([0, 1, 2, 4, 8])))


def answer(scorer) -> dict:
    truths = [text() for _ in range(pick.choice([1, 1, 2, 3]))]
    near = pick.choice(truths)
    prediction = pick.choice([text(), near, near + "는", f"《{near.upper()}》", near[1:], near[::-1]])
    scores = lambda by: [
        float(by.metric_max_over_ground_truths(metric, prediction, truths))
        for metric in (by.exact_match_score, by.f1_score)
    ]
    assert np.allclose(scores(scorer), scores(korquad), atol=1e-12), (prediction, truths)
    return {"prediction": prediction, "truths": truths, "scores": numbers(*scores(scorer))}


def ranking() -> dict:
    rows, steps = pick.choice([2, 3, 6, 15]), pick.choice([2, 8, 1000])
    truth = [int(pick.random() < 0.5) for _ in range(rows - 2)] + [0, 1]
    scores = [pick.randint(0, steps) / steps for _ in truth]
    false_positive, true_positive, _ = metrics.roc_curve(truth, scores, drop_intermediate=False)
    precision, recall, thresholds = metrics.precision_recall_curve(truth, scores)
    return {
        "scores": scores,
        "truth": digits(truth),
        "auc": number(metrics.roc_auc_score(truth, scores)),
        "average_precision": number(metrics.average_precision_score(truth, scores)),
        "roc": [numbers(*point) for point in zip(false_positive, true_positive)],
        "precision_recall": [numbers(*point) for point in zip(thresholds, precision, recall)][::-1],
    }


def calibration() -> dict:
    bounds = np.linspace(0, 1, 16)
    rows = pick.choice([1, 3, 10, 25])
    confidences = [pick.choice([pick.choice(bounds), round(pick.random(), 3)]) for _ in range(rows)]
    correct = [int(pick.random() < confidence) for confidence in confidences]
    if len(set(correct)) == 1:
        correct, confidences = [*correct, 1 - correct[0]], [*confidences, 0.5]
    accuracies, means = calibration_curve(correct, confidences, n_bins=15)
    counts = np.bincount(np.searchsorted(bounds[1:-1], confidences), minlength=15)
    gaps = counts[counts > 0] * np.abs(accuracies - means)
    return {
        "confidences": [float(confidence) for confidence in confidences],
        "correct": digits(correct),
        "bins": [numbers(*bin) for bin in zip(means, accuracies)],
        "expected_error": number(gaps.sum() / len(correct)),
    }


def mcnemar_test() -> list:
    first, second = (pick.randint(0, pick.choice([3, 12, 30, 400])) for _ in range(2))
    test = mcnemar([[9, first], [second, 9]], exact=first + second < 25, correction=first != second)
    # The exact test of no rows at all: nothing speaks against equality.
    return [first, second, number(test.pvalue) if first + second else 1.0]


def korquad_script(path: Path):
    spec = importlib.util.spec_from_file_location("evaluate_korquad", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def families(times: int, scorer) -> dict[str, list]:
    counts = {classification: 160, regression: 200, multi_label: 190, entities: 180}
    counts |= {ranking: 80, calibration: 60}
    cases = {make.__name__: [make() for _ in range(times * count)] for make, count in counts.items()}
    cases["answers"] = [answer(scorer) for _ in range(times * 400)]
    cases["mcnemar"] = [mcnemar_test() for _ in range(times * 400)]
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--korquad", type=Path, metavar="FILE", help="KorQuAD 1.0's own evaluate-v1.0.py")
    parser.add_argument("--times", type=int, default=1, help="how many times as many cases as are kept (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the cases (%(default)s)")
    options = parser.parse_args()
    scorer = korquad_script(options.korquad) if options.korquad else korquad
    made_with = {name: version(name) for name in PACKAGES}
    made_with["answers"] = "KorQuAD's evaluate-v1.0.py" if options.korquad else "korquad.py"
    warnings.simplefilter("ignore")
    pick.seed(options.seed)
    line = lambda case: json.dumps(case, ensure_ascii=False, separators=(",", ":"))
    parts = [f'"made_with": {line(made_with)}']
    for name, cases in families(options.times, scorer).items():
        parts.append(f'"{name}": [\n' + ",\n".join(map(line, cases)) + "\n]")
    (HERE / "cases.json").write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
