"""One definition in the list: what uses it, its stages and images, and what its owner can do with it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.services import definitions
from core.services.definitions import Definition, DefinitionUsage, Stage
from core.vocabulary import Role
from dashboard import i18n, shell
from dashboard.definitions import draft, dry_run, form
from dashboard.definitions.draft import DefinitionForm

_ = i18n.gettext


def draw(visit: shell.Visit, definition: Definition, usage: DefinitionUsage) -> None:
    """An expander with everything about `definition`."""
    title = definition.definition_name + (" · demo" if definition.is_demo else "")
    stages = " → ".join(i18n.plain(stage.stage_name) for stage in definition.stages)
    using = i18n.number_text(len(usage.assignments))
    label = f"**{i18n.plain(title)}** — {stages} · " + _("assignments: {count}").format(count=using)
    with st.expander(label, key=f"definition-{definition.id}"):
        st.caption(
            f"{_('Version')} {definition.version} · {i18n.plain(usage.owner_email)} · "
            f"{i18n.datetime_text(definition.creation_timestamp, visit.zone)}"
        )
        if definition.definition_description:
            st.text(definition.definition_description)
        _usage(usage)
        for stage in definition.stages:
            _stage(definition, stage)
        _actions(visit, definition, usage)


def _usage(usage: DefinitionUsage) -> None:
    if not usage.assignments:
        st.caption(_("No assignment uses it."))
        return
    st.caption(_("Used by"))
    for using in usage.assignments:
        number = i18n.number_text(using.submissions)
        st.text(f"• {using.assignment_name} ({using.course_name}) · {number} {_('submissions')}")


def _stage(definition: Definition, stage: Stage) -> None:
    with st.container(border=True):
        about = f" — {i18n.plain(stage.stage_description)}" if stage.stage_description else ""
        st.markdown(f"**{stage.position + 1}. {i18n.plain(stage.stage_name)}**{about}")
        st.code(stage.run_command, language=None, wrap_lines=True)
        queue = "" if stage.queue == stage.routing_key else f" · {_('Queue')} {i18n.plain(stage.queue)}"
        st.caption(
            f"{_('Routing key')} {i18n.plain(stage.routing_key)}{queue} · "
            f"{_('Time limit')} {i18n.duration_text(stage.timeout_seconds)}"
        )
        st.caption(
            f"{i18n.plain(stage.container_filename)} · {i18n.bytes_text(stage.image_size)} · "
            f"SHA-256 `{stage.image_sha256[:16]}…`",
            help=f"`{stage.image_sha256}`",
        )
        st.link_button(_("Download the image"), shell.download_url("image", definition.id, stage.position))


def _actions(visit: shell.Visit, definition: Definition, usage: DefinitionUsage) -> None:
    if visit.role is not Role.PROFESSOR and not visit.person.is_admin:
        return
    number = definition.id
    with st.container(horizontal=True):
        if definition.owner_id == visit.actor.user_id:
            st.button(_("Edit"), key=f"edit-definition-{number}", on_click=_open, args=(draft.of, definition))
        st.button(
            _("Copy"), key=f"copy-definition-{number}", on_click=_open, args=(draft.copy_of, definition)
        )
        st.button(_("Dry run"), key=f"dry-run-of-{number}", on_click=dry_run.choose, args=(number,))
        if definition.owner_id == visit.actor.user_id:
            with st.popover(_("Delete") + "…", key=f"delete-popover-{number}"):
                _delete(visit, definition, usage)
    if definition.owner_id != visit.actor.user_id:
        st.caption(
            _("Only {owner} can change it. Copy it to have one of your own.").format(
                owner=i18n.plain(usage.owner_email)
            )
        )


def _open(make: Callable[[Definition], DefinitionForm], definition: Definition) -> None:
    st.session_state[form.KEY] = make(definition)


def _delete(visit: shell.Visit, definition: Definition, usage: DefinitionUsage) -> None:
    if usage.assignments:
        names = i18n.plain(", ".join(using.assignment_name for using in usage.assignments))
        st.warning(
            _("It cannot be deleted while assignments use it: {names}. Delete those first.").format(
                names=names
            )
        )
        return
    size = sum(stage.image_size for stage in definition.stages)
    st.markdown(
        i18n.plural(
            "“{name}” goes for good, with its stage and its image ({size}).",
            "“{name}” goes for good, with its {count} stages and their images ({size}).",
            len(definition.stages),
            name=i18n.plain(definition.definition_name),
            size=i18n.bytes_text(size),
        )
    )
    if st.button(_("Delete for good"), key=f"delete-definition-{definition.id}", type="primary"):
        definitions.delete_definition(visit.ctx, visit.actor, definition.id)
        st.toast(_("Deleted") + f": {i18n.plain(definition.definition_name)}")
        st.rerun()
