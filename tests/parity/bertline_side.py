"""bertline's side: configs written, stages run, their files read."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pyarrow.parquet

from cache import digest
from corpus import SPLITS
from setting import LABELS, MAX_GRAD_NORM, MAX_SEQ_LENGTH, WEIGHT_DECAY, Schedule, Setting

WORKERS = ["train-worker", "evaluate-worker"]
FETCH_AND_TOKENIZE = ["fetch", "tokenize"]
TO_TRAIN = [*FETCH_AND_TOKENIZE, "train"]
ALL_STAGES = [*TO_TRAIN, "evaluate"]
# Locked by every run of a build as long as it goes on.
IN_USE = "in-use"
# The weights of `fetch.model` with the head that they have.
AS_IT_IS = {"epochs": 0}
Keys = dict[str, object]


def toml(value: object) -> str:
    """Strings, numbers and lists are written in TOML as in JSON."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


class Bertline:
    """The binaries of one build. Every build works in a folder of its own: another one is measured anew."""

    def __init__(self, setting: Setting):
        self.setting = setting
        self.build = digest(setting.binaries / worker for worker in WORKERS)
        self.work = setting.work / "bertline" / self.build
        self.runs = self.work / "runs"

    def forget_other_builds(self) -> None:
        """What they left is large, and is never read again; but those that another run measures stay."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.in_use = (self.work / IN_USE).open("w")
        fcntl.flock(self.in_use, fcntl.LOCK_SH)
        for folder in self.work.parent.iterdir():
            if folder != self.work and unused(folder):
                shutil.rmtree(folder)

    def run(self, name: str, model: Path, corpus: Path, stages: list[str], seed: int = 1, **train: object) -> Path:
        """Runs `stages` with `model` on the files in the folder `corpus`; returns the folder of the run `name`."""
        config = self.config(name, model, corpus, seed, train)
        threads = str(self.setting.threads)
        environment = os.environ | {"OMP_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads}
        for stage in stages:
            program = [self.setting.binaries / stage, "--config", config, "--work", self.work]
            done = subprocess.run(program, env=environment, stdout=subprocess.DEVNULL)
            if done.returncode != 0:
                sys.exit(f"parity: {stage} --config {config} ended with {done.returncode}")
        return self.runs / name

    def config(self, name: str, model: Path, corpus: Path, seed: int, train: Keys) -> Path:
        files: Keys = {split: corpus / f"{split}.parquet" for split in SPLITS}
        files |= {"columns": {"id": "id", "text": "text", "label": "label"}, "labels": LABELS}
        machine: Keys = {"device": "cpu", "threads": self.setting.threads}
        sections: dict[str, Keys] = {
            "fetch": {"model": model, "files": files, "offline": True},
            "tokenize": {"max_seq_length": MAX_SEQ_LENGTH, "workers": self.setting.threads},
            "train": machine | train,
            "evaluate": machine,
        }
        lines = [f"name = {toml(name)}", f"seed = {seed}"]
        for section, keys in sections.items():
            lines += ["", f"[{section}]"] + [f"{key} = {toml(value)}" for key, value in keys.items()]
        path = self.work / "configs" / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
        return path


def unused(folder: Path) -> bool:
    with (folder / IN_USE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False


def training(schedule: Schedule) -> Keys:
    """The keys of `[train]` for one epoch of what PyTorch's side does."""
    return {
        "epochs": 1,
        "learning_rate": schedule.learning_rate,
        "schedule": {"kind": "linear", "warmup_ratio": schedule.warmup_ratio},
        "batch_size": schedule.batch_size,
        "weight_decay": WEIGHT_DECAY,
        "max_grad_norm": MAX_GRAD_NORM,
    }


def step_losses(run: Path) -> list[float]:
    """With `log_every_steps = 1`."""
    lines = map(json.loads, (run / "train" / "metrics.jsonl").read_text().splitlines())
    return [line["loss"] for line in lines if line["kind"] == "train"]


def accuracy(run: Path) -> float:
    return json.loads((run / "evaluate" / "metrics.json").read_text())["accuracy"]


def wall_seconds(run: Path, stage: str) -> float:
    return json.loads((run / stage / "manifest.json").read_text())["provenance"]["wall_seconds"]


def numbers(run: Path, column: str) -> numpy.ndarray:
    """`logits` or `probabilities` of `predictions.parquet`, [rows, labels]."""
    values = pyarrow.parquet.read_table(run / "evaluate" / "predictions.parquet")[column].combine_chunks()
    return numpy.array(values.flatten()).reshape(len(values), len(LABELS))


def predicted_labels(run: Path) -> list[str]:
    return pyarrow.parquet.read_table(run / "evaluate" / "predictions.parquet")["predicted_label"].to_pylist()
