"""The error tree: what a use case can raise, and the sentence that people read.

    UlosError
    ├── Rejected       the person can mend it
    │   ├── NotSignedIn, NotAllowed, NotFound
    │   ├── Invalid…   something in the request
    │   └── Conflict…  something in the way
    └── Unavailable    a system is down: try again

Each class carries its sentence in every language; values fill it and stay readable for
programs as `values`. HTTP numbers live in `api/errors.py` only. Anything that is not a
`UlosError` is a bug: it is logged with an incident number and the person sees the number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class UlosError(Exception):
    """Base of all expected errors.

    `texts` maps a language to a sentence with `{placeholders}`; the keyword arguments of
    the constructor fill them.
    """

    texts: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **values: object) -> None:
        self.values = values
        super().__init__(self.sentence("en"))

    def sentence(self, language: str) -> str:
        """What happened and what to do, in `language` (`es` or `en`; English when unknown)."""
        return self.texts.get(language, self.texts["en"]).format(**self.values)


class Rejected(UlosError):
    """The person who asked can mend it."""


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
    """Sign-in is locked for a while after failed attempts. `minutes` until it opens again."""

    texts = {
        "en": "Too many failed attempts. Wait {minutes} minutes and try again.",
        "es": "Demasiados intentos fallidos. Espera {minutes} minutos e intenta de nuevo.",
    }


class NotAllowed(Rejected):
    """The role of the person does not allow it."""

    texts = {
        "en": "Your role in this course does not allow this. Ask the professor of the course.",
        "es": "Tu rol en este curso no lo permite. Consulta con el profesor del curso.",
    }


class NotFound(Rejected):
    """It does not exist, or the person may not know that it does. `what` names the kind."""

    texts = {
        "en": "This {what} does not exist, or you have no access to it.",
        "es": "No existe este elemento ({what}) o no tienes acceso a él.",
    }


class Invalid(Rejected):
    """A field of the request cannot be accepted. `field` names it, `problem` says why."""

    texts = {
        "en": "{field}: {problem}",
        "es": "{field}: {problem}",
    }


class Required(Invalid):
    """A field is empty. `field` names it."""

    texts = {
        "en": "{field} is missing. Fill it in and try again.",
        "es": "Falta {field}. Complétalo e intenta de nuevo.",
    }


class TooLong(Invalid):
    """A text is longer than allowed. `field`, `limit` in characters."""

    texts = {
        "en": "{field} is too long. Use at most {limit} characters.",
        "es": "{field} es demasiado largo. Usa como máximo {limit} caracteres.",
    }


class NotDistinct(Invalid):
    """Two entries of a list share what must be unique. `field`, `value`."""

    texts = {
        "en": "{field} “{value}” appears twice. Give each its own.",
        "es": "{field} «{value}» aparece dos veces. Usa uno distinto para cada una.",
    }


class BadName(Invalid):
    """A value that travels to the orchestrator has characters that it cannot carry. `field`, `value`."""

    texts = {
        "en": "{field} “{value}” may only contain letters without accents, digits and . _ / -",
        "es": "{field} «{value}» solo puede contener letras sin tildes, dígitos y . _ / -",
    }


class BadRange(Invalid):
    """A number is out of its range. `field`, `low`, `high`."""

    texts = {
        "en": "{field} must be between {low} and {high}.",
        "es": "{field} debe estar entre {low} y {high}.",
    }


class EmailNotAllowed(Invalid):
    """Accounts are for e-mails of some domains only. `domains`."""

    texts = {
        "en": "Use an e-mail address of: {domains}.",
        "es": "Usa un correo de: {domains}.",
    }


class WeakPassword(Invalid):
    """A new password is too short, too long, or among the first that anybody would try. `low`, `high`."""

    texts = {
        "en": "Choose a password of {low} to {high} characters that nobody would try first: not a common one, no pattern, not your e-mail.",
        "es": "Elige una contraseña de {low} a {high} caracteres que nadie intentaría primero: ni una común, ni un patrón, ni tu correo.",
    }


class UnknownChoice(Invalid):
    """A value is none of those on offer. `field`, `value`."""

    texts = {
        "en": "{field} “{value}” is not on offer. Choose one from the list.",
        "es": "{field} «{value}» no está entre las opciones. Elige una de la lista.",
    }


class EndBeforeStart(Invalid):
    """The due date is not after the start."""

    texts = {
        "en": "The due date must be after the start date.",
        "es": "La fecha de entrega debe ser posterior a la fecha de inicio.",
    }


class MissingImage(Invalid):
    """A stage has no image file. `stage` names it."""

    texts = {
        "en": "Stage {stage} has no image file. Upload one or reuse an existing stage.",
        "es": "La etapa {stage} no tiene archivo de imagen. Sube uno o reutiliza una etapa existente.",
    }


class UnknownStage(Invalid):
    """The task has no such stage. `stage`."""

    texts = {
        "en": "This task has no stage {stage}.",
        "es": "Esta tarea no tiene la etapa {stage}.",
    }


class UnknownStatus(Invalid):
    """Not a stage status. `status`."""

    texts = {
        "en": "{status} is not a status. Use 1 PENDING, 2 IN_PROGRESS, 3 COMPLETED or 4 FAILED.",
        "es": "{status} no es un estado. Usa 1 PENDING, 2 IN_PROGRESS, 3 COMPLETED o 4 FAILED.",
    }


class BadArchive(Rejected):
    """The upload is not a submission that can be accepted; the subclasses say why."""


class NotAZip(BadArchive):
    """The file is no zip archive, whatever its name says."""

    texts = {
        "en": "This file is not a zip archive, even if its name ends in .zip. Compress your folder as ZIP and upload it again.",
        "es": "Este archivo no es un ZIP, aunque su nombre termine en .zip. Comprime tu carpeta en formato ZIP y súbela de nuevo.",
    }


class EmptyArchive(BadArchive):
    """The archive has no entry at all."""

    texts = {
        "en": "The archive is empty. Add your files and upload it again.",
        "es": "El archivo comprimido está vacío. Agrega tus archivos y súbelo de nuevo.",
    }


class DamagedArchive(BadArchive):
    """The archive cannot be read to its end. `entry` is where it broke, or its name."""

    texts = {
        "en": "The archive is damaged at “{entry}”. Compress your folder again and upload it.",
        "es": "El archivo comprimido está dañado en «{entry}». Comprime tu carpeta de nuevo y súbela.",
    }


class UnsafeEntry(BadArchive):
    """An entry would land outside of its folder, or is no plain file. `entry`."""

    texts = {
        "en": "The archive contains an unsafe entry, “{entry}” (a path outside the folder, a link or a device). Remove it and upload again.",
        "es": "El archivo comprimido contiene una entrada insegura, «{entry}» (una ruta fuera de la carpeta, un enlace o un dispositivo). Elimínala y sube de nuevo.",
    }


class ReservedEntry(BadArchive):
    """An entry has a name that only the processing may write. `entry`."""

    texts = {
        "en": "The archive brings “{entry}”, a name that is reserved for results. Remove it (and any results folder or output_*.txt) and upload again.",
        "es": "El archivo comprimido trae «{entry}», un nombre reservado para los resultados. Elimínalo (y cualquier carpeta results u output_*.txt) y sube de nuevo.",
    }


class ArchiveBomb(BadArchive):
    """The archive would unpack to more than is allowed. `limit_mb` unpacked, `limit_files` entries."""

    texts = {
        "en": "The archive unpacks to more than allowed ({limit_mb} MB or {limit_files} files). Remove what is not needed (build folders, node_modules) and upload again.",
        "es": "El archivo comprimido se expande a más de lo permitido ({limit_mb} MB o {limit_files} archivos). Quita lo que no haga falta (carpetas de compilación, node_modules) y sube de nuevo.",
    }


class EncryptedArchive(BadArchive):
    """An entry is protected by a password. `entry`."""

    texts = {
        "en": "“{entry}” is protected with a password. Compress your folder without one and upload again.",
        "es": "«{entry}» está protegido con contraseña. Comprime tu carpeta sin contraseña y sube de nuevo.",
    }


class UnsupportedCompression(BadArchive):
    """An entry is packed with a method that the processing nodes cannot read. `entry`."""

    texts = {
        "en": "“{entry}” is compressed with a method that cannot be read here. Compress your folder as a plain ZIP (deflate) and upload again.",
        "es": "«{entry}» está comprimido con un método que aquí no se puede leer. Comprime tu carpeta como ZIP normal (deflate) y sube de nuevo.",
    }


class TooLarge(Rejected):
    """The upload is larger than the limit. `limit_mb`."""

    texts = {
        "en": "The file is larger than {limit_mb} MB. Make it smaller and upload it again.",
        "es": "El archivo supera los {limit_mb} MB. Redúcelo y súbelo de nuevo.",
    }


class Conflict(Rejected):
    """Something is in the way; the subclasses say what."""


class NotYetOpen(Conflict):
    """The assignment has not started. `start` as text."""

    texts = {
        "en": "This assignment opens on {start}. Come back then.",
        "es": "Esta asignación abre el {start}. Vuelve entonces.",
    }


class AlreadyClosed(Conflict):
    """The due date has passed. `end` as text."""

    texts = {
        "en": "This assignment closed on {end}; your file was not accepted. Talk to your professor if you need more time.",
        "es": "Esta asignación cerró el {end}; tu archivo no fue aceptado. Habla con tu profesor si necesitas más tiempo.",
    }


class InUse(Conflict):
    """It cannot be removed or changed while something depends on it. `names` of what does."""

    texts = {
        "en": "It is in use by: {names}. Remove or change those first.",
        "es": "Lo están usando: {names}. Elimina o cambia eso primero.",
    }


class NameTaken(Conflict):
    """Another one has this name already. `name`."""

    texts = {
        "en": "“{name}” exists already. Choose another name.",
        "es": "«{name}» ya existe. Elige otro nombre.",
    }


class NotRequeueable(Conflict):
    """Only a task that failed can be requeued; this one is still under way or has passed."""

    texts = {
        "en": "Only a failed submission can be requeued; this one is waiting, running or has passed.",
        "es": "Solo se puede reencolar una entrega fallida; esta espera, está en curso o ya pasó.",
    }


class KeyInUse(Conflict):
    """The Idempotency-Key is being answered right now, or belongs to another request."""

    texts = {
        "en": "This Idempotency-Key is in use for another request. Wait a moment or take a new key.",
        "es": "Esta Idempotency-Key ya se usa en otra petición. Espera un momento o usa una clave nueva.",
    }


class NotReady(Conflict):
    """The output of a stage that has not ended was asked for."""

    texts = {
        "en": "This stage has not ended yet. Its output can be read when it has.",
        "es": "Esta etapa aún no termina. Su salida se podrá leer cuando termine.",
    }


class Unavailable(UlosError):
    """A system that we depend on is down. The same request may succeed later."""


class DatabaseUnavailable(Unavailable):
    """Postgres does not answer."""

    texts = {
        "en": "The database does not answer. Nothing was changed; try again in a minute.",
        "es": "La base de datos no responde. No se cambió nada; intenta de nuevo en un minuto.",
    }


class StorageUnavailable(Unavailable):
    """The FTP server does not answer, or refused an operation."""

    texts = {
        "en": "The file server does not answer. Nothing was accepted; try again in a minute.",
        "es": "El servidor de archivos no responde. No se aceptó nada; intenta de nuevo en un minuto.",
    }


class NoSpace(Unavailable):
    """The disk that uploads pass through is full."""

    texts = {
        "en": "The server has no room for the upload right now. Nothing was accepted; try again in a minute.",
        "es": "El servidor no tiene espacio para el archivo en este momento. No se aceptó nada; intenta de nuevo en un minuto.",
    }


class BrokerUnavailable(Unavailable):
    """The queue does not answer."""

    texts = {
        "en": "The queue does not answer. What was accepted is kept and goes out by itself.",
        "es": "La cola no responde. Lo aceptado está guardado y saldrá por sí solo.",
    }
