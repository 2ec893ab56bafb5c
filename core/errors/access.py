"""Who somebody is and what they may: the person can sign in, or ask who may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from core.errors.base import Rejected


class NotSignedIn(Rejected):
    """No valid credentials came with the request."""

    texts = {
        "en": "You are not signed in, or your session has ended. Sign in and try again.",
        "es": "No has iniciado sesión o tu sesión terminó. Inicia sesión e intenta de nuevo.",
    }


class WrongCredentials(NotSignedIn):
    """E-mail and password do not belong together (which of them is wrong is not told)."""

    texts = {
        "en": "E-mail or password is not right. Check both and try again.",
        "es": "El correo o la contraseña no es correcto. Revisa ambos e intenta de nuevo.",
    }


class TooManyAttempts(Rejected):
    """Too many were asked for in a short time. `minutes` until more are accepted."""

    texts = {
        "en": "Too many attempts. Wait {minutes} minutes and try again.",
        "es": "Demasiados intentos. Espera {minutes} minutos e intenta de nuevo.",
    }

    @property
    def retry_after(self) -> int:
        """Seconds until it is worth trying again."""
        return 60 * int(str(self.values["minutes"]))


class SlowDown(TooManyAttempts):
    """After failed attempts each further one has to wait. `seconds` until the next."""

    texts = {
        "en": "Too many failed attempts. Wait {seconds} s and try again.",
        "es": "Demasiados intentos fallidos. Espera {seconds} s e intenta de nuevo.",
    }

    @property
    def retry_after(self) -> int:
        """Seconds until it is worth trying again."""
        return int(str(self.values["seconds"]))


class RegistrationClosed(Rejected):
    """No mail can prove a mailbox here, so people cannot open accounts themselves."""

    texts = {
        "en": "Accounts are not opened by registration here. Ask your professor or an administrator to add you.",
        "es": "Aquí no se crean cuentas por registro. Pide a tu profesor o a un administrador que te agregue.",
    }


class NotAllowed(Rejected):
    """The role of the person does not allow it."""

    texts = {
        "en": "Your role in this course does not allow this. Ask the professor of the course.",
        "es": "Tu rol en este curso no lo permite. Consulta con el profesor del curso.",
    }


class ForeignOrigin(NotAllowed):
    """A request that no page of ours sent. `origin` of the page, `host` that the server was asked as."""

    texts = {
        "en": "This came from a page at {origin}, and this server is {host}. If that page is the dashboard behind a reverse proxy, its administrator should set ULOS_PUBLIC_URL={origin}, or let the proxy keep the Host header.",
        "es": "Esto llegó desde una página en {origin}, y este servidor es {host}. Si esa página es el tablero detrás de un proxy, quien administra debe configurar ULOS_PUBLIC_URL={origin}, o hacer que el proxy conserve el encabezado Host.",
    }


class NotOwner(NotAllowed):
    """Only who created it may change it. `owner` is their e-mail."""

    texts = {
        "en": "This belongs to {owner}, who alone may change it. Make one of your own from it instead.",
        "es": "Esto es de {owner} y solo esa persona puede cambiarlo. Crea uno propio a partir de este.",
    }


class OnlyAdmins(NotAllowed):
    """A thing that no role in a course allows."""

    texts = {
        "en": "Only an administrator of the platform may do this. Ask one of them.",
        "es": "Solo un administrador de la plataforma puede hacer esto. Pídeselo a uno de ellos.",
    }


class NotFound(Rejected):
    """It does not exist, or the person may not know that it does. `what` names the kind."""

    texts = {
        "en": "This {what} does not exist, or you have no access to it.",
        "es": "No existe este elemento ({what}) o no tienes acceso a él.",
    }
    kinds: ClassVar[Mapping[str, str]] = {
        "assignment": "asignación",
        "attempt": "intento",
        "callback token": "token de notificaciones",
        "course": "curso",
        "export": "exportación",
        "extension": "prórroga",
        "failure group": "causa de fallas",
        "file": "archivo",
        "incident": "alerta",
        "member": "integrante",
        "operation": "reejecución",
        "person": "persona",
        "report": "reporte",
        "routing key": "clave de enrutamiento",
        "rule": "regla",
        "session": "sesión",
        "stage": "etapa",
        "student": "estudiante",
        "submission": "entrega",
        "target": "destino",
        "task definition": "definición de tarea",
        "token": "token",
        "view": "vista",
    }
    """What `what` is called in Spanish."""

    def sentence(self, language: str, quote: Callable[[str], str] = str) -> str:
        """As for every error, the kind of thing by its name in `language`."""
        text = self.texts.get(language, self.texts["en"])
        values = {name: str(value) for name, value in self.values.items()}
        if language == "es" and "what" in values:
            values["what"] = self.kinds.get(values["what"], values["what"])
        return text.format(**{name: quote(value) for name, value in values.items()})


class NoSuchAddress(NotFound):
    """Nothing answers at this address."""

    texts = {
        "en": "There is nothing at this address. Check how it is written.",
        "es": "No hay nada en esta dirección. Revisa cómo está escrita.",
    }


class WrongMethod(Rejected):
    """The address exists, but not for this method."""

    texts = {
        "en": "This address does not take requests of this method.",
        "es": "Esta dirección no acepta peticiones con este método.",
    }
