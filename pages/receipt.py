"""For everybody who signed in: whether a receipt was issued here, and what it says."""

from __future__ import annotations

import streamlit as st

from core.services import receipts
from core.services.receipts import Fault
from dashboard import i18n, moments, shell
from dashboard.tables import status_label

_ = i18n.gettext
visit = shell.enter()

st.title(_("Receipt"))
st.write(_("Paste the code of a receipt, or the whole text of its file. Nothing that was changed passes."))
text = st.text_area(_("Receipt or its code"), key="code", bind="query-params", height=140)

if text and text.strip():
    with shell.errors():
        found = receipts.check(visit.ctx, visit.actor, text)
        if found.facts is None:
            why = {
                Fault.NO_RECEIPT: _(
                    "There is no receipt in this text. Copy the code whole: it begins with ULOS1."
                ),
                Fault.UNKNOWN_KEY: _(
                    "It was issued by another installation, or with a key that is not kept."
                ),
                Fault.CHANGED: _(
                    "It was changed after it was issued: its signature does not fit what it says."
                ),
                None: "",
            }[found.fault]
            st.error(f"✖ **{_('Not valid')}.** {why}")
        else:
            facts = found.facts
            if found.matches is False:
                st.warning(
                    "! " + _("The receipt is genuine, but the submission kept here says something else.")
                )
            else:
                st.success(f"✔ **{_('Valid')}.** {_('It was issued here and has not been changed.')}")
            rows = {
                _("Received"): moments.moment_text(facts.at, visit),
                "SHA-256": facts.sha256,
                _("Submission"): str(facts.task_id),
                _("Student"): str(facts.student_id),
            }
            if found.task is not None:
                rows |= {
                    _("Assignment"): found.task.assignment_name,
                    _("Reference"): found.task.reference,
                    _("Status"): status_label(found.task.status),
                }
            st.code(
                "\n".join(f"{label}: {value}" for label, value in rows.items()),
                language=None,
                wrap_lines=True,
            )
            if found.task is not None and facts.student_id == visit.person.id:
                st.link_button(_("Open this submission"), f"/my_work?task={facts.task_id}", width="stretch")
            st.caption(_("To compare with a file of yours: `sha256sum FILE` prints the same number."))
