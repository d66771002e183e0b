"""What every part is given."""

from dataclasses import dataclass
from pathlib import Path

import torch
import transformers

from bertline_side import Bertline
from cache import Cache, digest
from feature_files import Features
from setting import Setting


@dataclass(frozen=True)
class Context:
    setting: Setting
    cache: Cache
    bertline: Bertline

    def ours(self, model: Path, corpus: Path, **more: object) -> dict:
        """What a figure of bertline's depends on: the build, the model, the texts, and `more`."""
        folders = {"model": of_folder(model), "corpus": of_folder(corpus)}
        return {"build": self.bertline.build, "threads": self.setting.threads} | folders | more

    def theirs(self, model: Path, *features: Features, **more: object) -> dict:
        """What a figure of PyTorch's depends on: the versions, the model, the ids, and `more`."""
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        inputs = {"model": of_folder(model), "features": [split.digest() for split in features]}
        return versions | {"threads": self.setting.threads} | inputs | more


def of_folder(folder: Path) -> str:
    return digest(path for path in sorted(folder.iterdir()) if path.is_file())
