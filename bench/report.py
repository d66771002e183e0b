"""The file that is kept: a section a part, each with the machine and the run that it is of."""

import os
import re
import subprocess
from datetime import date
from importlib.metadata import version
from pathlib import Path

from setting import PARTS, ROOT, SPEED, Setting
from table import Row, table

HEAD = """# Speed

`make bench` writes this file, a section a part; what ran last stands here. In every part the sides take turns, one
computing at a time; figures are medians with the least and the greatest in brackets, and ratios are of medians,
bertline's over the other's."""
MEMORY_UNIT = 1024 * 1024


def write(setting: Setting, part: str, note: str, rows: list[Row]) -> str:
    """Replaces the section `part`, and returns it."""
    section = "\n\n".join([f"## {part}", note.strip(), conditions(setting), table(rows)])
    sections = read(setting.out) | {part: section}
    ordered = [sections[name] for name in PARTS if name in sections]
    setting.out.write_text("\n\n".join([HEAD, *ordered]) + "\n")
    return section


def read(path: Path) -> dict[str, str]:
    text = path.read_text() if path.is_file() else ""
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {section.split("\n", 1)[0].removeprefix("## "): section.strip() for section in sections}


def conditions(setting: Setting) -> str:
    versions = ", ".join(f"{package} {version(package)}" for package in ["torch", "transformers"])
    run = f"{count(setting.threads, 'thread')}, {count(setting.rounds, 'round')}"
    return f"{date.today()}, commit {commit()}, {machine()}; {versions}; {run}."


def count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def machine() -> str:
    facts = dict(re.findall(r"^(model name|flags)\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE))
    kinds = [name for flag, name in MATRIX_FLAGS.items() if flag in facts.get("flags", "").split()]
    total = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    memory = f"{int(total[1]) / MEMORY_UNIT:.0f} GiB" if total else "memory unknown"
    return f"{facts.get('model name', 'CPU unknown')} ({', '.join(kinds)}), {os.cpu_count()} cores, {memory}"


# What decides how fast matrix products are.
MATRIX_FLAGS = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512 bf16", "amx_bf16": "AMX bf16"}


def commit() -> str:
    """Marked where files differ from it; those that a run like this one writes do not count."""
    git = lambda *arguments: subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    name = git("rev-parse", "--short", "HEAD").stdout.strip() or "unknown"
    clean = git("diff", "--quiet", "HEAD", "--", ".", f":!{SPEED}").returncode == 0
    return name if clean else f"{name}-dirty"
