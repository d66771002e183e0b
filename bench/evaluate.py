"""Part `evaluate`: logits of NSMC's test rows, a model fine-tuned for one step on both sides."""

import sys
from functools import cache
from pathlib import Path
from statistics import median

import corpora
from bertline import Experiment
from setting import Setting
from table import Row, at_least
from worker import Worker

PROGRAM = Path(__file__).with_name("pytorch_evaluate.py")
BATCH = 64
BATCHES = [16, 32, BATCH, 128]
REACH = at_least(1.3)
NOTE = """Rows a second of NSMC's test (`--evaluate-rows` of them: every n-th by the length of its text), sorted by
length, bf16. bertline: `evaluate` as a whole process, less the time of one for 64 rows. PyTorch: `transformers` in
inference mode, with bf16 weights or autocast, whichever was the faster in a first pass; reading and loading are not
in its time."""


def compare(setting: Setting) -> list[Row]:
    speeds = {batch: measure(setting, batch) for batch in BATCHES}
    rows = [row(f"batches of {batch}", *speeds[batch], judged=batch == BATCH) for batch in BATCHES]
    bests = [max(BATCHES, key=lambda batch: median(speeds[batch][side])) for side in (0, 1)]
    what = f"each at its best: {bests[0]} and {bests[1]}"
    return [*rows, row(what, speeds[bests[0]][0], speeds[bests[1]][1], judged=True)]


def row(what: str, ours: list[float], theirs: list[float], judged: bool) -> Row:
    return Row(what, "rows/s", ours, "PyTorch", theirs, REACH if judged else None)


@cache
def measure(setting: Setting, batch: int) -> tuple[list[float], list[float]]:
    """Rows a second in every round: bertline's and PyTorch's. The part `epoch` uses them too."""
    print(f"evaluate: batches of {batch} ...", file=sys.stderr, flush=True)
    whole, few = experiment(setting, setting.evaluate_rows), experiment(setting, corpora.FEW)
    worker = start(setting, whole, faster(setting, whole))
    ours, theirs = [], []
    for _ in range(setting.rounds):
        seconds = [each.run("evaluate", "--force", evaluate__batch_size=batch) for each in (few, whole)]
        ours.append((setting.evaluate_rows - corpora.FEW) / (seconds[1] - seconds[0]))
        theirs.append(worker.ask(batch)["rows_per_second"])
    worker.close()
    return ours, theirs


@cache
def experiment(setting: Setting, rows: int) -> Experiment:
    result = Experiment(setting, corpora.for_evaluation(setting, rows))
    result.prepare("fetch", "tokenize", "train")
    return result


def start(setting: Setting, experiment: Experiment, bf16: str) -> Worker:
    places = ["--model", experiment.model(), "--run", experiment.run_folder]
    program = [sys.executable, PROGRAM, *places, "--bf16", bf16, "--threads", setting.threads]
    return Worker(program, setting.environment)


@cache
def faster(setting: Setting, experiment: Experiment) -> str:
    """How PyTorch had better compute in bfloat16."""
    speeds = {}
    for bf16 in ["weights", "autocast"]:
        worker = start(setting, experiment, bf16)
        speeds[bf16] = worker.ask(BATCH)["rows_per_second"]
        worker.close()
    print(f"evaluate: PyTorch's rows a second with bf16 by {speeds}", file=sys.stderr, flush=True)
    return max(speeds, key=speeds.__getitem__)
