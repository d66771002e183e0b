#!/usr/bin/env python3
"""Puts libtorch into a folder that torch-sys can build against: include/, lib/ and build-version.

The parts come out of the PyPI wheels of PyTorch and of NVIDIA's libraries; nothing is installed into Python.
Kind `cpu` takes the few libraries that a CPU needs and compiles a stand-in for libtorch_cuda.so, so that a binary
linked here also serves a machine with a GPU; kind `cuda` takes every library. `auto` keeps what is there, and at
first installs `cuda` where nvidia-smi answers. A LIBTORCH that the user has set is checked and left alone.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

VERSION = "2.9.0"
TORCH = f"torch=={VERSION}"
# libtorch_cpu.so of the CUDA wheel is linked to both.
CPU_NVIDIA = ["nvidia-cuda-runtime-cu12==12.8.90", "nvidia-cuda-cupti-cu12==12.8.90"]
CPU_LIBRARIES = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.12", "libcupti.so.12"}
PYTHON_LIBRARIES = {"libtorch_python.so", "libshm.so", "libtorch_global_deps.so"}
# libtorch does not depend on the Python that a wheel is for: naming one makes every Python get the same wheel.
WHEEL_TAGS = ["--only-binary=:all:", "--implementation=cp", "--python-version=3.11", "--abi=cp311", "--abi=none"]
WHEEL_TAGS += [f"--platform={name}_x86_64" for name in ("manylinux_2_28", "manylinux_2_27", "manylinux2014")]

ROOT = Path(__file__).resolve().parents[3]
STUB = Path(__file__).resolve().with_name("cuda_stub.cpp")


def main() -> None:
    options = parse_options()
    own = os.environ.get("LIBTORCH")
    if options.into is None and own is not None:
        return check_own(own)
    into = (options.into or ROOT / ".libtorch").absolute()
    if is_installed(into, options.kind):
        return None
    check_machine(options.kind)
    partial = into.with_name(into.name + ".partial")
    with locked(partial):
        # Another process may have finished it while this one waited.
        if not is_installed(into, options.kind):
            install(into, partial, decide_kind(options.kind))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, help="the folder (default: .libtorch; LIBTORCH is not looked at)")
    parser.add_argument("--kind", choices=["auto", "cpu", "cuda"], default="auto")
    return parser.parse_args()


def check_own(folder: str) -> None:
    advice = f"point it at a libtorch {VERSION} by its absolute path, or unset it to have one installed"
    if not os.path.isabs(folder):
        sys.exit(f"LIBTORCH={folder} is a relative path; {advice}")
    for part in ("lib/libtorch_cpu.so", "include/torch"):
        if not os.path.exists(os.path.join(folder, part)):
            sys.exit(f"LIBTORCH={folder} has no {part}; {advice}")


def is_installed(into: Path, kind: str) -> bool:
    try:
        version, _, flavour = (into / "build-version").read_text().strip().partition("+")
    except OSError:
        return False
    return version == VERSION and kind in ("auto", flavour)


def decide_kind(kind: str) -> str:
    if kind != "auto":
        return kind
    if not shutil.which("nvidia-smi"):
        return "cpu"
    gpus = subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return "cuda" if gpus.returncode == 0 and gpus.stdout.strip() else "cpu"


def check_machine(kind: str) -> None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        sys.exit(f"the libtorch wheels are for Linux on x86_64; set LIBTORCH to a libtorch {VERSION} for this machine")
    if importlib.util.find_spec("pip") is None:
        sys.exit(f"{sys.executable} has no pip, which downloads libtorch; run `sudo apt install python3-pip`")
    if kind != "cuda" and not shutil.which(compiler()):
        sys.exit(f"there is no C++ compiler `{compiler()}`; run `sudo apt install g++`")


def compiler() -> str:
    return os.environ.get("CXX", "c++")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes `folder`, held against other processes that install into the same place, and in the end deletes it."""
    with lock_in(folder):
        # Not reached after a failure: what was downloaded is used by the next run.
        yield
        shutil.rmtree(folder)


