"""Definitions when something fails half-way: neither a row nor a file is left, and none is missing."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from core.context import ORCHESTRATOR, Actor, Context
from core.db import utc_now
from core.errors import ChangedMeanwhile, DatabaseUnavailable, NameTaken, StorageUnavailable, TooLarge
from core.models import DefinitionStage, DefinitionVersion, TaskDefinition, UnneededFile
from core.services import definitions, inventory, leftovers, reports, requeues, submissions
from core.services.definitions import Definition, DefinitionChange, DefinitionDraft, StageDraft
from core.storage import open_storage
from tests import builders, ftp_servers
from tests.builders import World
from tests.conftest import Clock
from tests.locks import waits_for_a_lock
from tests.waiting import eventually

MODELS = (TaskDefinition, DefinitionVersion, DefinitionStage)


class Fuse(io.BytesIO):
    """An upload that does something when its bytes are sent, after they were measured."""

    def __init__(self, content: bytes, act: Callable[[], None]) -> None:
        super().__init__(content)
        self._act: Callable[[], None] | None = act
        self._whole_reads = 0

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        if not piece:
            self._whole_reads += 1
        elif self._whole_reads and self._act is not None:
            act, self._act = self._act, None
            with ThreadPoolExecutor(1) as pool:  # a loop runs in this thread
                pool.submit(act).result()
        return piece


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


class FileServer:
    """A process that can be killed, and started again with what it had."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = ExitStack()

    def start(self) -> str:
        return self._running.enter_context(ftp_servers.embedded_server(self._folder)).url

    def stop(self) -> None:
        self._running.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    folder = tmp_path / "own-ftp"
    folder.mkdir()
    made = FileServer(folder)
    yield made
    made.stop()


@pytest.fixture
def own(ctx: Context, server: FileServer) -> Context:
    """A context whose files are on `server`."""
    return with_files_at(ctx, server.start())


def with_files_at(ctx: Context, url: str) -> Context:
    settings = ctx.settings.model_copy(update={"ftp_url": SecretStr(url)})
    return replace(ctx, settings=settings, storage=open_storage(settings))


def draft(name: str = "Cypress", *names: str) -> DefinitionDraft:
    stages = [
        StageDraft(stage_name=one, run_command="run", container_name="", container_filename=one)
        for one in names or ("PARSING", "EXECUTION")
    ]
    return DefinitionDraft(name, stages)


def uploads(**contents: bytes) -> dict[str, io.BytesIO]:
    return {name: io.BytesIO(content) for name, content in contents.items()}


def made(ctx: Context, actor: Actor, name: str = "Cypress") -> Definition:
    return definitions.create_definition(
        ctx, actor, draft(name), uploads(PARSING=b"old parse", EXECUTION=b"old execute")
    )


def rows(ctx: Context) -> list[int]:
    with ctx.db.transaction() as session:
        return [session.scalar(select(func.count()).select_from(model)) or 0 for model in MODELS]


def images(ctx: Context) -> set[str]:
    return {file.path for file in ctx.storage.list_files(ctx.storage.path("images"))}


def paths(definition: Definition) -> set[str]:
    return {stage.remote_storage_path for stage in definition.stages}


@contextmanager
def refusing(ctx: Context, table: str, when: str) -> Iterator[None]:
    """Postgres refuses new rows of `table` that `when` is true of."""
    with ctx.db.transaction() as session:
        session.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT refused CHECK (NOT ({when})) NOT VALID"))
    yield
    with ctx.db.transaction() as session:
        session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT refused"))


@pytest.mark.parametrize(
    ("table", "when"),
    [
        pytest.param("task_definition", "definition_name = 'Cypress'", id="at the definition"),
        pytest.param("definition_version", "number = 1", id="at its version"),
        pytest.param("definition_stage", "position = 0", id="at its first stage"),
        pytest.param("definition_stage", "position = 1", id="at its last stage"),
    ],
)
def test_a_row_that_postgres_refuses_leaves_no_file(
    ctx: Context, world: World, table: str, when: str
) -> None:
    before = rows(ctx), images(ctx)

    with refusing(ctx, table, when), pytest.raises(DBAPIError, match="refused"):
        made(ctx, world.professor)

    assert (rows(ctx), images(ctx)) == before
    assert len(made(ctx, world.professor).stages) == 2


