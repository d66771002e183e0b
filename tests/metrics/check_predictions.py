#!/usr/bin/env python3
"""Scores the predictions of finished runs anew, with the public scorers, and holds `metrics.json` against that, to 1e-6.

    .venv/bin/python tests/metrics/check_predictions.py work/runs/NAME…

For figures of real data, which are no part of the repository. What is installed: requirements.txt beside this script.
"""

import json
import math
import sys
from pathlib import Path

import pyarrow.parquet as pq
from scipy import stats
from seqeval import metrics as seqeval
from seqeval.scheme import IOB2
from sklearn import metrics

import korquad

LIMIT = 1e-6
Table = dict[str, list]


def classes(table: Table, _: list[str]) -> dict[str, float]:
    sides = table["label"], table["predicted_label"]
    return {
        "accuracy": metrics.accuracy_score(*sides),
        "macro_f1": metrics.f1_score(*sides, average="macro", zero_division=0),
    }


def scores(table: Table, _: list[str]) -> dict[str, float]:
    sides = table["score"], table["predicted_score"]
    return {
        "pearson": stats.pearsonr(*sides).statistic,
        "spearman": stats.spearmanr(*sides).statistic,
        "f1_at_three": metrics.f1_score(*([value >= 3 for value in side] for side in sides)),
    }


def sets(table: Table, known: list[str]) -> dict[str, float]:
    rows = lambda side: [[int(label in labels) for label in known] for labels in side]
    truth, predicted = rows(table["labels"]), rows(table["predicted_labels"])
    f1 = lambda average: metrics.f1_score(truth, predicted, average=average, zero_division=0)
    ranking = metrics.label_ranking_average_precision_score(truth, table["probabilities"])
    return {"micro_f1": f1("micro"), "macro_f1": f1("macro"), "ranking_precision": ranking}


def tags(text: str, entities: list[dict]) -> list[str]:
    """Of every character but whitespace, as KLUE-baseline drops it: with its tag, if an entity begins there."""
    tags = ["O"] * len(text)
    for entity in entities:
        start, end, label = entity["start"], entity["end"], entity["label"]
        tags[start:end] = [f"B-{label}"] + [f"I-{label}"] * (end - start - 1)
    return [tag for tag, character in zip(tags, text) if not character.isspace()]


def entities(table: Table, known: list[str]) -> dict[str, float]:
    sides = [list(map(tags, table["text"], table[column])) for column in ("entities", "predicted_entities")]
    strict = dict(mode="strict", scheme=IOB2, zero_division=0)
    flat = [[tag for tags in side for tag in tags] for side in sides]
    labels = ["O"] + [f"{prefix}-{name}" for name in known for prefix in "BI"]
    return {
        "entity_precision": seqeval.precision_score(*sides, **strict),
        "entity_recall": seqeval.recall_score(*sides, **strict),
        "entity_f1": seqeval.f1_score(*sides, **strict),
        "macro_f1": seqeval.f1_score(*sides, average="macro", **strict),
        "character_f1": metrics.f1_score(*flat, labels=labels, average="macro", zero_division=True),
    }


def answers(table: Table, _: list[str]) -> dict[str, float]:
    truths = [[answer["text"] for answer in answers] or [""] for answers in table["answers"]]
    scorers = {"exact_match": korquad.exact_match_score, "f1": korquad.f1_score}
    best = lambda scorer: lambda *of: korquad.metric_max_over_ground_truths(scorer, *of)
    total = lambda scorer: sum(map(best(scorer), table["prediction_text"], truths))
    return {name: total(scorer) / len(truths) for name, scorer in scorers.items()}


def masked(table: Table, _: list[str]) -> dict[str, float]:
    flat = lambda column: [value for values in table[column] for value in values]
    losses = flat("log_probabilities")
    loss = -sum(losses) / len(losses)
    hits = metrics.accuracy_score(flat("input_ids"), flat("predicted_ids"))
    return {"loss": loss, "perplexity": math.exp(loss), "masked_accuracy": hits}


# By the column that only predictions of one kind have.
SCORERS = {
    "predicted_label": classes,
    "predicted_score": scores,
    "predicted_labels": sets,
    "predicted_entities": entities,
    "prediction_text": answers,
    "predicted_ids": masked,
}


def check(run: Path) -> bool:
    ours = json.loads((run / "evaluate" / "metrics.json").read_text())
    table = pq.read_table(run / "evaluate" / "predictions.parquet").to_pydict()
    known = [row["label"] for row in ours.get("classes", [])]
    score = next(score for column, score in SCORERS.items() if column in table)
    differences = {name: abs(ours[name] - value) for name, value in score(table, known).items()}
    for name, difference in differences.items():
        print(f"{run.name}\t{name}\t{ours[name]:.6f}\t{difference:.1e}")
    return max(differences.values()) <= LIMIT


def main() -> None:
    runs = [Path(run) for run in sys.argv[1:]] or sys.exit(__doc__)
    wrong = [run.name for run in runs if not check(run)]
    sys.exit(f"off by more than {LIMIT}: {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main()
