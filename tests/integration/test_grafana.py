"""The ready dashboard for Grafana asks for what the endpoint really has."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from api.app import create_app
from core.context import ORCHESTRATOR, Context
from core.services import reports
from tests import builders

FILE = Path(__file__).resolve().parents[2] / "docs/grafana/ulos.json"


def expressions() -> list[str]:
    panels = json.loads(FILE.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_every_metric_and_label_of_the_dashboard_is_served(ctx: Context) -> None:
    world = builders.world(ctx)
    reports.note_requeue(ctx, ORCHESTRATOR, builders.submit(ctx, world).task_id)
    with TestClient(create_app(ctx.settings, ctx)) as client:
        families = text_string_to_metric_families(client.get("/metrics").text)
    served: dict[str, set[str]] = {}
    for family in families:
        for sample in family.samples:
            served.setdefault(sample.name, set()).update(sample.labels)

    for expression in expressions():
        (name,) = set(re.findall(r"\b(?:ulos|process)_\w+", expression))
        labels = {*re.findall(r"by \((\w+)\)", expression), *re.findall(r"(\w+)=~?\"", expression)}
        assert labels <= served[name], expression


def test_every_metric_of_ours_is_on_the_dashboard(ctx: Context) -> None:
    with TestClient(create_app(ctx.settings, ctx)) as client:
        served = set(re.findall(r"^# TYPE (ulos_\w+)", client.get("/metrics").text, re.MULTILINE))

    shown = {name for expression in expressions() for name in re.findall(r"\bulos_\w+", expression)}

    assert served == shown