def lock_in(folder: Path) -> TextIO:
    path = folder / "lock"
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(path, "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The holder before may have deleted the folder with the lock in it.
        if path.exists() and os.path.samestat(os.fstat(lock.fileno()), path.stat()):
            return lock
        lock.close()


def install(into: Path, partial: Path, kind: str) -> None:
    say(f"installing libtorch {VERSION} ({kind}) into {into}")
    wheels, tree, old = partial / "wheels", partial / "tree", partial / "old"
    torch = download([TORCH], wheels, partial)
    wanted = CPU_NVIDIA if kind == "cpu" else nvidia_requirements(torch[0])
    nvidia = download(wanted, wheels, partial)
    unpack(torch + nvidia, tree, kind)
    if kind == "cpu":
        complete_for_cpu(tree / "lib")
    (tree / "build-version").write_text(f"{VERSION}+{kind}\n")
    if into.exists():
        into.rename(old)
    tree.rename(into)
    say(f"libtorch is in {into}")


def download(requirements: list[str], wheels: Path, partial: Path) -> list[Path]:
    """The wheels of `requirements`. Those already there are kept: pip compares their digests with the index's."""
    temporary = partial / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-cache-dir", "--no-input"]
    command += ["--no-deps", *WHEEL_TAGS, f"--dest={wheels}", *requirements]
    pip = subprocess.run(command, stdout=sys.stderr, env={**os.environ, "TMPDIR": str(temporary)})
    if pip.returncode != 0:
        hint = "is there a network, or a mirror in PIP_INDEX_URL?"
        sys.exit(f"pip could not download libtorch's wheels, for the reason above ({hint}); run the same command again")
    return [find_wheel(requirement, wheels) for requirement in requirements]


def find_wheel(requirement: str, wheels: Path) -> Path:
    name, _, version = requirement.partition("==")
    return next(wheels.glob(f"{name.replace('-', '_')}-{version}-*.whl"))


def nvidia_requirements(torch: Path) -> list[str]:
    """What the PyTorch wheel itself says that it needs of NVIDIA's."""
    with zipfile.ZipFile(torch) as wheel:
        metadata = wheel.read(f"torch-{VERSION}.dist-info/METADATA").decode()
    fields = [line.partition(": ") for line in metadata.splitlines()]
    needs = [value.partition(";")[0].strip() for key, _, value in fields if key == "Requires-Dist"]
    return [need for need in needs if need.startswith("nvidia-")]


def unpack(wheels: list[Path], tree: Path, kind: str) -> None:
    shutil.rmtree(tree, ignore_errors=True)
    for path in wheels:
        try:
            with zipfile.ZipFile(path) as wheel:
                for member in wheel.infolist():
                    place = destination(member.filename, kind)
                    if place:
                        unpack_file(wheel, member, tree / place)
        except zipfile.BadZipFile:
            path.unlink()
            sys.exit(f"{path} was damaged and is deleted; run the same command again")


def unpack_file(wheel: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wheel.open(member) as source, open(path, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)


def destination(member: str, kind: str) -> str | None:
    """Where a wheel's file goes: one lib/ for all, since the libraries' own rpath begins or ends with $ORIGIN."""
    if member.endswith("/"):
        return None
    if member.startswith("torch/include/"):
        return member[len("torch/"):]
    folder, _, name = member.rpartition("/")
    library = folder.startswith(("torch/", "nvidia/")) and folder.endswith("/lib") and ".so" in name
    wanted = name in CPU_LIBRARIES if kind == "cpu" else name not in PYTHON_LIBRARIES
    return f"lib/{name}" if library and wanted else None


def complete_for_cpu(lib: Path) -> None:
    # The wheel's own libtorch.so is nothing but a reference to libtorch_cpu.so and to libtorch_cuda.so.
    (lib / "libtorch.so").symlink_to("libtorch_cpu.so")
    command = [compiler(), "-shared", "-fPIC", "-O1", "-Wl,-soname,libtorch_cuda.so"]
    command += ["-o", str(lib / "libtorch_cuda.so"), str(STUB)]
    if subprocess.run(command).returncode != 0:
        sys.exit(f"`{compiler()}` could not compile {STUB}, for the reason above")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; run the same command again to go on")
    except OSError as error:
        sys.exit(f"cannot install libtorch: {error}; run the same command again once that is put right")
