"""A key has its effect once, whatever happens at the same time or dies in between."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.auth import Right
from core.context import NOBODY, ORCHESTRATOR, PLATFORM, Actor, Context
from core.db import Database
from core.errors import KeyInUse, NotAllowed, NotFound, NotSignedIn
from core.models import IdempotencyRecord, TaskLog
from core.services import courses, reports, submissions
from core.services.idempotency import Answer, once
from core.vocabulary import Scope
from tests import builders
from tests.conftest import Clock

ROOT = Path(__file__).resolve().parents[2]

DIES_IN_THE_MIDDLE = """
import sys
from core.bootstrap import open_context
from core.auth import Right
from core.context import ORCHESTRATOR
from core.services import reports
from core.services.idempotency import once

def act(ctx):
    reports.add_task_log(ctx, ORCHESTRATOR, int(sys.argv[1]), "said")
    print("acted", flush=True)
    sys.stdin.read()
    return {}

once(open_context(), ORCHESTRATOR, Right.REPORT_LOG, act, key="key", asked=["log"])
"""


def say(ctx: Context, task_id: int, key: str = "key", asked: object = ("log",), **who: Actor) -> Answer:
    def act(inner: Context) -> Answer:
        return {"id": reports.add_task_log(inner, ORCHESTRATOR, task_id, "said").id}

    return once(ctx, who.get("actor", ORCHESTRATOR), Right.REPORT_LOG, act, key=key, asked=asked)


def lines(ctx: Context) -> int:
    with ctx.db.transaction() as session:
        query = select(func.count()).select_from(TaskLog).where(TaskLog.log_message == "said")
        return session.scalar(query) or 0


def test_many_at_once_over_several_pools_act_once_and_get_one_answer(ctx: Context) -> None:
    task_id = builders.submit(ctx, builders.world(ctx)).task_id
    databases = [Database(ctx.settings.database_url.get_secret_value()) for _ in range(3)]
    contexts = [replace(ctx, db=database) for database in databases]

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: say(contexts[number % 3], task_id), range(24)))

    assert len({str(answer) for answer in answers}) == 1
    assert lines(ctx) == 1
    for database in databases:
        database.dispose()


def test_a_process_killed_after_its_effect_leaves_neither_effect_nor_key(ctx: Context) -> None:
    task_id = builders.submit(ctx, builders.world(ctx)).task_id
    settings = {
        "ULOS_DATABASE_URL": ctx.settings.database_url.get_secret_value(),
        "ULOS_FTP_URL": ctx.settings.ftp_url.get_secret_value(),
        "ULOS_SECRET_KEY": "secret",
        "ULOS_CALLBACK_TOKEN": "token",
        "PATH": "",
    }
    with subprocess.Popen(
        [sys.executable, "-c", DIES_IN_THE_MIDDLE, str(task_id)],
        cwd=ROOT,
        env=settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "acted\n"
        other.kill()

    say(ctx, task_id)

    assert lines(ctx) == 1


def test_what_is_refused_leaves_the_key_free(ctx: Context) -> None:
    task_id = builders.submit(ctx, builders.world(ctx)).task_id
    with pytest.raises(NotFound):
        say(ctx, 999_999)

    say(ctx, task_id)

    assert lines(ctx) == 1


def test_an_effect_whose_answer_cannot_be_recorded_does_not_take_place(ctx: Context) -> None:
    task_id = builders.submit(ctx, builders.world(ctx)).task_id

    def act(inner: Context) -> Answer:
        reports.add_task_log(inner, ORCHESTRATOR, task_id, "said")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        once(ctx, ORCHESTRATOR, Right.REPORT_LOG, act, key="key", asked=["log"])

    assert lines(ctx) == 0
    with ctx.db.transaction() as session:
        assert session.scalar(select(func.count()).select_from(IdempotencyRecord)) == 0


def test_a_key_of_another_request_is_refused_and_one_of_another_person_is_another_key(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    say(ctx, task_id)

    with pytest.raises(KeyInUse):
        say(ctx, task_id, asked=["something else"])
    say(ctx, task_id, actor=PLATFORM)

    assert lines(ctx) == 2


def test_after_a_day_a_key_is_new_even_if_nobody_swept(ctx: Context, clock: Clock) -> None:
    task_id = builders.submit(ctx, builders.world(ctx)).task_id
    first = say(ctx, task_id)
    clock.advance(hours=23)
    again = say(ctx, task_id)
    clock.advance(hours=1)

    new = say(ctx, task_id, asked=["something else"])

    assert first == again != new
    assert lines(ctx) == 2


def test_a_replay_answers_no_token_whose_scope_does_not_allow_the_request(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    first = say(ctx, task_id)
    reader = Actor(is_orchestrator=True, scopes=frozenset({Scope.READ}))

    for actor, error in ((reader, NotAllowed), (world.student, NotAllowed), (NOBODY, NotSignedIn)):
        with pytest.raises(error):
            say(ctx, task_id, actor=actor)

    assert say(ctx, task_id) == first


def test_a_student_who_was_removed_gets_no_earlier_receipt_by_its_key(ctx: Context) -> None:
    world = builders.world(ctx)
    builders.submit(ctx, world)
    courses.remove_member(ctx, world.professor, world.course_id, world.student.user_id or 0)

    with pytest.raises(NotFound):
        builders.submit(ctx, world)
    with pytest.raises(NotFound):
        submissions.check_may_submit(ctx, world.student, world.assignment_id, "key")
