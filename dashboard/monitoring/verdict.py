"""The answer of the monitor's screen in words, with what speaks for it."""

from __future__ import annotations

from core.services.monitoring import ABOUT_FAILURES, Answer, Components, Evidence, Verdicts
from core.services.monitoring.evidence import FAILURES_READ
from dashboard import i18n

_ = i18n.gettext


def sentence(answer: Answer, components: Components) -> str:
    """Return the answer in words."""
    stalled = ", ".join(state.name for state in components.queues if state.is_stalled)
    sentences = {
        Answer.COMPONENT: _("A system does not answer: see below which. Accepted work is kept."),
        Answer.NOBODY_TAKES: _("It is the nodes: tasks wait and nobody takes them from the queue {queues}."),
        Answer.NOT_PUBLISHED: _("It is the queue: tasks wait that could not be handed to the broker yet."),
        Answer.QUEUE: _("It is the queue: nodes work, but tasks arrive faster than they are done."),
        Answer.NODES: _("It looks like a node: most failures are crashes or timeouts."),
        Answer.PLATFORM: _("It looks like the platform: most failures are its own."),
        Answer.GRADER: _("It looks like the grader: most fail in the same way and almost no one passes."),
        Answer.STUDENTS: _("It looks like the students' work."),
        Answer.UNKNOWN: _("Many fail, and the figures do not tell whose it is."),
        Answer.FILES: _(
            "Files that submissions need are gone from the file server: see Missing files below."
        ),
        Answer.ALERTS: _("Work is taken, but an alert is open."),
        Answer.WELL: _("All is well: work is taken and nothing stands out."),
    }
    return sentences[answer].format(queues=stalled)


def evidence(answer: Answer, verdicts: Verdicts, found: Evidence) -> list[str]:
    """Return what the answer is derived from, a sentence each; nothing where it is not about failures."""
    if answer not in ABOUT_FAILURES:
        return []
    shown = i18n.number_text
    lines = [
        _("{failed} of {ended} that ended in this window failed.").format(
            failed=shown(verdicts.failed), ended=shown(verdicts.ended)
        )
    ]
    if answer is Answer.NODES:
        return [*lines, *_crashes(verdicts, found)]
    lines.append(
        i18n.plural(
            "{failures} open failures have one cause.",
            "{failures} open failures have {count} causes.",
            found.causes,
            failures=shown(found.failures),
        )
    )
    if found.of_platform:
        lines.append(_("Failures of the platform itself: {count}.").format(count=shown(found.of_platform)))
    if found.untold:
        lines.append(_("The output names no error: {count}.").format(count=shown(found.untold)))
    return [*lines, *_largest(found), *_history(found)]


def _crashes(verdicts: Verdicts, found: Evidence) -> list[str]:
    lines = [_("Crashes and timeouts: {count}.").format(count=i18n.number_text(verdicts.crashed))]
    if found.queue:
        text = _("{count} of the latest {read} came from the queue {queue}.")
        shown = i18n.number_text
        lines.append(
            text.format(count=shown(found.crashes), read=shown(found.crashes_read), queue=found.queue)
        )
    return lines


def _largest(found: Evidence) -> list[str]:
    shown = i18n.number_text
    lines = [
        i18n.plural(
            "The largest cause: {failures} failures of one student.",
            "The largest cause: {failures} failures of {count} students.",
            found.students,
            failures=shown(found.largest),
        )
    ]
    if not found.read:
        return lines
    one, many = (
        ("All {read} of them say exactly the same.", "They say it in {count} ways ({students} students).")
        if found.read < FAILURES_READ
        else (
            "The latest {read} of them say exactly the same.",
            "The latest {read} of them say it in {count} ways ({students} students).",
        )
    )
    read, students = shown(found.read), shown(found.students_read)
    return [*lines, i18n.plural(one, many, found.texts, read=read, students=students)]


def _history(found: Evidence) -> list[str]:
    if not found.definition:
        return []
    shown, lines = i18n.number_text, []
    since = _("Since the first of them, {passed} of {ended} with {definition} passed.")
    lines.append(
        since.format(
            passed=shown(found.passed_since), ended=shown(found.ended_since), definition=found.definition
        )
    )
    if found.ended_before:
        before = _("In the window before, {passed} of {ended} with {definition} passed.")
        lines.append(
            before.format(
                passed=shown(found.passed_before),
                ended=shown(found.ended_before),
                definition=found.definition,
            )
        )
    if found.passed_earlier:
        lines.append(
            i18n.plural(
                "One of these students had passed the same assignment earlier.",
                "{count} of these students had passed the same assignment earlier.",
                found.passed_earlier,
            )
        )
    return lines
