"""A real SMTP server that keeps what it is given, and can be told to refuse, put off, or be gone."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from core.embedded.state import _free_port
from tests.ftp_servers import _make_certificate


class MailServer:
    """`mails`: what was taken over. `answers`: recipient → the reply that it gets instead of being taken."""

    def __init__(self, folder: Path, *, tls: bool = False, login: tuple[str, str] | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.logins: list[tuple[str, str]] = []
        self.secured: list[bool] = []
        self.answers: dict[str, str] = {}
        self.connections = 0
        self.port = _free_port(0)
        self.certificate = _make_certificate(folder) if tls else None
        self._login = login
        self._controller: Controller | None = None

    def start(self) -> None:
        context = None
        if self.certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.certificate)
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            tls_context=context,
            authenticator=self._authenticate if self._login else None,
            auth_require_tls=context is not None,
        )
        self._controller.start()
        self.connections = 0

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def links(self) -> list[str]:
        """The token of each mail's link, in the order of arrival."""
        return [re.findall(r"token=([\w-]+)", mail.get_content())[0] for mail in self.mails]

    def recipients(self) -> list[str]:
        return [str(mail["To"]) for mail in self.mails]

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        self.logins.append(given)
        return AuthResult(success=given == self._login)

    async def handle_EHLO(  # noqa: N802  aiosmtpd names hooks after the command
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802  as above
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  as above
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        self.secured.append(session.ssl is not None)
        return "250 OK"


@contextmanager
def mail_server(
    folder: Path, *, tls: bool = False, login: tuple[str, str] | None = None
) -> Iterator[MailServer]:
    server = MailServer(folder, tls=tls, login=login)
    server.start()
    try:
        yield server
    finally:
        server.stop()
