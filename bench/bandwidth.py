"""Part `bandwidth`: what a step does over all parameters, beside a copy of as much memory."""

import sys

from setting import Setting
from table import Row, at_least
from worker import Worker

NOTE = """What moves memory and computes little, at KcBERT's number of parameters: the optimizer's pass (parameter and both
moments read and written, the gradient read), the clipping norm (the gradient read), and the masks of hidden states
(written). Gigabytes read and written a second, beside those of a copy by all threads in the same process. A processor
reads what it overwrites, which is not counted: of a copy's traffic that is a third, of the optimizer's nothing."""

WARM_UP_ROUNDS, ROUNDS = 2, 10
REACH = at_least(0.7)
NAMES = {
    "adamw_f32": "AdamW, float32 gradients",
    "adamw_bf16": "AdamW, bfloat16 gradients",
    "norm_f32": "clipping norm, float32 gradients",
    "norm_bf16": "clipping norm, bfloat16 gradients",
    "masks": "dropout masks",
}
JUDGED = ["adamw_f32", "adamw_bf16"]


def compare(setting: Setting) -> list[Row]:
    if setting.bandwidth_bench is None:
        sys.exit("bench: the part `bandwidth` needs --bandwidth-bench")
    worker = Worker([setting.bandwidth_bench, "--threads", setting.threads], setting.environment)
    worker.ask(WARM_UP_ROUNDS)
    rates = worker.ask(ROUNDS * setting.rounds)
    worker.close()
    reach = lambda name: REACH if name in JUDGED else None
    return [Row(what, "GB/s", rates[name], "copy", rates["copy"], reach(name)) for name, what in NAMES.items()]
