"""Definitions over HTTP: changed, deleted, read in pages, and their images fetched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from core.context import Context
from core.models import DefinitionStage, UnneededFile
from core.vocabulary import Role
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


def test_json_changes_texts_and_commands_and_keeps_the_images(
    client: TestClient, ctx: Context, professor: dict[str, str]
) -> None:
    made = create(client, professor)
    changed = dict(made) | {"definition_name": "Cypress 2"}
    changed["stages"][1]["container"]["run_command"] = "run faster"

    answer = client.put(f"/task-definitions/{made['id']}", headers=professor, json=changed).json()

    assert (answer["definition_name"], answer["version"]) == ("Cypress 2", 2)
    assert answer["stages"][1]["container"]["run_command"] == "run faster"
    assert answer["stages"][0]["routing_key"] == "cypress-parsing", "a queue is bound to it"
    assert paths(answer) == paths(made)
    assert [read(ctx, path) for path in paths(answer)] == [b"parse", b"execute"]


def test_what_is_sent_back_unchanged_makes_no_version(client: TestClient, professor: dict[str, str]) -> None:
    made = create(client, professor)

    again = client.put(f"/task-definitions/{made['id']}", headers=professor, json=made)
    name = client.put(f"/task-definitions/{made['id']}", headers=professor, json={"definition_name": "Other"})

    assert again.json() == made
    assert name.json() == made | {"definition_name": "Other"}


def test_a_stage_can_be_renamed_by_its_id_and_keeps_its_image(
    client: TestClient, professor: dict[str, str]
) -> None:
    made = create(client, professor)
    made["stages"][1]["stage_name"] = "VISUALIZATION"

    answer = client.put(f"/task-definitions/{made['id']}", headers=professor, json=made).json()

    assert [entry["stage_name"] for entry in answer["stages"]] == ["PARSING", "VISUALIZATION"]
    assert paths(answer) == paths(made)


def test_stages_are_reordered_dropped_and_copied_within_their_definition_with_own_images(
    client: TestClient, ctx: Context, professor: dict[str, str]
) -> None:
    made = create(client, professor)
    first = made["stages"][0]
    twin = stage("TWIN", stage_id=first["stage_id"], use_existing=True)

    answer = client.put(
        f"/task-definitions/{made['id']}", headers=professor, json={"stages": [twin, first]}
    ).json()

    assert [entry["stage_name"] for entry in answer["stages"]] == ["TWIN", "PARSING"]
    assert paths(answer)[1] == paths(made)[0]
    assert [read(ctx, path) for path in paths(answer)] == [b"parse", b"parse"]
    assert len(set(paths(answer))) == 2
    assert paths(made)[1] not in images(ctx), "of the stage that was dropped"


def test_a_new_image_replaces_the_old_file_after_the_commit(
    client: TestClient, ctx: Context, professor: dict[str, str]
) -> None:
    made = create(client, professor)
    others = images(ctx) - set(paths(made))

    answer = client.put(
        f"/task-definitions/{made['id']}",
        headers=professor,
        **form({"stages": made["stages"]}, [("parsing.tar.gz", b"better")]),
    ).json()

    assert read(ctx, paths(answer)[0]) == b"better"
    assert answer["stages"][0]["container"]["image_size"] == 6
    assert images(ctx) == others | set(paths(answer))
    assert count(ctx, UnneededFile) == 0


@pytest.mark.parametrize(
    ("body", "files"),
    [
        pytest.param({"stages": [stage("PARSING"), stage("NEW")]}, (), id="new stage without a file"),
        pytest.param({"stages": None}, BOTH[:1], id="file without a stage"),
        pytest.param({"definition_name": ""}, (), id="empty name"),
        pytest.param({"stages": []}, (), id="no stages"),
    ],
)
def test_a_change_that_cannot_be_leaves_all_as_it_was(
    client: TestClient, ctx: Context, professor: dict[str, str], body: Any, files: list[Any]
) -> None:
    made = create(client, professor)
    before = images(ctx)

    answer = client.put(f"/task-definitions/{made['id']}", headers=professor, **form(body, files))

    assert answer.status_code == 422
    assert client.get(f"/task-definitions/{made['id']}", headers=professor).json() == made
    assert images(ctx) == before


def test_only_the_owner_changes_and_deletes_and_the_others_are_told_whose_it_is(
    client: TestClient, ctx: Context, world: World
) -> None:
    other = builders.person(ctx, "colleague")
    builders.courses.enrol(ctx, builders.PLATFORM, world.course_id, other.user_id or 0, Role.PROFESSOR)
    headers, path = signed_in(ctx, other), f"/task-definitions/{world.definition_id}"

    answers = [client.put(path, headers=headers, json={}), client.delete(path, headers=headers)]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert all("professor@uniandes.edu.co" in answer.json()["detail"] for answer in answers)
    for who in (world.student, world.monitor):
        assert client.delete(path, headers=signed_in(ctx, who)).status_code == 403
        assert client.put(path, headers=signed_in(ctx, who), json={}).status_code == 403


def test_the_name_of_another_definition_of_ones_own_is_a_conflict(
    client: TestClient, ctx: Context, professor: dict[str, str]
) -> None:
    create(client, professor)
    other = create(client, professor, definition(stage("PARSING"), name="Other"), BOTH[:1])
    before = images(ctx)

    twice = client.post(
        "/task-definitions", headers=professor, **form(definition(stage("PARSING")), BOTH[:1])
    )
    renamed = client.put(
        f"/task-definitions/{other['id']}", headers=professor, json={"definition_name": "Cypress"}
    )

    assert (twice.status_code, renamed.status_code) == (409, 409)
    assert images(ctx) == before


def test_a_definition_in_use_is_kept_with_the_names_of_what_uses_it(
    client: TestClient, ctx: Context, world: World, professor: dict[str, str]
) -> None:
    before = images(ctx)

    answer = client.delete(f"/task-definitions/{world.definition_id}", headers=professor)

    assert (answer.status_code, answer.json()["names"]) == (409, ["Print a cube"])
    assert "Print a cube" in answer.json()["detail"]
    assert images(ctx) == before


def test_a_deleted_definition_takes_its_rows_and_files_along(
    client: TestClient, ctx: Context, professor: dict[str, str]
) -> None:
    before = images(ctx), count(ctx, DefinitionStage)
    made = create(client, professor)

    answer = client.delete(f"/task-definitions/{made['id']}", headers=professor)

    assert (answer.status_code, answer.content) == (204, b"")
    assert (images(ctx), count(ctx, DefinitionStage)) == before
    assert client.get(f"/task-definitions/{made['id']}", headers=professor).status_code == 404


def test_an_image_comes_by_the_name_of_its_stage_whole_and_by_range(
    client: TestClient, professor: dict[str, str]
) -> None:
    content = bytes(range(256)) * 4000
    made = create(client, professor, definition(stage("Fase / ñ", "image.tar")), [("image.tar", content)])
    path = f"/task-definitions/{made['id']}/images/Fase%20/%20%C3%B1"

    whole = client.get(path, headers=professor)
    part = client.get(path, headers=professor | {"Range": "bytes=1000-500999"})
    head = client.head(path, headers=professor)

    assert (whole.status_code, whole.content) == (200, content)
    assert (part.status_code, part.content) == (206, content[1000:501_000])
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(content)))
    assert 'filename="image.tar"' in whole.headers["content-disposition"]
    nothing = f"/task-definitions/{made['id']}/images/NOPE"
    assert client.get(nothing, headers=professor).status_code == 404


def test_a_list_comes_in_pages_when_asked_and_ends(
    client: TestClient, professor: dict[str, str], world: World
) -> None:
    for name in ("B", "A", "C"):
        create(client, professor, definition(stage("PARSING"), name=name), BOTH[:1])

    path, seen = "/task-definitions?limit=2", []
    while path:
        answer = client.get(path, headers=professor)
        seen.append([entry["definition_name"] for entry in answer.json()])
        path = answer.links["next"]["url"] if "next" in answer.links else ""

    whole = [entry["definition_name"] for entry in client.get("/task-definitions", headers=professor).json()]
    assert seen == [["A", "B"], ["C", "G-code"]]
    assert whole == ["A", "B", "C", "G-code"]
    assert client.get("/task-definitions?cursor=x", headers=professor).status_code == 422


def test_a_list_that_has_not_changed_is_not_sent_again(client: TestClient, professor: dict[str, str]) -> None:
    etag = client.get("/task-definitions", headers=professor).headers["etag"]

    same = client.get("/task-definitions", headers=professor | {"If-None-Match": etag})
    create(client, professor)
    changed = client.get("/task-definitions", headers=professor | {"If-None-Match": etag})

    assert (same.status_code, changed.status_code) == (304, 200)


def test_what_is_wrong_is_said_in_the_language_of_the_reader(
    client: TestClient, ctx: Context, world: World
) -> None:
    body = {"stages": [stage("PARSING", timeout_seconds="x", use_existing=5)], "definition_name": None}

    details = {
        language: client.post(
            "/task-definitions", headers=signed_in(ctx, world.professor, language), **form(body)
        ).json()
        for language in ("es", "en")
    }

    fields = ["definition_name", "stages.0.use_existing", "stages.0.timeout_seconds"]
    assert [entry["field"] for entry in details["es"]["errors"]] == fields
    assert details["es"]["errors"][2]["detail"] == "stages.0.timeout_seconds no es del tipo integer."
    assert details["en"]["errors"][0]["detail"] == "definition_name is not of the type string."
    assert all(entry["detail"] in details["en"]["detail"] for entry in details["en"]["errors"])
