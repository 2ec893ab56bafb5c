"""Creates the demo's people, course, definitions, assignments and their past."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import text

from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.demo import containers, samples
from core.services import (
    accounts,
    assignments,
    courses,
    definitions,
    notices,
    reports,
    requeues,
    submissions,
)
from core.services.assignments import AssignmentDraft, AssignmentView
from core.services.definitions import Stage
from core.vocabulary import LogLevel, Role

PASSWORD = "ulos-demo"  # noqa: S105  the demo's published password
COURSE = "Demo: Laboratorio de orquestación"
PAST = "Primera pieza (pasada)"
STUDENTS = 30
PAST_TASKS = 240
"""Submissions of the past assignment."""

LOST_NODES = 0.06
RUN_AGAIN = 0.3
"""Shares of tasks that were put back by the orchestrator, and of failures that a monitor requeued."""

CHANCES = (0.82, 0.9)
"""Of passing each stage."""

_SAID = {
    "PARSING": "square.gcode: 128 líneas leídas, ninguna desconocida.\n",
    "EXECUTION": "square.gcode: 40 movimientos dentro de la impresora, 212 mm de filamento.\n",
}
_REASONS = (
    "square.gcode, línea 5: X900 queda fuera de la impresora (0 a 200 mm).",
    "square.gcode, línea 3: «HELLO» no es G-code.",
    "No hay ningún archivo .gcode en tu entrega.",
    "square.gcode, línea 12: comando desconocido G77.",
)


def seed(ctx: Context) -> None:
    """Create the demo unless it is there. One process at a time; a demo cut short is completed."""
    if _is_complete(ctx):
        return
    # Holding the copies keeps the past from being copied, published and run again meanwhile.
    with (
        ctx.db.exclusively("demo", wait=True),
        ctx.db.exclusively("copies", wait=True),
        ctx.db.exclusively("alerts", wait=True),
    ):
        people = _people(ctx)
        known = {course.name: course.id for course in courses.list_my_courses(ctx, people["admin"])}
        course_id = known.get(COURSE) or courses.create_course(ctx, PLATFORM, name=COURSE, is_demo=True)
        _enrol(ctx, course_id, people)
        made = _definitions(ctx, people["professor"])
        past = _assignments(ctx, people["professor"], course_id, made)
        _past(ctx, past, people)
        for name, person in people.items():
            if name.startswith("student"):
                notices.mark_all_read(ctx, person)  # the past is no news


def _people(ctx: Context) -> dict[str, Actor]:
    hashed = accounts.hash_password(PASSWORD)
    names = {"admin": "Admin de la demo", "professor": "Profesora Demo", "monitor": "Monitor Demo"}
    emails = {"admin": "admin", "professor": "profesora", "monitor": "monitor"}
    for number in range(1, STUDENTS + 1):
        names[f"student{number}"], emails[f"student{number}"] = f"Estudiante {number}", f"estudiante{number}"
    return {
        key: Actor(
            user_id=accounts.ensure_person(
                ctx,
                PLATFORM,
                email=f"{emails[key]}@uniandes.edu.co",
                full_name=name,
                password_hash=hashed,
                is_admin=key == "admin",
            ),
            is_admin=key == "admin",
        )
        for key, name in names.items()
    }


def _enrol(ctx: Context, course_id: int, people: dict[str, Actor]) -> None:
    for key, actor in people.items():
        role = {"professor": Role.PROFESSOR, "monitor": Role.MONITOR}.get(key, Role.STUDENT)
        if key != "admin" and actor.user_id is not None:
            courses.enrol(ctx, PLATFORM, course_id, actor.user_id, role)


def _definitions(ctx: Context, professor: Actor) -> dict[str, int]:
    platform = replace(professor, is_platform=True)
    known = {found.definition_name: found.id for found in definitions.list_definitions(ctx, platform)}
    for draft in containers.DEFINITIONS:
        if draft.definition_name not in known:
            name = draft.stages[0].container_name
            images = {f"{name}.tar.gz": io.BytesIO(containers.build(name))}
            made = definitions.create_definition(ctx, platform, draft, images)
            known[draft.definition_name] = made.id
    return known


def _assignments(ctx: Context, professor: Actor, course_id: int, made: dict[str, int]) -> AssignmentView:
    """One open assignment per definition and a past one, which is answered."""
    now = ctx.now().replace(minute=0, second=0, microsecond=0)
    wanted = [
        ("Imprime un cubo", "G-code", now - timedelta(days=2), now + timedelta(days=14)),
        ("Pruebas de la página", "Cypress", now - timedelta(days=2), now + timedelta(days=10)),
        ("Pruebas en Python", "Python tests", now - timedelta(days=2), now + timedelta(days=7)),
        (PAST, "G-code", now - timedelta(days=21), now - timedelta(days=7)),
    ]
    there = {view.assignment_name: view for view in assignments.list_assignments(ctx, PLATFORM, course_id)}
    for name, definition, start, end in wanted:
        if name not in there:
            draft = AssignmentDraft(name, made[definition], start, end, "Datos de demostración")
            there[name] = assignments.create_assignment(ctx, professor, course_id, draft)
    return there[PAST]


def _is_complete(ctx: Context) -> bool:
    with ctx.db.transaction() as session:
        count = session.scalar(
            text(
                "SELECT count(*) FROM task JOIN assignment a ON a.id = task.assignment_id"
                " JOIN course c ON c.id = a.course_id"
                " WHERE c.is_demo AND a.assignment_name = :past"
            ),
            {"past": PAST},
        )
    return (count or 0) >= PAST_TASKS


def _keys_of_finished(ctx: Context, assignment_id: int) -> set[str]:
    """Submit keys of an earlier, cut-short seed; what it left unfinished is removed and made again."""
    with ctx.db.transaction() as session:
        session.execute(
            text("DELETE FROM task WHERE assignment_id = :id AND status_id IN (1, 2)"), {"id": assignment_id}
        )
        rows = session.scalars(
            text("SELECT submit_key FROM task WHERE assignment_id = :id"), {"id": assignment_id}
        )
        return set(rows)


def _past(ctx: Context, past: AssignmentView, people: dict[str, Actor]) -> None:
    """Submissions with their fates, each at its own moment, through the same use cases."""
    fate = random.Random(7)  # noqa: S311  the same demo each time
    students = [people[f"student{number}"] for number in range(1, STUDENTS - 1)]
    stages = tuple(definitions.get_definition(ctx, PLATFORM, past.definition_id).stages)
    lab = _Lab(past.id, people["monitor"], stages, samples.gcode_good(), fate)
    made = _keys_of_finished(ctx, past.id)
    span = past.assignment_end_date - past.assignment_start_date
    # A third of all work comes on the last day, as in every course.
    parts = [fate.uniform(0.93, 1.0) if fate.random() < 1 / 3 else fate.random() for _ in range(PAST_TASKS)]
    for number, part in enumerate(sorted(parts)):
        if f"demo-{number}" not in made:
            lab.hand_in(ctx, fate.choice(students), number, past.assignment_start_date + span * part)
    with ctx.db.transaction() as session:
        # Of the past: their archives are where nodes left them, and nothing is to be published again.
        session.execute(
            text(
                "UPDATE task_attempt SET copied_at = created_at, published_at = created_at"
                " WHERE copied_at IS NULL AND task_id IN (SELECT id FROM task WHERE assignment_id = :id)"
            ),
            {"id": past.id},
        )
        session.execute(
            text(
                "UPDATE outbox SET published_at = created_at WHERE published_at IS NULL AND attempt_id IN"
                " (SELECT a.id FROM task_attempt a JOIN task t ON t.id = a.task_id"
                " WHERE t.assignment_id = :id)"
            ),
            {"id": past.id},
        )


@dataclass(frozen=True, slots=True)
class _Lab:
    """Where submissions of the past were run: by chance, and with what each stage printed left behind."""

    assignment_id: int
    monitor: Actor
    stages: tuple[Stage, ...]
    content: bytes
    fate: random.Random

    def hand_in(self, ctx: Context, student: Actor, number: int, moment: datetime) -> None:
        """A submission at that moment, until nothing more happens to it."""
        at, fate = _Clock(moment), self.fate
        then = replace(ctx, now=at)
        task_id = submissions.submit(
            then,
            student,
            self.assignment_id,
            io.BytesIO(self.content),
            file_name="entrega.zip",
            submit_key=f"demo-{number}",
        ).task_id
        if fate.random() < LOST_NODES:
            at.later(fate.uniform(20, 60))
            reports.set_stage_statuses(
                then, ORCHESTRATOR, task_id, {self.stages[0].stage_name: "IN_PROGRESS"}
            )
            reports.note_requeue(then, ORCHESTRATOR, task_id)
        passed = self._run(then, at, task_id)
        if not passed and fate.random() < RUN_AGAIN:
            at.later(fate.uniform(600, 7200))
            requeues.requeue(then, self.monitor, task_id, note="Se corrigió el contenedor")
            self._run(then, at, task_id)

    def _run(self, then: Context, at: _Clock, task_id: int) -> bool:
        printed: dict[Stage, str] = {}
        for stage, chance in zip(self.stages, CHANCES, strict=True):
            name = stage.stage_name
            at.later(self.fate.expovariate(1 / 40))
            reports.set_stage_statuses(then, ORCHESTRATOR, task_id, {name: "IN_PROGRESS"})
            at.later(self.fate.expovariate(1 / 12) + 1)
            passed = self.fate.random() <= chance
            printed[stage] = _SAID[name] if passed else self.fate.choice(_REASONS)
            self._write_back(then, task_id, printed)
            if not passed:
                reports.add_task_log(
                    then, ORCHESTRATOR, task_id, printed[stage], stage=name, level=LogLevel.ERROR
                )
                reports.set_stage_statuses(then, ORCHESTRATOR, task_id, {name: "FAILED"})
                return False
            reports.set_stage_statuses(then, ORCHESTRATOR, task_id, {name: "COMPLETED"})
        return True

    def _write_back(self, then: Context, task_id: int, printed: Mapping[Stage, str]) -> None:
        """Leave the attempt's archive as a node does: the submission with what its stages printed."""
        file = io.BytesIO(self.content)
        with zipfile.ZipFile(file, "a") as archive:
            for stage, text_of_stage in printed.items():
                archive.writestr(f"output_{stage.exchange}_{stage.routing_key}.txt", text_of_stage)
        file.seek(0)
        then.storage.upload(submissions.get_task(then, PLATFORM, task_id).current.file_path, file)


class _Clock:
    """The moment at which something of the past happens."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def __call__(self) -> datetime:
        return self._moment

    def later(self, seconds: float) -> None:
        """Let time go by."""
        self._moment += timedelta(seconds=seconds)
