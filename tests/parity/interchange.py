"""Part `interchange`: each system takes what the other has fine-tuned, and says the same of it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy

import corpus
import models
import seeds
from bertline_side import ALL_STAGES, AS_IT_IS, FETCH_AND_TOKENIZE, accuracy, numbers, predicted_labels
from context import Context
from feature_files import Features
from pytorch_side import classifier, correct, logits
from setting import LABELS
from table import Row

# Rows so near to a tie that rounding decides.
TIES = 2
# Of logits and of probabilities.
LIMIT = 1e-4
USER = Path(__file__).with_name("as_a_user.py")


def compare(context: Context) -> list[Row]:
    return pytorchs_in_bertline(context) + bertlines_in_pytorch(context)


def pytorchs_in_bertline(context: Context) -> list[Row]:
    """PyTorch's fine-tuned model on the whole test set."""
    seeds.theirs(context)
    model, texts = models.fine_tuned(context.setting), corpus.whole_test(context.setting)
    run = lambda stages: context.bertline.run("interchange", model, texts, stages, **AS_IT_IS)

    compute = lambda: {"accuracy": accuracy(run(ALL_STAGES)), "logits": numbers(run([]), "logits").tolist()}
    ours = context.cache.get("interchange-bertline", context.ours(model, texts), compute)
    test = Features.read(run(FETCH_AND_TOKENIZE), "test")
    compute = lambda: by_transformers(model, test)
    theirs = context.cache.get("interchange-pytorch", context.theirs(model, test), compute)

    shown = [f"{side['accuracy']:.5f}" for side in (theirs, ours)]
    left, right = (numpy.array(side["logits"]) for side in (theirs, ours))
    differing = int((left.argmax(1) != right.argmax(1)).sum())
    ranges = [f"{values.min():.4f} to {values.max():.4f}" for values in (left, right)]
    return [
        Row(f"PyTorch's model: accuracy, rows of {len(left)} that differ", *shown, differing, TIES),
        Row(f"PyTorch's model: logits of {len(left)} test rows", *ranges, float(abs(left - right).max()), LIMIT),
    ]


def by_transformers(model: Path, test: Features) -> dict:
    values = logits(classifier(model), test)
    return {"accuracy": correct(values, test.labels), "logits": values.tolist()}


def bertlines_in_pytorch(context: Context) -> list[Row]:
    """bertline's model of the first seed, from raw texts through its own tokenizer."""
    _, folder = seeds.ours(context, seeds.SEEDS[0], "f32")
    texts = corpus.texts(context.setting, corpus.LOGIT_ROWS)
    model = folder / "train" / "model"
    compute = lambda: as_a_user(context, model, texts)
    theirs = context.cache.get("interchange-user", context.theirs(model, rows=len(texts)), compute)
    ours, names = numbers(folder, "probabilities")[: len(texts)], predicted_labels(folder)[: len(texts)]

    what = f"bertline's model: {{}} of {len(texts)} raw texts"
    count = theirs["warnings"]
    warnings = Row("bertline's model: lines of warning in transformers", str(count), "", count, 0)
    if "probabilities" not in theirs:
        return [warnings, Row(what.format("probabilities"), "fails", "", float("nan"), LIMIT)]
    probabilities = numpy.array(theirs["probabilities"])
    predicted = [theirs["id2label"][str(index)] for index in probabilities.argmax(1)]
    counts = [str(side.count(LABELS[1])) for side in (predicted, names)]
    return [
        warnings,
        Row(what.format("predictions"), *counts, sum(a != b for a, b in zip(predicted, names)), 0),
        Row(what.format("probabilities"), "", "", float(abs(probabilities - ours).max()), LIMIT),
        Row("bertline's model: id2label and label2id", "", "", wrong_labels(theirs), 0),
    ]


def as_a_user(context: Context, model: Path, texts: list[str]) -> dict:
    program = [sys.executable, USER, model, str(context.setting.threads)]
    done = subprocess.run(program, input=json.dumps(texts), capture_output=True, text=True)
    sys.stderr.write(done.stderr)
    result = json.loads(done.stdout) if done.returncode == 0 else {}
    return result | {"warnings": len(done.stderr.splitlines())}


def wrong_labels(theirs: dict) -> int:
    """Entries of the two maps that are not as they should be."""
    right = {"id2label": {str(i): label for i, label in enumerate(LABELS)}, "label2id": models.LABEL_KEYS["label2id"]}
    return sum(len(theirs[key].items() ^ entries.items()) for key, entries in right.items())
