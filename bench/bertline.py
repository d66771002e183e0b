"""bertline's side of whole processes: its stages, on a corpus of files."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from setting import Setting

CONFIG = Path(__file__).with_name("speed.toml")
Keys = dict[str, object]


@dataclass(frozen=True)
class Experiment:
    """`speed.toml` on the files in the folder `corpus`, whose name is the run's."""

    setting: Setting
    corpus: Path

    @property
    def run_folder(self) -> Path:
        return self.setting.work / "runs" / self.corpus.name

    def features(self) -> Path:
        return self.run_folder / "tokenize" / "features"

    def model(self) -> Path:
        return self.run_folder / "train" / "model"

    def command(self, stage: str, *flags: str, **keys: object) -> list[str]:
        """`keys` change `speed.toml`; a dot in a key is written as two underscores."""
        files = {f"fetch.files.{path.stem}": path for path in sorted(self.corpus.glob("*.tsv"))}
        threads = {f"{stage}.threads": self.setting.threads for stage in ["train", "evaluate"]}
        threads["tokenize.workers"] = self.setting.threads
        changes = {key.replace("__", "."): value for key, value in keys.items()}
        all_keys = {"name": self.corpus.name, "fetch.model": self.setting.model, **files, **threads, **changes}
        sets = [part for key, value in all_keys.items() for part in ("--set", f"{key}={value}")]
        program = [self.setting.binaries / stage, "--config", CONFIG, "--work", self.setting.work, *flags, *sets]
        return [str(part) for part in program]

    def run(self, stage: str, *flags: str, **keys: object) -> float:
        """Returns the seconds from the process' start to its end."""
        command = self.command(stage, *flags, **keys)
        started = time.perf_counter()
        done = subprocess.run(command, env=self.setting.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        seconds = time.perf_counter() - started
        if done.returncode != 0:
            sys.exit(f"bench: `{' '.join(command)}` ended with {done.returncode}: {done.stderr.decode()}")
        return seconds

    def prepare(self, *stages: str, **keys: object) -> None:
        """What stands is reused."""
        for stage in stages:
            self.run(stage, **keys)
