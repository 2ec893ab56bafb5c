"""What a stage prints: read from a pipe while it runs, with the beginning and the end kept."""

from __future__ import annotations

import os
import threading

from core.config import Language

HEAD_BYTES = 600_000
TAIL_BYTES = 400_000
MOST_BYTES = 200_000_000
"""A stage that prints more than this is stopped."""

_CHUNK = 65_536
_CUT = {
    "en": "[… {count} bytes were left out here …]",
    "es": "[… aquí se omitieron {count} bytes …]",
}


class Output:
    """Reads everything from the pipe `descriptor` in a thread, which ends when all writers are gone."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._head, self._tail = bytearray(), bytearray()
        self._total = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def is_too_much(self) -> bool:
        """Whether more was printed than a stage may print."""
        return self._total > MOST_BYTES

    def head(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to `end` as far as they have been printed and kept."""
        with self._lock:
            return bytes(self._head[start:end])

    def text(self, language: Language) -> str:
        """Wait for the end of the output and return it, with a mark where the middle was left out.

        NUL and bytes that are no UTF-8 become replacement characters.
        """
        self._thread.join()
        head, tail = bytes(self._head), bytes(self._tail[-TAIL_BYTES:])
        left_out = self._total - len(head) - len(tail)
        if left_out == 0:
            return decode(head + tail)
        end, start = head.rfind(b"\n") + 1 or len(head), tail.find(b"\n") + 1
        left_out += len(head) - end + start
        mark = _CUT[language].format(count=left_out)
        return f"{decode(head[:end]).rstrip()}\n{mark}\n{decode(tail[start:])}"

    def _read(self) -> None:
        while chunk := os.read(self._descriptor, _CHUNK):
            with self._lock:
                room = HEAD_BYTES - len(self._head)
                self._head += chunk[:room]
                self._tail += chunk[room:] if room < len(chunk) else b""
                if len(self._tail) > 2 * TAIL_BYTES:
                    del self._tail[:-TAIL_BYTES]
                self._total += len(chunk)
        os.close(self._descriptor)


def decode(content: bytes) -> str:
    """Return `content` as text that every later reader accepts as text."""
    return content.decode("utf-8", errors="replace").replace("\0", "\ufffd")
