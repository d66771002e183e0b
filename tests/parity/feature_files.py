"""What `tokenize` wrote, in PyTorch: both sides have the same ids. The benchmarks read it with this too."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet
import torch

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
Batches = list[list[int]]


def shards(run: Path, split: str) -> list[Path]:
    return sorted((run / "tokenize" / "features").glob(f"{split}-*.parquet"))


@dataclass(frozen=True)
class Features:
    """A split: inputs of [rows, max_seq_length], labels and lengths of [rows]."""

    inputs: dict[str, torch.Tensor]
    labels: torch.Tensor
    lengths: list[int]

    @staticmethod
    def read(run: Path, split: str) -> "Features":
        table = pyarrow.concat_tables([pyarrow.parquet.read_table(path) for path in shards(run, split)])
        flat = {name: numpy.array(table[name].combine_chunks().flatten(), dtype="int64") for name in INPUTS}
        inputs = {name: torch.from_numpy(values.reshape(len(table), -1)) for name, values in flat.items()}
        return Features(inputs, torch.tensor(table["labels"].to_pylist()), table["length"].to_pylist())

    def digest(self) -> str:
        """Of the ids and labels: another tokenization, or other rows, are another result."""
        whole = hashlib.sha256()
        for tensor in [*self.inputs.values(), self.labels]:
            whole.update(tensor.numpy().tobytes())
        return whole.hexdigest()[:16]

    def whole(self, rows: list[int]) -> dict[str, torch.Tensor]:
        """Those rows, padded to `max_seq_length`."""
        return {name: tensor[rows] for name, tensor in self.inputs.items()}

    def batch(self, rows: list[int]) -> dict[str, torch.Tensor]:
        """Those rows, cut to the longest of them."""
        longest = max(self.lengths[row] for row in rows)
        return {name: tensor[rows, :longest] for name, tensor in self.inputs.items()}


def cut(rows: list[int], size: int) -> Batches:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
