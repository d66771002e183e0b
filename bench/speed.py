#!/usr/bin/env python3
"""Measures bertline beside PyTorch with `transformers`, both in turn, and writes the tables of bench/SPEED.md.

Not part of `make test`: it needs Python packages, a pretrained encoder, NSMC, and an hour of a machine that is
otherwise idle. `make bench` installs the packages and starts it. A part's section is printed and written as soon as it
is measured; the sections of other parts stay as they are.
"""

from types import ModuleType

import bandwidth
import epoch
import evaluate
import report
import start
import step
import up_to_date
from setting import PARTS, Setting

MODULES: dict[str, ModuleType] = {
    "up-to-date": up_to_date,
    "start": start,
    "bandwidth": bandwidth,
    "step": step,
    "evaluate": evaluate,
    "epoch": epoch,
}


def main() -> None:
    setting = Setting.from_arguments(__doc__)
    for part in PARTS:
        if part in setting.only:
            module = MODULES[part]
            print(report.write(setting, part, module.NOTE, module.compare(setting)), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
