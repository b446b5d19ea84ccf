"""What an answer depends on, as one hash: equal fingerprints mean equal answers to equal photos."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from phototag.records import Fingerprint
from phototag.taggers.table import SPECS


def compute_fingerprints(
    names: Sequence[str], options: Mapping[str, Mapping[str, Any]]
) -> dict[str, Fingerprint]:
    """Tagger -> hash of its name, version, options, the bytes of its weights and the fingerprints
    of what it needs, with the name of its weights before it, where there is one
    (`everyday:0a1b...`), and what they state beside it. `names` in running order, needs included."""
    from phototag.weights import store

    done: dict[str, Fingerprint] = {}
    for name in names:
        spec = SPECS[name]
        digest = hashlib.sha256(f"{spec.name} {spec.version}\n".encode())
        chosen = {**spec.options, **options.get(name, {})}
        for key in sorted(chosen):
            digest.update(f"{key}={chosen[key]!r}\n".encode())
        for file in spec.weights(chosen):
            digest.update(bytes.fromhex(store.remembered_sha256(file)))
        for needed in spec.needs:
            digest.update(done[needed].text.encode())
        name_of_weights = spec.weights_name(chosen)
        text = digest.hexdigest()[:32]
        if name_of_weights:
            text = f"{name_of_weights}:{text}"
        done[name] = Fingerprint(text, name_of_weights, spec.thresholds(chosen))
    return done
