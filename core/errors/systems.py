"""A system is down, full or refuses: try again later."""

from __future__ import annotations

from core.errors.base import Rejected, Unavailable


class DatabaseUnavailable(Unavailable):
    """Postgres does not answer."""

    texts = {
        "en": "The database does not answer. Nothing was changed; try again in a minute.",
        "es": "La base de datos no responde. No se cambió nada; intenta de nuevo en un minuto.",
    }


class StorageUnavailable(Unavailable):
    """The FTP server does not answer, or refused an operation."""

    texts = {
        "en": "The file server does not answer. Nothing was changed; try again in a minute.",
        "es": "El servidor de archivos no responde. No se cambió nada; intenta de nuevo en un minuto.",
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


class SchemaOutdated(Unavailable):
    """The tables are those of another version."""

    texts = {
        "en": "The tables wait for their migrations: run `python -m core setup`.",
        "es": "Las tablas esperan sus migraciones: ejecuta `python -m core setup`.",
    }


class WorkerMissing(Unavailable):
    """No process of the loops is alive."""

    texts = {
        "en": "The worker does not run. What is accepted is kept and goes on when it is back.",
        "es": "El proceso de fondo no está en marcha. Lo aceptado se conserva y sigue cuando vuelva.",
    }


class NodesMissing(Unavailable):
    """No process takes submissions from the queue."""

    texts = {
        "en": "Nothing is processing submissions right now. They are saved and stay in the queue.",
        "es": "Nadie está procesando entregas en este momento. Están guardadas y siguen en la cola.",
    }


class WorkerSilent(Unavailable):
    """A worker is connected, but `loops` of it do not work: it is frozen, or they are stuck."""

    texts = {
        "en": "The worker does not work ({loops}): it is frozen or stuck. What is accepted is kept; restart it.",
        "es": "El proceso de fondo no trabaja ({loops}): está congelado o bloqueado. Lo aceptado se conserva; reinícialo.",
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
