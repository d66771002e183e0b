#!/usr/bin/env python3
"""Makes the golden files beside this script: small models and what `transformers` computes with them.

    python3 -m venv .venv && .venv/bin/pip install torch==2.9.0 transformers==4.57.1
    .venv/bin/python tests/golden/make_golden.py

Each folder holds a model in the Hub layout, and what it gives in float32 without dropout. `expected.json`: a padded
batch, its labels, and the logits and the mean loss of its class. `hidden_states.safetensors`: the hidden states that
enter the first layer and leave each, and the pooler's output, which ELECTRA lacks. Folders of models that are trained
have `gradients.safetensors` of that loss, and ten steps: `steps.json` (learning rate, loss, gradient norm) and
`after.safetensors`, the parameters then. `realistic/` has weights as small as those of real models: bfloat16 is
measured there. `heads/` has a smaller model for every other head than that of single labels, without its hidden states,
and `activations/` for every other activation. `objectives.json` has
cross-entropies with label smoothing and class weights, `schedules.json` the learning rates of 100 steps of every
schedule.

Logits are those of the batch's rows: of tokens one after the other, without padding; of a span those of beginnings
before those of ends; and of a masked language model, a row for each masked token. The loss of a span is the mean of
each example's own: in a padded batch, padding may be an answer. `padded_loss` is that of a batch that is padded to the
model's positions, as `run_qa.py` has it.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForMaskedLM, BertForQuestionAnswering, BertForSequenceClassification
from transformers import BertForTokenClassification, ElectraConfig, ElectraForQuestionAnswering
from transformers import ElectraForSequenceClassification, ElectraForTokenClassification
from transformers import PretrainedConfig, PreTrainedModel, get_scheduler

HERE = Path(__file__).resolve().parent
LENGTHS = [11, 4, 7, 2]
BERT = (BertConfig, BertForSequenceClassification)
ELECTRA = (ElectraConfig, ElectraForSequenceClassification)


def config(kind: type[PretrainedConfig], **changes) -> PretrainedConfig:
    keys = dict(vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
    keys |= dict(max_position_embeddings=12, initializer_range=0.3, num_labels=3, attn_implementation="eager")
    return kind(**(keys | changes))


def labels(model: PreTrainedModel) -> list:
    """Of every row, as our features have them; an answer that is not in its row lies beyond all."""
    some = lambda row, position: (row + position) % 4 == 1
    kind, words = type(model).__name__, model.config.vocab_size
    if kind.endswith("QuestionAnswering"):
        return [[2, 5], [0, 0], [20, 20], [1, 1]]
    if kind.endswith("TokenClassification"):
        tag = lambda row, position: -100 if some(row, position) else (row + position) % 3
        return [[tag(row, position) for position in range(n)] for row, n in enumerate(LENGTHS)]
    if kind.endswith("MaskedLM"):
        word = lambda row, position: (5 * row + position) % words if some(row, position) else -100
        return [[word(row, position) for position in range(n)] for row, n in enumerate(LENGTHS)]
    if model.config.problem_type == "regression":
        return [0.5, 2.0, -1.25, 4.0]
    if model.config.problem_type == "multi_label_classification":
        return [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    return [0, 2, 1, 2]


def batch(model: PreTrainedModel) -> dict:
    vocabulary, types = model.config.vocab_size, model.config.type_vocab_size
    ids = [[(7 * row + 3 * position) % vocabulary for position in range(n)] for row, n in enumerate(LENGTHS)]
    kinds = [[(position // 3) % types for position in range(n)] for n in LENGTHS]
    return {"input_ids": ids, "token_type_ids": kinds, "labels": labels(model)}


def tensors(model: PreTrainedModel, rows: dict, width: int = max(LENGTHS)) -> dict:
    pad = lambda lists, value: torch.tensor([row + [value] * (width - len(row)) for row in lists])
    inputs = {
        "input_ids": pad(rows["input_ids"], model.config.pad_token_id),
        "attention_mask": pad([[1] * n for n in LENGTHS], 0),
        "token_type_ids": pad(rows["token_type_ids"], 0),
    }
    kind = type(model).__name__
    if kind.endswith("QuestionAnswering"):
        starts, ends = zip(*rows["labels"])
        return inputs | {"start_positions": torch.tensor(starts), "end_positions": torch.tensor(ends)}
    of_tokens = kind.endswith(("TokenClassification", "MaskedLM"))
    return inputs | {"labels": pad(rows["labels"], -100) if of_tokens else torch.tensor(rows["labels"])}


def loss(model: PreTrainedModel, inputs: dict) -> torch.Tensor:
    if "start_positions" not in inputs:
        return model(**inputs).loss
    alone = lambda row, n: {key: x[row : row + 1, :n] if x.dim() > 1 else x[row : row + 1] for key, x in inputs.items()}
    answered = [(row, n) for row, n in enumerate(LENGTHS) if inputs["start_positions"][row] < n]
    return sum(model(**alone(row, n)).loss for row, n in answered) / len(answered)


def logits(output, rows: dict) -> list:
    if "start_logits" in output:
        ends = zip(output.start_logits.tolist(), output.end_logits.tolist(), LENGTHS)
        return [start[:n] + end[:n] for start, end, n in ends]
    if output.logits.dim() == 2:
        return output.logits.tolist()
    tokens = [[row[position] for position in range(n)] for row, n in zip(output.logits.tolist(), LENGTHS)]
    if output.logits.shape[-1] > 3:
        targets = [[tag >= 0 for tag in tags] for tags in rows["labels"]]
        return [one for row, masked in zip(tokens, targets) for one, is_masked in zip(row, masked) if is_masked]
    return [sum(row, []) for row in tokens]


def expected(model: PreTrainedModel) -> dict:
    rows = batch(model)
    inputs = tensors(model, rows)
    with torch.no_grad():
        known = rows | {"logits": logits(model(**inputs), rows), "loss": loss(model, inputs).item()}
        if "start_positions" in inputs:
            known["padded_loss"] = model(**tensors(model, rows, model.config.max_position_embeddings)).loss.item()
        return known


def hidden_states(model: PreTrainedModel) -> dict:
    targets = ("labels", "start_positions", "end_positions")
    inputs = {key: value for key, value in tensors(model, batch(model)).items() if key not in targets}
    with torch.no_grad():
        output = model.base_model(**inputs, output_hidden_states=True)
    states = {f"hidden_states.{index}": state for index, state in enumerate(output.hidden_states)}
    return states | ({"pooled": output.pooler_output} if "pooler_output" in output else {})


def old_name(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def train(name: str, model: PreTrainedModel) -> None:
    folder, inputs = HERE / name, tensors(model, batch(model))
    loss(model, inputs).backward()
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
        mean = loss(model, inputs)
        mean.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        rate = optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        steps.append({"learning_rate": rate, "loss": mean.item(), "gradient_norm": norm.item()})
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


def make(name: str, changes: dict, kind: str, family: tuple = BERT, noise: float = 0.1) -> PreTrainedModel:
    torch.manual_seed(7)
    make_config, make_model = family
    model = make_model(config(make_config, **changes)).eval()
    # LayerNorm and biases begin as ones and zeros, which would hide a parameter that is not used.
    for parameter in model.parameters():
        parameter.data += noise * torch.randn_like(parameter)
    if kind == "half":
        model.half().float()
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "pytorch":
        model.config.save_pretrained(folder)
        torch.save({old_name(key): value for key, value in model.state_dict().items()}, folder / "pytorch_model.bin")
    else:
        shards = {"max_shard_size": "20KB"} if kind == "shards" else {}
        (model.half() if kind == "half" else model).save_pretrained(folder, **shards)
        model.float()
    (folder / "expected.json").write_text(json.dumps(expected(model), indent=1) + "\n")
    return model


def save(name: str, changes: dict, kind: str, family: tuple = BERT, noise: float = 0.1) -> PreTrainedModel:
    model = make(name, changes, kind, family, noise)
    save_file(hidden_states(model), HERE / name / "hidden_states.safetensors")
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
SMALL = dict(vocab_size=24, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12)
HEADS = {
    "regression": (BERT, {"num_labels": 1, "problem_type": "regression"}),
    "multi-label": (BERT, {"problem_type": "multi_label_classification"}),
    "tokens": ((BertConfig, BertForTokenClassification), {}),
    "span": ((BertConfig, BertForQuestionAnswering), {"num_labels": 2}),
    "masked-lm": ((BertConfig, BertForMaskedLM), {}),
    "masked-lm-untied": ((BertConfig, BertForMaskedLM), {"tie_word_embeddings": False}),
    "electra-tokens": ((ElectraConfig, ElectraForTokenClassification), {"embedding_size": 6}),
    "electra-span": ((ElectraConfig, ElectraForQuestionAnswering), {"embedding_size": 6, "num_labels": 2}),
}
for name, (family, changes) in HEADS.items():
    train(f"heads/{name}", make(f"heads/{name}", SMALL | changes, "safetensors", family))
for name in ["silu", "quick_gelu", "gelu_10", "gelu_fast", "gelu_pytorch_tanh"]:
    train(f"activations/{name}", make(f"activations/{name}", SMALL | {"hidden_act": name}, "safetensors"))
