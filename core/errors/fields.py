"""What is wrong with a field, named by its value `field` where there is one."""

from __future__ import annotations

from core.errors.base import Rejected


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


class ImpossibleFile(Invalid):
    """A required file that no accepted archive can hold. `field`, `value`."""

    texts = {
        "en": "{field}: no archive that is accepted can hold “{value}”. Use a name within the submission's folder that is not reserved (results, output_*.txt), not left out (.DS_Store, .git, …) and distinct from the others.",
        "es": "{field}: ningún archivo comprimido aceptado puede contener «{value}». Usa un nombre dentro de la carpeta de la entrega que no esté reservado (results, output_*.txt), no se omita (.DS_Store, .git, …) y sea distinto de los demás.",
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


class NotAReceipt(Invalid):
    """A receipt was not made by this installation, or was changed since. `field`."""

    texts = {
        "en": "This receipt was not issued here, or it was changed. Copy it whole and try again.",
        "es": "Este comprobante no se emitió aquí o fue modificado. Cópialo completo e intenta de nuevo.",
    }


class NoSuchTime(Invalid):
    """A local time that clocks skip when daylight saving begins. `field`, `value`, `zone`."""

    texts = {
        "en": "{field}: {value} does not exist in {zone}, since clocks go forward then. Choose another time.",
        "es": "{field}: {value} no existe en {zone}, porque a esa hora se adelantan los relojes. Elige otra hora.",
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


class BadWebhook(Invalid):
    """Not an address that notices may be sent to. `field`."""

    texts = {
        "en": "{field} is no address that notices can be sent to. Write it as https://host/…, without user or password.",
        "es": "{field} no es una dirección a la que se puedan enviar avisos. Escríbela como https://host/…, sin usuario ni contraseña.",
    }
