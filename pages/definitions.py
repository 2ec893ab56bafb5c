"""For professors and monitors: how work is processed, stage by stage; professors create more."""

from __future__ import annotations

import streamlit as st

from core.services import definitions
from core.services.definitions import Definition, DefinitionDraft, StageDraft
from core.vocabulary import EXECUTION, PARSING, Role
from dashboard import i18n, shell

_ = i18n.gettext
visit = shell.enter()


def draw(definition: Definition) -> None:
    """One definition with its stages and their images."""
    title = definition.definition_name + (" · demo" if definition.is_demo else "")
    with st.expander(f"{title} — {len(definition.stages)} " + _("stages")):
        st.write(definition.definition_description or "—")
        for stage in definition.stages:
            with st.container(border=True):
                st.markdown(f"**{stage.position + 1}. {stage.stage_name}** — {stage.stage_description}")
                st.code(stage.run_command, language=None)
                st.caption(
                    f"{_('Routing key')} {stage.routing_key} · {_('Time limit')} {stage.timeout_seconds} s · "
                    f"{stage.container_filename} {i18n.bytes_text(stage.image_size)}"
                )
                address = shell.download_url("image", definition.id, stage.position)
                st.link_button(_("Download the image"), address)


def ask_stage(number: int) -> tuple[StageDraft, object]:
    """The fields of one stage of a new definition."""
    st.markdown(f"**{_('Stage')} {number + 1}**")
    default = (PARSING, EXECUTION)[number] if number < 2 else ""  # noqa: PLR2004  the two usual names
    name = st.text_input(_("Stage name"), default, key=f"stage-name-{number}")
    command = st.text_input(_("Run command"), key=f"stage-command-{number}")
    key = st.text_input(_("Routing key (optional)"), key=f"stage-key-{number}")
    limit = st.number_input(_("Time limit in seconds"), 1, 86_400, 300, key=f"stage-limit-{number}")
    image = st.file_uploader(_("Container image file"), key=f"stage-image-{number}-{form_key}")
    file_name = f"{number}-{image.name}" if image else ""
    draft = StageDraft(
        stage_name=name,
        run_command=command,
        container_name=name.lower(),
        container_filename=file_name,
        routing_key=key,
        timeout_seconds=int(limit),
    )
    return draft, image


st.title(_("Task definitions"))
with shell.errors():
    found = definitions.list_definitions(visit.ctx, visit.actor)
    if not found:
        st.info(_("There is no definition yet. Create the first one below."))
    for definition in found:
        draw(definition)

form_key = shell.form_key("definition")
if visit.role is Role.PROFESSOR:
    with st.expander("+ " + _("New definition"), key="new-definition"):
        name = st.text_input(_("Name"), key=f"definition-name-{form_key}")
        description = st.text_area(_("Description"), key=f"definition-description-{form_key}")
        count = st.number_input(_("Number of stages"), 1, 8, 2, key="stage-count")
        asked = [ask_stage(number) for number in range(int(count))]
        if st.button(_("Create"), type="primary", key="create-definition"):
            with shell.errors():
                images = {draft.container_filename: image for draft, image in asked if image is not None}
                stages = [draft for draft, _image in asked]
                made = definitions.create_definition(
                    visit.ctx, visit.actor, DefinitionDraft(name, stages, description), images
                )
                shell.renew_form_key("definition")
                st.toast(_("Created") + f": {made.definition_name}")
                st.rerun()
