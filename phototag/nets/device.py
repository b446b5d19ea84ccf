"""Which device the nets run on. Owns the meaning of `--device`; knows nothing of what runs there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from phototag.errors import UsageError

MOST_TAGGING_THREADS = 4  # each has photos and maps of its own in memory

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def pick_device(name: str = "auto") -> torch.device:
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps` as a device that is there. Only `auto` chooses: a
    device asked for by name that is not there is a UsageError, never a silent fall to the CPU."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, colon, index = name.partition(":")
    if kind == "cpu" and not index:
        return torch.device("cpu")
    if kind == "mps" and not index:
        if not torch.backends.mps.is_available():
            raise UsageError(
                "--device mps was asked for, but this machine has no Apple GPU that torch can use; try "
                "--device auto"
            )
        return torch.device("mps")
    if kind == "cuda" and (not colon or (index.isascii() and index.isdigit())):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not count:
            raise UsageError(
                f"--device {name} was asked for, but torch {torch.__version__} sees no CUDA GPU; try "
                "--device auto"
            )
        if int(index or 0) >= count:
            raise UsageError(f"--device {name} was asked for, but only cuda:0 to cuda:{count - 1} are there")
        return torch.device("cuda", int(index or 0))
    raise UsageError(f"--device {name!r} is not understood; it is one of auto, cpu, cuda, cuda:N, mps")


def half_precision(device: torch.device) -> torch.dtype | None:
    """The half precision that makes a net faster on this device; None: compute in float32, because
    a processor without bfloat16 arithmetic emulates it, which is slower."""
    if device.type == "cuda":
        return torch.float16
    # get_capabilities came after torch 2.6; without it float32 is right, only slower
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return None
    capabilities = torch.cpu.get_capabilities()
    return torch.bfloat16 if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else None


def tagging_threads(device: str, cores: int) -> int:
    """How many threads may ask the nets at once. On a processor a small net gains little from a
    second core; looking at other photos beside it gains all of it. A GPU is asked by one."""
    return min(cores, MOST_TAGGING_THREADS) if pick_device(device).type == "cpu" else 1


def cpu_threads() -> int:
    """How many cores torch computes with in the calling thread."""
    return torch.get_num_threads()


def set_cpu_threads(count: int) -> None:
    """Let torch compute with so many cores in the calling thread, and in threads that begin later:
    said by the command line and by a scan's tagging threads, never by a net."""
    torch.set_num_threads(count)


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on the device. To a GPU it goes from pinned memory, so that nobody waits for the copy."""
    if device.type == "cuda" and not tensor.is_cuda:
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def halving(run: Callable[[Sequence[Item]], list[Answer]], items: Sequence[Item]) -> list[Answer]:
    """`run(items)`, in two halves when the device has not enough memory for all of them at once,
    and so on down to single items; when one item alone does not fit, torch.OutOfMemoryError goes to
    the caller."""
    try:
        return run(items)
    except torch.OutOfMemoryError:
        if len(items) < 2:
            raise
    # outside the except block: there the traceback would still hold the tensors that filled the memory
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    middle = len(items) // 2
    return halving(run, items[:middle]) + halving(run, items[middle:])
