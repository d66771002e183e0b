"""Parts `logits-…`: the same weights and ids give the same logits."""

import torch

import corpus
import models
from bertline_side import ALL_STAGES, AS_IT_IS, FETCH_AND_TOKENIZE, numbers
from context import Context
from feature_files import Features
from pytorch_side import classifier, logits
from table import Row

LIMIT = 1e-4


def compare(context: Context, which: str) -> list[Row]:
    model, texts = models.START[which](context.setting), corpus.for_steps(context.setting)
    run = lambda stages: context.bertline.run(f"logits-{which}", model, texts, stages, **AS_IT_IS)
    test = Features.read(run(FETCH_AND_TOKENIZE), "test")
    compute = lambda: {"logits": logits(classifier(model), test).tolist()}
    theirs = context.cache.get(f"logits-{which}-pytorch", context.theirs(model, test), compute)

    compute = lambda: {"logits": numbers(run(ALL_STAGES), "logits").tolist()}
    ours = context.cache.get(f"logits-{which}-bertline", context.ours(model, texts), compute)
    return [row(which, torch.tensor(theirs["logits"]), torch.tensor(ours["logits"]))]


def row(which: str, theirs: torch.Tensor, ours: torch.Tensor) -> Row:
    shown = [f"{values.min():.4f} to {values.max():.4f}" for values in (theirs, ours)]
    return Row(f"{which}: logits of {len(theirs)} test rows", *shown, (theirs - ours).abs().max().item(), LIMIT)
