#!/usr/bin/env python3
"""Runs the same models, texts and trainings through PyTorch with `transformers` and through bertline; prints one table.

Not part of `make test`: it needs Python packages, a pretrained encoder, NSMC, and hours of one core. `make parity`
installs the packages and starts it. Results are kept below `.parity/`, so a run that was stopped goes on where it was;
bertline's are forgotten when its binaries change. Exits with 1 where a difference is above its limit, and with 2 where
the data is absent.
"""

import sys
from collections.abc import Callable

import torch

import features
import interchange
import logits
import seeds
import steps
from bertline_side import Bertline
from cache import Cache
from context import Context
from setting import PARTS, Setting
from table import Row, table

COMPARE: dict[str, Callable[[Context], list[Row]]] = {
    "logits-encoder": lambda context: logits.compare(context, "encoder"),
    "logits-kcbert": lambda context: logits.compare(context, "kcbert"),
    "steps-encoder": lambda context: steps.compare(context, "encoder"),
    "steps-kcbert": lambda context: steps.compare(context, "kcbert"),
    "steps-control": lambda context: steps.control(context, "encoder"),
    "seeds": seeds.compare,
    "seeds-bf16": seeds.compare_bf16,
    "interchange": interchange.compare,
    "features": features.compare,
}


def main() -> None:
    setting = Setting.from_arguments(__doc__)
    torch.set_num_threads(setting.threads)
    context = Context(setting, Cache(setting.work / "results"), Bertline(setting))
    context.bertline.forget_other_builds()
    rows = []
    for part in PARTS:
        if part in setting.only:
            rows += COMPARE[part](context)
    print(table(rows))
    failed = sum(row.failed for row in rows)
    print(f"\n{failed} of {len(rows)} failed" if failed else "\nall within their limits")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
