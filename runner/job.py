"""One stage of one submission: fetch its files, run it, store what it left, report."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core import wire
from core.archive import is_leftover
from core.config import Settings
from core.errors import NotFound, StorageUnavailable
from core.storage import Storage
from runner import archives, reasons
from runner.callbacks import Callbacks, Stopped
from runner.sandbox import Outcome, Sandbox
from runner.scratch import stage_folder
from runner.watch import Limit, is_disk_full

_STORE_TRIES = 6
_FIRST_PAUSE = 1.0

logger = logging.getLogger(__name__)


class CannotBegin(Exception):
    """Nothing has run: the files cannot be fetched or unpacked now, because of us and not of them."""


class CannotStore(Exception):
    """The stage has run, but what it left cannot be stored now."""


@dataclass(frozen=True, slots=True)
class Job:
    """A stage to run. `wait` pauses for some seconds, or less when the work must end."""

    settings: Settings
    storage: Storage
    sandbox: Sandbox
    message: wire.TaskMessage
    callbacks: Callbacks
    keep_going: Callable[[], bool]
    wait: Callable[[float], object]

    @property
    def stage(self) -> wire.StageOrder:
        """The stage that the message is for."""
        return self.message.stages[self.message.stage_index]

    def run(self, *, again: bool) -> bool:
        """Run the stage; whether it passed. `again`: the message was handed out before.

        Raises:
            CannotBegin, CannotStore, Stopped: see there.

        """
        task_id, attempt, name = self.message.task_id, self.message.attempt, self.stage.name
        with stage_folder() as folder:
            reason = self._refusal() or self._fetch(folder)
            # A run that never began is no requeue, however often the message was handed out.
            began = again and self.callbacks.has_begun(task_id, attempt, name)
            if began and not self.callbacks.requeued(task_id, attempt):
                return False
            if not self.callbacks.status(task_id, attempt, name, "IN_PROGRESS"):
                return False
            if reason is None:
                reason = self._execute(folder)
        if reason is not None:
            self.callbacks.log(task_id, attempt, name, reason, "error")
        self.callbacks.status(task_id, attempt, name, "COMPLETED" if reason is None else "FAILED")
        return reason is None

    def crashed(self, incident: str) -> None:
        """Fail the stage because of us, not of the submission."""
        task_id, attempt, name = self.message.task_id, self.message.attempt, self.stage.name
        reason = reasons.CRASHED[self.settings.language].format(incident=incident)
        self.callbacks.log(task_id, attempt, name, reason, "error")
        self.callbacks.status(task_id, attempt, name, "FAILED")

    def _refusal(self) -> str | None:
        """Why this stage may not run on this machine at all."""
        language = self.settings.language
        if self.stage.trusted or self.sandbox.runs_student_code:
            return None
        if self.sandbox.bwrap is None:
            return reasons.NO_SANDBOX[language]
        return reasons.INCOMPLETE_SANDBOX[language].format(lacks=", ".join(self.sandbox.lacks))

    def _fetch(self, folder: Path) -> str | None:
        """Bring the submission to `work` and the image to `image`; the reason if they are unusable."""
        language = self.settings.language
        paths = {"submission": self.message.file_path, "image": self.stage.image_path}
        try:
            for kind, inside in (("submission", "work"), ("image", "image")):
                (folder / inside).mkdir()
                with tempfile.TemporaryFile() as file:
                    self.storage.download_to(paths[kind], file)
                    archives.unpack(self.sandbox, kind, file, folder / inside)
        except archives.ArchiveRefused as error:
            return reasons.LOST[language].format(error=error.texts[language])
        except NotFound as error:
            return reasons.LOST[language].format(error=error.sentence(language))
        except (StorageUnavailable, archives.MachineFailed, OSError) as error:
            raise CannotBegin(str(error)) from error
        return None

    def _execute(self, folder: Path) -> str | None:
        """Run the stage; None when it passed, else the reason for the student."""
        work = folder / "work"
        outcome = self.sandbox.run(
            self.stage.run_command,
            work=_enclosed(work),
            image=folder / "image",
            timeout_seconds=self.stage.timeout_seconds,
            language=self.settings.language,
            keep_going=self.keep_going,
            say=self._say,
        )
        if not self.keep_going():
            raise Stopped
        if outcome.end != 0 and is_disk_full(folder):
            raise CannotStore("the disk of the runner is full")
        return self._reason(self._store(work, outcome))

    def _say(self, text: str) -> None:
        self.callbacks.log(self.message.task_id, self.message.attempt, self.stage.name, text)

    def _store(self, work: Path, outcome: Outcome) -> Outcome:
        """Put what the stage left on the attempt's path; only its output where that is too much."""
        name = f"output_{self.stage.exchange}_{self.stage.routing_key}.txt".replace("/", "_")
        try:
            with tempfile.TemporaryFile() as file:
                complete = archives.pack(self.sandbox, work, (name, outcome.output), file)
                self._upload(file)
        except (archives.MachineFailed, archives.ArchiveRefused, OSError) as error:
            raise CannotStore(str(error)) from error
        return outcome if complete else Outcome(Limit.DISK, outcome.output)

    def _upload(self, file: BinaryIO) -> None:
        """Store the file; a short outage is waited for, since the stage would have to run again."""
        pause = _FIRST_PAUSE
        for number in range(_STORE_TRIES):
            file.seek(0)
            try:
                self.storage.upload(self.message.file_path, file)
            except StorageUnavailable as error:
                if number == _STORE_TRIES - 1:
                    raise CannotStore(str(error)) from error
                logger.warning("results not stored yet task_id=%s: %s", self.message.task_id, error)
            else:
                return
            self.wait(pause)
            if not self.keep_going():
                raise Stopped
            pause *= 2

    def _reason(self, outcome: Outcome) -> str | None:
        language = self.settings.language
        if isinstance(outcome.end, Limit):
            return reasons.STOPPED[outcome.end][language].format(seconds=self.stage.timeout_seconds)
        if outcome.end == 0:
            return None
        lines = [line for line in outcome.output.splitlines() if line.strip()]
        return lines[-1] if lines else reasons.FAILED[language].format(code=outcome.end)


def _enclosed(work: Path) -> Path:
    """Return the folder that the submission is in: its one enclosing folder, if it has one.

    Nothing of the submission has run yet, and what was unpacked has no links.
    """
    inside = [
        path for path in work.iterdir() if not is_leftover(path.name) and not path.name.startswith("output_")
    ]
    if len(inside) == 1 and inside[0].is_dir() and inside[0].name != "results":
        return inside[0]
    return work
