#!/usr/bin/env python3
"""Makes tokenizers.json beside this script: tokenizer files that override each other, and the ids that
`transformers` gives texts with them.

    .venv/bin/pip install transformers==4.57.1
    .venv/bin/python tests/golden/make_tokenizers.py
    .venv5/bin/python tests/golden/make_tokenizers.py --check      # with transformers 5: the ids must be the same

`shared/tokenizer/src/golden.rs` holds the file against our tokenizer, as it is read and as it is saved.
`--model FOLDER` prints the ids that a folder gives the texts of the case that its name begins with.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

HERE = Path(__file__).resolve().parent
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] hello Hello world WORLD cafe café 좋다 영화 ##가 ! 美 国 美国 z ##z zz # @ 이름".split()
TEXTS = ["Hello WORLD", "café 美国!", "영화가 좋다 zz", "hello [MASK] <m> 이름", "#@이름# [NAME] zz좋다", ""]
BERT = {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
TOKEN = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True}

# By name: whether tokenizer.json is there, and what the other files say.
CASES = {
    "bare-vocabulary": (False, {}),
    "cased": (False, {"tokenizer_config.json": BERT}),
    "lower-case": (False, {"tokenizer_config.json": {**BERT, "do_lower_case": True}}),
    "lower-case-with-accents": (False, {"tokenizer_config.json": {**BERT, "do_lower_case": True, "strip_accents": False}}),
    "without-accents": (False, {"tokenizer_config.json": {**BERT, "strip_accents": True}}),
    "whole-chinese-words": (False, {"tokenizer_config.json": {**BERT, "tokenize_chinese_chars": False}}),
    "electra": (False, {"tokenizer_config.json": {**BERT, "tokenizer_class": "ElectraTokenizer"}}),
    "added-tokens": (False, {"tokenizer_config.json": BERT, "added_tokens.json": {"#@이름#": 24, "[NAME]": 25}}),
    "additional-special-tokens": (
        False,
        {"tokenizer_config.json": {**BERT, "additional_special_tokens": ["[NAME]", "zz"]}},
    ),
    "added-tokens-decoder": (
        False,
        {"tokenizer_config.json": {**BERT, "added_tokens_decoder": {
            **{str(i): {"content": WORDS[i], **TOKEN} for i in range(5)},
            "24": {"content": "[NAME]", **TOKEN},
            "25": {"content": "#@이름#", **TOKEN, "special": False},
        }}},
    ),
    "stored": (True, {"tokenizer_config.json": BERT}),
    "stored-lower-case": (True, {"tokenizer_config.json": {**BERT, "do_lower_case": True}}),
    "stored-without-accents": (True, {"tokenizer_config.json": {**BERT, "strip_accents": True}}),
    "stored-whole-chinese-words": (True, {"tokenizer_config.json": {**BERT, "tokenize_chinese_chars": False}}),
    "stored-as-it-is": (True, {"tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}}),
    "stored-additional-special-tokens": (
        True,
        {"tokenizer_config.json": {**BERT, "additional_special_tokens": ["[NAME]"]}},
    ),
}


def stored() -> str:
    """The vocabulary as a tokenizer.json that keeps letter case."""
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens([AddedToken(word, normalized=False) for word in WORDS[:5]])
    return tokenizer.to_str()


def files(name: str) -> dict[str, str]:
    is_stored, others = CASES[name]
    vocabulary = {"tokenizer.json": stored()} if is_stored else {"vocab.txt": "".join(f"{word}\n" for word in WORDS)}
    config = json.dumps({"model_type": "bert", "vocab_size": 40, "max_position_embeddings": 64})
    others = {file: json.dumps(value, ensure_ascii=False) for file, value in others.items()}
    return {"config.json": config, **vocabulary, **others}


def ids(folder: Path) -> list[list[int]]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return [tokenizer(text)["input_ids"] for text in TEXTS]


def case(name: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        texts = files(name)
        for file, text in texts.items():
            (Path(folder) / file).write_text(text)
        return {"name": name, "files": texts, "ids": ids(Path(folder))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with tokenizers.json and write nothing")
    parser.add_argument("--model", type=Path, nargs="*", help="folders of saved models, each named as its case")
    options = parser.parse_args()
    path = HERE / "tokenizers.json"
    if options.model or options.check:
        expected = {case["name"]: case["ids"] for case in json.loads(path.read_text())["cases"]}
        found = {folder.name: ids(folder) for folder in options.model or []} or {name: case(name)["ids"] for name in CASES}
        differ = [name for name in found if found[name] != expected[name]]
        print(f"{len(found)} tokenizers, {len(differ)} differ: {' '.join(differ)}")
        sys.exit(bool(differ))
    cases = ",\n".join(json.dumps(case(name), ensure_ascii=False) for name in CASES)
    path.write_text(f'{{"texts": {json.dumps(TEXTS, ensure_ascii=False)}, "cases": [\n{cases}\n]}}\n')


if __name__ == "__main__":
    main()
