"""The models that both sides start from, in the Hub layout, made with `transformers`."""

import json
import os
import shutil
from pathlib import Path

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    BertTokenizerFast,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from setting import LABELS, Setting

LABEL_KEYS = {
    "num_labels": len(LABELS),
    "id2label": dict(enumerate(LABELS)),
    "label2id": {label: index for index, label in enumerate(LABELS)},
}
# What XLM-R's tokenizers call them; an encoder without `tokenizer_config.json` does not say.
UNIGRAM_TOKENS = {"bos": "<s>", "cls": "<s>", "eos": "</s>", "sep": "</s>", "unk": "<unk>", "pad": "<pad>"}
HEAD_SEED = 7
NOISE = 0.02


def tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """As a user of `transformers` would load it."""
    if not (folder / "tokenizer.json").is_file():
        return BertTokenizerFast.from_pretrained(folder)
    if (folder / "tokenizer_config.json").is_file():
        return AutoTokenizer.from_pretrained(folder)
    special = {f"{name}_token": token for name, token in UNIGRAM_TOKENS.items()}
    length = json.loads((folder / "config.json").read_text())["max_position_embeddings"]
    return PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), model_max_length=length, **special)


def save(model: PreTrainedModel, words: PreTrainedTokenizerFast, folder: Path) -> None:
    """Whole or not at all."""
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    model.save_pretrained(partial)
    words.save_pretrained(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def fine_tuned(setting: Setting) -> Path:
    """Where the part `seeds` leaves PyTorch's model of its first seed, for the part `interchange`."""
    return setting.work / "models" / "pytorch-fine-tuned"


def with_head(setting: Setting) -> Path:
    """The encoder under a head that is drawn here, so that both sides have the same."""
    folder = setting.work / "models" / "encoder-with-head"
    if not folder.is_dir():
        torch.manual_seed(HEAD_SEED)
        model = AutoModelForSequenceClassification.from_pretrained(setting.encoder, **LABEL_KEYS)
        save(model, tokenizer(setting.encoder), folder)
    return folder


def kcbert_shaped(setting: Setting) -> Path:
    """KcBERT's architecture and vocabulary with random weights."""
    folder = setting.work / "models" / "kcbert-shaped"
    if not folder.is_dir():
        torch.manual_seed(HEAD_SEED)
        model = BertForSequenceClassification(BertConfig.from_pretrained(setting.kcbert, **LABEL_KEYS))
        # LayerNorm and biases begin as ones and zeros, which would hide a parameter that is not used.
        for parameter in model.parameters():
            parameter.data += NOISE * torch.randn_like(parameter)
        save(model, tokenizer(setting.kcbert), folder)
    return folder


# By the name that parts have for them.
START = {"encoder": with_head, "kcbert": kcbert_shaped}
