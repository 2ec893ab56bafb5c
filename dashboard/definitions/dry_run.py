"""A dry run of a definition: the sample, its way through the stages as it happens, and the last few."""

from __future__ import annotations

import streamlit as st

from core.services import definitions, dry_runs, topics
from core.services.dry_runs import DryRun
from dashboard import i18n, live, moments, shell, task_view, uploads
from dashboard.tables import submission_label

_ = i18n.gettext
PARAMETER, TASK = "dry_run", "task"
"""What the address says: the definition, and the dry run that is shown."""


def chosen() -> int | None:
    """The definition that the address names: `?dry_run=3`."""
    return _number(PARAMETER)


def choose(definition_id: int) -> None:
    """Open the screen of a definition's dry runs, in the address, too."""
    st.query_params[PARAMETER] = str(definition_id)


def leave() -> None:
    """Back to the list of definitions."""
    for name in (PARAMETER, TASK):
        st.query_params.pop(name, None)


def show(visit: shell.Visit, definition_id: int) -> None:
    """Draw the form, what the address names or else the latest, and the list."""
    st.button("← " + _("All definitions"), key="dry-run-leave", on_click=leave)
    runs = dry_runs.list_dry_runs(visit.ctx, visit.actor, definition_id)
    definition = definitions.get_definition(visit.ctx, visit.actor, definition_id)
    st.subheader(_("Dry run of {name}").format(name=i18n.plain(definition.definition_name)))
    stages = " → ".join(i18n.plain(stage.stage_name) for stage in definition.stages)
    st.markdown(f"{_('Version')} {definition.version} · {stages}")
    st.caption(
        _(
            "A sample goes through all stages on the real nodes, as a student's work would. It counts for "
            "nothing: not in statistics, figures, lists, limits or exports. Only you see it, for {days} days."
        ).format(days=dry_runs.KEPT.days)
    )
    uploads.dry_run_form(definition_id, _open)
    shown = _number(TASK) or (runs[0].task_id if runs else None)
    if shown is None:
        st.info(_("You have not tried this definition yet. Choose a sample above."))
        return
    topic = topics.of_task(shown)
    live.show(lambda fresh: task_view.show(fresh, shown), topics=[topic], key="dry-run-task")
    if runs:
        live.show(
            lambda fresh: _list(fresh, definition_id, shown),
            topics=[topics.of_user(visit.person.id)],
            key="dry-run-list",
            quiet=True,
        )


def _list(visit: shell.Visit, definition_id: int, shown: int) -> None:
    runs = dry_runs.list_dry_runs(visit.ctx, visit.actor, definition_id)
    st.markdown(f"##### {_('Your last dry runs')}")
    for run in runs:
        st.button(
            _label(visit, run),
            key=f"open-dry-run-{run.task_id}",
            type="primary" if run.task_id == shown else "secondary",
            on_click=_open,
            args=(run.task_id,),
            width="stretch",
        )


def _label(visit: shell.Visit, run: DryRun) -> str:
    return (
        f"{submission_label(run.status, is_late=False)} · {i18n.plain(run.file_name)} · "
        f"{_('Version')} {run.version} · {moments.moment_text(run.begun_at, visit)} · {run.reference}"
    )


def _open(task_id: int) -> None:
    st.query_params[TASK] = str(task_id)


def _number(name: str) -> int | None:
    said = st.query_params.get(name, "")
    return int(said) if said.isdecimal() and len(said) < 19 else None  # noqa: PLR2004  digits of a bigint
