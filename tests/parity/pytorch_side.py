"""PyTorch's side: `transformers`' models on the features that `tokenize` wrote, so that the ids are the same."""

import math
import random
import sys
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel, get_scheduler

from feature_files import Batches, Features, cut
from setting import MAX_GRAD_NORM, WEIGHT_DECAY, Schedule

WINDOW_BATCHES = 50
EVALUATION_BATCH = 64


def sequential(features: Features, batch_size: int) -> Batches:
    return cut(list(range(len(features.lengths))), batch_size)


def grouped_by_length(features: Features, batch_size: int, seed: int) -> Batches:
    """A shuffle, sorted by length within windows of batches, and the batches shuffled."""
    rng = random.Random(seed)
    rows = list(range(len(features.lengths)))
    rng.shuffle(rows)
    by_length = features.lengths.__getitem__
    windows = cut(rows, WINDOW_BATCHES * batch_size)
    batches = cut([row for window in windows for row in sorted(window, key=by_length)], batch_size)
    rng.shuffle(batches)
    return batches


def optimizer(model: PreTrainedModel, learning_rate: float) -> torch.optim.AdamW:
    """AdamW with weight decay on all but biases and LayerNorm."""
    no_decay = lambda key: key.endswith(".bias") or "LayerNorm" in key
    groups = [
        {"params": [p for key, p in model.named_parameters() if not no_decay(key)], "weight_decay": WEIGHT_DECAY},
        {"params": [p for key, p in model.named_parameters() if no_decay(key)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.999), eps=1e-8)


def classifier(folder: Path, **changes: object) -> PreTrainedModel:
    return AutoModelForSequenceClassification.from_pretrained(folder, **changes)


def train(model: PreTrainedModel, features: Features, batches: Batches, schedule: Schedule) -> list[float]:
    """One epoch over `batches`, in the mode that the model is in; returns the loss of every step."""
    adamw = optimizer(model, schedule.learning_rate)
    warmup_steps = math.ceil(len(batches) * schedule.warmup_ratio)
    scheduler = get_scheduler("linear", adamw, num_warmup_steps=warmup_steps, num_training_steps=len(batches))
    losses = []
    for rows in batches:
        loss = model(**features.batch(rows), labels=features.labels[rows]).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
        adamw.step()
        scheduler.step()
        adamw.zero_grad()
        losses.append(loss.item())
        report("step", len(losses), len(batches))
    return losses


@torch.no_grad()
def logits(model: PreTrainedModel, features: Features) -> torch.Tensor:
    """[rows, labels], in the order of the rows, without dropout."""
    model.eval()
    rows = sorted(range(len(features.lengths)), key=features.lengths.__getitem__)
    batches = cut(rows, EVALUATION_BATCH)
    result = torch.empty(len(rows), model.config.num_labels)
    for index, batch in enumerate(batches):
        result[batch] = model(**features.batch(batch)).logits
        report("batch", index + 1, len(batches))
    return result


def correct(values: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of rows whose label has the highest logit."""
    return (values.argmax(1) == labels).double().mean().item()


def report(what: str, index: int, count: int) -> None:
    if index % 50 == 0:
        print(f"  PyTorch: {what} {index} of {count}", file=sys.stderr, flush=True)