@pytest.mark.parametrize("position", [0, 1])
def test_a_file_server_that_stops_while_an_image_travels_leaves_no_row_and_later_no_file(
    own: Context, server: FileServer, position: int
) -> None:
    world = builders.world(own)
    before = rows(own), images(own)
    content = uploads(PARSING=b"parse", EXECUTION=b"execute")
    name = ("PARSING", "EXECUTION")[position]
    content[name] = Fuse(b"x" * 1_000_000, server.stop)

    with pytest.raises(StorageUnavailable):
        definitions.create_definition(own, world.professor, draft(), content)

    assert rows(own) == before[0]
    back = with_files_at(own, server.start())
    leftovers.remove_noted(back)
    assert {path for path in images(back) if not path.endswith(".part")} == before[1]


def test_a_file_server_that_is_down_lets_nothing_in(own: Context, server: FileServer) -> None:
    world = builders.world(own)
    before = rows(own)
    server.stop()

    with pytest.raises(StorageUnavailable):
        made(own, world.professor)

    assert rows(own) == before


def test_an_upload_beyond_the_limit_takes_the_ones_before_it_along(ctx: Context, world: World) -> None:
    small = builders.with_settings(ctx, ctx.settings.model_copy(update={"max_upload_mb": 1}))
    before = rows(ctx), images(ctx)

    with pytest.raises(TooLarge):
        definitions.create_definition(
            small, world.professor, draft(), uploads(PARSING=b"parse", EXECUTION=bytes(1_000_001))
        )

    assert (rows(ctx), images(ctx)) == before


def test_of_two_who_take_a_name_at_once_one_is_told_and_leaves_nothing(ctx: Context, world: World) -> None:
    first: list[Definition] = []
    content = uploads(PARSING=b"parse")
    content["EXECUTION"] = Fuse(b"execute", lambda: first.append(made(ctx, world.professor)))
    before = images(ctx)

    with pytest.raises(NameTaken):
        definitions.create_definition(ctx, world.professor, draft(), content)

    assert images(ctx) == before | paths(first[0])


def test_when_postgres_goes_away_the_daily_sweep_decides_what_was_recorded(
    ctx: Context, world: World, clock: Clock
) -> None:
    before = images(ctx)
    content = uploads(PARSING=b"parse", EXECUTION=b"execute")

    def cut() -> None:
        with ctx.db.transaction() as session:
            session.execute(
                text(
                    "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                    " PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"
                )
            )
            session.execute(
                text(
                    "CREATE TRIGGER die AFTER INSERT ON definition_stage FOR EACH ROW EXECUTE FUNCTION die()"
                )
            )

    content["EXECUTION"] = Fuse(b"execute", cut)

    with pytest.raises(DatabaseUnavailable):
        definitions.create_definition(ctx, world.professor, draft(), content)
    with ctx.db.transaction() as session:
        session.execute(text("DROP FUNCTION die CASCADE"))
    kept = made(ctx, world.professor)
    clock.moment = utc_now() + inventory.LEFT_OVER_AFTER + timedelta(hours=1)
    inventory.compare_files(ctx)

    assert images(ctx) == before | paths(kept)


def test_a_change_that_fails_keeps_the_old_image_and_drops_the_new_one(ctx: Context, world: World) -> None:
    old = made(ctx, world.professor)
    before = images(ctx)

    with refusing(ctx, "definition_stage", "position = 1"), pytest.raises(DBAPIError, match="refused"):
        definitions.update_definition(
            ctx,
            world.professor,
            old.id,
            DefinitionChange(stages=draft().stages),
            uploads(PARSING=b"new", EXECUTION=b"new"),
        )

    assert images(ctx) == before
    assert definitions.get_definition(ctx, world.professor, old.id) == old
    assert b"".join(definitions.open_image(ctx, world.professor, old.id, 0).pieces) == b"old parse"


