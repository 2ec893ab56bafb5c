"""What the stages printed and left behind; fetched only while the part is open."""

from __future__ import annotations

import streamlit as st

from core.services import results
from core.services.results import StageOutput
from core.services.submissions import TaskView
from dashboard import i18n, shell

_ = i18n.gettext


def show(visit: shell.Visit, task: TaskView) -> None:
    """Draw the outputs and result files, once a stage has ended."""
    task_id = task.summary.id
    if not any(stage.status.is_final for stage in task.current.stages):
        return
    part = st.expander(_("Output of each stage"), key=f"outputs-{task_id}", on_change="rerun")
    if not part.open:
        return
    with part, shell.errors():
        read = results.read_results(visit.ctx, visit.actor, task_id)
        for output in read.outputs:
            _output(output)
        sizes = {file.name: file.size for file in read.files}
        if not sizes:
            st.caption(_("The stages left no files."))
            return
        name = st.selectbox(
            _("File"),
            list(sizes),
            index=None,
            format_func=lambda name: f"{name} · {i18n.bytes_text(sizes[name])}",
            placeholder=_("Choose a file"),
            key=f"file-{task_id}",
        )
        if name is not None:
            _file(visit, task_id, name)


def _output(output: StageOutput) -> None:
    st.markdown(f"**{i18n.plain(output.stage_name)}**")
    if output.text is None:
        gone = output.size == 0
        st.caption(
            _("Its output is not kept any more.")
            if gone
            else _("Not text; it is in the results that can be downloaded.")
        )
        return
    st.code(output.text or "—", language=None, height=240 if output.text.count("\n") > 10 else "content")  # noqa: PLR2004  lines
    if output.truncated:
        st.caption(_("Only the beginning and the end are shown; the download has all of it."))


def _file(visit: shell.Visit, task_id: int, name: str) -> None:
    member = results.read_file(visit.ctx, visit.actor, task_id, name)
    if member.text is None:
        st.caption(_("Not text; it is in the results that can be downloaded."))
        return
    st.code(member.text or "—", language=None, height=300)
    _cut(member.truncated)


def _cut(truncated: bool) -> None:
    if truncated:
        size = i18n.bytes_text(results.OUTPUT_LIMIT)
        st.caption(_("Only the first {size} are shown; the download has all of it.").format(size=size))
