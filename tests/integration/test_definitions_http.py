"""Definitions over HTTP: created with their images, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from core.context import Context
from core.models import TaskDefinition
from tests import builders
from tests.builders import World
from tests.definition_files import BOTH, count, images, paths, read
from tests.http_worlds import create, definition, form, signed_in, stage


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx), follow_redirects=False) as made:
        yield made


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


@pytest.fixture
def professor(ctx: Context, world: World) -> dict[str, str]:
    return signed_in(ctx, world.professor)


def test_a_definition_is_answered_with_its_stages_in_order_and_each_image_on_ftp(
    client: TestClient, ctx: Context, professor: dict[str, str]
) -> None:
    made = create(client, professor)

    assert [entry["stage_name"] for entry in made["stages"]] == ["PARSING", "EXECUTION"]
    assert made["stages"][1] | {"stage_id": 0} == {
        "stage_id": 0,
        "stage_name": "EXECUTION",
        "stage_description": "does execution",
        "container": {
            "container_name": "execution-box",
            "container_description": "a box",
            "container_filename": "execution.tar.gz",
            "remote_storage_path": paths(made)[1],
            "run_command": "run execution",
            "image_size": 7,
            "image_sha256": made["stages"][1]["container"]["image_sha256"],
        },
        "exchange": "processing-exchange",
        "routing_key": "cypress-execution",
        "queue": "cypress-execution",
        "timeout_seconds": 300,
    }
    assert [read(ctx, path) for path in paths(made)] == [b"parse", b"execute"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_both_spellings_of_every_path_answer_the_same_without_a_redirect(
    client: TestClient, professor: dict[str, str], slash: str
) -> None:
    made = client.post(
        f"/task-definitions{slash}", headers=professor, **form(definition(stage("PARSING")), BOTH[:1])
    )
    one = f"/task-definitions/{made.json()['id']}{slash}"

    assert made.status_code == 201
    assert made.json() in client.get(f"/task-definitions{slash}", headers=professor).json()
    assert client.get(one, headers=professor).json() == made.json()
    assert client.put(one, headers=professor, json={"definition_description": "x"}).status_code == 200
    assert client.delete(one, headers=professor).status_code == 204


def test_routing_defaults_are_slugs_of_both_names_and_ours_are_taken(
    client: TestClient, professor: dict[str, str]
) -> None:
    body = definition(
        stage("Análisis léxico", "a"),
        stage("RUN", "b", routing_key="my.key", queue="my-queue", exchange="other", timeout_seconds=7),
        name="Señales №1",
    )

    made = create(client, professor, body, [("a", b"1"), ("b", b"2")])

    fields = ("exchange", "routing_key", "queue", "timeout_seconds")
    assert [tuple(entry[field] for field in fields) for entry in made["stages"]] == [
        ("processing-exchange", "senales-no1-analisis-lexico", "senales-no1-analisis-lexico", 300),
        ("other", "my.key", "my-queue", 7),
    ]


@pytest.mark.parametrize(
    ("body", "files", "field"),
    [
        pytest.param("{", BOTH, "body", id="no JSON"),
        pytest.param("[]", BOTH, "", id="another shape"),
        pytest.param("", BOTH, "task_definition", id="empty text"),
        pytest.param({"stages": [stage("PARSING")]}, BOTH[:1], "definition_name", id="no name"),
        pytest.param(definition(stage("PARSING"), name=" "), BOTH[:1], "definition_name", id="blank name"),
        pytest.param(definition(stage("A\x00")), [("a\x00.tar.gz", b"1")], "stages.0.stage_name", id="NUL"),
        pytest.param(
            definition(stage("PARSING"), name="\ud800"), BOTH[:1], "body", id="half a surrogate pair"
        ),
        pytest.param(definition(), (), "stages", id="no stages"),
        pytest.param(
            definition(*[stage(f"S{i}", "a") for i in range(21)]), [("a", b"")], "stages", id="many"
        ),
        pytest.param(definition(stage("PARSING")), (), "", id="missing file"),
        pytest.param(definition(stage("PARSING")), [("parsing.tar.gz", b"")], "", id="empty file"),
        pytest.param(definition(stage("PARSING")), BOTH, "", id="extra file"),
        pytest.param(
            definition(stage("PARSING")),
            [BOTH[0], BOTH[0]],
            "files",
            id="two files of one name for one stage",
        ),
        pytest.param(
            definition(stage("A", "a"), stage("A ", "b")),
            [("a", b"1"), ("b", b"2")],
            "stage_name",
            id="names",
        ),
        pytest.param(
            definition(stage("A", "a", routing_key="k"), stage("B", "b", routing_key="k")),
            [("a", b"1"), ("b", b"2")],
            "routing_key",
            id="routing keys",
        ),
        pytest.param(
            definition(stage("PARSING", routing_key="clé")), BOTH[:1], "stages.0.routing_key", id="accent"
        ),
        pytest.param(
            definition(stage("PARSING", routing_key="task.done")),
            BOTH[:1],
            "stages.0.routing_key",
            id="report",
        ),
        pytest.param(
            definition(stage("PARSING", queue="a b")), BOTH[:1], "stages.0.queue", id="blank in a queue"
        ),
        pytest.param(
            definition(stage("PARSING", timeout_seconds=0)),
            BOTH[:1],
            "stages.0.timeout_seconds",
            id="timeout",
        ),
        pytest.param(
            definition(stage("PARSING", stage_id="x")), BOTH[:1], "stages.0.stage_id", id="stage id"
        ),
    ],
)
def test_what_cannot_be_created_is_422_with_its_field_and_leaves_nothing(
    client: TestClient, ctx: Context, professor: dict[str, str], *, body: object, files: list[Any], field: str
) -> None:
    before = images(ctx), count(ctx, TaskDefinition)

    answer = client.post("/task-definitions", headers=professor, **form(body, files))

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if field:
        assert [entry["field"] for entry in answer.json()["errors"]] == [field]
    assert answer.json()["detail"]
    assert (images(ctx), count(ctx, TaskDefinition)) == before


def test_two_keys_may_be_equal_on_different_exchanges(client: TestClient, professor: dict[str, str]) -> None:
    body = definition(stage("A", "a", routing_key="k"), stage("B", "b", routing_key="k", exchange="other"))

    assert create(client, professor, body, [("a", b"1"), ("b", b"2")])["id"]


def test_files_of_one_name_belong_to_the_stages_in_their_order(
    client: TestClient, ctx: Context, professor: dict[str, str]
) -> None:
    body = definition(stage("A", "image.tar"), stage("B", "image.tar"))

    made = create(client, professor, body, [("image.tar", b"first"), ("image.tar", b"second")])

    assert [read(ctx, path) for path in paths(made)] == [b"first", b"second"]
    assert {entry["container"]["container_filename"] for entry in made["stages"]} == {"image.tar"}


def test_one_file_for_two_stages_is_stored_for_each(
    client: TestClient, ctx: Context, professor: dict[str, str]
) -> None:
    made = create(client, professor, definition(stage("A", "i"), stage("B", "i")), [("i", b"same")])

    assert [read(ctx, path) for path in paths(made)] == [b"same", b"same"]
    assert len(set(paths(made))) == 2


def test_the_text_may_come_as_a_file_as_browsers_send_a_blob(
    client: TestClient, professor: dict[str, str]
) -> None:
    sent = form(definition(stage("PARSING")), BOTH[:1])
    blob = ("task_definition", ("blob", sent["data"]["task_definition"], "application/json"))

    answer = client.post("/task-definitions", headers=professor, files=[blob, *sent["files"]])

    assert answer.status_code == 201


def test_a_file_beyond_the_limit_is_413_while_it_is_read(ctx: Context, world: World) -> None:
    small = ctx.settings.model_copy(update={"max_upload_mb": 1})
    before = images(ctx)

    with TestClient(create_app(small, builders.with_settings(ctx, small))) as client:
        answer = client.post(
            "/task-definitions",
            headers=signed_in(ctx, world.professor),
            **form(definition(stage("PARSING")), [("parsing.tar.gz", bytes(1_000_001))]),
        )

    assert (answer.status_code, answer.json()["title"]) == (413, "TooLarge")
    assert images(ctx) == before


def test_a_form_that_ends_early_is_refused(client: TestClient, professor: dict[str, str]) -> None:
    cut = b'--x\r\nContent-Disposition: form-data; name="task_definition"\r\n\r\n{}'

    answer = client.post(
        "/task-definitions",
        headers=professor | {"Content-Type": "multipart/form-data; boundary=x"},
        content=cut,
    )

    assert (answer.status_code, answer.json()["title"]) == (422, "BrokenForm")


@pytest.mark.parametrize(
    ("who", "status"), [("student", 403), ("monitor", 403), ("stranger", 403), ("", 401)]
)
def test_only_professors_create_and_the_others_hear_it_before_their_files_are_read(
    client: TestClient, ctx: Context, world: World, who: str, status: int
) -> None:
    headers = signed_in(ctx, getattr(world, who)) if who else {}

    answer = client.post(
        "/task-definitions",
        headers=headers | {"Content-Type": "multipart/form-data; boundary=x"},
        content=b"?",
    )

    assert answer.status_code == status


@pytest.mark.parametrize(("who", "status"), [("professor", 200), ("monitor", 200), ("student", 403)])
def test_who_teaches_reads_definitions(
    client: TestClient, ctx: Context, world: World, who: str, status: int
) -> None:
    headers = signed_in(ctx, getattr(world, who))

    assert client.get("/task-definitions", headers=headers).status_code == status
    assert client.get(f"/task-definitions/{world.definition_id}", headers=headers).status_code == status
    path = f"/task-definitions/{world.definition_id}/images/PARSING"
    assert client.get(path, headers=headers).status_code == status


def test_an_existing_stage_is_copied_with_an_image_of_its_own(
    client: TestClient, ctx: Context, professor: dict[str, str]
) -> None:
    source = create(client, professor)
    number = source["stages"][0]["stage_id"]
    wanted = stage("", stage_id=str(number), use_existing=True, stage_description="", container=None)

    made = create(client, professor, definition(wanted, name="Copy"), ())
    copied = made["stages"][0]

    assert copied["stage_name"] == "PARSING"
    assert copied["stage_description"] == "does parsing"
    assert copied["container"]["run_command"] == "run parsing"
    assert copied["container"]["container_name"] == "parsing-box"
    assert copied["routing_key"] == "copy-parsing"
    assert paths(made)[0] != paths(source)[0]
    client.delete(f"/task-definitions/{source['id']}", headers=professor)
    assert read(ctx, paths(made)[0]) == b"parse"


def test_a_stage_is_copied_as_it_is_now_also_by_an_id_from_before_a_change(
    client: TestClient, ctx: Context, professor: dict[str, str]
) -> None:
    source = create(client, professor, definition(stage("PARSING")), BOTH[:1])
    old_id = source["stages"][0]["stage_id"]
    client.put(
        f"/task-definitions/{source['id']}",
        headers=professor,
        **form({"stages": [stage("PARSING")]}, [("parsing.tar.gz", b"newer")]),
    )

    wanted = stage("PARSING", stage_id=old_id, use_existing=True)
    made = create(client, professor, definition(wanted, name="Copy"), ())

    assert read(ctx, paths(made)[0]) == b"newer"


@pytest.mark.parametrize("stage_id", [None, 999_999])
def test_a_stage_to_be_copied_must_be_named_and_exist(
    client: TestClient, professor: dict[str, str], stage_id: int | None
) -> None:
    wanted = stage("PARSING", stage_id=stage_id, use_existing=True)

    answer = client.post("/task-definitions", headers=professor, **form(definition(wanted)))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "stages.0.stage_id"
