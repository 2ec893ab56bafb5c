"""Notices of results: one per attempt, none while it is run again, by mail for who wants it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from core.context import NOBODY, ORCHESTRATOR, Context
from core.errors import NotSignedIn
from core.mail import open_mailer
from core.mailing import send_waiting
from core.models import OutgoingMail, ResultNotice, TaskStageStatus
from core.services import accounts, notices, reports, requeues
from core.services.notices import CRASH_SETTLES
from core.services.reports.held import hold
from core.services.reports.moves import fail, settle
from core.services.reports.storing import store
from core.vocabulary import FailedBy, StageStatus
from tests import builders
from tests.builders import World
from tests.conftest import Clock
from tests.smtp_server import mail_server

PASSED = {"PARSING": 3, "EXECUTION": 3}


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


def unread(ctx: Context, world: World) -> list[tuple[int, StageStatus]]:
    return [(notice.task_id, notice.status) for notice in notices.list_unread(ctx, world.student)]


def test_a_result_is_told_once_however_often_it_is_reported(ctx: Context, world: World) -> None:
    task_id = builders.submit(ctx, world).task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3})
    assert unread(ctx, world) == []

    for _ in range(3):
        reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, PASSED)

    assert unread(ctx, world) == [(task_id, StageStatus.COMPLETED)]
    with ctx.db.transaction() as session:
        assert session.scalar(select(func.count()).select_from(ResultNotice)) == 1


def test_while_an_attempt_is_run_again_nothing_is_told_of_it(ctx: Context, world: World) -> None:
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)
    assert unread(ctx, world) == [(task_id, StageStatus.FAILED)]

    reports.note_requeue(ctx, ORCHESTRATOR, task_id)
    assert unread(ctx, world) == []
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, PASSED)

    assert unread(ctx, world) == [(task_id, StageStatus.COMPLETED)]


def test_a_requeue_takes_back_what_was_not_read_and_its_result_is_told(ctx: Context, world: World) -> None:
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)

    requeues.requeue(ctx, world.monitor, task_id)
    assert unread(ctx, world) == []
    builders.fail(ctx, ORCHESTRATOR, task_id)

    assert unread(ctx, world) == [(task_id, StageStatus.FAILED)]


def test_a_crash_is_told_only_when_the_broker_has_not_handed_the_task_out_again(
    ctx: Context, world: World, clock: Clock
) -> None:
    task_id = builders.submit(ctx, world).task_id
    with ctx.db.transaction() as session:
        task = hold(session, [task_id])[task_id]
        attempt = task.attempts[0]
        fail(attempt, attempt.stages[0], FailedBy.CRASH, reason="out of memory", tag=1, at=ctx.now())
        settle(task, attempt, at=ctx.now())
        store(session, [task], at=ctx.now())

    assert unread(ctx, world) == []
    clock.advance(seconds=CRASH_SETTLES.total_seconds())

    assert unread(ctx, world) == [(task_id, StageStatus.FAILED)]
    with ctx.db.transaction() as session:
        assert FailedBy.CRASH in session.scalars(select(TaskStageStatus.failed_by))


def test_who_has_read_a_notice_is_told_no_more_and_nobody_reads_that_of_another(
    ctx: Context, world: World
) -> None:
    [other] = builders.classmates(ctx, world, 1)
    tasks = [builders.submit(ctx, place, key=key).task_id for place, key in ((world, "1"), (world, "2"))]
    for task_id in tasks:
        builders.fail(ctx, ORCHESTRATOR, task_id)
    newest, oldest = notices.list_unread(ctx, world.student)

    notices.mark_read(ctx, other.student, newest.id)
    notices.mark_all_read(ctx, other.student)
    assert len(unread(ctx, world)) == 2
    notices.mark_read(ctx, world.student, newest.id)
    assert unread(ctx, world) == [(oldest.task_id, StageStatus.FAILED)]
    notices.mark_all_read(ctx, world.student)

    assert unread(ctx, world) == []
    assert notices.list_unread(ctx, other.student) == []
    with pytest.raises(NotSignedIn):
        notices.list_unread(ctx, NOBODY)


def mails(ctx: Context) -> int:
    with ctx.db.transaction() as session:
        return session.scalar(select(func.count()).select_from(OutgoingMail)) or 0


def test_only_who_asked_for_it_gets_a_mail(ctx: Context, world: World, tmp_path: Path) -> None:
    [other] = builders.classmates(ctx, world, 1)
    accounts.set_result_mail(ctx, world.student, wanted=True)
    for place in (world, other):
        task_id = builders.submit(ctx, place).task_id
        reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, PASSED)

    with mail_server(tmp_path) as server:
        changed = {
            "smtp_url": SecretStr(f"smtp://127.0.0.1:{server.port}"),
            "public_url": "https://ulos.example.org",
        }
        mailing = replace(ctx, settings=ctx.settings.model_copy(update=changed))
        mailer = open_mailer(mailing.settings)
        assert mailer is not None
        assert send_waiting(mailing, mailer) == 1
        assert send_waiting(mailing, mailer) == 0
        [letter] = server.mails

    assert letter["To"] == "student@uniandes.edu.co"
    assert "https://ulos.example.org/my_work?task=" in letter.get_content()


def test_a_mail_that_waits_goes_with_its_notice(ctx: Context, world: World) -> None:
    accounts.set_result_mail(ctx, world.student, wanted=True)
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)
    assert mails(ctx) == 1

    reports.note_requeue(ctx, ORCHESTRATOR, task_id)

    assert mails(ctx) == 0


def test_who_has_changed_their_mind_gets_none(ctx: Context, world: World) -> None:
    accounts.set_result_mail(ctx, world.student, wanted=True)
    builders.fail(ctx, ORCHESTRATOR, builders.submit(ctx, world).task_id)

    accounts.set_result_mail(ctx, world.student, wanted=False)

    assert accounts.take_mail(ctx) is None