def test_the_old_image_is_there_until_the_commit(ctx: Context, world: World) -> None:
    old = made(ctx, world.professor)
    seen: list[bool] = []
    images_now = {"PARSING": Fuse(b"new", lambda: seen.append(paths(old) <= images(ctx)))}

    after = definitions.update_definition(
        ctx, world.professor, old.id, DefinitionChange(stages=draft().stages), images_now
    )

    assert seen == [True]
    assert paths(old) - images(ctx) == paths(old) - paths(after) != set()


def test_of_two_who_change_a_definition_at_once_one_is_told(ctx: Context, world: World) -> None:
    old = made(ctx, world.professor)
    change = DefinitionChange(stages=draft().stages)

    def meanwhile() -> None:
        definitions.update_definition(ctx, world.professor, old.id, change, uploads(PARSING=b"first"))

    with pytest.raises(ChangedMeanwhile):
        definitions.update_definition(
            ctx, world.professor, old.id, change, {"PARSING": Fuse(b"second", meanwhile)}
        )

    assert b"".join(definitions.open_image(ctx, world.professor, old.id, 0).pieces) == b"first"
    current = definitions.get_definition(ctx, world.professor, old.id)
    other = definitions.get_definition(ctx, world.professor, world.definition_id)
    assert images(ctx) == paths(current) | paths(other)


def replace_parsing(ctx: Context, world: World, content: bytes = b"newer") -> Definition:
    """Another image for the first stage of the world's definition."""
    change = DefinitionChange(stages=builders.definition_draft().stages)
    stages = [replace(stage, container_filename=stage.stage_name) for stage in change.stages or ()]
    return definitions.update_definition(
        ctx, world.professor, world.definition_id, DefinitionChange(stages=stages), uploads(PARSING=content)
    )


def test_an_image_stays_while_a_submission_under_it_may_still_run_and_goes_when_that_has_passed(
    ctx: Context, world: World, clock: Clock
) -> None:
    old = definitions.get_definition(ctx, world.professor, world.definition_id)
    task_id = builders.submit(ctx, world).task_id
    after = replace_parsing(ctx, world)
    replaced = (paths(old) - paths(after)).pop()
    clock.moment = utc_now() + inventory.LEFT_OVER_AFTER + timedelta(hours=1)

    inventory.compare_files(ctx)
    while_waiting = replaced in images(ctx)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3, "EXECUTION": 2})
    inventory.compare_files(ctx)
    while_running = replaced in images(ctx)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"EXECUTION": 3})
    inventory.compare_files(ctx)

    assert (while_waiting, while_running, replaced in images(ctx)) == (True, True, False)
    assert paths(after) <= images(ctx)


def test_an_image_of_a_failure_stays_for_a_week_in_which_the_orchestrator_may_try_again(
    ctx: Context, world: World, clock: Clock
) -> None:
    clock.moment = utc_now()
    world = replace(world, assignment_id=opened_now(ctx, world))
    old = definitions.get_definition(ctx, world.professor, world.definition_id)
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)
    replaced = (paths(old) - paths(replace_parsing(ctx, world))).pop()

    clock.advance(days=6)
    inventory.compare_files(ctx)
    lately = replaced in images(ctx)
    clock.advance(days=2)
    inventory.compare_files(ctx)

    assert (lately, replaced in images(ctx)) == (True, False)


def opened_now(ctx: Context, world: World) -> int:
    dates = ctx.now() - timedelta(days=1), ctx.now() + timedelta(days=1)
    draft = builders.AssignmentDraft("Now", world.definition_id, *dates)
    return builders.assignments.create_assignment(ctx, world.professor, world.course_id, draft).id


