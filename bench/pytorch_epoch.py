"""Parts of an epoch of PyTorch's. The line `r` of the input is every n-th batch of the epoch's order, from the r-th.

- `ratsnlp`: everything padded to `max_seq_length`, random order, AdamW as it comes, gradients not clipped. All batches
  take the same time, so a few of each part are enough.
- `trainer`: the Trainer's `group_by_length`, by its own sampler, with dynamic padding and fused AdamW. The sampler
  puts the longest batches of 50 first; every n-th batch has some of all lengths, and n parts are the whole epoch.

Batches are cut from padded tensors, which gives what `DataCollatorWithPadding` gives in less time.
"""

import argparse
import random
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import torch
from transformers import AutoModelForSequenceClassification
from transformers.trainer_pt_utils import LengthGroupedSampler

from pytorch_training import Inputs, Training
from worker import serve

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "parity"))
from feature_files import Features, cut  # noqa: E402

BATCH = 32
# Batches of a part that all take the same time.
FEW = 8
SEED = 7


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--way", choices=["ratsnlp", "trainer"], required=True)
    parser.add_argument("--precision", choices=["f32", "bf16"], required=True)
    parser.add_argument("--parts", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    return parser.parse_args()


def ratsnlp(features: Features) -> list[list[int]]:
    rows = list(range(len(features.lengths)))
    random.Random(SEED).shuffle(rows)
    return cut(rows, BATCH)


def trainer(features: Features) -> list[list[int]]:
    generator = torch.Generator().manual_seed(SEED)
    return cut(list(LengthGroupedSampler(BATCH, lengths=features.lengths, generator=generator)), BATCH)


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    features = Features.read(given.run, "train")
    as_trainer = given.way == "trainer"
    order = trainer(features) if as_trainer else ratsnlp(features)
    padded: Callable[[list[int]], Inputs] = features.batch if as_trainer else features.whole
    most = None if as_trainer else FEW
    model = AutoModelForSequenceClassification.from_pretrained(given.model, attn_implementation="sdpa")
    training = Training(model, given.precision, fused=as_trainer, clipped=as_trainer)
    step = lambda rows: training.step(padded(rows) | {"labels": features.labels[rows]})

    step(order[-1])
    serve(lambda part: {"milliseconds": mean([step(rows) for rows in order[part :: given.parts][:most]])})


if __name__ == "__main__":
    main()
