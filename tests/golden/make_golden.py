#!/usr/bin/env python3
"""Makes the golden files beside this script: small models and what `transformers` computes with them.

    python3 -m venv .venv && .venv/bin/pip install torch==2.9.0 transformers==4.57.1
    .venv/bin/python tests/golden/make_golden.py

Each folder holds a model in the Hub layout and `expected.json`: a padded batch, its labels, and the logits and the
mean loss of `BertForSequenceClassification` in float32 without dropout.
"""

import json
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification

HERE = Path(__file__).resolve().parent
LENGTHS = [11, 4, 7, 2]


def config(**changes) -> BertConfig:
    keys = dict(vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
    keys |= dict(max_position_embeddings=12, initializer_range=0.3, num_labels=3, attn_implementation="eager")
    return BertConfig(**(keys | changes))


def batch(model: BertForSequenceClassification) -> dict:
    vocabulary, types = model.config.vocab_size, model.config.type_vocab_size
    ids = [[(7 * row + 3 * position) % vocabulary for position in range(n)] for row, n in enumerate(LENGTHS)]
    kinds = [[(position // 3) % types for position in range(n)] for n in LENGTHS]
    return {"input_ids": ids, "token_type_ids": kinds, "labels": [0, 2, 1, 2]}


def expected(model: BertForSequenceClassification) -> dict:
    rows = batch(model)
    pad = lambda lists, value: torch.tensor([row + [value] * (max(LENGTHS) - len(row)) for row in lists])
    mask = pad([[1] * n for n in LENGTHS], 0)
    ids = pad(rows["input_ids"], model.config.pad_token_id)
    with torch.no_grad():
        output = model(ids, mask, pad(rows["token_type_ids"], 0), labels=torch.tensor(rows["labels"]))
    return rows | {"logits": output.logits.tolist(), "loss": output.loss.item()}


def old_name(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def save(name: str, changes: dict, kind: str) -> None:
    torch.manual_seed(7)
    model = BertForSequenceClassification(config(**changes)).eval()
    # LayerNorm and biases begin as ones and zeros, which would hide a parameter that is not used.
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    if kind == "half":
        model.half().float()
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    if kind == "pytorch":
        model.config.save_pretrained(folder)
        torch.save({old_name(key): value for key, value in model.state_dict().items()}, folder / "pytorch_model.bin")
    else:
        shards = {"max_shard_size": "20KB"} if kind == "shards" else {}
        (model.half() if kind == "half" else model).save_pretrained(folder, **shards)
        model.float()
    (folder / "expected.json").write_text(json.dumps(expected(model), indent=1) + "\n")


save("gelu", {}, "safetensors")
save("gelu-new", {"hidden_act": "gelu_new", "num_hidden_layers": 1, "type_vocab_size": 1}, "half")
save("relu", {"hidden_act": "relu", "num_hidden_layers": 1, "layer_norm_eps": 1e-3}, "pytorch")
save("shards", {"num_hidden_layers": 1, "pad_token_id": 1}, "shards")
