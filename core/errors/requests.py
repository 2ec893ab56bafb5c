"""What is wrong with a request as a whole."""

from __future__ import annotations

from core.errors.archives import TooLarge
from core.errors.base import Rejected


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


class BodyTooLarge(TooLarge):
    """A request that is no upload is larger than the limit. `limit_mb`."""

    texts = {
        "en": "The request is larger than {limit_mb} MB. Send less at once.",
        "es": "La solicitud supera los {limit_mb} MB. Envía menos de una vez.",
    }


class TooManyUploads(Rejected):
    """A person sends more files at once than are received. `most` of them."""

    texts = {
        "en": "You are sending {most} files already. Wait until one of them has arrived and try again.",
        "es": "Ya estás enviando {most} archivos. Espera a que llegue uno de ellos e intenta de nuevo.",
    }
