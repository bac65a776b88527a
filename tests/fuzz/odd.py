"""Odd things that have broken parsers, terminals and paths before: texts, numbers, pieces of syntax."""

from __future__ import annotations

# Each of these may not reach a terminal, a path, or a line of a config.
CONTROLS = (
    "\x00", "\x07", "\x08", "\r", "\n", "\t", "\x0b", "\x1b[31m", "\x1b]0;title\x07", "\x1bP1;2\x1b\\", "\x7f",
    "\x85", "\x9b31m", "\u200b", "\u200e", "\u200f", "\u061c", "\u202a", "\u202e", "\u2066", "\u2069", "\u2028",
    "\u2029", "\ufeff", "\ue000", "\U000e0041", "\ud800", "\udfff",
)  # fmt: skip
PATHS = (
    "..",
    "../..",
    "../../../etc/passwd",
    "/etc/shadow",
    "./",
    "//",
    "~",
    "~root/x",
    "a/../../b",
    ".",
    "",
)
# What means something in one of the files that Dynia writes, or in a shell.
SYNTAX = (
    "$", "${", "${X}", "$(id)", "`id`", "'", '"', "\\", "\\n", "#", " # x", ";", "&&", "|", ">", "%", "%[env(HOME)]",
    "{", "}", "{{", "}}", "{{{x}}}", "{{#x}}", "{{/x}}", "{{>x}}", "[", "]", "<", "!", "@", "@^n1", "*", "&a", "*a",
    "<<: *a", "!!python/object:x", "? ", "- ", ": ", ":", ",", "=", "--", "---\n", "...\n", "%YAML 1.1\n", "\n\n",
    "0x", "1e400", "-0", ".inf", ".nan", "null", "~", "true", "no", "1.10", "\\u0000", "\\ud800", "\\x1b", "é", "ü",
    "日本", "😀", "a" * 70, "a..b", "xn--a", "-", "_", "latest", "sha256:", "localhost:99999", ":99999", "²", "٣",
)  # fmt: skip
PIECES = (*CONTROLS, *PATHS, *SYNTAX)
RAW = (
    b"\xff",
    b"\xfe",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\x00",
    b"\x01",
    b"\x80",
    b"\0\0",
    b"\x01end\0",
    b"<html>",
    b"{}",
)


def deep(levels: int, leaf: object = 0) -> object:
    """Lists in lists."""
    made = leaf
    for _ in range(levels):
        made = [made]
    return made


VALUES: tuple[object, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**30, 1.5, 1e308, "", "0", "-1", "1", "x", "a" * 300,
    [], {}, [[]], [{}], {"": ""}, [None], deep(60), "\x1b[2J", "\u202e", "\n", "\0", "\ud800", "../../x", "99999999999",
)  # fmt: skip
