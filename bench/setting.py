"""The command line. Nothing but the standard library is needed here.

As a program it only looks whether the data is there, before anything is built or installed for it.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The shortest first: a run that is stopped has said something.
PARTS = ["up-to-date", "start", "bandwidth", "step", "evaluate", "epoch"]
PRECISIONS = ["f32", "bf16"]
# Below the root: what a run writes.
SPEED = "bench/SPEED.md"


@dataclass(frozen=True)
class Setting:
    """Where a run finds things, and what it may use. Hashable, so that a figure can be remembered by it."""

    work: Path
    binaries: Path
    step_bench: Path | None
    bandwidth_bench: Path | None
    model: Path
    mirror: Path
    out: Path
    threads: int
    rounds: int
    slice_seconds: float
    sequences: tuple[int, ...]
    precisions: tuple[str, ...]
    epoch_precision: str
    epoch_rows: int
    evaluate_rows: int
    only: tuple[str, ...]

    @property
    def nsmc(self) -> Path:
        return self.mirror / "raw.githubusercontent.com/e9t/nsmc/master"

    @property
    def kcbert(self) -> Path:
        return self.mirror / "huggingface.co/beomi/kcbert-base/resolve/main"

    @property
    def environment(self) -> dict[str, str]:
        names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"]
        return os.environ | dict.fromkeys(names, str(self.threads)) | {"TRANSFORMERS_VERBOSITY": "error"}

    @staticmethod
    def from_arguments(description: str | None = None) -> "Setting":
        """Ends the program with 2 where the data is absent."""
        values = vars(parser(description).parse_args())
        resolved = {key: value.resolve() for key, value in values.items() if isinstance(value, Path)}
        tuples = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
        setting = Setting(**values | resolved | tuples)
        needed = [setting.model / "config.json", setting.nsmc, setting.kcbert / "config.json"]
        absent = [str(path) for path in needed if not path.exists()]
        if absent:
            print(f"bench: there is no {', no '.join(absent)}; see --model and --mirror", file=sys.stderr)
            sys.exit(2)
        return setting


def parser(description: str | None) -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    add = result.add_argument
    data, cores = ROOT.parent / "shared", os.cpu_count() or 1
    add("--model", type=Path, default=data / "models/me5-small-ko", help="a pretrained encoder, in the Hub layout")
    add("--mirror", type=Path, default=data / "mirror", help="HOST/PATH of NSMC's files and of beomi/kcbert-base")
    add("--bin", type=Path, dest="binaries", default=ROOT / "target/release", help="where the stage binaries are")
    add("--step-bench", type=Path, help="the benchmark `step` of the crate bert, for the part `step`")
    add("--bandwidth-bench", type=Path, help="the benchmark `bandwidth` of the same, for the part `bandwidth`")
    add("--work", type=Path, default=ROOT / ".bench", help="where corpora and runs are kept")
    add("--out", type=Path, default=ROOT / SPEED, help="the file whose sections are replaced")
    add("--threads", type=int, default=cores, help="CPU threads of either side; by default every core")
    add("--rounds", type=int, default=5, help="how often the two sides take turns")
    add("--slice-seconds", type=float, default=5.0, help="of steps in a turn; at least one step")
    add("--sequences", type=int, nargs="+", default=[32, 128], help="tokens of a row, in the part `step`")
    add("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS, help="in the part `step`")
    add("--epoch-precision", choices=PRECISIONS, default="bf16", help="of the part `epoch`")
    add("--epoch-rows", type=int, default=6400, help="train rows that stand for NSMC's 150,000")
    add("--evaluate-rows", type=int, default=10_000, help="test rows that stand for NSMC's 50,000; 50000 takes all")
    add("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help="of: " + ", ".join(PARTS))
    return result


if __name__ == "__main__":
    Setting.from_arguments("The arguments of `make bench`, in BENCH_ARGS; on its own it only looks for the data.")
