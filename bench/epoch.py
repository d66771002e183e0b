"""Part `epoch`: NSMC with the encoder of `--model`, from features to a model."""

import sys
from pathlib import Path
from typing import NamedTuple

import corpora
import evaluate
from bertline import Experiment, Keys
from setting import Setting
from table import Row, at_most
from worker import Worker

PROGRAM = Path(__file__).with_name("pytorch_epoch.py")
BATCH = 32
NSMC_TRAIN, NSMC_TEST = 150_000, 50_000
NSMC_STEPS = -(-NSMC_TRAIN // BATCH)
WORDS = {"ratsnlp": "all padded to 128", "trainer": "group_by_length"}
# Against ratsnlp as it comes, and against the Trainer.
REACH_PADDED, REACH_GROUPED = at_most(0.25), at_most(0.8)
REACH_WHOLE = at_most(0.55)
NOTE = f"""NSMC, batch {BATCH}, max_seq_length 128, every epoch **extrapolated** to {NSMC_TRAIN:,} rows from a sample
(`--epoch-rows`): every n-th row of train by the length of its text, so lengths are spread as in the whole. Of that
sample bertline's `train`, grouped by length (`--epoch-precision`), runs one epoch in every round, as a whole process,
less the time of a process that makes one step. *All padded to 128* is ratsnlp's way: random order, AdamW as it comes,
no clipping; {NSMC_STEPS:,} equal steps, of which each round times 8. *group_by_length* is the Trainer's way: its
sampler, dynamic padding, fused AdamW, clipping. Each round times every n-th batch of the sample's epoch, and all
rounds together every batch once. The last row adds the evaluation of {NSMC_TEST:,} rows in bf16, also extrapolated,
sorted and in batches of {evaluate.BATCH}, on both sides."""


class Way(NamedTuple):
    """A way of training with PyTorch."""

    name: str
    precision: str

    def __str__(self) -> str:
        return f"PyTorch, {WORDS[self.name]}, {self.precision}"


def compare(setting: Setting) -> list[Row]:
    trainer = Way("trainer", setting.epoch_precision)
    padded, ratsnlp = Way("ratsnlp", setting.epoch_precision), Way("ratsnlp", "f32")
    # The two may be the same way, which is then judged.
    reaches = {padded: None, ratsnlp: REACH_PADDED, trainer: REACH_GROUPED}
    ours, theirs = measure(setting, list(reaches))
    epochs = {way: seconds_of_train(steps) for way, steps in theirs.items()}
    our_epochs, what = seconds_of_train(ours), f"bertline {setting.epoch_precision}"
    rows = []
    for way, reach in reaches.items():
        rows.append(Row(f"{what}: mean step", "ms", ours, str(way), theirs[way]))
        rows.append(Row(f"{what}: an epoch", "s", our_epochs, str(way), epochs[way], reach))
    our_tests, their_tests = map(seconds_of_test, evaluate.measure(setting, evaluate.BATCH))
    both = [sums(our_epochs, our_tests), sums(epochs[trainer], their_tests)]
    return [*rows, Row(f"{what}: an epoch and its evaluation", "s", both[0], str(trainer), both[1], REACH_WHOLE)]


def sums(first: list[float], second: list[float]) -> list[float]:
    return [sum(pair) for pair in zip(first, second)]


def seconds_of_train(milliseconds: list[float]) -> list[float]:
    return [NSMC_STEPS * each / 1000 for each in milliseconds]


def seconds_of_test(rates: list[float]) -> list[float]:
    return [NSMC_TEST / rate for rate in rates]


def measure(setting: Setting, ways: list[Way]) -> tuple[list[float], dict[Way, list[float]]]:
    """Milliseconds of a step, in every round: bertline's, and by way."""
    keys = {"train__precision": setting.epoch_precision}
    experiment = Experiment(setting, corpora.for_training(setting, setting.epoch_rows))
    experiment.prepare("fetch", "tokenize")
    workers = {way: start(setting, experiment, way) for way in ways}
    ours: list[float] = []
    theirs: dict[Way, list[float]] = {way: [] for way in ways}
    for part in range(setting.rounds):
        print(f"epoch: round {part + 1} of {setting.rounds} ...", file=sys.stderr, flush=True)
        ours.append(step_of_bertline(experiment, -(-setting.epoch_rows // BATCH), keys))
        for way, worker in workers.items():
            theirs[way].append(worker.ask(part)["milliseconds"])
    for worker in workers.values():
        worker.close()
    return ours, theirs


def start(setting: Setting, experiment: Experiment, way: Way) -> Worker:
    places = ["--model", setting.model, "--run", experiment.run_folder]
    numbers = ["--parts", setting.rounds, "--threads", setting.threads]
    program = [sys.executable, PROGRAM, *places, "--way", way.name, "--precision", way.precision, *numbers]
    return Worker(program, setting.environment)


def step_of_bertline(experiment: Experiment, steps: int, keys: Keys) -> float:
    """Without what a process does before its first step and after its last."""
    short, long = (experiment.run("train", "--force", train__max_steps=count, **keys) for count in (1, steps))
    return 1000 * (long - short) / (steps - 1)
