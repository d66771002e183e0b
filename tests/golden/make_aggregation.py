#!/usr/bin/env python3
"""Makes aggregation.json beside this script: what `TokenClassificationPipeline` makes of given tags.

    python3 -m venv .venv && .venv/bin/pip install torch==2.9.0 transformers==4.57.1
    .venv/bin/python tests/golden/make_aggregation.py

A case has a text, its tokens (id, start, end), a row of probabilities for each, and by strategy the entities (label,
start, end, score). Tokens of the first kind of case are WordPiece's: `continuing` are the ids that go on with a word. Those
of the second kind are of a vocabulary without such a mark.
"""

import json
import random
from pathlib import Path

import numpy as np
from transformers import TokenClassificationPipeline
from transformers.pipelines.token_classification import AggregationStrategy

HERE = Path(__file__).resolve().parent
LABELS = ["O", "B-PS", "I-PS", "B-LC", "I-LC"]
PIECES = ["[UNK]", "seoul", "##si", "##e", "kim", "##gu", "(", ")", "went"]


class Tokenizer:
    unk_token_id = 0

    def __init__(self, prefix):
        model = type("Model", (), {"continuing_subword_prefix": prefix})()
        self._tokenizer = type("Library", (), {"model": model})()
        self.prefix = prefix

    def convert_ids_to_tokens(self, id):
        piece = PIECES[id]
        return piece if self.prefix else piece.removeprefix("##")

    def convert_tokens_to_string(self, tokens):
        return " ".join(tokens)


def pipeline(prefix):
    made = object.__new__(TokenClassificationPipeline)
    made.tokenizer = Tokenizer(prefix)
    made.model = type("Model", (), {"config": type("Config", (), {"id2label": dict(enumerate(LABELS))})()})()
    made.framework = "pt"
    return made


def case(draw, prefix):
    words = [["kim", "##gu", "##e"], ["seoul", "##si"], ["(", "seoul", ")"], ["[UNK]"], ["went"], ["kim", "[UNK]", "##e"]]
    text, tokens = "", []
    for word in draw.choices(words, k=draw.randint(1, 6)):
        text += " " if text else ""
        for piece in word:
            surface = "??" if piece == "[UNK]" else piece.removeprefix("##")
            tokens.append([PIECES.index(piece), len(text), len(text) + len(surface)])
            text += surface
    rows = np.array([[draw.random() ** 4 for _ in LABELS] for _ in tokens], dtype=np.float32)
    rows /= rows.sum(axis=1, keepdims=True)
    asked, ids = pipeline(prefix), np.array([token[0] for token in tokens])
    offsets, special = [(token[1], token[2]) for token in tokens], np.zeros(len(tokens))
    found = {}
    for name in ["simple", "first", "average", "max"]:
        strategy = AggregationStrategy(name)
        parts = asked.gather_pre_entities(text, ids, rows, offsets, special, strategy)
        groups = [group for group in asked.aggregate(parts, strategy) if group["entity_group"] != "O"]
        found[name] = [[g["entity_group"], g["start"], g["end"], round(float(g["score"]), 6)] for g in groups]
    continuing = [id for id, piece in enumerate(PIECES) if piece.startswith("##")] if prefix else None
    return {"text": text, "continuing": continuing, "tokens": tokens, "probabilities": rows.round(7).tolist(), "entities": found}


draw = random.Random(7)
cases = [case(draw, prefix) for prefix in ["##", None] for _ in range(12)]
lines = ",\n".join(json.dumps(case) for case in cases)
(HERE / "aggregation.json").write_text(f'{{"labels": {json.dumps(LABELS)}, "cases": [\n{lines}\n]}}\n')
