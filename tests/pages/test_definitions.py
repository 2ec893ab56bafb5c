"""Professors write, change, copy and delete definitions; what they typed stays while something is wrong."""

from __future__ import annotations

import io
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.context import ORCHESTRATOR, Actor, Context
from core.services import definitions, dry_runs
from dashboard.definitions import form
from dashboard.uploads import KeptFile
from tests import builders
from tests.page_visits import Visit, errors_shown, visitor


@pytest.fixture
def world(ctx: Context) -> builders.World:
    return builders.world(ctx)


@pytest.fixture
def visit_page(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Visit:
    return visitor(ctx, monkeypatch)


def press(app: AppTest, label: str, number: int = 0) -> AppTest:
    app = [button for button in app.button if button.label == label][number].click().run()
    assert list(app.exception) == []
    return app


def field(app: AppTest, label: str, number: int = 0) -> Any:
    return [one for one in (*app.text_input, *app.number_input) if one.label == label][number]


def write(app: AppTest, label: str, text: str, number: int = 0) -> AppTest:
    """Type, and press the next button at once: both arrive in one run."""
    field(app, label, number).input(text)
    return app


def choose(app: AppTest, number: int, content: bytes) -> AppTest:
    """What the upload form does with a chosen file; the form itself needs a browser (see e2e)."""
    kept = KeptFile("image.tar.gz", size=len(content))
    kept.file.write(content)
    kept.file.seek(0)
    app.session_state[form.KEY].stages[number].take(kept)
    app = app.run()
    assert list(app.exception) == []
    return app


def names(ctx: Context, actor: Actor) -> list[str]:
    return [found.definition_name for found in definitions.list_definitions(ctx, actor)]


def test_a_definition_is_written_in_steps_and_says_which_field_is_wrong(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    app = press(visit_page(world.professor, "definitions"), "+ New definition")
    app = press(write(app, "Name", "Robots"), "Next")
    app = write(app, "Run command", "python3 a.py")
    app = choose(choose(app, 0, b"first"), 1, b"second")
    app = press(app, "Next")

    assert errors_shown(app) == ["Stage 2 (EXECUTION) · Run command is missing. Fill it in and try again."]
    assert names(ctx, world.professor) == ["G-code"]

    app = press(app, "Back")
    assert field(app, "Run command").value == "python3 a.py"
    app = write(app, "Run command", "python3 b.py", 1)
    app = press(press(app, "Next"), "Save")

    assert names(ctx, world.professor) == ["G-code", "Robots"]
    made = definitions.list_definitions(ctx, world.professor)[1]
    assert [stage.run_command for stage in made.stages] == ["python3 a.py", "python3 b.py"]
    with_image = b"".join(definitions.open_image(ctx, world.professor, made.id, 1).pieces)
    assert with_image == b"second"


def test_stages_are_moved_added_and_removed_with_what_was_typed_in_them(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    app = press(visit_page(world.professor, "definitions"), "Edit")
    app = press(press(app, "Next"), "↓ Later")

    assert [field(app, "Stage name", number).value for number in (0, 1)] == ["EXECUTION", "PARSING"]
    app = press(press(app, "+ Add a stage"), "Remove", 2)
    app = press(press(app, "Next"), "Save")

    changed = definitions.get_definition(ctx, world.professor, world.definition_id)
    assert [stage.stage_name for stage in changed.stages] == ["EXECUTION", "PARSING"]
    assert changed.version == 2


def test_a_copy_has_the_images_and_a_name_of_its_own(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    app = press(visit_page(world.professor, "definitions"), "Copy")
    app = press(press(press(app, "Next"), "Next"), "Save")

    assert names(ctx, world.professor) == ["G-code", "G-code (copy)"]
    copied = definitions.list_definitions(ctx, world.professor)[1]
    original = definitions.get_definition(ctx, world.professor, world.definition_id)
    assert copied.stages[0].image_sha256 == original.stages[0].image_sha256
    assert copied.stages[0].remote_storage_path != original.stages[0].remote_storage_path


def test_what_is_in_use_says_by_what_and_has_no_button(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    free = definitions.create_definition(
        ctx, world.professor, builders.definition_draft("Free"), {"image.tar.gz": io.BytesIO(b"image")}
    )

    app = visit_page(world.professor, "definitions")
    assert "Print a cube" in " ".join(warning.value for warning in app.warning)
    app = press(app, "Delete for good")

    assert free.definition_name not in names(ctx, world.professor)
    assert names(ctx, world.professor) == ["G-code"]


def test_a_monitor_reads_and_changes_nothing(world: builders.World, visit_page: Visit) -> None:
    app = visit_page(world.monitor, "definitions")

    labels = {button.label for button in app.button}
    assert labels.isdisjoint({"Edit", "Copy", "Delete for good", "+ New definition"})


def test_an_edit_that_began_before_another_was_saved_is_refused(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    app = press(press(visit_page(world.professor, "definitions"), "Edit"), "Next")
    app = write(app, "Run command", "mine")
    stages = [definitions.StageDraft("PARSING", "theirs", "", "")]
    definitions.update_definition(
        ctx, world.professor, world.definition_id, definitions.DefinitionChange(stages=stages), {}
    )
    app = press(app, "Next")

    assert "in the meantime" in " ".join(error.value for error in app.error)
    kept = definitions.get_definition(ctx, world.professor, world.definition_id)
    assert [stage.run_command for stage in kept.stages] == ["theirs"]


def test_a_dry_run_is_opened_from_its_definition_shown_with_its_stages_and_left_again(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    app = press(visit_page(world.professor, "definitions"), "Dry run")
    assert [info.value for info in app.info] == [
        "You have not tried this definition yet. Choose a sample above."
    ]
    receipt = dry_runs.start(
        ctx,
        world.professor,
        world.definition_id,
        builders.archive(),
        file_name="sample.zip",
        submit_key="sample",
    )
    builders.fail(ctx, ORCHESTRATOR, receipt.task_id)

    app = app.run()

    assert [sub.value for sub in app.subheader] == ["Dry run of G\\-code"]
    assert any("Failed" in text.value for text in app.markdown)
    assert list(app.exception) == []
    assert [button.label for button in app.button if receipt.reference in button.label]
    app = press(app, "← All definitions")
    assert [button.label for button in app.button if button.label == "+ New definition"]
    assert "dry_run" not in app.query_params


def test_who_teaches_but_is_no_professor_is_offered_no_dry_run_and_told_why_at_its_address(
    world: builders.World, visit_page: Visit
) -> None:
    app = visit_page(world.monitor, "definitions")
    assert "Dry run" not in [button.label for button in app.button]

    app.query_params["dry_run"] = str(world.definition_id)
    app = app.run()

    assert len(app.error) == 1
    assert "does not allow this" in app.error[0].value


def test_a_queue_that_is_not_the_one_of_the_key_is_refused_with_who_uses_the_key(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    app = press(visit_page(world.professor, "definitions"), "Copy")
    app = press(app, "Next")
    app = write(app, "Queue (empty: as the routing key)", "mine", 1)

    app = press(app, "Next")

    said = " ".join(errors_shown(app))
    assert "g-code-execution" in said
    assert "G-code (professor@uniandes.edu.co)" in said


def test_a_new_definition_offers_the_keys_of_the_nodes_and_suggests_small_time_limits(
    world: builders.World, visit_page: Visit
) -> None:
    app = press(visit_page(world.professor, "definitions"), "+ New definition")
    app = press(write(app, "Name", "Robots"), "Next")

    offered = next(one for one in app.selectbox if one.label == "Routing key (optional)").options
    assert "gcode-execution · known to the nodes" in offered
    assert "g-code-parsing · in use" in offered
    assert [field(app, "Time limit in seconds", number).value for number in (0, 1)] == [60, 120]


def test_the_last_step_says_what_the_time_limits_mean_for_the_nodes(
    world: builders.World, visit_page: Visit
) -> None:
    app = press(press(press(visit_page(world.professor, "definitions"), "Copy"), "Next"), "Next")

    assert "300 s, to all stages: one node does about 96 an hour" in " ".join(
        one.value for one in app.caption
    )
