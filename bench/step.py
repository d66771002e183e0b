"""Part `step`: one training step on random rows of full length, weights random, dropout as in the model's config."""

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from setting import Setting
from table import Reach, Row, at_most
from worker import Worker

NOTE = """One training step: forward, backward, gradients clipped to a global norm of 1, AdamW; 32 random rows of full
length, random weights, dropout 0.1. PyTorch: `BertForSequenceClassification`, sdpa attention, fused AdamW; bf16 is
autocast. *The products alone*: the matrix products of such a step (of every linear layer and of attention, forward
and backward), into memory that stands ready. Peak memory: VmHWM of a fresh process after three steps, nothing
subtracted; PyTorch's has Python and its modules in it. Making the batch: rows
of the features in memory, padded, as `train` does before every step, on the thread that steps; it is in bertline's
time, and shown beside all of that."""

BATCH = 32
WARM_UP_STEPS = 3
MOST_STEPS = 50
PYTORCH, PRODUCTS = Path(__file__).with_name("pytorch_step.py"), Path(__file__).with_name("pytorch_products.py")
# Of KcBERT's shape against PyTorch; what else is measured is told.
REACH = {"f32": at_most(1.0), "bf16": at_most(0.6)}
REACH_PRODUCTS = {"f32": None, "bf16": at_most(2.0)}
REACH_MEMORY, REACH_BF16, REACH_INPUT = at_most(0.75), at_most(0.3), at_most(0.02)


@dataclass
class Side:
    """What one program was measured at, over all rounds."""

    worker: Worker
    milliseconds: list[float] = field(default_factory=list)
    inputs: list[float] = field(default_factory=list)

    def warm_up(self, slice_seconds: float) -> None:
        """Decides how many steps a turn has."""
        first = self.worker.ask(WARM_UP_STEPS)
        self.peak_mib = first["peak_mib"]
        fitting = int(1000 * slice_seconds / min(first["milliseconds"]))
        self.steps = min(max(fitting, 1), MOST_STEPS)

    def take_turn(self) -> None:
        answer = self.worker.ask(self.steps)
        self.milliseconds += answer["milliseconds"]
        self.inputs += answer.get("input_milliseconds", [])


def compare(setting: Setting) -> list[Row]:
    if setting.step_bench is None:
        sys.exit("bench: the part `step` needs --step-bench")
    shapes = {"KcBERT": setting.kcbert, setting.model.name: setting.model}
    return [row for name, folder in shapes.items() for row in of_shape(setting, name, folder)]


def of_shape(setting: Setting, name: str, source: Path) -> list[Row]:
    folder = setting.work / "shapes" / name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "config.json", folder)
    judged = lambda reach: reach if name == "KcBERT" else None
    rows = []
    for seq in setting.sequences:
        ours = {}
        for precision in setting.precisions:
            what = f"{name}, {BATCH} × {seq}, {precision}"
            print(f"step: {what} ...", file=sys.stderr, flush=True)
            sides = measure(setting, folder, seq, precision)
            ours[precision] = sides[0].milliseconds
            rows += of_case(what, precision, sides, judged)
        if len(ours) == 2:
            rows.append(own_precisions(f"{name}, {BATCH} × {seq}", ours, judged(REACH_BF16)))
    return rows


def measure(setting: Setting, folder: Path, seq: int, precision: str) -> list[Side]:
    """bertline, PyTorch, the products alone."""
    case = ["--model", folder, "--batch", BATCH, "--seq", seq, "--precision", precision, "--threads", setting.threads]
    theirs = [[sys.executable, script] for script in (PYTORCH, PRODUCTS)]
    sides = []
    for program in [[setting.step_bench], *theirs]:
        sides.append(Side(Worker([*program, *case], setting.environment)))
        sides[-1].warm_up(setting.slice_seconds)
    for _ in range(setting.rounds):
        for side in sides:
            side.take_turn()
    for side in sides:
        side.worker.close()
    return sides


def of_case(what: str, precision: str, sides: list[Side], judged) -> list[Row]:
    ours = sides[0]
    times = [side.milliseconds for side in sides]
    peaks = [[side.peak_mib] for side in sides]
    return [
        Row(what, "ms", times[0], "PyTorch", times[1], judged(REACH[precision])),
        Row(what, "ms", times[0], "the products alone", times[2], judged(REACH_PRODUCTS[precision])),
        Row(f"{what}: peak memory", "MiB", peaks[0], "PyTorch", peaks[1], judged(REACH_MEMORY)),
        Row(f"{what}: making the batch", "ms", ours.inputs, "the whole step", times[0], REACH_INPUT),
    ]


def own_precisions(what: str, ours: dict[str, list[float]], reach: Reach | None) -> Row:
    return Row(f"{what}, bf16", "ms", ours["bf16"], "bertline f32", ours["f32"], reach)
