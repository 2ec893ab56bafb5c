"""The program that works on archives inside the sandbox: standard library and `core.archive` only.

`unpack-submission FOLDER` and `unpack-image FOLDER` read the archive from standard input;
`pack FOLDER` reads a JSON list of a name and a text from there and writes the zip to standard output.
The report on standard error is JSON.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import IO

from core import archive
from core.archive.images import unpack_image
from core.errors import ArchiveBomb, BadArchive

REFUSED, FAILED = 3, 4
_OURS = {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EROFS}


def main() -> None:
    """Do what the arguments say; end with 0, `REFUSED` or `FAILED`."""
    task, folder = sys.argv[1], Path(sys.argv[2])
    os.umask(0o022)
    report: dict[str, object] = {}
    try:
        if task == "unpack-submission":
            archive.unpack(sys.stdin.buffer, folder)
        elif task == "unpack-image":
            unpack_image(sys.stdin.buffer, folder)
        else:
            report["complete"] = pack(folder, json.load(sys.stdin), sys.stdout.buffer)
    except BadArchive as error:
        _end(REFUSED, {language: error.sentence(language) for language in error.texts})
    except tarfile.TarError as error:
        _end(REFUSED, {"en": f"damaged archive ({error})", "es": f"archivo dañado ({error})"})
    except OSError as error:
        if error.errno in _OURS:
            _end(FAILED, {"system": str(error)})
        _end(REFUSED, {"en": str(error), "es": str(error)})
    except MemoryError:  # of a limit that is far above what any honest archive needs
        _end(REFUSED, {"en": "it needs too much memory", "es": "necesita demasiada memoria"})
    _end(0, report)


def pack(folder: Path, extra: tuple[str, str], target: IO[bytes]) -> bool:
    """Write `folder` and the text file `extra` to `target`; only `extra`, and False, if it is too much."""
    name, text = extra
    content = {name: text.encode("utf-8", errors="replace")}
    try:
        archive.pack(folder, target, extra=content)
    except ArchiveBomb:
        target.seek(0)
        target.truncate()
        archive.pack(None, target, extra=content)
        return False
    return True


def _end(code: int, report: dict[str, object]) -> None:
    sys.stderr.write(json.dumps(report))
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(code)
