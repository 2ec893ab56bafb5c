"""What is wrong with an uploaded archive."""

from __future__ import annotations

from core.errors.base import Rejected


class BadArchive(Rejected):
    """The upload is not a submission that can be accepted; the subclasses say why."""


class NotAZip(BadArchive):
    """The file is no zip archive, whatever its name says."""

    texts = {
        "en": "The content of this file is not a zip archive. Compress your folder as ZIP (changing the name is not enough) and upload it again.",
        "es": "El contenido de este archivo no es un ZIP. Comprime tu carpeta en formato ZIP (cambiar el nombre no basta) y súbela de nuevo.",
    }


class NotAPdf(BadArchive):
    """The file is no PDF, whatever its name says."""

    texts = {
        "en": "The content of this file is not a complete PDF. Export it again and upload it.",
        "es": "El contenido de este archivo no es un PDF completo. Expórtalo de nuevo y súbelo.",
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


class BackslashInName(UnsafeEntry):
    """An entry separates its folders with backslashes, which only some readers accept. `entry`."""

    texts = {
        "en": "The archive separates folders with a backslash in “{entry}”, which not every program understands. Compress your folder again with your system's own “Compress to ZIP” or with 7-Zip and upload it.",
        "es": "El archivo comprimido separa las carpetas con una barra invertida en «{entry}», y no todos los programas la entienden. Comprime tu carpeta de nuevo con la opción «Comprimir» de tu sistema o con 7-Zip y súbela.",
    }


class BadEntryName(UnsafeEntry):
    """An entry has a name that file systems refuse or that cannot be shown. `entry`."""

    texts = {
        "en": "The name “{entry}” in the archive is empty, too long or has characters that cannot be shown. Rename it and upload again.",
        "es": "El nombre «{entry}» dentro del archivo comprimido está vacío, es demasiado largo o tiene caracteres que no se pueden mostrar. Cámbialo y sube de nuevo.",
    }


class EntriesClash(UnsafeEntry):
    """Two entries would be the same file on some system. `entry`, `other`."""

    texts = {
        "en": "The archive contains “{other}” and “{entry}”, which would be one file on some systems. Rename or remove one and upload again.",
        "es": "El archivo comprimido contiene «{other}» y «{entry}», que en algunos sistemas serían el mismo archivo. Renombra o elimina uno y sube de nuevo.",
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
