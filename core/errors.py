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

from collections.abc import Mapping, Sequence
from functools import partial
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

    def __reduce__(self) -> tuple[partial[UlosError], tuple[()]]:
        """Made again from its values: an exception's own way would hand over the sentence."""
        return partial(type(self), **self.values), ()

    def sentence(self, language: str) -> str:
        """What happened and what to do, in `language` (`es` or `en`; English when unknown)."""
        shown = {
            name: ", ".join(value) if isinstance(value, tuple) else value
            for name, value in self.values.items()
        }
        return self.texts.get(language, self.texts["en"]).format(**shown)


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

    def sentence(self, language: str) -> str:
        """As for every error, the kind of thing by its name in `language`."""
        text = self.texts.get(language, self.texts["en"])
        values = {name: str(value) for name, value in self.values.items()}
        if language == "es" and "what" in values:
            values["what"] = self.kinds.get(values["what"], values["what"])
        return text.format(**values)


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


class TooShort(Invalid):
    """A text is shorter than needed. `field`, `limit` in characters."""

    texts = {
        "en": "{field} is too short. Use at least {limit} characters.",
        "es": "{field} es demasiado corto. Usa al menos {limit} caracteres.",
    }


class OutOfBounds(Invalid):
    """A number, or how many there are of something, is not within its bound. `field`, `bound` as `≥ 1`."""

    texts = {
        "en": "{field} must be {bound}.",
        "es": "{field} debe ser {bound}.",
    }


class WrongType(Invalid):
    """A value is of another type. `field`, `expected` as JSON and the API's document call it."""

    texts = {
        "en": "{field} is not of the type {expected}.",
        "es": "{field} no es del tipo {expected}.",
    }


class NotJson(Invalid):
    """A text that should be JSON is none. `field`."""

    texts = {
        "en": "{field} is not valid JSON.",
        "es": "{field} no es JSON válido.",
    }


class NotUnderstood(Invalid):
    """A value is not what is expected, for a reason of its own. `field`."""

    texts = {
        "en": "{field} cannot be understood. The document of the API (/docs) says what is expected.",
        "es": "{field} no se entiende. El documento de la API (/docs) dice qué se espera.",
    }


class BrokenForm(Invalid):
    """A form did not arrive whole, or is none. `field` is what it should have carried."""

    texts = {
        "en": "{field}: the form did not arrive whole. Send it again as multipart/form-data.",
        "es": "{field}: el formulario no llegó completo. Envíalo de nuevo como multipart/form-data.",
    }


