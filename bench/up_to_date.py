"""Part `up-to-date`: every stage where its result stands."""

import start
from setting import Setting
from table import Row, at_most

STAGES = ["fetch", "tokenize", "train", "evaluate"]
TIMES = 20
REACH = at_most(50)
NOTE = f"""Wall time of a stage whose result stands, as a whole process, {TIMES} times; all of NSMC's train, and the
encoder of `--model`."""


def compare(setting: Setting) -> list[Row]:
    experiment = start.whole_train(setting)
    experiment.prepare(*STAGES)
    milliseconds = lambda stage: [1000 * experiment.run(stage) for _ in range(TIMES)]
    return [Row(stage, "ms", milliseconds(stage), reach=REACH) for stage in STAGES]
