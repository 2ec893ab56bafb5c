"""What is in the way: the request is right, the state of things is not."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors.base import Rejected


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


class QueueTaken(Conflict):
    """Another queue serves the routing key. `key`, `queue` that serves it, `wanted`, `names` of its users."""

    texts = {
        "en": "Tasks with the routing key {key} go to the queue {queue}, so they cannot go to {wanted} too. These use the key: {names}. Leave the queue empty to share it, or choose another key; an administrator can move the key with its tasks.",
        "es": "Las tareas con la clave {key} van a la cola {queue}, así que no pueden ir también a {wanted}. Usan esta clave: {names}. Deja la cola vacía para compartirla o elige otra clave; un administrador puede mover la clave con sus tareas.",
    }

    def __init__(self, *, key: str, queue: str, wanted: str, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(key=key, queue=queue, wanted=wanted, names=self.names)


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
