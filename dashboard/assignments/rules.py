"""The rules of an assignment in words, for the student whom they hold for."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from core.services.submissions import Admission
from dashboard import i18n

_ = i18n.gettext


def sentences(admission: Admission, zone: ZoneInfo) -> list[str]:
    """What holds for this student, a sentence each, times in `zone`."""
    due = i18n.datetime_text(admission.due_at, zone)
    said = [_("Hand it in until {due} ({zone}).").format(due=due, zone=zone.key)]
    if admission.is_extended:
        said.append(_("This is your own date: you have an extension."))
    if admission.grace_minutes:
        one = "There is one minute of grace after that, in which nothing counts as late."
        many = "There are {count} minutes of grace after that, in which nothing counts as late."
        said.append(i18n.plural(one, many, admission.grace_minutes))
    if admission.closes_at is None:
        said.append(_("What comes later is accepted and marked as late."))
    else:
        said.append(_("What comes later is not accepted."))
    remaining = admission.remaining_submissions
    if remaining is None:
        said.append(_("You may hand it in as often as you like; the latest one counts."))
    else:
        said.append(
            i18n.plural(
                "You have one of {most} submissions left.",
                "You have {count} of {most} submissions left.",
                remaining,
                most=i18n.number_text(admission.most_submissions),
            )
        )
    if admission.limit_mb:
        text = _("The archive may have {limit} MB at most.")
        said.append(text.format(limit=i18n.number_text(admission.limit_mb)))
    if admission.required_names:
        names = i18n.plain(", ".join(admission.required_names))
        said.append(_("The archive must hold: {names}.").format(names=names))
    return said
