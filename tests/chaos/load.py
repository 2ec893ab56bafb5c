"""What students and the orchestrator do in a round, and the book of what they were answered."""

from __future__ import annotations

import contextlib
import io
import json
import random
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx

from core.demo import samples
from tests.chaos.book import COMPLETED, FAILED, IN_PROGRESS, PENDING, HandedIn, Report
from tests.chaos.schedule import STUDENTS, Kind, Schedule, Submission
from tests.chaos.world import World

PASSWORD = "ulos-demo"
OPEN = "Imprime un cubo"
PLAYED = "Played by the test"

SAMPLES: tuple[tuple[Callable[[], bytes], tuple[int, ...]], ...] = (
    (samples.gcode_good, (COMPLETED, COMPLETED)),
    (samples.gcode_good, (COMPLETED, COMPLETED)),
    (samples.gcode_outside, (FAILED, PENDING)),
    (samples.gcode_unknown, (FAILED, PENDING)),
)
"""Archives and what the local runner makes of their stages."""

ANSWER_SECONDS = 5.0
"""How long a client waits for an answer."""

PATIENCE_SECONDS = 180.0
"""How long a client that never gives up may be left without an answer."""


@dataclass(frozen=True)
class People:
    """Who is signed in, and where they hand in."""

    students: tuple[tuple[int, str], ...]
    """Id and token."""
    professor: str
    course_id: int
    node_assignment: int
    """Its tasks are processed by the runner or the nodes."""
    played_assignment: int
    """Its tasks are taken by no one: the test reports about them."""


def sign_in(world: World) -> People:
    """Sign students and the professor of the demo in; add the assignment that the test plays."""
    with httpx.Client(base_url=world.installation.api, timeout=60) as client:
        professor, course_id = _token(client, "profesora")
        students = []
        for number in range(1, STUDENTS + 1):
            token, _ = _token(client, f"estudiante{number}")
            me = client.get("/users/me", headers=_bearer(token)).raise_for_status().json()
            students.append((int(me["id"]), token))
        client.headers.update(_bearer(professor))
        listed = client.get(f"/courses/{course_id}/assignments").raise_for_status().json()
        ids = {one["assignment_name"]: int(one["id"]) for one in listed}
        played = ids[OPEN] if world.kind is Kind.EMBEDDED else _played_assignment(client, course_id)
        return People(tuple(students), professor, course_id, ids[OPEN], played)


def _token(client: httpx.Client, name: str) -> tuple[str, int]:
    credentials = {"email": f"{name}@uniandes.edu.co", "password": PASSWORD}
    answer = client.post("/auth/login", json=credentials).raise_for_status().json()
    return str(answer["access_token"]), int(answer["courses"][0]["course_id"])