def test_what_was_submitted_keeps_its_stages_and_a_requeue_takes_the_new_ones(
    ctx: Context, world: World
) -> None:
    task_id = builders.submit(ctx, world).task_id
    stages = [
        replace(stage, routing_key=f"new-{stage.stage_name}", run_command="new")
        for stage in builders.definition_draft().stages
    ]
    definitions.update_definition(
        ctx, world.professor, world.definition_id, DefinitionChange(stages=stages), {}
    )
    builders.fail(ctx, ORCHESTRATOR, task_id)
    before = submissions.get_task(ctx, world.student, task_id).current
    requeues.requeue(ctx, world.monitor, task_id)

    after = submissions.get_task(ctx, world.student, task_id).current

    assert [stage.routing_key for stage in before.stages] == ["g-code-parsing", "g-code-execution"]
    assert [stage.routing_key for stage in after.stages] == ["new-PARSING", "new-EXECUTION"]


def test_who_submits_while_a_definition_changes_gets_the_new_images_and_not_ones_that_are_gone(
    ctx: Context, world: World
) -> None:
    """The submission waits for the change; else it would name an image that the change deletes."""
    with ThreadPoolExecutor(1) as pool:
        with ctx.db.transaction() as session:
            session.execute(
                text("SELECT 1 FROM task_definition WHERE id = :id FOR UPDATE"), {"id": world.definition_id}
            )
            submitting = pool.submit(builders.submit, ctx, world)
            eventually(lambda: waits_for_a_lock(ctx))
            session.execute(
                text(
                    "WITH v AS (INSERT INTO definition_version (definition_id, number, created_at)"
                    "  VALUES (:id, 2, now()) RETURNING id)"
                    " INSERT INTO definition_stage (version_id, position, stage_id, container_name,"
                    "  container_filename, remote_storage_path, image_size, image_sha256, run_command,"
                    "  exchange, routing_key, queue, timeout_seconds)"
                    " SELECT id, 0, 1, 'c', 'f', '/new.tar.gz', 1, 'x', 'run', 'e', 'new-key', 'q', 1 FROM v"
                ),
                {"id": world.definition_id},
            )
            session.execute(
                text("UPDATE task_definition SET current_version = 2 WHERE id = :id"),
                {"id": world.definition_id},
            )
        task = submissions.get_task(ctx, world.student, submitting.result(60).task_id)

    assert [stage.routing_key for stage in task.current.stages] == ["new-key"]


def test_files_that_could_not_be_deleted_are_deleted_when_the_file_server_is_back(
    own: Context, server: FileServer
) -> None:
    world = builders.world(own)
    unused = made(own, world.professor)
    server.stop()

    definitions.delete_definition(own, world.professor, unused.id)

    with own.db.transaction() as session:
        assert set(session.scalars(select(UnneededFile.path))) == paths(unused)
    back = with_files_at(own, server.start())
    assert paths(unused) <= images(back)
    assert leftovers.remove_noted(back) == 2
    assert not paths(unused) & images(back)


def test_a_trusted_stage_loses_its_trust_with_its_image_or_command(ctx: Context, world: World) -> None:
    admin = builders.person(ctx, "admin", is_admin=True)
    stages = [replace(stage, is_trusted=True) for stage in draft().stages]
    trusted = definitions.create_definition(
        ctx, admin, replace(draft(), stages=stages), uploads(PARSING=b"1", EXECUTION=b"2")
    )
    same = draft().stages

    kept = definitions.update_definition(ctx, admin, trusted.id, DefinitionChange(stages=same), {})
    commanded = [same[0], replace(same[1], run_command="rm")]
    after = definitions.update_definition(
        ctx, admin, trusted.id, DefinitionChange(stages=commanded), uploads(PARSING=b"other")
    )

    assert [stage.is_trusted for stage in kept.stages] == [True, True]
    assert [stage.is_trusted for stage in after.stages] == [False, False]
