"""Creates the demo's people, course, definitions, assignments and their past."""

from __future__ import annotations

import io
import random
from dataclasses import replace
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
    content = samples.gcode_good()
    made = _keys_of_finished(ctx, past.id)
    span = past.assignment_end_date - past.assignment_start_date
    # A third of all work comes on the last day, as in every course.
    parts = [fate.uniform(0.93, 1.0) if fate.random() < 1 / 3 else fate.random() for _ in range(PAST_TASKS)]
    for number, part in enumerate(sorted(parts)):
        moment = past.assignment_start_date + span * part
        if f"demo-{number}" in made:
            continue
        student = fate.choice(students)
        monitor = people["monitor"]
        _task(ctx, past.id, student, monitor, number=number, moment=moment, fate=fate, content=content)
    with ctx.db.transaction() as session:
        # Their messages are of the past: nothing of them is to be copied or published again.
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


def _task(
    ctx: Context,
    assignment_id: int,
    student: Actor,
    monitor: Actor,
    *,
    number: int,
    moment: datetime,
    fate: random.Random,
    content: bytes,
) -> None:
    at = _Clock(moment)
    then = replace(ctx, now=at)
    task_id = submissions.submit(
        then,
        student,
        assignment_id,
        io.BytesIO(content),
        file_name="entrega.zip",
        submit_key=f"demo-{number}",
    ).task_id
    if fate.random() < LOST_NODES:
        at.later(fate.uniform(20, 60))
        reports.set_stage_statuses(then, ORCHESTRATOR, task_id, {"PARSING": "IN_PROGRESS"})
        reports.note_requeue(then, ORCHESTRATOR, task_id)
    passed = _run(then, at, task_id, fate)
    if not passed and fate.random() < RUN_AGAIN:
        at.later(fate.uniform(600, 7200))
        requeues.requeue(then, monitor, task_id, note="Se corrigió el contenedor")
        _run(then, at, task_id, fate)


def _run(then: Context, at: _Clock, task_id: int, fate: random.Random) -> bool:
    for stage, chance in (("PARSING", 0.82), ("EXECUTION", 0.9)):
        at.later(fate.expovariate(1 / 40))
        reports.set_stage_statuses(then, ORCHESTRATOR, task_id, {stage: "IN_PROGRESS"})
        at.later(fate.expovariate(1 / 12) + 1)
        if fate.random() > chance:
            reason = fate.choice(_REASONS)
            reports.add_task_log(then, ORCHESTRATOR, task_id, reason, stage=stage, level=LogLevel.ERROR)
            reports.set_stage_statuses(then, ORCHESTRATOR, task_id, {stage: "FAILED"})
            return False
        reports.set_stage_statuses(then, ORCHESTRATOR, task_id, {stage: "COMPLETED"})
    return True


class _Clock:
    """The moment at which something of the past happens."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def __call__(self) -> datetime:
        return self._moment

    def later(self, seconds: float) -> None:
        """Let time go by."""
        self._moment += timedelta(seconds=seconds)
