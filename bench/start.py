"""Part `start`: from a process' start to the end of its first training step."""

import subprocess
import sys
import time
from pathlib import Path

import corpora
from bertline import Experiment
from setting import Setting
from table import Row, at_most

PROGRAM = Path(__file__).with_name("pytorch_start.py")
REACH = at_most(0.33)
NOTE = """From the process' start to the end of its first step: the encoder of `--model`, cached features of all of
NSMC's train, batch 32, bf16; the first of each, which finds no file in memory, is not counted. bertline: `train`,
until the line of its first step stands in `metrics.jsonl`. PyTorch: a short script that imports torch and
transformers, loads the model and reads the features with pyarrow (`bench/pytorch_start.py`), until it says that its
step is done."""


def compare(setting: Setting) -> list[Row]:
    experiment = whole_train(setting)
    pairs = [(bertline(experiment), pytorch(setting, experiment)) for _ in range(1 + setting.rounds)]
    ours, theirs = map(list, zip(*pairs[1:]))
    return [Row("start to the first step's end", "s", ours, "PyTorch", theirs, REACH)]


def whole_train(setting: Setting) -> Experiment:
    result = Experiment(setting, corpora.for_training(setting, None))
    result.prepare("fetch", "tokenize")
    return result


def bertline(experiment: Experiment) -> float:
    flags, keys = ["--force"], {"train__log_every_steps": 1}
    command = experiment.command("train", *flags, **keys)
    promised = subprocess.run([*command, "--dry-run"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    journal = Path(promised.stdout.strip() + ".forced.progress") / "metrics.jsonl"
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=experiment.setting.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not (journal.exists() and journal.stat().st_size):
        if process.poll() is not None:
            sys.exit(f"bench: `{' '.join(command)}` ended too early, with {process.returncode}")
        time.sleep(0.001)
    seconds = time.perf_counter() - started
    process.wait()
    return seconds


def pytorch(setting: Setting, experiment: Experiment) -> float:
    command = [sys.executable, PROGRAM, setting.model, experiment.features(), str(setting.threads)]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=setting.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    said = process.stdout.readline()
    seconds = time.perf_counter() - started
    if not said:
        sys.exit(f"bench: {PROGRAM} ended with {process.wait()}")
    process.communicate()
    return seconds
