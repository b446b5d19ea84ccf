"""Music under a film: any sound file that FFmpeg reads, resampled to AAC, cut to the film's length
and faded at its end. Encoded as the film grows, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from phototag.errors import PhototagError

if TYPE_CHECKING:
    import av

RATE = 48_000  # samples a second: what phones and browsers play without resampling
FADE_SECONDS = 3.0
BLOCK = 1024  # samples of an AAC frame


class Music:
    """Opens the file, adds a stream to the film, and gives packets for as much of it as asked.
    Raises PhototagError where the file cannot be read or holds no sound."""

    def __init__(self, path: str, film: av.container.OutputContainer, seconds: float) -> None:
        import av

        self.path = path
        try:
            self.source = av.open(path)
        except (OSError, ValueError) as error:  # FFmpeg's own errors are of both kinds
            raise PhototagError(f"cannot read the music {path}: {_reason(error)}") from error
        if not self.source.streams.audio:
            self.source.close()
            raise PhototagError(f"there is no sound in {path}; give --music a sound file such as an MP3")
        length = self.source.duration / 1e6 if self.source.duration else seconds
        self.samples = round(min(seconds, length) * RATE)
        self.stream: Any = film.add_stream("aac", rate=RATE, layout="stereo")
        self.stream.bit_rate = 160_000
        self.blocks = self._blocks()
        self.done = 0

    def packets(self, seconds: float) -> Iterator[Any]:
        """Packets up to that time of the film."""
        while self.done < min(self.samples, seconds * RATE):
            frame = next(self.blocks, None)
            if frame is None:
                self.done = self.samples
                return
            self.done += frame.samples
            yield from self.stream.encode(frame)

    def rest(self) -> Iterator[Any]:
        yield from self.packets(self.samples / RATE)
        yield from self.stream.encode(None)

    def close(self) -> None:
        self.source.close()

    def _blocks(self) -> Iterator[Any]:
        import av
        import numpy as np

        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        fifo = av.AudioFifo()
        fade = min(FADE_SECONDS * RATE, self.samples / 2)
        given = 0
        for frame in self._resampled(resampler):
            fifo.write(frame)
            while given < self.samples and (block := fifo.read(BLOCK)):
                sound = block.to_ndarray()[:, : self.samples - given]  # (2, samples) float32
                left = self.samples - given - np.arange(sound.shape[1], dtype=np.float32)
                sound = np.ascontiguousarray(sound * np.clip(left / fade, 0, 1).astype(np.float32))
                faded = av.AudioFrame.from_ndarray(sound, format="fltp", layout="stereo")
                faded.sample_rate, faded.pts = RATE, given
                given += sound.shape[1]
                yield faded
            if given >= self.samples:
                return

    def _resampled(self, resampler: Any) -> Iterator[Any]:
        try:
            for frame in self.source.decode(audio=0):
                frame.pts = None  # the fifo counts samples; gaps in a file's clock are not to be heard
                yield from resampler.resample(frame)
            yield from resampler.resample(None)
        except (OSError, ValueError) as error:
            raise PhototagError(f"the music {self.path} is damaged: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)
