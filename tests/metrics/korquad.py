"""KorQuAD 1.0's scores, stated anew from what its `evaluate-v1.0.py` does; not that script itself.

The script is on KorQuAD's site and on no package index. `make_cases.py --korquad FILE` scores with it, and
fails where this module says otherwise.
"""

import string
from collections import Counter

MARKS = str.maketrans(dict.fromkeys("'\"《》<>〈〉()‘’", " "))
PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(answer: str) -> str:
    return " ".join(answer.translate(MARKS).lower().translate(PUNCTUATION).split())


def exact_match_score(prediction: str, ground_truth: str) -> bool:
    return normalize_answer(prediction) == normalize_answer(ground_truth)


def f1_score(prediction: str, ground_truth: str) -> float:
    found, there = (Counter(normalize_answer(text).replace(" ", "")) for text in (prediction, ground_truth))
    common = (found & there).total()
    if common == 0:
        return 0.0
    precision, recall = common / found.total(), common / there.total()
    return 2 * precision * recall / (precision + recall)


def metric_max_over_ground_truths(metric, prediction: str, ground_truths: list[str]) -> float:
    return max(metric(prediction, ground_truth) for ground_truth in ground_truths)
