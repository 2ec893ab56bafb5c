"""Reports to the companion endpoint, repeated until it has taken them."""

from __future__ import annotations

import logging
import random
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from core.config import Settings

_LONGEST_PAUSE = 5.0

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody: callbacks go over plain HTTP, and the default context reads files of certificates."""

logger = logging.getLogger(__name__)


class Stopped(Exception):
    """The work must end: the process stops or the lease is lost."""


class Callbacks:
    """What one thread says about one delivery. `keep_going` is asked before each try."""

    def __init__(self, settings: Settings, keep_going: Callable[[], bool]) -> None:
        self._client = httpx.Client(
            base_url=f"http://{settings.host}:{settings.api_port}",
            headers={"Authorization": f"Bearer {settings.callback_token.get_secret_value()}"},
            timeout=10,
            trust_env=False,
            verify=NO_CERTIFICATES,
        )
        self._keep_going = keep_going

    def status(self, task_id: str, attempt: int, stage: str, status: str) -> bool:
        """Move a stage; False when the task is not known any more."""
        return self._send("PATCH", f"/tasks/{task_id}", attempt, {stage: status})

    def log(self, task_id: str, attempt: int, stage: str, message: str, level: str = "info") -> bool:
        """Add a line to the task's log."""
        body: dict[str, object] = {"log_message": message, "stage": stage, "level": level}
        return self._send("POST", f"/tasks/{task_id}/logs", attempt, body)

    def requeued(self, task_id: str, attempt: int) -> bool:
        """A new run begins."""
        return self._send("PATCH", f"/tasks/{task_id}/requeue", attempt, {})

    def has_begun(self, task_id: str, attempt: int, stage: str) -> bool:
        """Whether a run of this stage of this attempt was reported before.

        True where the token may not read tasks: a second run that is not noted would be worse.
        """
        answer = self._ask("GET", f"/tasks/{task_id}")
        if answer is None:
            return True
        task = answer.json()
        states = {
            found["processing_stage"]["stage_name"]: found["processing_status"]["status_name"]
            for found in task["stage_statuses"]
        }
        return bool(task["attempt"] == attempt and states.get(stage) != "PENDING")

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _send(self, method: str, path: str, attempt: int, body: object) -> bool:
        key = secrets.token_hex(16)
        options = {"params": {"attempt": attempt}, "json": body, "headers": {"Idempotency-Key": key}}
        return self._ask(method, path, options) is not None

    def _ask(self, method: str, path: str, options: Mapping[str, Any] | None = None) -> httpx.Response | None:
        """Repeat the request until it is answered; None when it is refused for good."""
        pause = 0.2
        while self._keep_going():
            try:
                answer = self._client.request(method, path, **(options or {}))
            except httpx.TransportError as error:
                logger.warning("the endpoint does not answer: %s", error)
            else:
                if answer.is_success:
                    return answer
                logger.warning("%s %s answered %d: %s", method, path, answer.status_code, answer.text[:300])
                if answer.status_code in {404, 422} or (method == "GET" and answer.status_code in {401, 403}):
                    return None
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  jitter
            pause = min(pause * 2, _LONGEST_PAUSE)
        raise Stopped
