"""Training steps of `transformers`' classifier on random rows of full length.

    python pytorch_step.py --model FOLDER --batch 32 --seq 128 --precision bf16 --threads 2

Takes what the benchmark `step` of the crate bert takes: of FOLDER it reads `config.json` alone.
Every line of the input is a number of steps.
"""

import argparse
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification

from pytorch_training import Inputs, Training
from worker import serve

LABELS = 2


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--precision", choices=["f32", "bf16"], required=True)
    for name in ["--batch", "--seq", "--threads"]:
        parser.add_argument(name, type=int, required=True)
    result = parser.parse_args()
    torch.set_num_threads(result.threads)
    torch.manual_seed(1)
    return result


def random_batch(config: BertConfig, rows: int, length: int) -> Inputs:
    shape = (rows, length)
    return {
        "input_ids": torch.randint(config.vocab_size, shape),
        "attention_mask": torch.ones(shape, dtype=torch.int64),
        "token_type_ids": torch.zeros(shape, dtype=torch.int64),
        "labels": torch.randint(LABELS, (rows,)),
    }


def main() -> None:
    given = arguments()
    config = BertConfig.from_pretrained(given.model, num_labels=LABELS, attn_implementation="sdpa")
    training = Training(BertForSequenceClassification(config), given.precision)

    def steps(count: int) -> dict:
        batches = [random_batch(config, given.batch, given.seq) for _ in range(count)]
        return {"milliseconds": [training.step(batch) for batch in batches]}

    serve(steps)


if __name__ == "__main__":
    main()
