"""The form of an assignment: new, edited, or made from another; with what a student will see."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from core.services import assignments
from core.services.assignments import AssignmentDraft, AssignmentRules, AssignmentView
from core.services.courses import CourseSummary
from core.services.local_time import check_exists, due_moment
from core.services.submissions import Admission
from core.vocabulary import AssignmentState, LatePolicy
from dashboard import i18n, shell
from dashboard.assignments import rules
from dashboard.fields import named, seed

_ = i18n.gettext
KEY = "assignment-form"


@dataclass
class AssignmentForm:
    """What was typed. `assignment_id` of the one that is edited; `copy_of`: of the one that is duplicated.

    `statement_name`: of the PDF that belongs to it.
    """

    course_id: int
    zone: ZoneInfo
    start: datetime
    end: datetime
    assignment_name: str = ""
    definition_id: int | None = None
    description: str = ""
    rules: AssignmentRules = field(default_factory=AssignmentRules)
    assignment_id: int | None = None
    copy_of: int | None = None
    statement_name: str | None = None
    submissions: int = 0
    uid: str = field(default_factory=lambda: secrets.token_hex(4))
    saved: AssignmentView | None = None
    """Set before anything is drawn: a second click finds the work done."""

    def save(self, visit: shell.Visit) -> None:
        """Create or change it, once.

        Raises:
            UlosError: what is wrong; it stays as it was.

        """
        if self.saved is not None or self.definition_id is None:
            return
        start = check_exists(self.start, "assignment_start_date")
        end = check_exists(self.end, "assignment_end_date")
        draft = AssignmentDraft(
            self.assignment_name, self.definition_id, start, end, self.description, self.rules
        )
        if self.copy_of is not None:
            self.saved = assignments.duplicate_assignment(
                visit.ctx, visit.actor, self.copy_of, self.course_id, draft
            )
        elif self.assignment_id is None:
            self.saved = assignments.create_assignment(visit.ctx, visit.actor, self.course_id, draft)
        else:
            self.saved = assignments.update_assignment(visit.ctx, visit.actor, self.assignment_id, draft)


def new(visit: shell.Visit, course_id: int) -> AssignmentForm:
    """A form for the course: from today on, due at the end of the day in a week."""
    today = visit.ctx.now().astimezone(visit.course_zone).date()
    return AssignmentForm(
        course_id,
        visit.course_zone,
        datetime.combine(today, time(0, 0), visit.course_zone),
        datetime.combine(today + timedelta(days=7), time(23, 59), visit.course_zone),
    )


def of(view: AssignmentView) -> AssignmentForm:
    """A form that edits `view`."""
    zone = ZoneInfo(view.timezone)
    return AssignmentForm(
        view.course_id,
        zone,
        view.assignment_start_date.astimezone(zone),
        view.assignment_end_date.astimezone(zone),
        assignment_name=view.assignment_name,
        definition_id=view.definition_id,
        description=view.assignment_description,
        rules=view.rules,
        assignment_id=view.id,
        submissions=view.submissions,
        statement_name=view.statement.file_name if view.statement else None,
    )


def copy_of(view: AssignmentView) -> AssignmentForm:
    """A form that makes another assignment like `view`, with its PDF; extensions are not taken over."""
    form = of(view)
    form.assignment_id, form.copy_of, form.submissions = None, view.id, 0
    form.assignment_name = _("{name} (copy)").format(name=view.assignment_name)
    return form


def close() -> None:
    """Put the form away."""
    st.session_state.pop(KEY, None)


def show(
    visit: shell.Visit,
    form: AssignmentForm,
    known: Mapping[int, str],
    teaches: Mapping[int, CourseSummary],
) -> None:
    """Draw the form. `known`: definitions by id; `teaches`: courses in which the visitor may open one."""
    if form.assignment_id is not None:
        st.subheader(_("Edit {name}").format(name=i18n.plain(form.assignment_name)))
    else:
        st.subheader(_("New assignment") if form.copy_of is None else _("Duplicate an assignment"))
    if form.copy_of is not None and len(teaches) > 1:
        form.course_id = st.selectbox(
            _("Course"),
            list(teaches),
            format_func=lambda number: teaches[number].name,
            key=seed(f"assignment-course-{form.uid}", form.course_id),
        )
        form.zone = ZoneInfo(teaches[form.course_id].timezone)
    form.assignment_name = st.text_input(
        _("Name"), key=seed(f"assignment-name-{form.uid}", form.assignment_name), max_chars=200
    )
    _ask_definition(form, known)
    _ask_dates(form)
    _ask_rules(form)
    _ask_statement(form)
    with st.container(horizontal=True):
        if st.button(_("Save"), key=f"assignment-save-{form.uid}", type="primary"):
            with shell.errors(), named(_field_name):
                form.save(visit)
                st.rerun()
        st.button(_("Cancel"), key=f"assignment-cancel-{form.uid}", on_click=close)


def _ask_definition(form: AssignmentForm, known: Mapping[int, str]) -> None:
    if form.definition_id is None:
        form.definition_id = next(iter(known), None)
    form.definition_id = st.selectbox(
        _("Task definition"),
        list(known),
        format_func=known.__getitem__,
        key=seed(f"assignment-definition-{form.uid}", form.definition_id),
        disabled=form.submissions > 0,
    )
    if form.submissions:
        st.caption(
            i18n.plural(
                "It is fixed: one submission was processed by it. Everything else can change.",
                "It is fixed: {count} submissions were processed by it. Everything else can change.",
                form.submissions,
            )
        )


def _ask_dates(form: AssignmentForm) -> None:
    left, right = st.columns(2)
    with left:
        form.start = _moment(form, _("Start date"), form.start, "start")
    with right:
        form.end = _moment(form, _("Due date"), form.end, "end")
    st.caption(_("Times are in the zone of the course:") + f" {form.zone.key}")


def _moment(form: AssignmentForm, label: str, value: datetime, name: str) -> datetime:
    left, right = st.columns(2)
    day: date = left.date_input(
        label, key=seed(f"{name}-day-{form.uid}", value.date()), format=i18n.day_format()
    )
    at: time = right.time_input(
        _("Time") + f" · {label}",
        key=seed(f"{name}-time-{form.uid}", value.time().replace(second=0, microsecond=0)),
        step=60,
    )
    same = (day, at) == (value.date(), value.time().replace(second=0, microsecond=0))
    if same:
        return value.replace(tzinfo=form.zone)
    local = datetime.combine(day, at)
    return due_moment(local, form.zone) if name == "end" else local.replace(tzinfo=form.zone)


def _ask_rules(form: AssignmentForm) -> None:
    rules = form.rules
    with st.expander(_("Rules"), key=f"assignment-rules-{form.uid}", expanded=rules != AssignmentRules()):
        left, right = st.columns(2)
        grace = left.number_input(
            _("Minutes of grace"), 0, 10_080, key=seed(f"rule-grace-{form.uid}", rules.grace_minutes)
        )
        policy = right.selectbox(
            _("Late work"),
            list(LatePolicy),
            format_func=lambda one: late_text(LatePolicy(one)),
            key=seed(f"rule-late-{form.uid}", rules.late_policy),
        )
        left, right = st.columns(2)
        most = left.number_input(
            _("Submissions per student (0: no limit)"),
            0,
            1000,
            key=seed(f"rule-most-{form.uid}", rules.most_submissions),
        )
        limit = right.number_input(
            _("Size limit in MB (0: the platform's)"),
            0,
            100_000,
            key=seed(f"rule-limit-{form.uid}", rules.limit_mb),
        )
        names = st.text_area(
            _("Required files, one per line"),
            key=seed(f"rule-names-{form.uid}", "\n".join(rules.required_names)),
            help=_("As seen from within the enclosing folder, for example main.gcode or src/app.py."),
        )
    form.rules = AssignmentRules(
        int(grace), policy or rules.late_policy, int(most), int(limit), tuple(names.splitlines())
    )


def late_text(policy: LatePolicy) -> str:
    """What becomes of late work."""
    return {
        LatePolicy.REFUSE: _("Refuse it"),
        LatePolicy.MARK: _("Accept it and mark it"),
    }[policy]


def _ask_statement(form: AssignmentForm) -> None:
    left, right = st.columns(2)
    form.description = left.text_area(
        _("Statement (Markdown)"),
        key=seed(f"assignment-description-{form.uid}", form.description),
        height=260,
        max_chars=10_000,
    )
    with right:
        st.caption(_("As a student sees it"))
        with st.container(border=True, key=f"assignment-preview-{form.uid}"):
            st.markdown(f"**{i18n.plain(form.assignment_name) or '—'}**")
            st.caption(f"{_('due')} {i18n.datetime_text(form.end, form.zone)} ({form.zone.key})")
            st.markdown(form.description or "—")
            if form.statement_name is not None:
                st.markdown(f"⤓ {_('Statement (PDF)')} · {i18n.plain(form.statement_name)}")
            st.markdown("\n".join(f"- {said}" for said in rules.sentences(_as_student(form), form.zone)))


def _as_student(form: AssignmentForm) -> Admission:
    """What would hold for a student without an extension who has handed in nothing."""
    takes_late = form.rules.late_policy is LatePolicy.MARK
    return Admission(
        assignment_id=form.assignment_id or 0,
        course_id=form.course_id,
        timezone=form.zone.key,
        starts_at=form.start,
        due_at=form.end,
        is_extended=False,
        closes_at=None if takes_late else form.end + timedelta(minutes=form.rules.grace_minutes),
        grace_minutes=form.rules.grace_minutes,
        state=AssignmentState.OPEN,
        is_late=False,
        most_submissions=form.rules.most_submissions,
        used_submissions=0,
        limit_mb=form.rules.limit_mb,
        required_names=tuple(name for name in form.rules.required_names if name.strip()),
    )


def _field_name(name: str) -> str:
    return {
        "assignment_name": _("Name"),
        "assignment_description": _("Statement (Markdown)"),
        "assignment_start_date": _("Start date"),
        "assignment_end_date": _("Due date"),
        "task_definition_id": _("Task definition"),
        "grace_minutes": _("Minutes of grace"),
        "late_policy": _("Late work"),
        "most_submissions": _("Submissions per student (0: no limit)"),
        "limit_mb": _("Size limit in MB (0: the platform's)"),
        "required_names": _("Required files, one per line"),
    }.get(name, name)
