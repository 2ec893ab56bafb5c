"""Which heading of a list names which column: the one table, and how headings are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

_COLUMNS = {
    # The university's own export first; then Moodle, Brightspace, Banner, Canvas and Gradescope, es and en.
    "code": "iddealumno iddelalumno idalumno idestudiante iddeestudiante codigo codigoestudiante"
    " codigodeestudiante codigodelestudiante codigoalumno codigodealumno codigouniandes codigobanner idbanner"
    " bannerid banner spridenid orgdefinedid iddefinidoporlaorganizacion iddefinidaporlaorganizacion"
    " identificadordefinidoporlaorganizacion iddelaorganizacion numerodeid numerodeidentificacion"
    " numerodeestudiante carnet carne matricula studentid studentnumber studentcode idnumber sid sisuserid"
    " idsis universityid id",
    "last": "apellidos apellido primerapellido lastname lastnames surname surnames familyname"
    " spridenlastname",
    "second_last": "segundoapellido secondlastname secondsurname",
    "first": "nombres nombre primernombre firstname firstnames givenname givennames forename"
    " spridenfirstname",
    "middle": "segundonombre middlename spridenmi",
    "name": "nombrecompleto nombreyapellido nombresyapellidos nombreyapellidos apellidosynombres"
    " apellidosynombre apellidoynombre nombredelestudiante nombreestudiante nombredelalumno nombrealumno"
    " nombredealumno fullname studentname displayname name estudiante alumno student",
    "email": "email emails correo correoelectronico correoinstitucional correouniandes correodelestudiante"
    " correoestudiante correoalumno mail emailaddress emailuniandes emailinstitucional emailestudiante"
    " studentemail direccionemail direccionmail direcciondecorreo direcciondecorreoelectronico"
    " direcciondeemail direccioncorreo direccioncorreoelectronico correoelectronicoinstitucional"
    " emailpreferido correopreferido preferredemail institutionalemail goremalemailaddress"
    " correopersonal emailpersonal correoalterno emailalterno personalemail alternateemail"
    " usuariouniandes universityemail",
    "login": "username usuario nombredeusuario login loginid sisloginid idlogin orgdefinedusername",
}

_RANKS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        spelling: (column, rank)
        for column, spellings in _COLUMNS.items()
        for rank, spelling in enumerate(spellings.split())
    }
)


def column_of(heading: str) -> tuple[str, int] | None:
    """Return what the column holds and how specific `heading` is for it (lower is more); None if unknown."""
    return _RANKS.get(_plain(heading))


def _plain(heading: str) -> str:
    """Return `heading` without accents, capitals and signs: `ID de Alumno` equals `id_de_alumno`."""
    decomposed = unicodedata.normalize("NFKD", heading).casefold()
    return re.sub(r"[^a-z0-9]", "", decomposed)
