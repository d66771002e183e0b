"""Classifies texts as a user of `transformers` would, in a program of its own, so that every warning is seen.

`python as_a_user.py FOLDER THREADS` takes a JSON list of texts on stdin and prints a JSON object.
"""

import json
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from setting import MAX_SEQ_LENGTH

BATCH_ROWS = 64


@torch.no_grad()
def main() -> None:
    folder, threads = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(threads)
    texts = json.load(sys.stdin)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    result = {"id2label": model.config.id2label, "label2id": model.config.label2id, "probabilities": []}
    for start in range(0, len(texts), BATCH_ROWS):
        batch = texts[start : start + BATCH_ROWS]
        inputs = tokenizer(batch, truncation=True, max_length=MAX_SEQ_LENGTH, padding=True, return_tensors="pt")
        result["probabilities"] += model(**inputs).logits.softmax(1).tolist()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
