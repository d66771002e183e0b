#!/usr/bin/env python3
"""Compares the features of a run with what Hugging Face's tokenizers give for the same texts.

Not part of `make test`, because it needs Python packages. To run it, after fetch and tokenize of a config:

    python3 -m venv /tmp/ids
    /tmp/ids/bin/pip install transformers==4.57.1 pyarrow==26.0.1 numpy==2.4.6
    /tmp/ids/bin/python tests/ids/check_ids.py work/runs/nsmc-kcbert

The texts are those of fetch's folder. A model with `vocab.txt` alone is read by `BertTokenizerFast`, one with
`tokenizer.json` by `AutoTokenizer` (by `PreTrainedTokenizerFast` where no `tokenizer_config.json` names the
class). `input_ids`, `attention_mask`, `token_type_ids` and `length` of every row must be equal. Prints the
counts, and exits with 1 if anything differs.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy
import pyarrow.parquet
from transformers import AutoTokenizer, BertTokenizerFast, PreTrainedTokenizerFast

BATCH_ROWS = 2_000
COLUMNS = ["input_ids", "attention_mask", "token_type_ids"]
MOST_SHOWN = 5


def reference(model):
    """The tokenizer of the model in the folder `model`, as a user of transformers would load it."""
    if not (model / "tokenizer.json").is_file():
        return BertTokenizerFast.from_pretrained(model)
    if (model / "tokenizer_config.json").is_file():
        return AutoTokenizer.from_pretrained(model)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(model / "tokenizer.json"))
    pad_token_id = json.loads((model / "config.json").read_text())["pad_token_id"]
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(pad_token_id)
    return tokenizer


def features(folder, split):
    """The rows of a split, over all its shards, as {column: array}."""
    shards = sorted((folder / "features").glob(f"{split}-*.parquet"))
    table = pyarrow.concat_tables([pyarrow.parquet.read_table(shard) for shard in shards])
    columns = {name: numpy.array(table[name].combine_chunks().flatten()) for name in COLUMNS}
    columns = {name: values.reshape(len(table), -1) for name, values in columns.items()}
    columns["length"] = numpy.array(table["length"])
    columns["example_id"] = table["example_id"].to_pylist()
    return columns


def facts(tokenized):
    return json.loads((tokenized / "manifest.json").read_text())["facts"]


def check_split(fetched, tokenized, split, tokenizer, max_seq_length):
    """Returns (rows, rows that differ)."""
    ours = features(tokenized, split)
    examples = pyarrow.parquet.read_table(fetched / "examples" / f"{split}.parquet")
    if examples["example_id"].to_pylist() != ours["example_id"]:
        sys.exit(f"{split}: the rows are not those of the examples, in their order")
    texts = examples["text"].to_pylist()
    different = []
    for start in range(0, len(texts), BATCH_ROWS):
        batch = texts[start : start + BATCH_ROWS]
        theirs = tokenizer(
            batch,
            max_length=max_seq_length,
            truncation=True,
            padding="max_length",
            return_tensors="np",
            return_token_type_ids=True,
        )
        equal = numpy.ones(len(batch), dtype=bool)
        for name in COLUMNS:
            equal &= (ours[name][start : start + BATCH_ROWS] == theirs[name]).all(axis=1)
        equal &= ours["length"][start : start + BATCH_ROWS] == theirs["attention_mask"].sum(axis=1)
        different += (start + numpy.flatnonzero(~equal)).tolist()
    for row in different[:MOST_SHOWN]:
        ids = ours["input_ids"][row][: ours["length"][row]].tolist()
        theirs = tokenizer(texts[row], max_length=max_seq_length, truncation=True)["input_ids"]
        print(f"{split}: {ours['example_id'][row]}: {texts[row]!r}\n  ours   {ids}\n  theirs {theirs}")
    return len(texts), len(different)


def check(fetched, tokenized):
    """Compares the folders of both stages; returns the exit code."""
    max_seq_length, splits = facts(tokenized)["max_seq_length"], facts(tokenized)["splits"]
    tokenizer = reference(fetched / "model")
    print(f"{type(tokenizer).__name__}, max_seq_length {max_seq_length}")
    rows = differences = 0
    for split in splits:
        of_split, differing = check_split(fetched, tokenized, split, tokenizer, max_seq_length)
        print(f"{split}: {of_split} rows, {differing} differ")
        rows, differences = rows + of_split, differences + differing
    print(f"all: {rows} rows, {differences} differ")
    return 1 if differences else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder work/runs/NAME")
    run = parser.parse_args().run
    sys.exit(check(run / "fetch", run / "tokenize"))


if __name__ == "__main__":
    main()
