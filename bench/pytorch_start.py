"""One training step as a short script has it, which says when it is done.

    python pytorch_start.py MODEL FEATURES THREADS
"""

import sys
from pathlib import Path

import numpy
import pyarrow.parquet
import torch
from transformers import AutoModelForSequenceClassification

BATCH = 32


def main() -> None:
    model_folder, features, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    model = AutoModelForSequenceClassification.from_pretrained(model_folder).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    paths = sorted(Path(features).glob("train-*.parquet"))
    table = pyarrow.concat_tables([pyarrow.parquet.read_table(path) for path in paths])
    rows = numpy.random.default_rng(7).permutation(len(table))[:BATCH]
    batch = table.take(rows)
    column = lambda name: torch.tensor(numpy.stack(batch[name].to_numpy()), dtype=torch.int64)
    longest = max(batch["length"].to_pylist())
    inputs = {name: column(name)[:, :longest] for name in ["input_ids", "attention_mask", "token_type_ids"]}

    with torch.autocast("cpu", torch.bfloat16):
        loss = model(**inputs, labels=column("labels")).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    print("done", flush=True)


if __name__ == "__main__":
    main()
