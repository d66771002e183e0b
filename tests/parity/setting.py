"""The command line, and the figures that both sides share. Nothing but the standard library is needed here.

As a program it only looks whether the data is there, before anything is built or installed for it.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

LABELS = ["negative", "positive"]
MAX_SEQ_LENGTH = 128
WEIGHT_DECAY = 0.01
MAX_GRAD_NORM = 1.0

ROOT = Path(__file__).resolve().parents[2]
PARTS = [
    "logits-encoder",
    "steps-encoder",
    "steps-control",
    "features",
    "logits-kcbert",
    "seeds",
    "interchange",
    "steps-kcbert",
    "seeds-bf16",
]


@dataclass(frozen=True)
class Schedule:
    """AdamW, linear after a warm-up: what both sides are told."""

    learning_rate: float
    warmup_ratio: float
    batch_size: int


@dataclass(frozen=True)
class Setting:
    """Where a parity run finds things, and what it may use."""

    work: Path
    binaries: Path
    encoder: Path
    mirror: Path
    threads: int
    only: list[str]

    @property
    def nsmc(self) -> Path:
        return self.mirror / "raw.githubusercontent.com/e9t/nsmc/master"

    @property
    def kcbert(self) -> Path:
        return self.mirror / "huggingface.co/beomi/kcbert-base/resolve/main"

    @staticmethod
    def from_arguments(description: str | None = None) -> "Setting":
        """Ends the program with 2 where the data is absent: no verdict is not a good one."""
        arguments = parser(description).parse_args()
        paths = [arguments.work, arguments.bin, arguments.encoder, arguments.mirror]
        setting = Setting(*(path.resolve() for path in paths), arguments.threads, arguments.only)
        needed = [setting.encoder / "config.json", setting.nsmc, setting.kcbert]
        absent = [str(path) for path in needed if not path.exists()]
        if absent:
            print(f"parity: skipped, there is no {', no '.join(absent)}; see --encoder and --mirror", file=sys.stderr)
            sys.exit(2)
        return setting


def parser(description: str | None) -> argparse.ArgumentParser:
    raw = argparse.RawTextHelpFormatter
    result = argparse.ArgumentParser(description=description, formatter_class=raw)
    add = result.add_argument
    data, cores = ROOT.parent / "shared", os.cpu_count() or 1
    add("--encoder", type=Path, default=data / "models/me5-small-ko", help="a pretrained encoder, in the Hub layout")
    add("--mirror", type=Path, default=data / "mirror", help="HOST/PATH of NSMC's files and of beomi/kcbert-base")
    add("--bin", type=Path, default=ROOT / "target/release", help="where the stage binaries are")
    add("--work", type=Path, default=ROOT / ".parity", help="where results and models are kept")
    add("--threads", type=int, default=cores, help="CPU threads of either side; by default every core")
    add("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help="of: " + ", ".join(PARTS))
    return result


if __name__ == "__main__":
    Setting.from_arguments("The arguments of `make parity`, in PARITY_ARGS; on its own it only looks for the data.")