class BadText(Invalid):
    """A text has characters that cannot be stored. `field` names it."""

    texts = {
        "en": "{field} has characters that cannot be stored. Remove them and try again.",
        "es": "{field} tiene caracteres que no se pueden guardar. Quítalos e intenta de nuevo.",
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


class ReservedKey(Invalid):
    """A routing key is one that reports travel under. `field`, `value`."""

    texts = {
        "en": "{field} “{value}” is reserved for reports of the orchestrator. Choose another one.",
        "es": "{field} «{value}» está reservado para los reportes del orquestador. Elige otro.",
    }


class BadRange(Invalid):
    """A number is out of its range. `field`, `low`, `high`."""

    texts = {
        "en": "{field} must be between {low} and {high}.",
        "es": "{field} debe estar entre {low} y {high}.",
    }


class BadByteRange(Rejected):
    """Bytes were asked for that lie behind the end of a file. `size` in bytes."""

    texts = {
        "en": "The file has {size} bytes. Ask for a range within them.",
        "es": "El archivo tiene {size} bytes. Pide un rango dentro de ellos.",
    }


class UnreadableBody(Rejected):
    """The body of a request is not what its content type says."""

    texts = {
        "en": "The body of the request cannot be read. Send it whole, text in UTF-8.",
        "es": "No se puede leer el cuerpo de la petición. Envíalo completo y el texto en UTF-8.",
    }


class BadUpload(Invalid):
    """The request holds no single whole file where it should. `field` names the part."""

    texts = {
        "en": "{field}: send one file, whole, as the part “{field}” of a multipart form.",
        "es": "{field}: envía un solo archivo, completo, como la parte «{field}» de un formulario multipart.",
    }


class BadCursor(Invalid):
    """The cursor of a list was not answered by it."""

    texts = {
        "en": "cursor: this is not the end of a page of this list. Leave it out to start again.",
        "es": "cursor: este no es el final de una página de esta lista. Omítelo para comenzar de nuevo.",
    }


class EmailNotAllowed(Invalid):
    """Accounts are for e-mails of some domains only. `domains`."""

    texts = {
        "en": "Use an e-mail address of: {domains}.",
        "es": "Usa un correo de: {domains}.",
    }


class BadEmail(Invalid):
    """Not an e-mail address that mail could be sent to. `field`, `value`."""

    texts = {
        "en": "“{value}” is not an e-mail address. Write it as name@domain, without accents or spaces.",
        "es": "«{value}» no es un correo electrónico. Escríbelo como nombre@dominio, sin tildes ni espacios.",
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


class UnreadableRoster(Invalid):
    """An uploaded list of people cannot be read as a table. `field`."""

    texts = {
        "en": "This file cannot be read as a list. Save it as .xlsx, .xls or .csv, without a password, and upload it again.",
        "es": "Este archivo no se puede leer como lista. Guárdalo como .xlsx, .xls o .csv, sin contraseña, y súbelo de nuevo.",
    }


class RosterWithoutEmails(Invalid):
    """No column of an uploaded list is headed as one of e-mail addresses. `field`."""

    texts = {
        "en": "No column of this file is called Email. Its first row must name the columns: ID de alumno, Apellidos, Nombres, Email.",
        "es": "Ninguna columna de este archivo se llama Email. Su primera fila debe nombrar las columnas: ID de alumno, Apellidos, Nombres, Email.",
    }


class RosterTooLong(Invalid):
    """An uploaded list has more rows than any course. `field`, `limit`."""

    texts = {
        "en": "This list has more than {limit} rows. Split it and upload the parts.",
        "es": "Esta lista tiene más de {limit} filas. Divídela y sube las partes.",
    }


class RepeatedRow(Invalid):
    """The same person stands in an earlier row of the list. `row` is that one."""

    texts = {
        "en": "The same e-mail is in row {row} already; this row was left out.",
        "es": "El mismo correo ya está en la fila {row}; esta fila se omitió.",
    }


class NotAReceipt(Invalid):
    """A receipt was not made by this installation, or was changed since. `field`."""

    texts = {
        "en": "This receipt was not issued here, or it was changed. Copy it whole and try again.",
        "es": "Este comprobante no se emitió aquí o fue modificado. Cópialo completo e intenta de nuevo.",
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


class UnexpectedFile(Invalid):
    """An image file came that no stage calls for. `name` is what it is called."""

    texts = {
        "en": "No stage calls for the file “{name}”. Give its name as container_filename of a stage, or leave it out.",
        "es": "Ninguna etapa pide el archivo «{name}». Ponlo como container_filename de una etapa o quítalo.",
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


class NotAPdf(BadArchive):
    """The file is no PDF, whatever its name says."""

    texts = {
        "en": "This file is not a complete PDF, even if its name ends in .pdf. Export it again and upload it.",
        "es": "Este archivo no es un PDF completo, aunque su nombre termine en .pdf. Expórtalo de nuevo y súbelo.",
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


class MissingFiles(BadArchive):
    """Files that the assignment requires are not in the archive. `names`."""

    texts = {
        "en": "Your archive lacks what this assignment requires: {names}. Add it, with exactly this name, and upload it again.",
        "es": "A tu archivo le falta lo que esta asignación exige: {names}. Agrégalo, con exactamente ese nombre, y sube de nuevo.",
    }


class TooLarge(Rejected):
    """The upload is larger than the limit. `limit_mb`."""

    texts = {
        "en": "The file is larger than {limit_mb} MB. Make it smaller and upload it again.",
        "es": "El archivo supera los {limit_mb} MB. Redúcelo y súbelo de nuevo.",
    }


class BodyTooLarge(TooLarge):
    """A request that is no upload is larger than the limit. `limit_mb`."""

    texts = {
        "en": "The request is larger than {limit_mb} MB. Send less at once.",
        "es": "La solicitud supera los {limit_mb} MB. Envía menos de una vez.",
    }


class MailRefused(Rejected):
    """The mail server refuses this one message. `problem` says why; `for_good`: so it will again."""

    texts = {
        "en": "The mail server refused the message: {problem}.",
        "es": "El servidor de correo rechazó el mensaje: {problem}.",
    }


class WebhookFailed(Rejected):
    """A webhook did not take a notice. `problem` says why; `for_good`: so it will be again."""

    texts = {
        "en": "The webhook did not take the notice: {problem}.",
        "es": "El webhook no recibió el aviso: {problem}.",
    }


class BadWebhook(Invalid):
    """Not an address that notices may be sent to. `field`."""

    texts = {
        "en": "{field} is no address that notices can be sent to. Write it as https://host/…, without user or password.",
        "es": "{field} no es una dirección a la que se puedan enviar avisos. Escríbela como https://host/…, sin usuario ni contraseña.",
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


class NoMoreSubmissions(Conflict):
    """The student has handed in as often as the assignment allows. `limit`."""

    texts = {
        "en": "This assignment allows {limit} submissions, and you have used them all. Your latest one stays. Talk to your professor if you need another.",
        "es": "Esta asignación permite {limit} entregas y ya las usaste todas. Tu última entrega se conserva. Habla con tu profesor si necesitas otra.",
    }


class EarlierThanDue(Conflict):
    """An extension would end before the general due date. `due` as text."""

    texts = {
        "en": "An extension cannot end before the due date of the assignment, {due}. Choose a later moment.",
        "es": "Una prórroga no puede terminar antes de la fecha de entrega de la asignación, {due}. Elige un momento posterior.",
    }


class InUse(Conflict):
    """It cannot be removed or changed while something depends on it. `names` of what does."""

    texts = {
        "en": "It is in use by: {names}. Remove or change those first.",
        "es": "Lo están usando: {names}. Elimina o cambia eso primero.",
    }

    def __init__(self, *, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(names=self.names)


class NameTaken(Conflict):
    """Another one has this name already. `name`."""

    texts = {
        "en": "“{name}” exists already. Choose another name.",
        "es": "«{name}» ya existe. Elige otro nombre.",
    }


class ChangedMeanwhile(Conflict):
    """Somebody else has saved it since it was read."""

    texts = {
        "en": "Somebody else has changed this in the meantime. Load it again and repeat your change.",
        "es": "Alguien más cambió esto entretanto. Vuelve a cargarlo y repite tu cambio.",
    }


class HasSubmissions(Conflict):
    """An assignment with submissions is not deleted just like that. `name`, `count`."""

    texts = {
        "en": "“{name}” has submissions ({count}), which would be lost with it. Ask for it expressly (force) if you mean it.",
        "es": "«{name}» tiene entregas ({count}) que se perderían. Pídelo expresamente (force) si es lo que quieres.",
    }


class DefinitionFixed(Conflict):
    """The definition of an assignment with submissions stays. `name`, `count`."""

    texts = {
        "en": "“{name}” has submissions ({count}) that were processed by its task definition, so that can no longer change. Everything else can.",
        "es": "«{name}» tiene entregas ({count}) procesadas con su definición, así que esta ya no puede cambiar. Lo demás sí.",
    }


class AccountExists(NameTaken):
    """The address has an account already. `name` is the address."""

    texts = {
        "en": "“{name}” has an account already. Sign in, or ask for a link to set its password.",
        "es": "«{name}» ya tiene una cuenta. Inicia sesión o pide un enlace para definir su contraseña.",
    }


class AccountClosed(Conflict):
    """The account was closed by an administrator."""

    texts = {
        "en": "This account is closed. Ask an administrator to open it again.",
        "es": "Esta cuenta está cerrada. Pide a un administrador que la abra de nuevo.",
    }


class LastAdmin(Conflict):
    """The platform would be without anybody who administers it."""

    texts = {
        "en": "This is the only administrator. Make somebody else one first.",
        "es": "Es la única persona que administra la plataforma. Nombra primero a otra.",
    }


class LinkExpired(Conflict):
    """A one-time link is unknown, was used, is too old, or has been replaced."""

    texts = {
        "en": "This link was used already or has expired. Ask for a new one.",
        "es": "Este enlace ya se usó o venció. Pide uno nuevo.",
    }


class NoMail(Conflict):
    """The installation sends no mail, so it cannot send a link."""

    texts = {
        "en": "No mail is sent from here. Ask your professor or an administrator for a link to set your password.",
        "es": "Desde aquí no se envían correos. Pide a tu profesor o a un administrador un enlace para definir tu contraseña.",
    }


class HasPassword(Conflict):
    """Somebody who has set a password needs no invitation."""

    texts = {
        "en": "This person has set a password already and needs no invitation. They can reset it themselves.",
        "es": "Esta persona ya definió su contraseña y no necesita invitación. Puede restablecerla por su cuenta.",
    }


class HasOtherRole(Conflict):
    """The person is in the course already, as something else."""

    texts = {
        "en": "This person is in the course already with another role, which was kept. Change the role in the list of people if that is meant.",
        "es": "Esta persona ya está en el curso con otro rol, que se mantuvo. Cambia el rol en la lista de personas si eso es lo que quieres.",
    }


class LastProfessor(Conflict):
    """A course would be left without anybody who teaches it."""

    texts = {
        "en": "This is the only professor of the course. Add another one first.",
        "es": "Es la única persona que enseña el curso como profesor. Agrega a otra primero.",
    }


class NotRequeueable(Conflict):
    """Only a task that failed or is stalled can be requeued; this one is under way or has passed."""

    texts = {
        "en": "Only a failed or stalled submission can be requeued; this one is waiting, running or has passed.",
        "es": "Solo se puede reencolar una entrega fallida o estancada; esta espera, está en curso o ya pasó.",
    }


class TooManyRequeues(Conflict):
    """The submission has had as many attempts as it may have. `limit` of them."""

    texts = {
        "en": "This submission has had {limit} attempts, the most that it may have. Find out why it fails and have the student submit again.",
        "es": "Esta entrega ya tuvo {limit} intentos, el máximo permitido. Busca por qué falla y pide al estudiante que entregue de nuevo.",
    }


class TooManyDryRuns(Conflict):
    """As many dry runs of this person are under way as may be. `limit` of them."""

    texts = {
        "en": "{limit} of your dry runs are under way, the most that may be at once. Wait until one of them has ended.",
        "es": "Tienes {limit} ejecuciones de prueba en curso, el máximo a la vez. Espera a que termine alguna.",
    }


class NothingToRequeue(Conflict):
    """None of the submissions that were selected can be requeued."""

    texts = {
        "en": "None of the selected submissions can be requeued: they wait, run, have passed or have had all their attempts. Change the selection.",
        "es": "Ninguna de las entregas seleccionadas se puede reencolar: esperan, están en curso, ya pasaron o agotaron sus intentos. Cambia la selección.",
    }


class OperationOver(Conflict):
    """An operation that has ended cannot be stopped."""

    texts = {
        "en": "This operation has already ended. There is nothing left to stop.",
        "es": "Esta operación ya terminó. No queda nada por detener.",
    }


class OnTrial(NotRequeueable):
    """Another attempt of the submission is on trial."""

    texts = {
        "en": "This submission is being run again on trial. Apply or discard that trial first.",
        "es": "Esta entrega se está ejecutando de nuevo a prueba. Aplica o descarta primero esa prueba.",
    }


class TrialUnderWay(Conflict):
    """A trial cannot be decided before all of it has a result."""

    texts = {
        "en": "This trial is not over yet. Wait until every submission has its result, or stop it.",
        "es": "Esta prueba no ha terminado. Espera a que cada entrega tenga su resultado, o detenla.",
    }


class TrialDecided(Conflict):
    """A trial is decided once."""

    texts = {
        "en": "This trial has already been decided the other way. Nothing was changed.",
        "es": "Esta prueba ya se decidió en el otro sentido. No se cambió nada.",
    }


class KeyInUse(Conflict):
    """The Idempotency-Key is being answered right now, or belongs to another request."""

    texts = {
        "en": "This Idempotency-Key is in use for another request. Wait a moment or take a new key.",
        "es": "Esta Idempotency-Key ya se usa en otra petición. Espera un momento o usa una clave nueva.",
    }


class StillParked(Conflict):
    """A parked report cannot be applied yet. `reason` is a `ParkReason`."""

    texts = {
        "en": "This report still cannot be applied ({reason}). Discard it, or try again when the cause is gone.",
        "es": "Este reporte aún no se puede aplicar ({reason}). Descártalo, o intenta de nuevo cuando la causa desaparezca.",
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


class WorkerMissing(Unavailable):
    """No process of the loops is alive."""

    texts = {
        "en": "The worker does not run. What is accepted is kept and goes on when it is back.",
        "es": "El proceso de fondo no está en marcha. Lo aceptado se conserva y sigue cuando vuelva.",
    }


class MailUnavailable(Unavailable):
    """The mail server does not answer, or put the message off. `problem` says how, for operators."""

    texts = {
        "en": "The mail server does not accept mail ({problem}). What is to be sent is kept and goes out by itself.",
        "es": "El servidor de correo no acepta mensajes ({problem}). Lo pendiente está guardado y saldrá por sí solo.",
    }


class BrokerRefused(BrokerUnavailable):
    """RabbitMQ answers and does not let us in, or not do something. `reason` in its own words."""

    texts = {
        "en": "RabbitMQ refuses us: {reason}. Check user, password, virtual host and permissions in ULOS_AMQP_URL. What was accepted is kept.",
        "es": "RabbitMQ nos rechaza: {reason}. Revisa usuario, contraseña, virtual host y permisos en ULOS_AMQP_URL. Lo aceptado está guardado.",
    }


class BrokerBlocked(BrokerUnavailable):
    """RabbitMQ takes nothing because its memory or disk is short."""

    texts = {
        "en": "RabbitMQ takes no messages because its memory or disk is short. Free some; what was accepted is kept and goes out by itself.",
        "es": "RabbitMQ no recibe mensajes porque le falta memoria o disco. Libera espacio; lo aceptado está guardado y saldrá por sí solo.",
    }


class QueueMissing(BrokerUnavailable):
    """RabbitMQ has no queue of this `name` yet."""

    texts = {
        "en": "RabbitMQ has no queue {name} yet. Declare it, or set ULOS_AMQP_DECLARE=on; nothing is lost meanwhile.",
        "es": "RabbitMQ aún no tiene la cola {name}. Decláralo, o usa ULOS_AMQP_DECLARE=on; mientras tanto nada se pierde.",
    }
