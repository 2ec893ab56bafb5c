"""What is wrong with an uploaded archive."""

from __future__ import annotations

from core.errors.base import Rejected


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
