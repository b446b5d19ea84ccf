"""What an answer depends on, as one hash: equal fingerprints mean equal answers to equal photos."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from phototag.taggers.table import SPECS


def compute_fingerprints(names: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Tagger -> hash of its name, version, options, the bytes of its weights and the fingerprints
    of what it needs: equal fingerprints mean equal answers to equal photos. The name of the weights
    stands before it, where there is one: `people-pets:0a1b...`. `names` in running order, needs
    included."""
    from phototag.weights import store

    done: dict[str, str] = {}
    for name in names:
        spec = SPECS[name]
        digest = hashlib.sha256(f"{spec.name} {spec.version}\n".encode())
        chosen = {**spec.options, **options.get(name, {})}
        for key in sorted(chosen):
            digest.update(f"{key}={chosen[key]!r}\n".encode())
        for file in spec.weights(chosen):
            digest.update(bytes.fromhex(store.remembered_sha256(file)))
        for needed in spec.needs:
            digest.update(done[needed].encode())
        edition = spec.edition(chosen)
        done[name] = f"{edition}:{digest.hexdigest()[:32]}" if edition else digest.hexdigest()[:32]
    return done
