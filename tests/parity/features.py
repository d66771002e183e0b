"""Part `features`: what `tokenize` wrote is read by everybody, and feeds `transformers` as it is."""

from pathlib import Path

import datasets
import duckdb
import polars
import pyarrow
import pyarrow.parquet
import torch

import corpus
import models
from bertline_side import AS_IT_IS, FETCH_AND_TOKENIZE
from context import Context
from feature_files import INPUTS, Features, shards
from pytorch_side import classifier, logits
from table import Row

COLUMNS = ["example_id", *INPUTS, "labels", "length"]
ROWS_FED = 64
FEED_LIMIT = 1e-4


def compare(context: Context) -> list[Row]:
    model = models.with_head(context.setting)
    texts = corpus.for_steps(context.setting)
    run = context.bertline.run("features", model, texts, FETCH_AND_TOKENIZE, **AS_IT_IS)
    paths = [str(path) for path in shards(run, "test")]
    wanted = pyarrow.concat_tables([pyarrow.parquet.read_table(path) for path in paths]).to_pydict()
    cache_folder = context.setting.work / "datasets"
    readers = {
        "polars": lambda: polars.read_parquet(paths).to_dict(as_series=False),
        "DuckDB": lambda: duckdb.read_parquet(paths).to_arrow_table().to_pydict(),
        "datasets": lambda: loaded(paths, cache_folder).to_dict(),
    }
    rows = [Row("features: columns in pyarrow that are not in FORMAT.md", "", "", len(set(wanted) ^ set(COLUMNS)), 0)]
    for name, read in readers.items():
        what = f"features: columns of {len(wanted['labels'])} rows in {name} that differ"
        rows.append(Row(what, "", "", differing(wanted, read()), 0))
    return [*rows, fed(model, Features.read(run, "test"), loaded(paths, cache_folder))]


def loaded(paths: list[str], cache_folder: Path) -> datasets.Dataset:
    return datasets.load_dataset("parquet", data_files=paths, split="train", cache_dir=str(cache_folder))


def differing(wanted: dict, read: dict) -> int:
    """Columns whose values are not the same, or that only one of the two has."""
    as_lists = lambda values: [list(value) if isinstance(value, tuple) else value for value in values]
    names = set(wanted) | set(read)
    return sum(name not in wanted or name not in read or as_lists(read[name]) != wanted[name] for name in names)


@torch.no_grad()
def fed(model: Path, features: Features, dataset: datasets.Dataset) -> Row:
    """Rows as `datasets` gives them, labels and all, straight into the model."""
    loaded_model = classifier(model).eval()
    rows = dataset.with_format("torch", columns=[*INPUTS, "labels"])[:ROWS_FED]
    output = loaded_model(**rows)
    difference = (output.logits - logits(loaded_model, features)[:ROWS_FED]).abs().max().item()
    loss = f"loss {output.loss.item():.4f}"
    return Row(f"features: logits of {ROWS_FED} rows that datasets feeds", loss, "", difference, FEED_LIMIT)
