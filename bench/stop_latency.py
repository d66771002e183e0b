#!/usr/bin/env python3
"""How long a training takes from SIGTERM to its end: while it loads, trains, and evaluates on dev.

    python3 bench/stop_latency.py target/release/train --config configs/nsmc-e5-small.toml [--set ...] [--work DIR]

Everything after the program is passed on to it; fetch and tokenize have to have run. Each phase is tried three times;
prints the seconds, the exit code and the last line. What it leaves unfinished is a
training of its own (`train.evaluate_every_steps = 20`), which `rm -r WORK/train/*.progress` deletes.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

TRIES = 3
OPTIONS = ["--set", "train.evaluate_every_steps=20", "--set", "train.log_every_steps=1"]


def start(command: list[str]) -> subprocess.Popen:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def journal(command: list[str]) -> Path:
    promised = subprocess.run([*command, "--dry-run"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return Path(promised.stdout.strip() + ".progress") / "metrics.jsonl"


def wait_until(process: subprocess.Popen, holds) -> None:
    while not holds():
        if process.poll() is not None:
            sys.exit(f"train ended too early: {process.stderr.read()}")
        time.sleep(0.002)


def has_features_open(process: subprocess.Popen) -> bool:
    try:
        return any("features" in str(link.readlink()) for link in Path(f"/proc/{process.pid}/fd").iterdir())
    except OSError:
        return False


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def at_evaluation(path: Path, before: int) -> bool:
    now = lines(path)
    return len(now) > before and '"train"' in now[-1] and f'"step":{20 * (1 + steps(now[:before]) // 20)},' in now[-1]


def steps(of: list[str]) -> int:
    return sum('"train"' in line for line in of)


def measure(command: list[str], phase: str) -> None:
    path = journal(command)
    process = start(command)
    before = len(lines(path))
    conditions = {
        "loading": lambda: has_features_open(process),
        "training": lambda: len(lines(path)) >= before + 3,
        "evaluation": lambda: at_evaluation(path, before),
    }
    wait_until(process, conditions[phase])
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[1]
    seconds = time.monotonic() - sent
    print(f"{phase:10} {seconds:6.2f} s  exit {process.returncode}  {said.strip().splitlines()[-1]}", flush=True)


def main() -> None:
    command = [*sys.argv[1:], *OPTIONS]
    for phase in ["loading", "training", "evaluation"]:
        for _ in range(TRIES):
            measure(command, phase)


if __name__ == "__main__":
    main()
