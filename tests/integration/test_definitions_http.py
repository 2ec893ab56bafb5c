"""Task definitions over HTTP (contract 1, 1.2 and 1.4)."""

from __future__ import annotations

from collections.abc import Iterator

import builders
import pytest
from builders import World
from http_worlds import create, definition, form, signed_in, stage
from sqlalchemy import func, select
from starlette.testclient import TestClient

from api.app import create_app
from core.context import Context
from core.models import DefinitionStage, TaskDefinition, UnneededFile
from core.vocabulary import Role

BOTH = [("parsing.tar.gz", b"parse"), ("execution.tar.gz", b"execute")]


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


def images(ctx: Context) -> set[str]:
    return {file.path for file in ctx.storage.list_files(ctx.storage.path("images"))}


def count(ctx: Context, model: type) -> int:
    with ctx.db.transaction() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def paths(made: dict[str, object]) -> list[str]:
    return [entry["container"]["remote_storage_path"] for entry in made["stages"]]  # type: ignore[attr-defined, index]


def read(ctx: Context, path: str) -> bytes:
    return b"".join(ctx.storage.stream(path))


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
    client: TestClient, ctx: Context, professor: dict[str, str], *, body: object, files: list, field: str
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
    blob = ("task_definition", ("blob", sent["data"]["task_definition"], "application/json"))  # type: ignore[index]

    answer = client.post("/task-definitions", headers=professor, files=[blob, *sent["files"]])  # type: ignore[misc]

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
    client: TestClient, ctx: Context, professor: dict[str, str], body: object, files: list
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
