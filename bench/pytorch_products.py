"""The matrix products of a training step and nothing else.

Called as `pytorch_step.py`. Every linear layer has its forward product and the two of its backward pass, attention its
two and their four. Results go where memory stands ready; each layer has weights and their gradients of its own, as in a
model, so that they come from memory as there.
"""

import time
from collections.abc import Callable

import torch
from transformers import BertConfig

from pytorch_step import LABELS, arguments
from worker import serve

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
Product = Callable[[], object]


class Products:
    def __init__(self, config: BertConfig, batch: int, seq: int, dtype: torch.dtype):
        self.dtype = dtype
        self.buffers: dict[tuple, torch.Tensor] = {}
        self.all: list[Product] = []
        hidden, wide, rows = config.hidden_size, config.intermediate_size, batch * seq
        for _ in range(config.num_hidden_layers):
            for inner, outer in [(hidden, hidden)] * 4 + [(hidden, wide), (wide, hidden)]:
                self.linear(rows, inner, outer)
            heads = config.num_attention_heads
            self.attention(batch * heads, seq, hidden // heads)
        self.linear(batch, hidden, hidden)
        self.linear(batch, hidden, LABELS)

    def buffer(self, name: str, *shape: int) -> torch.Tensor:
        """Of that use and shape; layers share what is no weight, as memory that is freed is taken again."""
        key = (name, *shape)
        if key not in self.buffers:
            self.buffers[key] = torch.randn(shape).to(self.dtype)
        return self.buffers[key]

    def linear(self, rows: int, inner: int, outer: int) -> None:
        x, dx = (self.buffer(name, rows, inner) for name in ["x", "dx"])
        y, dy = (self.buffer(name, rows, outer) for name in ["y", "dy"])
        weight = torch.randn(outer, inner).to(self.dtype)
        gradient = torch.empty_like(weight)
        self.all += [
            lambda: torch.mm(x, weight.t(), out=y),
            lambda: torch.mm(dy, weight, out=dx),
            lambda: torch.mm(dy.t(), x, out=gradient),
        ]

    def attention(self, heads: int, seq: int, size: int) -> None:
        q, k, v, o, dq, dk, dv, do = (self.buffer(name, heads, seq, size) for name in "q k v o dq dk dv do".split())
        scores, gradient = (self.buffer(name, heads, seq, seq) for name in ["scores", "gradient"])
        self.all += [
            lambda: torch.bmm(q, k.transpose(1, 2), out=scores),
            lambda: torch.bmm(scores, v, out=o),
            lambda: torch.bmm(do, v.transpose(1, 2), out=gradient),
            lambda: torch.bmm(scores.transpose(1, 2), do, out=dv),
            lambda: torch.bmm(gradient, k, out=dq),
            lambda: torch.bmm(gradient.transpose(1, 2), q, out=dk),
        ]

    def run(self) -> None:
        for product in self.all:
            product()


def milliseconds(work: Product, count: int) -> list[float]:
    times = [time.perf_counter()]
    for _ in range(count):
        work()
        times.append(time.perf_counter())
    return [1000 * (end - start) for start, end in zip(times, times[1:])]


def main() -> None:
    given = arguments()
    config = BertConfig.from_pretrained(given.model, num_labels=LABELS)
    products = Products(config, given.batch, given.seq, DTYPES[given.precision])
    with torch.inference_mode():
        serve(lambda count: {"milliseconds": milliseconds(products.run, count)})


if __name__ == "__main__":
    main()
