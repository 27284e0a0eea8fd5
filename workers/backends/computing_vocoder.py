"""A voice that costs what a neural one of any size costs: the sound is flite's, and each chunk of it is given when a
net (`computing_net.py`) has really computed: once over the whole clause, as a text encoder does, then for each chunk.
"""

from __future__ import annotations

from engine.contract import Pcm, Rung
from engine.errors import BackendError, first_line
from workers.backends.computing_net import Kept, Mind, tokens_of
from workers.backends.flite import Flite

SETTING = "vocoder.backend computing"
POSITIONS = 2
"""What a chunk of 20 ms takes: so many positions at once, as a voice does that makes 100 frames of sound a second."""


class ComputingVoice(Flite):
    """settings: `heads` and `layers`, the size of the net; the others are flite's."""

    REMEDY = "install ctranslate2 and libflite1 again"

    def __init__(self) -> None:
        super().__init__()
        self._nets = Kept(Mind, SETTING)
        self._net: Mind | None = None
        self._loading = False

    def load(self, rung: Rung) -> None:
        self._loading = True  # flite unloads what was there before
        try:
            super().load(rung)
        finally:
            self._loading = False
        self._net = self._nets.of(rung)

    def warm_up(self) -> None:
        try:
            self._read(1)
        except RuntimeError as error:
            raise BackendError(f"{SETTING}: its net does not run ({first_line(error)})", self.REMEDY) from error
        super().warm_up()

    def _read(self, tokens: int) -> None:
        assert self._net is not None, "load comes first"
        self._net.read(tokens)

    def _say(self, text: str) -> None:
        try:
            self._read(tokens_of(text))
        except Exception as error:  # RuntimeError: whatever its C++ throws
            self._error = error
        else:
            super()._say(text)

    def _take(self, pcm: Pcm) -> bool:
        """Called from C, where an exception would be lost: what goes wrong ends the clause."""
        if self._work is None or self._work.cancelled:
            return False
        try:
            self._read(POSITIONS)
        except Exception as error:  # RuntimeError: whatever its C++ throws
            self._error = error
            return False
        return super()._take(pcm)

    def unload(self) -> None:
        super().unload()
        if not self._loading:
            self._nets.close()
            self._net = None
