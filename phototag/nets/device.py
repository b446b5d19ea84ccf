"""Which device the nets run on. Owns the meaning of `--device`; knows nothing of what runs there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import torch

from phototag.errors import UsageError

MOST_HANDS = 4  # each has photos and maps of its own in memory

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
                "--device mps was asked for, but this machine has no Apple GPU that torch can use; try --device auto"
            )
        return torch.device("mps")
    if kind == "cuda" and (not colon or (index.isascii() and index.isdigit())):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not count:
            raise UsageError(
                f"--device {name} was asked for, but torch {torch.__version__} sees no CUDA GPU; try --device auto"
            )
        if int(index or 0) >= count:
            raise UsageError(f"--device {name} was asked for, but only cuda:0 to cuda:{count - 1} are there")
        return torch.device("cuda", int(index or 0))
    raise UsageError(f"--device {name!r} is not understood; it is one of auto, cpu, cuda, cuda:N, mps")


def half_precision(device: torch.device) -> torch.dtype | None:
    """What a net may compute in to be fast here, or None: processors without bfloat16 arithmetic
    would only be slower."""
    if device.type == "cuda":
        return torch.float16
    capabilities = (
        torch.cpu.get_capabilities()
        if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities")
        else {}
    )
    return torch.bfloat16 if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else None


@contextmanager
def hands(device: str, cores: int) -> Iterator[tuple[int, Callable[[], None]]]:
    """How many threads may ask the nets at once, and what each calls first to get its share of the
    `cores`. On a processor a small net gains little from a second core; looking at other photos
    beside it gains all of it. A GPU is asked by one."""
    if pick_device(device).type != "cpu":
        yield 1, lambda: None
        return
    count, before = min(cores, MOST_HANDS), torch.get_num_threads()
    try:
        yield count, partial(torch.set_num_threads, cores // count)
    finally:
        # threads that begin later take over what was said last, wherever it was said
        torch.set_num_threads(before)


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
