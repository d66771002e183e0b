"""Logits of a whole split, rows sorted by length and cut to the longest of a batch.

Every line of the input is a batch size, answered by a speed. bfloat16 is had in two ways: weights that are
it, or autocast.
"""

import argparse
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification

from pytorch_training import autocast
from worker import serve

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "parity"))
from feature_files import Features, cut  # noqa: E402

WARM_UP_BATCHES = 4


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--bf16", choices=["weights", "autocast"], required=True)
    parser.add_argument("--threads", type=int, required=True)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    features = Features.read(given.run, "test")
    model = AutoModelForSequenceClassification.from_pretrained(given.model, attn_implementation="sdpa").eval()
    if given.bf16 == "weights":
        model.to(torch.bfloat16)
    rows = sorted(range(len(features.lengths)), key=features.lengths.__getitem__)
    result = torch.empty(len(rows), model.config.num_labels)

    def score(batch_size: int, most: int | None = None) -> dict:
        started = time.perf_counter()
        # One context for all batches: autocast casts the weights once.
        with torch.inference_mode(), autocast("bf16") if given.bf16 == "autocast" else nullcontext():
            for batch in cut(rows, batch_size)[:most]:
                result[batch] = model(**features.batch(batch)).logits.float()
        return {"rows_per_second": len(rows) / (time.perf_counter() - started)}

    score(64, WARM_UP_BATCHES)
    serve(score)


if __name__ == "__main__":
    main()
