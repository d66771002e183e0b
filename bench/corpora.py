"""Parts of NSMC as files of one's own."""

import sys
from pathlib import Path

from setting import Setting

# Rows of dev, and of splits that have to be there and not to be measured.
FEW = 64


def nsmc(setting: Setting, split: str) -> list[str]:
    """The rows as they stand in the file. Only `\\n` ends one."""
    return [line for line in (setting.nsmc / f"ratings_{split}.txt").read_bytes().decode().split("\n")[1:] if line]


def sample(rows: list[str], count: int) -> list[str]:
    """`count` rows whose lengths are spread as those of all `rows`: every n-th of them, by length."""
    if count > len(rows):
        sys.exit(f"bench: {count} rows were asked for, of {len(rows)}")
    by_length = sorted(rows, key=len)
    return [by_length[index * len(rows) // count] for index in range(count)]


def for_training(setting: Setting, count: int | None) -> Path:
    """All of train but what is dev here, or a sample of `count` rows."""
    train = nsmc(setting, "train")
    dev, rest = train[:FEW], train[FEW:]
    name = "train-whole" if count is None else f"train-{count}"
    splits = {"train": rest if count is None else sample(rest, count), "dev": dev}
    return write(setting, name, splits | {"test": nsmc(setting, "test")[:FEW]})


def for_evaluation(setting: Setting, count: int) -> Path:
    train = nsmc(setting, "train")
    splits = {"train": train[FEW : 2 * FEW], "dev": train[:FEW], "test": sample(nsmc(setting, "test"), count)}
    return write(setting, f"test-{count}", splits)


def write(setting: Setting, name: str, splits: dict[str, list[str]]) -> Path:
    folder = setting.work / "corpora" / name
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        (folder / f"{split}.tsv").write_bytes("\n".join(["id\tdocument\tlabel", *rows, ""]).encode())
    return folder
