"""The steps in which a definition is written: its name, its stages in order, a check."""

from __future__ import annotations

import re

import streamlit as st

from core.services import definitions
from core.services.definitions import MOST_STAGES
from dashboard import i18n, shell, uploads
from dashboard.definitions.draft import DefinitionForm, StageForm
from dashboard.fields import named, seed

_ = i18n.gettext
KEY = "definition-form"
NODE_THREADS = 8
_LAST = 2


def close() -> None:
    """Put the form away."""
    st.session_state.pop(KEY, None)


def show(visit: shell.Visit, form: DefinitionForm) -> None:
    """Draw the step that the form is at."""
    if form.definition_id is None:
        st.subheader(_("New definition"))
    else:
        st.subheader(_("Edit {name}").format(name=i18n.plain(form.title)))
        st.caption(
            _(
                "Changed stages make version {number}. What was submitted before keeps its version "
                "and its images."
            ).format(number=(form.version or 0) + 1)
        )
    names = (_("Name"), _("Stages"), _("Check and save"))
    text = _("Step {number} of {count}").format(number=form.step + 1, count=len(names))
    st.progress((form.step + 1) / len(names), text=f"{text} · **{names[form.step]}**")
    if form.step == 0:
        _ask_name(form)
    elif form.step == 1:
        _ask_stages(form, _keys(visit))
    else:
        _check(visit, form)
    with st.container(horizontal=True):
        if form.step > 0 and st.button(_("Back"), key=f"definition-back-{form.uid}"):
            _go(form, -1)
        if form.step < _LAST and st.button(_("Next"), key=f"definition-next-{form.uid}", type="primary"):
            _go(form, 1)
        st.button(_("Cancel"), key=f"definition-cancel-{form.uid}", on_click=close)


def _go(form: DefinitionForm, by: int) -> None:
    """Another step. Not as a callback: that would run before the fields of this run were read."""
    form.step += by
    st.rerun()


def _ask_name(form: DefinitionForm) -> None:
    form.definition_name = st.text_input(
        _("Name"), key=seed(f"definition-name-{form.uid}", form.definition_name), max_chars=100
    )
    form.definition_description = st.text_area(
        _("Description"), key=seed(f"definition-description-{form.uid}", form.definition_description)
    )


def _keys(visit: shell.Visit) -> dict[str, str]:
    """Return the routing keys to choose from, each with what is known of it."""
    found = {}
    for key in definitions.list_keys(visit.ctx, visit.actor):
        about = _("known to the nodes") if key.has_executor else _("in use")
        found[key.routing_key] = f"{key.routing_key} · {about}"
    return found


def _ask_stages(form: DefinitionForm, known: dict[str, str]) -> None:
    st.caption(_("A submission runs through the stages in this order; the first that fails ends it."))
    for position, stage in enumerate(form.stages):
        with st.container(border=True, key=f"stage-{stage.uid}"):
            _head(form, position, stage)
            _ask_stage(stage, known)
    if len(form.stages) < MOST_STAGES:
        st.button("+ " + _("Add a stage"), key=f"stage-add-{form.uid}", on_click=_add, args=(form,))


def _head(form: DefinitionForm, position: int, stage: StageForm) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{_('Stage')} {position + 1}**")
        st.button(
            "↑ " + _("Earlier"),
            key=f"stage-up-{stage.uid}",
            disabled=position == 0,
            on_click=_move,
            args=(form, position, -1),
        )
        st.button(
            "↓ " + _("Later"),
            key=f"stage-down-{stage.uid}",
            disabled=position == len(form.stages) - 1,
            on_click=_move,
            args=(form, position, 1),
        )
        st.button(
            _("Remove"),
            key=f"stage-remove-{stage.uid}",
            disabled=len(form.stages) == 1,
            on_click=_remove,
            args=(form, position),
        )


def _add(form: DefinitionForm) -> None:
    form.stages.append(StageForm())


def _move(form: DefinitionForm, position: int, by: int) -> None:
    form.stages.insert(position + by, form.stages.pop(position))


def _remove(form: DefinitionForm, position: int) -> None:
    form.stages.pop(position)


def _ask_stage(stage: StageForm, known: dict[str, str]) -> None:
    left, right = st.columns(2)
    stage.stage_name = left.text_input(
        _("Stage name"), key=seed(f"stage-name-{stage.uid}", stage.stage_name), max_chars=100
    )
    stage.stage_description = right.text_input(
        _("What it does"), key=seed(f"stage-description-{stage.uid}", stage.stage_description)
    )
    copies = stage.is_copy and stage.image is None
    stage.run_command = st.text_input(
        _("Run command"),
        key=seed(f"stage-command-{stage.uid}", stage.run_command),
        disabled=copies,
        help=_("The command comes with the copied image. Choose a file to write another.")
        if copies
        else None,
    )
    _ask_image(stage)
    _ask_route(stage, known)


