"""Parts of NSMC as files of one's own: Parquet, which keeps every text as it is."""

import random
from pathlib import Path

import pyarrow
import pyarrow.parquet

from setting import LABELS, Setting

SPLITS = ["train", "dev", "test"]
DEV_ROWS = 128
STEPS, STEP_ROWS = 300, 16
LOGIT_ROWS = 2_000
SEED_TRAIN_ROWS, SEED_TEST_ROWS = 20_000, 10_000
# Rows that are sorted by length together: texts of like lengths save time, and most batches still have padding.
WINDOW_ROWS = 8 * STEP_ROWS
Rows = list[tuple[str, str, str]]


def nsmc(setting: Setting, split: str) -> Rows:
    """(id, text, label) of a whole split. Quotes are ordinary characters, and no line break but `\\n` ends a row."""
    lines = (setting.nsmc / f"ratings_{split}.txt").read_bytes().decode().split("\n")[1:]
    fields = [line.removesuffix("\r").split("\t") for line in lines if line]
    return [(key, text, LABELS[int(label)]) for key, text, label in fields]


def texts(setting: Setting, count: int) -> list[str]:
    """The first `count` texts of test, with which the test split of every corpus here begins."""
    return [text for _, text, _ in nsmc(setting, "test")[:count]]


def for_steps(setting: Setting) -> Path:
    """300 batches in the order in which they are to be trained on, and 2,000 rows for logits."""
    return write(setting, "steps", in_windows(nsmc(setting, "train")[: STEPS * STEP_ROWS]), LOGIT_ROWS)


def for_seeds(setting: Setting) -> Path:
    return write(setting, "seeds", nsmc(setting, "train")[:SEED_TRAIN_ROWS], SEED_TEST_ROWS)


def whole_test(setting: Setting) -> Path:
    """For models that are evaluated as they are: train is there because every corpus has one."""
    return write(setting, "whole-test", nsmc(setting, "train")[:STEP_ROWS], None)


def in_windows(rows: Rows) -> Rows:
    windows = [rows[start : start + WINDOW_ROWS] for start in range(0, len(rows), WINDOW_ROWS)]
    ordered = [row for window in windows for row in sorted(window, key=lambda row: len(row[1]))]
    batches = [ordered[start : start + STEP_ROWS] for start in range(0, len(ordered), STEP_ROWS)]
    random.Random(7).shuffle(batches)
    return [row for batch in batches for row in batch]


def write(setting: Setting, name: str, train: Rows, test_rows: int | None) -> Path:
    """Writes `SPLIT.parquet` for train, dev (rows that no train here has) and test; returns their folder."""
    folder = setting.work / "corpora" / name
    folder.mkdir(parents=True, exist_ok=True)
    dev = nsmc(setting, "train")[SEED_TRAIN_ROWS : SEED_TRAIN_ROWS + DEV_ROWS]
    for split, rows in zip(SPLITS, [train, dev, nsmc(setting, "test")[:test_rows]]):
        columns = dict(zip(["id", "text", "label"], map(list, zip(*rows))))
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"{split}.parquet", compression="zstd")
    return folder
