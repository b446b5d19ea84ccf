"""Writing a weights file: whole or not at all, and never over a file that no training made."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import torch

from phototag.errors import PhototagError
from phototag.outputs import replace_file


def write_weights(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """A safetensors file with these tensors. Raises PhototagError where it cannot be written."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with replace_file(path) as temporary:
        mode = stat.S_IMODE(os.stat(temporary).st_mode)
        try:
            save_file(dict(tensors), temporary, metadata=dict(metadata))
        except SafetensorError as error:
            raise PhototagError(f"cannot write {path}: {error}. Nothing half made is left") from error
        temporary.chmod(mode)  # safetensors makes files that only their owner may read