def _ask_route(stage: StageForm, known: dict[str, str]) -> None:
    left, right = st.columns(2)
    chosen = left.selectbox(
        _("Routing key (optional)"),
        list(dict.fromkeys([*known, *([stage.routing_key] if stage.routing_key else [])])),
        index=None,
        format_func=lambda key: known.get(key, key),
        accept_new_options=True,
        placeholder=_("Choose one or write your own"),
        key=seed(f"stage-key-{stage.uid}", stage.routing_key or None),
        help=_(
            "Which nodes run this stage. A real node only works with the keys that it knows. Empty: made "
            "from the names of the definition and the stage."
        ),
    )
    stage.routing_key = chosen or ""
    stage.timeout_seconds = int(
        right.number_input(
            _("Time limit in seconds"),
            1,
            86_400,
            key=seed(f"stage-limit-{stage.uid}", stage.timeout_seconds),
            help=_(
                "A real node works on 8 tasks at once and holds each place for the whole limit, even when "
                "the work is done before. Twice the limit is half the throughput."
            ),
        )
    )
    with st.expander(_("Queue and exchange"), key=f"stage-more-{stage.uid}"):
        stage.queue = st.text_input(
            _("Queue (empty: as the routing key)"), key=seed(f"stage-queue-{stage.uid}", stage.queue)
        )
        stage.exchange = st.text_input(
            _("Exchange (empty: the usual one)"), key=seed(f"stage-exchange-{stage.uid}", stage.exchange)
        )


def _ask_image(stage: StageForm) -> None:
    label = _("Container image file")
    if stage.image is not None:
        st.markdown(f"✔ {_('Chosen:')} {i18n.plain(stage.image_name)} · {i18n.bytes_text(stage.image_size)}")
        label = _("Choose another file")
    elif stage.origin is not None:
        text = _("Copied from: {name}") if stage.is_copy else _("Stays: {name}")
        size = i18n.bytes_text(stage.origin.image_size)
        st.caption(text.format(name=i18n.plain(stage.origin.container_filename)) + f" · {size}")
        label = _("Replace the image (optional)")
    uploads.file_form(f"stage-image-{stage.uid}", label, stage.take)


def field_name(form: DefinitionForm, field: str) -> str:
    """How the screen calls what the programs call `field`."""
    names = {
        "definition_name": _("Name"),
        "definition_description": _("Description"),
        "stages": _("Number of stages"),
        "stage_name": _("Stage name"),
        "stage_description": _("What it does"),
        "run_command": _("Run command"),
        "routing_key": _("Routing key"),
        "queue": _("Queue"),
        "exchange": _("Exchange"),
        "timeout_seconds": _("Time limit in seconds"),
    }
    match = re.fullmatch(r"stages\.(\d+)\.(\w+)", field)
    if match is None:
        return names.get(field, field)
    number = int(match[1])
    stage = form.stages[number].stage_name.strip() if number < len(form.stages) else ""
    shown = f"{_('Stage')} {number + 1}" + (f" ({stage})" if stage else "")
    return f"{shown} · {names.get(match[2], match[2])}"


def _check(visit: shell.Visit, form: DefinitionForm) -> None:
    with shell.errors(), named(lambda field: field_name(form, field)):
        plans = form.check(visit)
        st.markdown(f"**{i18n.plain(form.definition_name.strip())}**")
        st.dataframe(
            {
                "№": list(range(1, len(plans) + 1)),
                _("Stage"): [plan.stage_name for plan in plans],
                _("Container image file"): [_image_text(stage) for stage in form.stages],
                _("Run command"): [plan.run_command for plan in plans],
                _("Routing key"): [plan.routing.routing_key for plan in plans],
                _("Time limit"): [f"{plan.routing.timeout_seconds} s" for plan in plans],
            },
            hide_index=True,
            key=f"definition-plan-{form.uid}",
        )
        longest = max(plan.routing.timeout_seconds for plan in plans)
        throughput = _(
            "Real nodes apply the largest limit, {limit} s, to all stages: one node does about {count} an "
            "hour."
        )
        count = i18n.number_text(NODE_THREADS * 3600 // longest)
        st.caption(throughput.format(limit=longest, count=count))
        st.success(_("Everything needed is there. Nothing has been saved yet."))
        if st.button(_("Save"), key=f"definition-save-{form.uid}", type="primary"):
            with st.spinner(_("Storing the images…")):
                form.save(visit)
            st.rerun()


def _image_text(stage: StageForm) -> str:
    if stage.image is not None:
        return f"{stage.image_name} · {i18n.bytes_text(stage.image_size)}"
    if stage.origin is None:
        return "—"
    how = _("copied") if stage.is_copy else _("unchanged")
    return f"{stage.origin.container_filename} · {i18n.bytes_text(stage.origin.image_size)} ({how})"
