"""Parts `steps-…`: the same batches without dropout give the same losses, step by step.

Training amplifies rounding, the faster the higher the learning rate. How much of a difference is that alone, the
control says: PyTorch beside itself, with the attention that it computes in another order.
"""

from pathlib import Path

import corpus
import models
from bertline_side import FETCH_AND_TOKENIZE, TO_TRAIN, step_losses, training
from context import Context
from feature_files import Features
from pytorch_side import classifier, sequential, train
from setting import Schedule
from table import Row

SCHEDULE = Schedule(learning_rate=2e-5, warmup_ratio=0.1, batch_size=corpus.STEP_ROWS)
KEYS = training(SCHEDULE) | {"dropout": 0.0, "batch_order": "sequential", "log_every_steps": 1}
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
ATTENTION, CONTROL_ATTENTION = "sdpa", "eager"
LIMIT = 1e-3


def compare(context: Context, which: str) -> list[Row]:
    theirs, ours = pytorch(context, which, ATTENTION), bertline(context, which)
    return [row(f"{which}: losses of {corpus.STEPS} steps (first, mean of the last 50)", theirs, ours, LIMIT)]


def control(context: Context, which: str) -> list[Row]:
    """Told, not judged: it is no work of bertline's."""
    pair = [pytorch(context, which, attention) for attention in (ATTENTION, CONTROL_ATTENTION)]
    return [row(f"{which}: the same, PyTorch's {ATTENTION} (left) and {CONTROL_ATTENTION} attention", *pair, None)]


def run(context: Context, which: str, stages: list[str]) -> Path:
    model, texts = models.START[which](context.setting), corpus.for_steps(context.setting)
    return context.bertline.run(f"steps-{which}", model, texts, stages, **KEYS)


def pytorch(context: Context, which: str, attention: str) -> list[float]:
    model = models.START[which](context.setting)
    features = Features.read(run(context, which, FETCH_AND_TOKENIZE), "train")
    batches = sequential(features, SCHEDULE.batch_size)
    start = lambda: classifier(model, attn_implementation=attention, **NO_DROPOUT).train()
    compute = lambda: {"losses": train(start(), features, batches, SCHEDULE)}
    depends_on = context.theirs(model, features, schedule=vars(SCHEDULE), attention=attention)
    return context.cache.get(f"steps-{which}-pytorch-{attention}", depends_on, compute)["losses"]


def bertline(context: Context, which: str) -> list[float]:
    model, texts = models.START[which](context.setting), corpus.for_steps(context.setting)
    compute = lambda: {"losses": step_losses(run(context, which, TO_TRAIN))}
    depends_on = context.ours(model, texts, keys=KEYS)
    return context.cache.get(f"steps-{which}-bertline", depends_on, compute)["losses"]


def row(what: str, theirs: list[float], ours: list[float], limit: float | None) -> Row:
    # A step that one side lacks is no number, which fails.
    same = len(theirs) == len(ours) == corpus.STEPS
    difference = max(abs(a - b) for a, b in zip(theirs, ours)) if same else float("nan")
    shown = [f"{losses[0]:.4f} to {sum(losses[-50:]) / 50:.4f}" for losses in (theirs, ours)]
    return Row(what, *shown, difference, limit)
