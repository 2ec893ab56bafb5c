"""What is wrong with an uploaded list of people, as a whole or in one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, cast

from core.errors.base import Rejected
from core.errors.fields import Invalid


class UnreadableRoster(Invalid):
    """An uploaded list of people cannot be read as a table. `field`."""

    texts = {
        "en": "This file cannot be read as a list. Save it as .xlsx, .xls or .csv, without a password, and upload it again.",
        "es": "Este archivo no se puede leer como lista. Guárdalo como .xlsx, .xls o .csv, sin contraseña, y súbelo de nuevo.",
    }


class NotASpreadsheet(Invalid):
    """An uploaded list is a web page without a table, or one saved whole with its pictures. `field`."""

    texts = {
        "en": "This file is a web page, not a spreadsheet, whatever its name. Open it in Excel, save it as .xlsx and upload that.",
        "es": "Este archivo es una página web y no una hoja de cálculo, sea cual sea su nombre. Ábrelo en Excel, guárdalo como .xlsx y sube ese archivo.",
    }


class RosterWithoutEmails(Invalid):
    """No column of an uploaded list is headed as one of e-mail addresses. `field`."""

    texts = {
        "en": "No column of e-mail addresses was found in this file. Its first row must name the columns: ID de alumno, Apellidos, Nombres, Email.",
        "es": "No se encontró una columna de correos en este archivo. Su primera fila debe nombrar las columnas: ID de alumno, Apellidos, Nombres, Email.",
    }


class RosterTooLong(Invalid):
    """An uploaded list has more rows than any course. `field`, `limit`."""

    texts = {
        "en": "This list has more than {limit} rows. Split it and upload the parts.",
        "es": "Esta lista tiene más de {limit} filas. Divídela y sube las partes.",
    }


class BrokenQuotes(Invalid):
    """A row of an uploaded list has a quotation mark that is not closed or stands within a cell."""

    texts = {
        "en": "The quotation marks of this row do not match. Correct the row and upload the list again.",
        "es": "Las comillas de esta fila no coinciden. Corrige la fila y sube la lista de nuevo.",
    }


class RepeatedRow(Invalid):
    """The same person stands in an earlier row of the list. `row` is that one."""

    texts = {
        "en": "The same e-mail is in row {row} already; this row was left out.",
        "es": "El mismo correo ya está en la fila {row}; esta fila se omitió.",
    }


class NothingUsable(Invalid):
    """No row of an uploaded list can be used. `rejected`: row, sheet and reason of each."""

    texts = {
        "en": "No row of this list can be used. {reasons}",
        "es": "Ninguna fila de esta lista se puede usar. {reasons}",
    }
    _empty: ClassVar = {"en": "It lists no people.", "es": "No contiene personas."}
    _rows: ClassVar = {"en": "Row {rows}: {reason}", "es": "Fila {rows}: {reason}"}
    _most = 5
    """Rows that are named for each reason, and reasons."""

    def sentence(self, language: str, quote: Callable[[str], str] = str) -> str:
        """The reasons, each with the rows that it holds for."""
        language = language if language in self.texts else "en"
        by_reason: dict[str, list[str]] = {}
        rejected = cast("Sequence[tuple[int, str, Rejected]]", self.values.get("rejected", ()))
        for row, sheet, reason in rejected:
            place = quote(f"{row} ({sheet})" if sheet else str(row))
            by_reason.setdefault(reason.sentence(language, quote), []).append(place)
        said = [
            self._rows[language].format(
                rows=", ".join(rows[: self._most]) + ("…" if len(rows) > self._most else ""), reason=reason
            )
            for reason, rows in list(by_reason.items())[: self._most]
        ]
        return self.texts[language].format(reasons=" ".join(said) or self._empty[language])
