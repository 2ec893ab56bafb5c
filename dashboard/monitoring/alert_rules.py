"""The rules of alerts: which are on, and from which value they tell."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services import alerts
from core.services.alerts import Rule
from core.vocabulary import AlertKind
from dashboard import i18n, shell

_ = i18n.gettext


def draw(visit: shell.Visit, course_id: int | None, *, may_manage: bool) -> None:
    """Each rule with its switch and threshold; a table for those who may not change them."""
    rules = alerts.list_rules(visit.ctx, visit.actor, course_id)
    if may_manage:
        _form(visit, rules, course_id)
    else:
        shown = [
            {
                _("What"): alerts.title(rule.kind, i18n.language()),
                _("Watched"): _("Yes") if rule.is_on else _("No"),
                _("From"): f"{i18n.number_text(rule.threshold)} {_unit(rule.kind)}",
            }
            for rule in rules
        ]
        st.dataframe(pd.DataFrame(shown), hide_index=True, key="rules")
    for rule in rules:
        if rule.kind is AlertKind.FAILURES:
            _explain(rule)
    if course_id is None and not visit.ctx.settings.embedded_ftp:
        st.caption(
            _(
                "FTP cannot say how much room a server has left. A full one is noticed by files that"
                " cannot be written."
            )
        )


def _form(visit: shell.Visit, rules: list[Rule], course_id: int | None) -> None:
    with st.form(f"rules-{course_id}"):
        wanted = [_row(rule) for rule in rules]
        pressed = st.form_submit_button(_("Save the rules"), type="primary", key="rules-save")
    if not pressed:
        return
    for rule, (is_on, threshold, least) in zip(rules, wanted, strict=True):
        if (is_on, threshold, least) != (rule.is_on, rule.threshold, rule.least):
            alerts.change_rule(visit.ctx, visit.actor, rule.id, is_on=is_on, threshold=threshold, least=least)
    st.success(_("Saved. The rules hold from now on."))


def _row(rule: Rule) -> tuple[bool, float, int]:
    title = alerts.title(rule.kind, i18n.language())
    lowest, highest = alerts.bounds(rule.kind)
    what, value, extra = st.columns([3, 2, 2], vertical_alignment="center")
    is_on = what.toggle(title, value=rule.is_on, key=f"rule-on-{rule.id}")
    threshold = value.number_input(
        _unit(rule.kind),
        min_value=float(lowest),
        max_value=float(highest),
        value=float(rule.threshold),
        step=0.1 if rule.kind is AlertKind.FAILURES else 1.0,
        format="%.1f" if rule.kind is AlertKind.FAILURES else "%.0f",
        key=f"rule-value-{rule.id}",
    )
    least = rule.least
    if rule.kind is AlertKind.FAILURES:
        least = int(
            extra.number_input(
                _("ended, at least"),
                min_value=1,
                max_value=100_000,
                value=rule.least,
                key=f"rule-least-{rule.id}",
            )
        )
    return is_on, float(threshold), least


def _explain(rule: Rule) -> None:
    st.caption(
        _(
            "Failures of the last hour are compared with the four weeks before, not with a fixed share:"
            " where much fails every day, that is no alert."
        )
    )
    if rule.usual_ended:
        share = 100 * rule.usual_failed / rule.usual_ended
        st.caption(
            _("Usual here: {share} % of {ended}.").format(
                share=i18n.number_text(round(share, 1)), ended=i18n.number_text(rule.usual_ended)
            )
        )


def _unit(kind: AlertKind) -> str:
    return {
        AlertKind.FAILURES: _("times the usual share"),
        AlertKind.PARKED: _("reports"),
        AlertKind.DISK: _("percent free"),
        AlertKind.CRASH_LOOP: _("submissions"),
    }.get(kind, _("minutes"))
