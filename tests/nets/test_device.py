"""Devices asked for by name are there or an error; memory errors halve the batch."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch

from phototag.engines import local
from phototag.errors import PhototagError, UsageError
from phototag.nets.device import cpu_threads, half_precision, halving, pick_device, send, tagging_threads


def test_cpu_and_auto() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type in ("cpu", "cuda", "mps")


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "mps:1", "CUDA"])
def test_nonsense_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="one of auto, cpu"):
        pick_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_cuda_that_is_not_there(name: str) -> None:
    with pytest.raises(PhototagError, match="no CUDA GPU"):
        pick_device(name)


@pytest.mark.gpu
def test_cuda_that_is_there() -> None:
    assert pick_device("cuda") == pick_device("auto") == torch.device("cuda", 0)
    with pytest.raises(PhototagError, match="only cuda:0"):
        pick_device(f"cuda:{torch.cuda.device_count()}")


def test_halving_keeps_order_and_stops_at_one() -> None:
    calls = []

    def run(items):  # a device with room for three items, none of them above 90
        calls.append(len(items))
        if len(items) > 3 or max(items) > 90:
            raise torch.OutOfMemoryError("full")
        return [item * 10 for item in items]

    assert halving(run, [1, 2, 3, 4, 5, 6, 7]) == [10, 20, 30, 40, 50, 60, 70]
    assert calls == [7, 3, 4, 2, 2]
    with pytest.raises(torch.OutOfMemoryError):
        halving(run, [1, 99])


def test_sending_keeps_the_numbers_and_half_precision_is_asked_for_where_it_pays() -> None:
    numbers = torch.arange(6.0).reshape(2, 3)
    assert torch.equal(send(numbers, torch.device("cpu")), numbers)
    assert half_precision(torch.device("cuda")) == torch.float16
    assert half_precision(torch.device("mps")) is None
    assert half_precision(torch.device("cpu")) in (None, torch.bfloat16)


@pytest.mark.parametrize(("cores", "count"), [(1, 1), (2, 2), (6, 4), (16, 4)])
def test_a_processor_is_asked_by_a_thread_per_core_up_to_four(cores: int, count: int) -> None:
    assert tagging_threads("cpu", cores) == count


def test_a_scan_shares_the_cores_and_leaves_torch_as_it_was() -> None:
    before, seen = cpu_threads(), []

    def look(prepare: Callable[[], object]) -> None:
        prepare()
        seen.append(cpu_threads())

    def run(prepare: Callable[[], object]) -> None:
        one = threading.Thread(target=look, args=(prepare,))
        one.start()
        one.join()

    with local.tagging_threads("cpu", local.cores()) as (count, prepare):
        run(prepare)
    run(cpu_threads)  # a thread that begins later and sets nothing
    assert seen[0] == (local.cores() // count if count > 1 else before)
    assert seen[1] == cpu_threads() == before


@pytest.mark.gpu
def test_a_gpu_is_asked_by_one() -> None:
    assert tagging_threads("cuda", 16) == 1


@pytest.mark.gpu
def test_sending_to_a_gpu_goes_from_pinned_memory_and_keeps_order() -> None:
    device = torch.device("cuda", 0)
    there = [send(torch.full((3, 500, 500), float(i)), device) for i in range(20)]
    assert all(one.is_cuda and float(one.min()) == float(one.max()) == i for i, one in enumerate(there))


@pytest.mark.gpu
def test_a_full_gpu_halves_the_batch() -> None:
    room = torch.cuda.get_device_properties(0).total_memory // 5 * 2  # bytes: two fit, three do not
    calls = []

    def run(items: list[int]) -> list[int]:
        calls.append(len(items))
        held = [torch.empty(room, dtype=torch.uint8, device="cuda") for _ in items]
        return [item + len(held) * 0 for item in items]

    assert halving(run, [1, 2, 3, 4, 5]) == [1, 2, 3, 4, 5]
    assert calls[0] == 5 and max(calls[1:]) < 5 and min(calls) >= 1
