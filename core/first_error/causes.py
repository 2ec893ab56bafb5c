"""What two errors of the same cause have in common: the text without what differs between students."""

from __future__ import annotations

import re

_PATH = r"(?<![\w<])(?:[A-Za-z]:\\|~?\.{0,2}/|[\w.-]{1,100}[/\\])[^\s'\"<>|,;:()\[\]]{1,300}"
_EXTENSIONS = (
    "py|m?[jt]sx?|cjs|kts?|java|class|jar|json|ya?ml|xml|html?|css|csv|txt|g?code|gco|nc|zip|c|h|cpp|hpp|go"
    "|rs|rb|sh|ipynb|toml|properties|log|png|jpe?g|svg"
)
_FOLDED = (
    (re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s'\"<>]+"), "<url>"),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,5}"), "<email>"),
    (re.compile(_PATH), "<file>"),
    (re.compile(rf"(?<![\w<.@/])[\w-]{{1,100}}(?:\.[\w-]{{1,40}}){{0,3}}\.(?:{_EXTENSIONS})\b"), "<file>"),
    (re.compile(r",? ?\b(?:on )?(?:line|línea) \d+(?:, column \d+)?"), ""),
    (re.compile(r"\b0[xX][0-9a-fA-F]{1,64}\b"), "<id>"),
)
_NUMBER = re.compile(r"(?<![\w<])[-+]?\d+(?:[.,:]\d+)*(?:e[-+]?\d+)?|\d+")
_QUOTED = re.compile(r"'[^'\n]{0,200}'|\"[^\"\n]{0,200}\"|“[^”\n]{0,200}”|«[^»\n]{0,200}»")
_VALUES = (
    (re.compile(r"<[^<>\n]{0,200}>(?= but| and|$)"), "<value>"),
    (re.compile(r"(?<=\bexpected: )\S.{0,200}?(?= but was: )"), "<value>"),
    (re.compile(r"(?<=\bbut was: ).{1,300}"), "<value>"),
    (re.compile(r"(?<=Received: ).{1,300}"), "<value>"),
)
_NAMES = (
    (re.compile(r"(NameError: name |UnboundLocalError: .{0,60}variable )'[^']{0,100}'"), r"\1<name>"),
    (re.compile(r"(KeyError: |ValueError: .{0,80}: )(?:'[^']{0,200}'|\S{1,100})"), r"\1<value>"),
    (re.compile(r"(ReferenceError: )[\w$]{1,100}( is not defined)"), r"\1<name>\2"),
    (re.compile(r"(Unresolved reference:? )'?[\w$]{1,100}'?"), r"\1<name>"),
    (re.compile(r"(AttributeError: (?:module )?)'[^']{0,100}'"), r"\1<name>"),
    (re.compile(r"(cannot import name '[^']{1,100}' from )'[^']{0,100}'.*"), r"\1<name>"),
    (re.compile(r"(SyntaxError: .{0,100}?) ?\(.{0,200}"), r"\1"),
)  # fmt: skip

_SAME = (
    (r"No .{1,40} file was found in your archive|No hay ningún archivo \.gcode", "there is no .gcode file"),
    (r"[XYZ]-?[\d.e+]+ (?:is outside of|queda fuera de) (?:the|la) ", "a move is outside of the printer"),
    (r"[“«].{1,100}[”»] (?:is not|no es) G-code", "a line is not G-code"),
    (r"(?:unknown command|comando desconocido) \w+", "unknown G-code command"),
    (r"printer\.\w+ cannot be read|No se puede leer printer\.", "printer.properties cannot be read"),
    (r"There is no test file|No hay archivos de prueba", "there is no test file"),
    (r"cypress\.config\.js is missing|Falta cypress\.config\.js", "cypress.config.js is missing"),
    (r"There is no spec under|No hay pruebas en cypress", "there is no spec"),
    (r"\S+ (?:is not valid JSON|no es un JSON válido)", "a file is not valid JSON"),
    (r"\S+ (?:is empty\b|está vacío\b)", "a file is empty"),
    (r"\S+ (?:has no test|no tiene pruebas)", "a spec has no test"),
    (r"\S+ (?:never uses cy|nunca usa cy)", "a spec never uses cy"),
    (r"expect\(.{1,120}(?:can never hold|nunca se cumple)", "an assertion can never hold"),
    (r"[“«].{1,3}[”»] (?:closes nothing|no cierra nada)", "a bracket closes nothing"),
    (r"[“«].{1,3}[”»] (?:is never closed|nunca se cierra)", "a bracket is never closed"),
    (r"[“«]\{[”»] (?:opens an object here|abre un objeto aquí)", "a function's arrow is missing"),
    (r"a comment is never closed|un comentario nunca se cierra", "a comment is never closed"),
)  # fmt: skip
_SAME_IN_LANGUAGES = tuple((re.compile(pattern, re.IGNORECASE), cause) for pattern, cause in _SAME)


def fold(text: str, *, values: bool = False) -> str:
    """Return `text` without what differs between students: files, numbers, addresses, names of their own.

    `values`: also without the values that an assertion compared.
    """
    for pattern, kept in (*_NAMES, *(_VALUES if values else ()), *_FOLDED):
        text = pattern.sub(kept, text)
    if values:
        text = _QUOTED.sub("<text>", text)
    return _NUMBER.sub("<n>", text)


def without_place(sentence: str) -> str:
    """Return `sentence` with its values but without names of files and lines."""
    for pattern, kept in _FOLDED:
        sentence = pattern.sub(kept, sentence)
    return re.sub(r" \(<file>(?::\d+)?\)$", "", sentence)


def same_in_every_language(message: str) -> str | None:
    """Return the cause of a sentence of the demo's containers, whatever its language; None for others."""
    return next((cause for pattern, cause in _SAME_IN_LANGUAGES if pattern.match(message)), None)
