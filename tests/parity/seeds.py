"""Parts `seeds` and `seeds-bf16`: fine-tuning with dropout, whose random numbers are each system's own.

Both draw the head, the dropout masks and the order of the batches by themselves, so single accuracies differ; their
means must agree within what a seed changes.
"""

import time
from pathlib import Path
from statistics import mean

import torch

import corpus
import models
from bertline_side import ALL_STAGES, FETCH_AND_TOKENIZE, accuracy, training, wall_seconds
from context import Context
from feature_files import Features
from pytorch_side import classifier, correct, grouped_by_length, logits, train
from setting import Schedule
from table import Row

SEEDS = [1, 2, 3]
SCHEDULE = Schedule(learning_rate=1e-4, warmup_ratio=0.06, batch_size=32)
LEAST_LIMIT = 0.005


def ours(context: Context, seed: int, precision: str) -> tuple[dict, Path]:
    """The result of that seed, and the folder of its run."""
    name = f"seeds-{precision}-{seed}"
    texts, encoder = corpus.for_seeds(context.setting), context.setting.encoder
    keys = training(SCHEDULE) | {"batch_order": "grouped_by_length", "precision": precision}
    run = lambda: context.bertline.run(name, encoder, texts, ALL_STAGES, seed, **keys)

    def compute() -> dict:
        folder = run()
        return {"accuracy": accuracy(folder), "seconds": wall_seconds(folder, "train")}

    depends_on = context.ours(encoder, texts, keys=keys, seed=seed)
    folder = context.bertline.runs / name
    return context.cache.get(f"{name}-bertline", depends_on, compute, folder), folder


def theirs(context: Context) -> list[dict]:
    setting = context.setting
    run = context.bertline.run("seeds", setting.encoder, corpus.for_seeds(setting), FETCH_AND_TOKENIZE)
    splits = [Features.read(run, "train"), Features.read(run, "test")]
    depends_on = context.theirs(setting.encoder, *splits, schedule=vars(SCHEDULE))
    results = []
    for seed in SEEDS:
        leaves = models.fine_tuned(setting) if seed == SEEDS[0] else None
        compute = lambda: fine_tune(context, *splits, seed, leaves)
        results.append(context.cache.get(f"seeds-{seed}-pytorch", depends_on | {"seed": seed}, compute, leaves))
    return results


def fine_tune(context: Context, train_split: Features, test: Features, seed: int, leaves: Path | None) -> dict:
    torch.manual_seed(seed)
    encoder = context.setting.encoder
    model = classifier(encoder, **models.LABEL_KEYS)
    batches = grouped_by_length(train_split, SCHEDULE.batch_size, seed)
    started = time.monotonic()
    losses = train(model.train(), train_split, batches, SCHEDULE)
    seconds = time.monotonic() - started
    share = correct(logits(model, test), test.labels)
    if leaves:
        models.save(model, models.tokenizer(encoder), leaves)
    return {"accuracy": share, "seconds": seconds, "losses": losses}


def compare(context: Context) -> list[Row]:
    pytorch, bertline = theirs(context), [ours(context, seed, "f32")[0] for seed in SEEDS]
    return [accuracies("encoder: accuracy, dropout on, f32", pytorch, bertline), times("f32", pytorch, bertline)]


def compare_bf16(context: Context) -> list[Row]:
    """bfloat16 against what float32 reaches: on both sides of the table bertline."""
    f32, bf16 = ([ours(context, seed, precision)[0] for seed in SEEDS] for precision in ("f32", "bf16"))
    return [
        accuracies("encoder: accuracy, bertline f32 (left) and bf16", f32, bf16),
        times("bertline f32 (left) and bf16", f32, bf16),
    ]


def accuracies(what: str, left: list[dict], right: list[dict]) -> Row:
    values = [[result["accuracy"] for result in results] for results in (left, right)]
    shown = [f"{mean(side):.4f} ({' '.join(f'{value:.4f}' for value in side)})" for side in values]
    limit = max(*(max(side) - min(side) for side in values), LEAST_LIMIT)
    return Row(what, *shown, abs(mean(values[0]) - mean(values[1])), limit)


def times(what: str, left: list[dict], right: list[dict]) -> Row:
    """Told, not judged: bertline's hold its start and dev, and other work may run on the machine."""
    seconds = [mean(result["seconds"] for result in results) for results in (left, right)]
    shown = [f"{value:.0f} s" for value in seconds]
    return Row(f"encoder: wall time of training, {what}", *shown, seconds[1] - seconds[0], None)