def _played_assignment(client: httpx.Client, course_id: int) -> int:
    stages: list[dict[str, Any]] = [
        {
            "stage_id": None,
            "stage_name": name,
            "stage_description": "",
            "use_existing": False,
            "container": {
                "container_name": f"played-{name.lower()}",
                "container_description": "",
                "run_command": "true",
                "container_filename": f"{name.lower()}.tar.gz",
            },
        }
        for name in ("PARSING", "EXECUTION")
    ]
    definition = {"definition_name": PLAYED, "definition_description": "", "stages": stages}
    made = client.post(
        "/task-definitions",
        files=[
            ("task_definition", (None, json.dumps(definition))),
            *[("files", (stage["container"]["container_filename"], b"image")) for stage in stages],
        ],
    ).raise_for_status()
    now = datetime.now(UTC)
    assignment = {
        "assignment_name": PLAYED,
        "assignment_description": "",
        "assignment_start_date": (now - timedelta(days=1)).isoformat(),
        "assignment_end_date": (now + timedelta(days=7)).isoformat(),
        "task_definition_id": made.json()["id"],
    }
    answer = client.post(f"/courses/{course_id}/assignments", json=assignment).raise_for_status()
    return int(answer.json()["id"])


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Load:
    """The clients of one round. `prefix` makes their keys differ from those of every other round."""

    def __init__(self, world: World, people: People, schedule: Schedule, prefix: str) -> None:
        self.book: list[HandedIn] = []
        self._people = people
        self._schedule = schedule
        self._prefix = prefix
        self._orchestrator = _bearer(world.installation.state["callback_token"])
        self._plays = world.kind is Kind.EXTERNAL
        self._client = httpx.Client(
            base_url=world.clients_api,
            timeout=ANSWER_SECONDS,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=10),
        )
        self._lock = threading.Lock()

    def run(self, started: float) -> list[str]:
        """Hand in and report until all is answered or given up; return what was never answered."""
        with ThreadPoolExecutor(len(self._schedule.submissions)) as pool:
            futures = [pool.submit(self._hand_in, one, started) for one in self._schedule.submissions]
            return [problem for future in futures for problem in future.result()]

    def finish(self, handed_in: HandedIn, task_id: int) -> None:
        """Report the end of a played task, once; whether that was taken the next look shows."""
        first, second = handed_in.expected
        body = {"PARSING": first, "EXECUTION": second}
        self._send("PATCH", f"/tasks/{task_id}", headers=self._orchestrator, json=body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def _hand_in(self, plan: Submission, started: float) -> list[str]:
        handed_in = self._prepare(plan)
        with self._lock:
            self.book.append(handed_in)
        time.sleep(max(0.0, started + plan.at - time.monotonic()))
        token = self._people.students[plan.student][1]
        path = f"/assignments/{handed_in.assignment_id}/submit"
        dice = random.Random(handed_in.key)  # noqa: S311  dice
        while not self._submit(path, token, handed_in):
            if handed_in.refused or (plan.tries and handed_in.unsure >= plan.tries):
                return []
            if time.monotonic() > started + PATIENCE_SECONDS:
                return [f"{handed_in.key} was never answered"]
            time.sleep(dice.uniform(0.1, 1.0))
        for _ in range(plan.copies):
            self._submit(path, token, handed_in)
        return self._report(plan, handed_in, dice, started)

    def _prepare(self, plan: Submission) -> HandedIn:
        is_played = self._plays and plan.is_played
        make, stages = SAMPLES[plan.sample % len(SAMPLES)]
        expected: tuple[int, ...] = stages
        if self._plays:
            expected = (COMPLETED, COMPLETED if plan.passes else FAILED) if is_played else ()
        key = f"{self._prefix}-{plan.number}"
        place = self._people.played_assignment if is_played else self._people.node_assignment
        student_id = self._people.students[plan.student][0]
        return HandedIn(key, student_id, place, _archive(make(), key, plan.padding), is_played, expected)

    def _submit(self, path: str, token: str, handed_in: HandedIn) -> bool:
        """Send it once; return whether it was accepted."""
        answer = self._send(
            "POST",
            path,
            headers=_bearer(token) | {"Idempotency-Key": handed_in.key},
            files={"file": ("cubo.zip", handed_in.content)},
        )
        if answer is None:
            handed_in.unsure += 1
            return False
        if not answer.is_success:
            handed_in.refused.append(answer.status_code)
            return False
        handed_in.task_ids.append(int(answer.json()["id"]))
        return True

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """Return the answer; None: there was none, or one that says that nothing is known."""
        try:
            answer = self._client.request(method, path, **options)
            answer.read()
        except httpx.TransportError:
            return None
        is_busy = answer.status_code in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT}
        return None if answer.is_server_error or is_busy else answer

    def _report(
        self, plan: Submission, handed_in: HandedIn, dice: random.Random, started: float
    ) -> list[str]:
        """Send what the orchestrator says about the task, each report until it is answered."""
        task = f"/tasks/{handed_in.task_ids[0]}"
        problems = []
        for kind, body in self._reports(plan, handed_in, dice):
            text = f"{handed_in.key}: line {len(handed_in.reports)}" if kind == "log" else ""
            report = Report(f"{handed_in.key}-{len(handed_in.reports)}", kind, text)
            handed_in.reports.append(report)
            method, path = {
                "log": ("POST", f"{task}/logs"),
                "requeue": ("PATCH", f"{task}/requeue"),
                "status": ("PATCH", task),
            }[kind]
            headers = self._orchestrator | {"Idempotency-Key": report.key}
            sent = {"log_message": text} if kind == "log" else body
            while len(report.answers) < 1 + plan.twice:
                answer = self._send(method, path, headers=headers, json=sent)
                if answer is not None:
                    if not answer.is_success:
                        problems.append(
                            f"{report.key} {kind} was answered {answer.status_code}: {answer.text}"
                        )
                        break
                    report.answers.append(answer.json())
                elif time.monotonic() > started + PATIENCE_SECONDS:
                    return [*problems, f"{report.key} {kind} was never answered"]
                else:
                    time.sleep(dice.uniform(0.1, 1.0))
        return problems

    def _reports(
        self, plan: Submission, handed_in: HandedIn, dice: random.Random
    ) -> list[tuple[str, dict[str, object]]]:
        """Return the callbacks in order: kind and body."""
        steps: list[tuple[str, dict[str, object]]] = []
        if handed_in.is_played:
            last = handed_in.expected[1]
            steps = [
                ("status", {"PARSING": IN_PROGRESS}),
                ("status", {"PARSING": "COMPLETED", "EXECUTION": "IN_PROGRESS"}),
                ("status", {"EXECUTION": last}),
            ]
        extra: list[tuple[str, dict[str, object]]] = [("log", {}) for _ in range(plan.logs)]
        # A failed task that is put back is run again by a node, which does not happen here.
        if handed_in.is_played or handed_in.expected == (COMPLETED, COMPLETED):
            extra += [("requeue", {}) for _ in range(plan.requeues)]
        for entry in extra:
            steps.insert(dice.randint(0, max(len(steps) - 1, 0)), entry)
        return steps


def _archive(content: bytes, key: str, padding: int) -> bytes:
    """Return a sample that no other submission equals."""
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = key.encode()
        if padding:
            noise = random.Random(key).randbytes(padding)  # noqa: S311  noise
            archive.writestr("gcode/notes.bin", noise)
    return file.getvalue()


def wait_until_ready(world: World) -> list[str]:
    """Wait until API and dashboard answer that they are ready; return those that do not come back."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for address in (world.installation.api, world.installation.dashboard):
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{address}/readyz", timeout=ANSWER_SECONDS).is_success:
                    break
            if time.monotonic() > deadline:
                return [f"{address} does not come back"]
            time.sleep(0.1)
    return []
