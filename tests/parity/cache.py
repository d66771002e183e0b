"""Results that outlive a run: a run that was stopped goes on where it was."""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path


def digest(paths: Iterable[Path]) -> str:
    """Of the files' contents, in the order given."""
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]


class Cache:
    """One JSON file a result, named by what the result depends on."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, depends_on: dict, compute: Callable[[], dict], leaves: Path | None = None) -> dict:
        """The result `name`. `leaves` is a folder that the computation writes: without it the result is of no use."""
        key = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:12]
        path = self.folder / f"{name}-{key}.json"
        if path.is_file() and (leaves is None or leaves.is_dir()):
            return json.loads(path.read_text())["result"]
        print(f"{name} ...", file=sys.stderr, flush=True)
        result = compute()
        partial = path.with_suffix(f".{os.getpid()}.tmp")
        partial.write_text(json.dumps({"depends_on": depends_on, "result": result}, indent=1) + "\n")
        partial.rename(path)
        return result
