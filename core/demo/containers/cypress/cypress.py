"""What both stages share: finding files and reading JavaScript far enough to know its structure."""

import os
import re
import sys
from pathlib import Path

from leftovers import is_leftover

ENGLISH = os.environ.get("ULOS_LANGUAGE") == "en"
PAIRS = {")": "(", "]": "[", "}": "{"}
BEFORE_REGEX = set("(,=:[!&|?{};+-*%<>~^\n") | {""}


def say(english, spanish):
    print(english if ENGLISH else spanish)


def give_up(english, spanish):
    say(english, spanish)
    sys.exit(1)


def submitted(pattern):
    return sorted(
        path
        for path in Path().rglob(pattern)
        if path.is_file()
        and "node_modules" not in path.parts
        and not path.name.startswith(".")
        and not is_leftover(path)
    )


def specs():
    return [path for path in submitted("*.cy.*") if path.suffix in {".js", ".ts", ".jsx", ".tsx"} and "e2e" in path.parts]


class Broken(Exception):
    """The code cannot be read; carries the line."""

    def __init__(self, line, english, spanish):
        super().__init__(english)
        self.line, self.english, self.spanish = line, english, spanish


def code_only(text):
    """`text` with comments, strings and regular expressions blanked out, lines kept.

    Raises Broken for what is never closed and for brackets that do not match.
    """
    out, open_brackets, position, line = [], [], 0, 1
    while position < len(text):
        rest = text[position : position + 2]
        end = _skip(text, position, rest, out, line)
        if end > position:
            skipped = text[position:end]
            out.append("\n" * skipped.count("\n") or " ")
            line += skipped.count("\n")
            position = end
            continue
        character = text[position]
        if character in "([{":
            open_brackets.append((character, line))
        elif character in PAIRS:
            if not open_brackets or open_brackets[-1][0] != PAIRS[character]:
                raise Broken(line, f"“{character}” closes nothing", f"«{character}» no cierra nada")
            open_brackets.pop()
        line += character == "\n"
        out.append(character)
        position += 1
    if open_brackets:
        character, opened = open_brackets[-1]
        raise Broken(opened, f"“{character}” is never closed", f"«{character}» nunca se cierra")
    code = "".join(out)
    statement = re.search(r"[,(=]\s*\{\s*[A-Za-z_$][\w$]*\s*\.", code)
    if statement:
        raise Broken(
            code.count("\n", 0, statement.start()) + 1,
            "“{” opens an object here, but statements follow; “() =>” may be missing before it",
            "«{» abre un objeto aquí, pero siguen instrucciones; quizá falta «() =>» antes",
        )
    return code


def _skip(text, position, rest, out, line):
    """Where the comment, string or regular expression that begins here ends; `position` if none does."""
    if rest == "//":
        end = text.find("\n", position)
        return len(text) if end < 0 else end
    if rest == "/*":
        end = text.find("*/", position + 2)
        if end < 0:
            raise Broken(line, "a comment is never closed", "un comentario nunca se cierra")
        return end + 2
    if text[position] in "'\"`":
        return _end_of(text, position, text[position], line, multiline=text[position] == "`")
    if text[position] == "/":
        before = "".join(out[-40:]).rstrip(" \t")[-1:]
        if before in BEFORE_REGEX:
            end = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*").match(text, position)
            return end.end() if end else position
    return position


def _end_of(text, position, quote, line, *, multiline):
    index = position + 1
    while index < len(text):
        if text[index] == "\\":
            index += 2
            continue
        if text[index] == quote:
            return index + 1
        if text[index] == "\n" and not multiline:
            break
        index += 1
    raise Broken(line, f"a text begun with {quote} is never closed", f"un texto iniciado con {quote} nunca se cierra")
