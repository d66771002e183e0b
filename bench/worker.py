"""A program that computes when a line tells it to, and waits otherwise: so two of them can take turns.

It prints the JSON object `{"ready": true}` when all is loaded, then one object for every line that it reads, and ends
with its input. `serve` is its side, `Worker` the other.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


class Worker:
    """Waits until the program is ready: loading disturbs nothing that is measured."""

    def __init__(self, command: list[object], environment: dict[str, str]):
        self.command = [str(part) for part in command]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(self.command, stdin=pipe, stdout=pipe, text=True, env=environment)
        self.read()

    def ask(self, argument: int) -> dict:
        self.process.stdin.write(f"{argument}\n")
        self.process.stdin.flush()
        return self.read()

    def read(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bench: `{' '.join(self.command)}` ended with {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def serve(answer: Callable[[int], dict]) -> None:
    """Answers every line, with the most memory that the process has had so far."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(int(line)) | {"peak_mib": peak_mib()}), flush=True)


def peak_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return kib / 1024
