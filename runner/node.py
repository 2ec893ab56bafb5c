"""One delivery from beginning to end: fetch, run the stage, write back, report, pass on."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import secrets
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core import archive, wire
from core.broker import Consumer, Delivery, Message
from core.config import Settings
from core.errors import ArchiveBomb, BadArchive, BrokerUnavailable, NotFound, StorageUnavailable
from core.storage import Storage
from runner.callbacks import Callbacks, Stopped
from runner.sandbox import NOBODY, Outcome, Sandbox
from runner.watch import Limit

RENEW_SECONDS = 5.0
logger = logging.getLogger(__name__)

_NO_SANDBOX = {
    "en": "The platform has no sandbox for student code: install bubblewrap and requeue the submission.",
    "es": "La plataforma no tiene un entorno aislado para ejecutar código: instala bubblewrap y reencola.",
}
_STOPPED = {
    Limit.TIME: {
        "en": "The stage was stopped after {seconds} s, the longest it may take.",
        "es": "La etapa se detuvo tras {seconds} s, lo máximo permitido.",
    },
    Limit.MEMORY: {
        "en": "The stage was stopped because it used more memory than allowed.",
        "es": "La etapa se detuvo porque usó más memoria de la permitida.",
    },
    Limit.DISK: {
        "en": "The stage was stopped because it wrote more files than allowed.",
        "es": "La etapa se detuvo porque escribió más archivos de lo permitido.",
    },
}
_FAILED = {
    "en": "The stage ended with code {code} and printed nothing.",
    "es": "La etapa terminó con código {code} sin imprimir nada.",
}
_CRASHED = {
    "en": "The platform failed, not your work (incident {incident}). A monitor can requeue the submission.",
    "es": "Falló la plataforma, no tu trabajo (incidente {incident}). Un monitor puede reencolar la entrega.",
}
_LOST = {
    "en": "The files of this attempt could not be read: {error}",
    "es": "No se pudieron leer los archivos de este intento: {error}",
}


@dataclass(frozen=True, slots=True)
class Node:
    """What one worker thread works with."""

    settings: Settings
    storage: Storage
    sandbox: Sandbox
    stopping: threading.Event

    def work(self, consumer: Consumer, delivery: Delivery) -> None:
        """Run the stage that `delivery` asks for.

        Raises:
            BrokerUnavailable: the end could not be told to the queue, which hands it out again.

        """
        try:
            message = wire.decode(delivery.message.body)
        except wire.Undecodable:
            logger.exception("message %d is put aside", delivery.id)
            consumer.reject(delivery)
            return
        lease = _Lease(consumer, delivery, self.stopping)
        callbacks = Callbacks(self.settings, lease.holds)
        try:
            with lease:
                passed = _Job(self, message, callbacks, lease.holds).run(again=delivery.redelivered)
            consumer.finish(delivery, _follow_up(message) if passed else None)
        except (Stopped, StorageUnavailable) as error:
            logger.warning("task %s is given back: %r", message.task_id, error)
            consumer.give_back(delivery)
        except BrokerUnavailable:
            raise  # nobody failed: the delivery comes again once its lease has run out
        except Exception:  # a message that crashes its consumer is put aside, and its task told so
            incident = secrets.token_hex(4)
            logger.exception("incident %s: task %s is put aside", incident, message.task_id)
            with contextlib.suppress(Stopped):
                _Job(self, message, callbacks, lambda: not self.stopping.is_set()).crashed(incident)
            consumer.reject(delivery)
        finally:
            callbacks.close()


def _follow_up(message: wire.TaskMessage) -> Message | None:
    following = message.route.on_success
    if following is None or following.is_leaf:
        return None
    body = wire.encode(message.towards(following))
    return Message(following.exchange, following.routing_key, body)


class _Lease:
    """Renews a delivery in the background; `holds` turns false when it is lost or we stop."""

    def __init__(self, consumer: Consumer, delivery: Delivery, stopping: threading.Event) -> None:
        self._consumer, self._delivery, self._stopping = consumer, delivery, stopping
        self._over, self._lost = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def holds(self) -> bool:
        return not (self._lost.is_set() or self._stopping.is_set())

    def _renew(self) -> None:
        while not self._over.wait(RENEW_SECONDS):
            try:
                is_lost = not self._consumer.renew(self._delivery)
            except BrokerUnavailable as error:
                logger.warning("a lease is not renewed yet: %r", error)
                continue  # while nobody reaches the queue, nobody else gets the delivery
            if is_lost:
                self._lost.set()
                return

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


@dataclass(frozen=True, slots=True)
class _Job:
    node: Node
    message: wire.TaskMessage
    callbacks: Callbacks
    keep_going: Callable[[], bool]

    @property
    def stage(self) -> wire.StageOrder:
        return self.message.stages[self.message.stage_index]

    def run(self, *, again: bool) -> bool:
        """Whether the stage passed."""
        task_id, attempt, name = self.message.task_id, self.message.attempt, self.stage.name
        if again and not self.callbacks.requeued(task_id, attempt):
            return False
        if not self.callbacks.status(task_id, attempt, name, "IN_PROGRESS"):
            return False
        reason = self._execute()
        if reason is not None:
            self.callbacks.log(task_id, attempt, name, reason, "error")
        self.callbacks.status(task_id, attempt, name, "COMPLETED" if reason is None else "FAILED")
        return reason is None

    def crashed(self, incident: str) -> None:
        """Fail the stage because of us, not of the submission."""
        task_id, attempt, name = self.message.task_id, self.message.attempt, self.stage.name
        reason = _CRASHED[self.node.settings.language].format(incident=incident)
        self.callbacks.log(task_id, attempt, name, reason, "error")
        self.callbacks.status(task_id, attempt, name, "FAILED")

    def _execute(self) -> str | None:
        """Run the stage; None when it passed, else the reason for the student."""
        language = self.node.settings.language
        if self.node.sandbox.bwrap is None and not self.stage.trusted:
            return _NO_SANDBOX[language]
        with tempfile.TemporaryDirectory(prefix="ulos-runner-") as scratch:
            Path(scratch).chmod(0o755)
            work, image = Path(scratch) / "work", Path(scratch) / "image"
            work.mkdir()
            image.mkdir()
            try:
                self._fetch(work, image)
            except (BadArchive, NotFound, tarfile.TarError, OSError) as error:
                return _LOST[language].format(error=error)
            _hand_over(work)
            outcome = self.node.sandbox.run(
                self.stage.run_command,
                work=_enclosed(work),
                image=image,
                timeout_seconds=self.stage.timeout_seconds,
                language=language,
                keep_going=self.keep_going,
                say=self._say,
            )
            if not self.keep_going():
                raise Stopped
            outcome = self._write_back(work, outcome)
        return self._reason(outcome)

    def _fetch(self, work: Path, image: Path) -> None:
        with tempfile.TemporaryFile() as file:
            self.node.storage.download_to(self.message.file_path, file)
            file.seek(0)
            archive.unpack(file, work)
        packed = io.BytesIO()
        self.node.storage.download_to(self.stage.image_path, packed)
        packed.seek(0)
        with tarfile.open(fileobj=packed, mode="r:*") as files:
            files.extractall(image, filter="data")

    def _say(self, text: str) -> None:
        self.callbacks.log(self.message.task_id, self.message.attempt, self.stage.name, text)

    def _write_back(self, work: Path, outcome: Outcome) -> Outcome:
        """Put what the stage left on the attempt's path; only its output where that is too much."""
        name = f"output_{self.stage.exchange}_{self.stage.routing_key}.txt".replace("/", "_")
        _add(work, name, outcome.output)
        try:
            self._store(work)
        except ArchiveBomb:
            shutil.rmtree(work)
            work.mkdir()
            _add(work, name, outcome.output)
            self._store(work)
            return Outcome(Limit.DISK, outcome.output)
        return outcome

    def _store(self, work: Path) -> None:
        with tempfile.TemporaryFile() as file:
            archive.pack(work, file)
            file.seek(0)
            self.node.storage.upload(self.message.file_path, file)

    def _reason(self, outcome: Outcome) -> str | None:
        language = self.node.settings.language
        if isinstance(outcome.end, Limit):
            return _STOPPED[outcome.end][language].format(seconds=self.stage.timeout_seconds)
        if outcome.end == 0:
            return None
        lines = [line for line in outcome.output.splitlines() if line.strip()]
        return lines[-1] if lines else _FAILED[language].format(code=outcome.end)


def _add(work: Path, name: str, output: str) -> None:
    """Write the stage's output, whatever the stage itself may have left under this name."""
    path = work / name
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.write_text(output, encoding="utf-8")


def _enclosed(work: Path) -> Path:
    """The folder that the submission is in: its one enclosing folder, if it has one."""
    inside = [
        path
        for path in work.iterdir()
        if not archive.is_leftover(path.name) and not path.name.startswith("output_")
    ]
    if len(inside) == 1 and inside[0].is_dir() and inside[0].name != "results":
        return inside[0]
    return work


def _hand_over(work: Path) -> None:
    """As root, give the files to the user that the command runs as."""
    if os.geteuid() != 0:
        return
    for path in (work, *work.rglob("*")):
        shutil.chown(path, NOBODY, NOBODY)
