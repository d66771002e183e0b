#!/usr/bin/env python3
"""How fast `tokenize` is beside Hugging Face's own tokenizers, and that the ids are the same.

    python3 -m venv /tmp/bench
    /tmp/bench/bin/pip install transformers==4.57.1 tokenizers==0.22.2 pyarrow==26.0.1 numpy==2.4.6
    /tmp/bench/bin/python bench/tokenize_speed.py --bin target/release --config configs/nsmc-kcbert.toml [--set ...] [--work DIR]

Ours is the whole process: it verifies and reads fetch's Parquet, tokenizes, writes and seals padded Parquet.
Theirs is `encode_batch` on the same texts in a list in memory, with the same truncation and nothing else (and
`encode_batch_fast`, which tracks no offsets). Both get the same number of threads, and take turns. Afterwards
every id is compared, by tests/ids/check_ids.py. Prints the seconds of every turn, medians, their ratio, and
the least and the greatest ratio of a round; exits with 1 if an id differs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "ids"))
import check_ids  # noqa: E402

THEIRS = ["encode_batch", "encode_batch_fast"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "release", help="where fetch and tokenize are")
    parser.add_argument("--config", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--work", default="work")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def command(args, stage):
    options = [option for value in args.set for option in ("--set", value)]
    return [str(args.bin / stage), "--config", args.config, "--work", args.work, *options]


def stage(command):
    """Runs a stage; returns (its folder, seconds)."""
    started = time.monotonic()
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if process.returncode != 0:
        sys.exit(f"it failed: {' '.join(command)}")
    return Path(process.stdout.strip()), time.monotonic() - started


def peak_memory(folder):
    return json.loads((folder / "manifest.json").read_text())["provenance"]["peak_memory_bytes"] / 2**20


def texts_of(fetched):
    files = sorted((fetched / "examples").glob("*.parquet"))
    return [text for file in files for text in pyarrow.parquet.read_table(file)["text"].to_pylist()]


def their_seconds(method, texts):
    started = time.monotonic()
    encodings = method(texts)
    seconds = time.monotonic() - started
    del encodings
    return seconds


def line(name, seconds):
    turns = " ".join(f"{value:.2f}" for value in seconds)
    print(f"{name:18} median {statistics.median(seconds):6.2f} s   ({turns})")


def compare(ours, theirs):
    for name, seconds in theirs.items():
        ratio = statistics.median(seconds) / statistics.median(ours)
        rounds = [their / our for their, our in zip(seconds, ours)]
        print(f"ours is {ratio:.2f} times as fast as {name}; {min(rounds):.2f} to {max(rounds):.2f} by round")


def main():
    args = arguments()
    os.environ["RAYON_NUM_THREADS"] = str(args.threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    fetched = stage(command(args, "fetch"))[0]
    tokenize = [*command(args, "tokenize"), "--set", f"tokenize.workers={args.threads}", "--force"]
    tokenized = stage(tokenize)[0]
    texts = texts_of(fetched)
    tokenizer = check_ids.reference(fetched / "model")._tokenizer
    tokenizer.no_padding()
    tokenizer.enable_truncation(check_ids.facts(tokenized)["max_seq_length"])
    ours, theirs = [], {name: [] for name in THEIRS}
    for _ in range(args.rounds):
        ours.append(stage(tokenize)[1])
        for name in THEIRS:
            theirs[name].append(their_seconds(getattr(tokenizer, name), texts))
    print(f"{len(texts)} texts, {args.threads} threads; ours took {peak_memory(tokenized):.0f} MiB")
    for name, seconds in {"tokenize": ours, **theirs}.items():
        line(name, seconds)
    compare(ours, theirs)
    sys.exit(check_ids.check(fetched, tokenized))


if __name__ == "__main__":
    main()
