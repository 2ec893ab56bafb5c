"""The table of all students of an assignment: filters in the URL, pages of fifty, row → submission."""

from __future__ import annotations

from urllib.parse import urlencode
from zlib import crc32
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from core.services import submissions, topics
from core.services.operations import ChosenTasks, MatchingStudents
from core.services.submissions import SortBy, StudentFilter, StudentPage, StudentRow, Which
from core.vocabulary import StageStatus
from dashboard import address, exports, i18n, live, rerun, shell, task_view
from dashboard.exports import NOT_SUBMITTED
from dashboard.tables import stage_label, status_label

_ = i18n.gettext

_STATUSES = {status.name.lower(): status for status in StageStatus}


def show(visit: shell.Visit, assignment_id: int, stages: list[str]) -> None:
    """Filters, table, re-run, exports, and the submission that was chosen. `stages` in processing order."""
    wanted = _filters(assignment_id, stages)
    sort, descending = _order()
    found = submissions.list_students(
        visit.ctx, visit.actor, wanted, sort=sort, descending=descending, page=_page()
    )
    st.caption(i18n.plural("{count} student matches.", "{count} students match.", found.total))
    chosen = _table(visit, found, stages)
    if found.pages > 1:
        st.session_state["page"] = min(_page(), found.pages)
        st.pagination(found.pages, key="page", on_change=_turn)
    _exports(wanted, sort, descending=descending)
    _again(visit, wanted, chosen)
    _open_task()


def _filters(assignment_id: int, stages: list[str]) -> StudentFilter:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = {Which.LATEST.value: _("Latest submission"), Which.BEST.value: _("Best submission")}
        which = st.segmented_control(
            _("Which one counts"),
            list(names),
            format_func=names.__getitem__,
            required=True,
            key="which",
            on_change=address.bound("which", names, Which.LATEST.value),
        )
        search = st.text_input(_("Search by name or e-mail"), key="search", bind="query-params")
        labels = {"any": _("Any status"), NOT_SUBMITTED: status_label(None)}
        labels |= {name: status_label(status) for name, status in _STATUSES.items()}
        status = st.selectbox(
            _("Status"),
            list(labels),
            format_func=labels.__getitem__,
            key="status",
            on_change=address.bound("status", labels, "any"),
        )
        places = {"any": _("The whole submission")} | {name: name for name in stages}
        stage = st.selectbox(
            _("Stage"),
            list(places),
            format_func=places.__getitem__,
            key="stage",
            on_change=address.bound("stage", places, "any"),
        )
    return StudentFilter(
        assignment_id,
        which=Which(which or Which.LATEST),
        search=search,
        status=_STATUSES.get(status),
        stage=None if stage == "any" or status == NOT_SUBMITTED else stage,
        submitted=False if status == NOT_SUBMITTED else None,
    )


def _order() -> tuple[SortBy, bool]:
    names = {
        SortBy.EMAIL.value: _("E-mail"),
        SortBy.NAME.value: _("Name"),
        SortBy.SUBMITTED.value: _("Submitted"),
        SortBy.STATUS.value: _("Status"),
        SortBy.SUBMISSIONS.value: _("Submissions"),
        SortBy.REQUEUES.value: _("Requeues"),
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sort = st.selectbox(
            _("Sort by"),
            list(names),
            format_func=names.__getitem__,
            key="sort",
            on_change=address.bound("sort", names, SortBy.EMAIL.value),
            width=220,
        )
        descending = st.toggle(_("Largest or latest first"), key="descending", bind="query-params")
    return SortBy(sort), descending


def _page() -> int:
    """The page that the URL names."""
    page = st.query_params.get("page", "1")
    return int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1  # noqa: PLR2004  no such list


def _turn() -> None:
    address.put("page", str(st.session_state["page"]), "1")


def cells(row: StudentRow, stages: list[str], zone: ZoneInfo) -> dict[str, str | int | None]:
    """What is shown and exported of a student."""
    failed = row.status is StageStatus.FAILED
    marks = dict(row.stages)
    return {
        _("Student"): row.student_email,
        _("Name"): row.student_name,
        _("Status"): status_label(row.status),
        **{name: stage_label(marks[name], after_failure=failed) if name in marks else "–" for name in stages},
        _("Submitted"): i18n.datetime_text(row.submitted_at, zone),
        _("Late"): f"◷ {_('Late')}" if row.is_late else "",
        _("Submissions"): row.submissions,
        _("Attempt"): row.attempt,
        _("Requeues"): row.requeue_count,
    }


def _table(visit: shell.Visit, found: StudentPage, stages: list[str]) -> list[int]:
    """The table; ids of the submissions of the chosen rows."""
    if not found.rows:
        st.info(_("No student matches. Change or clear the filters."))
        return []
    ids = [row.task_id for row in found.rows]
    # A choice is of rows, not of places: where others stand in the table, nothing is chosen.
    key = f"students-{crc32(repr([(row.student_id, row.task_id) for row in found.rows]).encode())}"

    def choose() -> None:
        rows = st.session_state[key].selection.rows
        if len(rows) == 1 and ids[rows[0]] is not None:
            st.query_params["task"] = str(ids[rows[0]])
        else:
            st.query_params.pop("task", None)

    picked = st.dataframe(
        pd.DataFrame([cells(row, stages, visit.zone) for row in found.rows]),
        hide_index=True,
        placeholder="—",
        on_select=choose,
        selection_mode="multi-row",
        key=key,
        height=min(38 + 35 * len(found.rows), 560),
        alt=_("Students and their submissions"),
    )
    chosen = [found.rows[index].task_id for index in picked.selection.rows if index < len(found.rows)]
    return [task_id for task_id in chosen if task_id is not None]


def _exports(wanted: StudentFilter, sort: SortBy, *, descending: bool) -> None:
    query = urlencode(exports.fields_of(wanted, sort, descending=descending))
    links = {
        "students.csv": "CSV",
        "students.xlsx": "XLSX",
        "originals.zip": _("All originals (ZIP)"),
        "results.zip": _("All results (ZIP)"),
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_("Download what matches:"))
        for name, label in links.items():
            st.link_button(label, f"/exports/{name}?{query}", key=f"export-{name}")


def _again(visit: shell.Visit, wanted: StudentFilter, chosen: list[int]) -> None:
    if not st.toggle(_("Run failed submissions again…"), key="again"):
        return
    names = {
        "chosen": _("The chosen rows") + f" ({len(chosen)})",
        "all": _("All that match the filter, on every page"),
    }
    meant = st.segmented_control(
        _("Which ones"),
        list(names),
        format_func=names.__getitem__,
        default="chosen" if chosen else "all",
        required=True,
        key="again-which",
    )
    selection = ChosenTasks(tuple(chosen)) if meant == "chosen" else MatchingStudents(wanted)
    rerun.ask(visit, selection, key="students")


def _open_task() -> None:
    task = st.query_params.get("task", "")
    if not (task.isascii() and task.isdigit() and len(task) < 19):  # noqa: PLR2004  what an id can be
        return
    number = int(task)
    st.divider()
    live.show(
        lambda fresh: task_view.show(fresh, number), topics=[topics.of_task(number)], key=f"task-{number}"
    )
