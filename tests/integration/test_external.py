"""The project on servers that somebody else runs: Postgres, FTP and RabbitMQ, none of them embedded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.demo import samples
from core.embedded.postgres import EmbeddedPostgres
from tests import ftp_servers
from tests.e2e.browsing import Project, members, running
from tests.rabbitmq import RabbitMq
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.ftp_servers, pytest.mark.rabbitmq, pytest.mark.timeout(300)]

ENDED = {"COMPLETED", "FAILED"}


@pytest.fixture(params=["queue in Postgres", "RabbitMQ"])
def project(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, rabbitmq: RabbitMq, tmp_path: Path
) -> Iterator[Project]:
    name = f"external_{request.param.split()[-1].lower()}"
    postgres.create_database(name)
    with ExitStack() as stack:
        try:
            files = stack.enter_context(ftp_servers.running("vsftpd"))
        except ftp_servers.NoFtpServer as reason:
            pytest.skip(f"vsftpd: {reason}")
        settings = {
            "ULOS_DATABASE_URL": postgres.url(name),
            "ULOS_FTP_URL": f"{files.url}/ulos",
            "ULOS_RUNNER": "on",
            "ULOS_DEMO": "on",
        }
        if request.param == "RabbitMQ":
            settings["ULOS_AMQP_URL"] = rabbitmq.new_vhost()
        yield stack.enter_context(running(tmp_path, **settings))
    postgres.drop_database(name)


def test_a_submission_over_http_goes_all_the_way_and_nothing_embedded_is_started(project: Project) -> None:
    with httpx.Client(base_url=project.api, timeout=30) as client:
        credentials = {"email": "estudiante1@uniandes.edu.co", "password": "ulos-demo"}
        answer = client.post("/auth/login", json=credentials).raise_for_status().json()
        client.headers["Authorization"] = f"Bearer {answer['access_token']}"
        course = answer["courses"][0]["course_id"]
        listed = client.get(f"/courses/{course}/assignments").raise_for_status().json()
        cube = next(found for found in listed if found["assignment_name"] == "Imprime un cubo")

        path, files = f"/assignments/{cube['id']}/submit", {"file": ("a.zip", samples.gcode_good())}
        sent = client.post(path, files=files).raise_for_status().json()

        def ended() -> dict[str, Any] | None:
            now: dict[str, Any] = client.get(f"/tasks/{sent['id']}").raise_for_status().json()
            return now if now["status"] in ENDED else None

        task = eventually(ended)

        assert task["status"] == "COMPLETED", task
        assert client.get(f"/tasks/{task['id']}/submission").content == samples.gcode_good()
    started = [command for _, command in members(project.folder)]
    assert not any("core postgres" in command or "core ftp" in command for command in started)
