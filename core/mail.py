"""Handing mails to the mail server of `ULOS_SMTP_URL`."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from ipaddress import ip_address
from typing import NoReturn
from urllib.parse import parse_qs, unquote, urlsplit

from core.config import Settings
from core.errors import MailRefused, MailUnavailable

TIMEOUT_SECONDS = 15.0
_PORTS = {"smtp": 587, "smtps": 465}
_TLS = ("auto", "require", "off")
_PERMANENT = 500
"""First of SMTP's replies that say: never (RFC 5321, section 4.2.1)."""

_CLOSING = 421
"""The server's own goodbye, which concerns every mail (RFC 5321, section 3.8)."""


@dataclass(frozen=True, slots=True)
class Mailer:
    """A mail server and how to reach it. `tls` is that of `smtp://…?tls=`: auto takes what is offered."""

    host: str
    port: int
    user: str
    password: str
    implicit_tls: bool
    tls: str
    sender: str

    @contextmanager
    def connected(self) -> Iterator[Line]:
        """A line to the server over which any number of mails can go.

        Raises:
            MailUnavailable: it does not answer, its certificate is wrong, or it does not let us in.

        """
        server = self._open()
        try:
            self._secure(server)
            yield Line(server, self.sender)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()

    def _open(self) -> smtplib.SMTP:
        try:
            if self.implicit_tls:
                context = ssl.create_default_context()
                return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_SECONDS, context=context)
            return smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
        except (smtplib.SMTPException, OSError) as error:
            raise MailUnavailable(problem=_words(error)) from error

    def _secure(self, server: smtplib.SMTP) -> None:
        try:
            server.ehlo()
            secured = self.implicit_tls
            if not secured and self.tls != "off" and (self.tls == "require" or server.has_extn("starttls")):
                server.starttls(context=ssl.create_default_context())
                secured = True
            if self.user:
                if not (secured or self.tls == "off" or _is_here(self.host)):
                    raise MailUnavailable(problem="it offers no TLS, so the password was not sent")
                server.login(self.user, self.password)
        except (smtplib.SMTPException, OSError) as error:
            server.close()
            raise MailUnavailable(problem=_words(error)) from error


@dataclass(frozen=True, slots=True)
class Line:
    """An open connection to the mail server."""

    server: smtplib.SMTP
    sender: str

    def send(self, recipient: str, subject: str, text: str) -> None:
        """Hand one mail over.

        Raises:
            MailRefused: this mail is not taken, for good or for now; others may be.
            MailUnavailable: none is, for now.

        """
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, recipient, subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=_domain(self.sender))
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice is wanted
        message.set_content(text)
        try:
            self.server.send_message(message, self.sender, [recipient])
        except smtplib.SMTPRecipientsRefused as error:
            code, reason = next(iter(error.recipients.values()))
            _raise(code, f"{code} {reason.decode(errors='replace')}", error)
        except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
            _raise(error.smtp_code, _words(error), error)
        except (smtplib.SMTPException, OSError) as error:
            raise MailUnavailable(problem=_words(error)) from error


def open_mailer(settings: Settings) -> Mailer | None:
    """The mail server of the settings; None when mails are not sent. Nothing is connected to yet."""
    if not settings.sends_mail:
        return None
    address = urlsplit(settings.smtp_url.get_secret_value())
    tls = parse_qs(address.query).get("tls", ["auto"])[0]
    user = unquote(address.username or "")
    return Mailer(
        host=address.hostname or "",
        port=address.port or _PORTS[address.scheme],
        user=user,
        password=unquote(address.password or ""),
        implicit_tls=address.scheme == "smtps",
        tls=tls if tls in _TLS else "require",
        sender=settings.mail_from or f"no-reply@{urlsplit(settings.dashboard_url).hostname}",
    )


def _raise(code: int, problem: str, error: Exception) -> NoReturn:
    if code == _CLOSING:
        raise MailUnavailable(problem=problem) from error
    raise MailRefused(problem=problem, for_good=code >= _PERMANENT) from error


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        reason = error.smtp_error
        said = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        return f"{error.smtp_code} {said}"
    return str(error) or type(error).__name__


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _domain(sender: str) -> str:
    return sender.rpartition("@")[2].strip("> ") or "localhost"
