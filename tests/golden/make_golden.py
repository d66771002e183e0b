#!/usr/bin/env python3
"""Makes the golden files beside this script: small models and what `transformers` computes with them.

    python3 -m venv .venv && .venv/bin/pip install torch==2.9.0 transformers==4.57.1
    .venv/bin/python tests/golden/make_golden.py

Each folder holds a model in the Hub layout, and what it gives in float32 without dropout. `expected.json`: a padded
batch, its labels, and the logits and the mean loss of `BertForSequenceClassification` or its ELECTRA twin.
`hidden_states.safetensors`: the hidden states that enter the first layer and leave each, and the pooler's output,
which ELECTRA lacks. Folders of models that are trained have `gradients.safetensors` of that loss, and ten steps:
`steps.json` (learning rate, loss, gradient norm) and `after.safetensors`, the parameters then. `realistic/` has
weights as small as those of real models: bfloat16 is measured there. `objectives.json` has cross-entropies with
label smoothing and class weights, `schedules.json` the learning rates of 100 steps of every schedule.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification, ElectraConfig, ElectraForSequenceClassification
from transformers import PretrainedConfig, PreTrainedModel, get_scheduler

HERE = Path(__file__).resolve().parent
LENGTHS = [11, 4, 7, 2]
BERT = (BertConfig, BertForSequenceClassification)
ELECTRA = (ElectraConfig, ElectraForSequenceClassification)


def config(kind: type[PretrainedConfig], **changes) -> PretrainedConfig:
    keys = dict(vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
    keys |= dict(max_position_embeddings=12, initializer_range=0.3, num_labels=3, attn_implementation="eager")
    return kind(**(keys | changes))


def batch(model: PreTrainedModel) -> dict:
    vocabulary, types = model.config.vocab_size, model.config.type_vocab_size
    ids = [[(7 * row + 3 * position) % vocabulary for position in range(n)] for row, n in enumerate(LENGTHS)]
    kinds = [[(position // 3) % types for position in range(n)] for n in LENGTHS]
    return {"input_ids": ids, "token_type_ids": kinds, "labels": [0, 2, 1, 2]}


def tensors(model: PreTrainedModel, rows: dict) -> dict:
    pad = lambda lists, value: torch.tensor([row + [value] * (max(LENGTHS) - len(row)) for row in lists])
    return {
        "input_ids": pad(rows["input_ids"], model.config.pad_token_id),
        "attention_mask": pad([[1] * n for n in LENGTHS], 0),
        "token_type_ids": pad(rows["token_type_ids"], 0),
        "labels": torch.tensor(rows["labels"]),
    }


def expected(model: PreTrainedModel) -> dict:
    rows = batch(model)
    with torch.no_grad():
        output = model(**tensors(model, rows))
    return rows | {"logits": output.logits.tolist(), "loss": output.loss.item()}


def hidden_states(model: PreTrainedModel) -> dict:
    inputs = {key: value for key, value in tensors(model, batch(model)).items() if key != "labels"}
    with torch.no_grad():
        output = model.base_model(**inputs, output_hidden_states=True)
    states = {f"hidden_states.{index}": state for index, state in enumerate(output.hidden_states)}
    return states | ({"pooled": output.pooler_output} if "pooler_output" in output else {})


def old_name(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def train(name: str, model: PreTrainedModel) -> None:
    folder, inputs = HERE / name, tensors(model, batch(model))
    model(**inputs).loss.backward()
    save_file({key: value.grad for key, value in model.named_parameters()}, folder / "gradients.safetensors")
    model.zero_grad()
    no_decay = lambda key: key.endswith(".bias") or "LayerNorm" in key
    groups = [
        {"params": [p for key, p in model.named_parameters() if not no_decay(key)], "weight_decay": 0.1},
        {"params": [p for key, p in model.named_parameters() if no_decay(key)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    scheduler = get_scheduler("linear", optimizer, num_warmup_steps=3, num_training_steps=10)
    steps = []
    for _ in range(10):
        loss = model(**inputs).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        rate = optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        steps.append({"learning_rate": rate, "loss": loss.item(), "gradient_norm": norm.item()})
    (folder / "steps.json").write_text(json.dumps(steps, indent=1) + "\n")
    save_file({key: value.detach() for key, value in model.named_parameters()}, folder / "after.safetensors")


def rates(make) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    scheduler, every = make(optimizer)
    sequence = []
    for step in range(100):
        sequence.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (step + 1) % every == 0:
            scheduler.step()
    return sequence


def schedules() -> dict:
    named = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}
    by_name = lambda name: rates(lambda o: (get_scheduler(name, o, num_warmup_steps=13, num_training_steps=100), 1))
    exponential = rates(lambda o: (torch.optim.lr_scheduler.ExponentialLR(o, gamma=0.9), 25))
    return {kind: by_name(name) for kind, name in named.items()} | {"exponential": exponential}


def objectives() -> dict:
    torch.manual_seed(7)
    logits, labels = 3 * torch.randn(6, 3), torch.tensor([0, 2, 1, 2, 2, 0])
    cases = []
    for smoothing, weights in [(0.0, []), (0.1, []), (0.0, [0.5, 2.0, 3.0]), (0.2, [0.5, 2.0, 3.0])]:
        weight = torch.tensor(weights) if weights else None
        loss = torch.nn.functional.cross_entropy(logits, labels, weight=weight, label_smoothing=smoothing)
        cases.append({"label_smoothing": smoothing, "class_weights": weights, "loss": loss.item()})
    return {"logits": logits.tolist(), "labels": labels.tolist(), "cases": cases}


def save(name: str, changes: dict, kind: str, family: tuple = BERT, noise: float = 0.1) -> PreTrainedModel:
    torch.manual_seed(7)
    make_config, make_model = family
    model = make_model(config(make_config, **changes)).eval()
    # LayerNorm and biases begin as ones and zeros, which would hide a parameter that is not used.
    for parameter in model.parameters():
        parameter.data += noise * torch.randn_like(parameter)
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
    save_file(hidden_states(model), folder / "hidden_states.safetensors")
    return model


# In evaluation mode, hence without dropout.
train("gelu", save("gelu", {}, "safetensors"))
(HERE / "objectives.json").write_text(json.dumps(objectives(), indent=1) + "\n")
(HERE / "schedules.json").write_text(json.dumps(schedules(), indent=1) + "\n")
save("gelu-new", {"hidden_act": "gelu_new", "num_hidden_layers": 1, "type_vocab_size": 1}, "half")
save("relu", {"hidden_act": "relu", "num_hidden_layers": 1, "layer_norm_eps": 1e-3}, "pytorch")
save("shards", {"num_hidden_layers": 1, "pad_token_id": 1}, "shards")
train("realistic", save("realistic", {"initializer_range": 0.05}, "safetensors", noise=0.02))
train("electra", save("electra", {"embedding_size": 24, "initializer_range": 0.2}, "safetensors", ELECTRA))
save("electra-base", {"embedding_size": 32, "num_hidden_layers": 1}, "pytorch", ELECTRA)
