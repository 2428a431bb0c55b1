"""Ways to damage a file: its bytes, its text, or the values in it. Every one is drawn from a seeded
generator."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

import yaml

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    0.5,
    -0.0,
    1e-320,
    1e308,
    -1e308,
    2**31,
    2**53 + 1,
    2**63,
    -(2**63) - 1,
    10**30,
    "",
    " ",
    "x",
    "1",
    "nan",
    "../../x",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\r\nb",
    "\x1b[2J",
    "\x00",
    "\ud800",
    "\u202e",
    "é" * 40,
    "z" * 10_000,
    "__proto__",
    "$ref",
    [],
    {},
    [[]],
    [None],
    {"": None},
    [0] * 500,
    {"a": {"b": {"c": []}}},
)
"""Values in place of a value of a file."""
JSON_TEXTS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e999",
    "1" * 5000,
    "0." + "3" * 5000,
    "01",
    "+1",
    ".5",
    "0x10",
    "'x'",
    "//",
    '"\\ud800"',
    '"\\u0000"',
    '"\t"',
    "[" * 5000,
    '{"a":' * 3000,
    '{"a": 1, "a": 2}',
    "undefined",
    "True",
    "\ufeff",
    "[,]",
)
YAML_TEXTS = (
    "&a [*a]",
    "*nobody",
    "!!python/object/apply:os.system [ls]",
    "!!set {a}",
    "!!binary xx",
    "2020-13-45",
    "0b",
    "1_000",
    ".inf",
    ".nan",
    "1:30:00",
    "{a: 1, a: 2}",
    "[" * 3000,
    "- " * 3000,
    "? [a]\n: 1",
    "<<: 1",
    "%TAG ! !x",
    "--- a\n--- b",
    "|\n  x",
    "9" * 5000,
    "1.0e+400",
    "\x07",
    "yes",
    "~",
    "!!int x",
    "!!float [1]",
    "!!timestamp x",
    "!!null x",
)
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + k)}: &{chr(98 + k)} [{', '.join([f'*{chr(97 + k)}'] * 9)}]\n" for k in range(9)
)


def flip_bit(rng: random.Random, content: bytes) -> bytes:
    """Change one bit."""
    bit = rng.randrange(8 * len(content))
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def damage_bytes(rng: random.Random, content: bytes) -> bytes:
    """Change, cut, repeat, move or add bytes."""
    place, end = sorted((rng.randrange(len(content) + 1), rng.randrange(len(content) + 1)))
    end = min(end, place + rng.choice((1, 2, 8, 64, 4096)))
    part, noise = content[place:end], rng.randbytes(rng.choice((1, 4, 100)))
    return rng.choice(
        (
            flip_bit(rng, content) if content else noise,
            content[:place],
            content[place:],
            content[:place] + content[end:],
            content[:place] + noise + content[place:],
            content[:place] + bytes(len(part)) + content[end:],
            content[:place] + b"\xff" * len(part) + content[end:],
            content[:place] + part + part + content[end:],
            content[end:] + content[:end],
            content + noise,
            noise,
            b"",
        )
    )


def damage_json(rng: random.Random, content: bytes) -> bytes:
    """Change a value of a JSON file, or its text."""
    if rng.random() < 0.25:
        return _damage_text(rng, content.decode(), JSON_TEXTS)
    return _dump_json(damage_tree(rng, json.loads(content)))


def damage_json_lines(rng: random.Random, content: bytes) -> bytes:
    """Change one line of a file of JSON lines, or their order."""
    lines = content.split(b"\n")
    number = rng.randrange(max(len(lines) - 1, 1))
    if rng.random() < 0.3:
        return b"\n".join(rng.sample(lines, len(lines)))
    return b"\n".join(
        [
            *lines[:number],
            damage_json(rng, lines[number]).replace(b"\n", b" "),
            *lines[number + 1 :],
        ]
    )


def damage_yaml(rng: random.Random, content: bytes) -> bytes:
    """Change a value of a YAML file, or its text."""
    choice = rng.random()
    if choice < 0.02:
        return BOMB.encode() + content
    if choice < 0.35:
        return _damage_text(rng, content.decode(), YAML_TEXTS)
    tree = damage_tree(rng, yaml.safe_load(content))
    try:
        return yaml.safe_dump(tree, allow_unicode=rng.random() < 0.5).encode(
            "utf-8", "surrogatepass"
        )
    except yaml.YAMLError:  # a key or value that YAML cannot write
        return _dump_json(tree)


def damage_tree(rng: random.Random, tree: Any) -> Any:
    """Change one to three values, keys or elements somewhere in a tree of plain values."""
    root = [copy.deepcopy(tree)]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        holder, key = rng.choice(_places(root))
        rng.choice(_CHANGES)(rng, holder, key, root)
    return root[0]


def _places(root: list[Any]) -> list[tuple[Any, Any]]:
    """Every (holder, key or index) below a root, each level about as likely as the next."""
    places: list[tuple[Any, Any]] = []
    nodes: list[Any] = [root]
    while nodes:
        node = nodes.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        places += [(node, key) for key in keys]
        nodes += [node[key] for key in keys if isinstance(node[key], dict | list)]
    return places


def _replace(rng: random.Random, holder: Any, key: Any, root: list[Any]) -> None:
    holder[key] = copy.deepcopy(rng.choice(HOSTILE))


def _delete(rng: random.Random, holder: Any, key: Any, root: list[Any]) -> None:
    if holder is not root:
        del holder[key]


def _scale(rng: random.Random, holder: Any, key: Any, root: list[Any]) -> None:
    value = holder[key]
    if isinstance(value, int | float) and not isinstance(value, bool):
        holder[key] = rng.choice(
            (-value, value + 1, value - 1, value * 1000, value / 1000, float(value), str(value))
        )
    elif isinstance(value, str):
        holder[key] = rng.choice(
            (value.upper(), value[1:], value + "x", value + "\n", value * 50, [value], value[::-1])
        )
    else:
        _replace(rng, holder, key, root)


def _wrap(rng: random.Random, holder: Any, key: Any, root: list[Any]) -> None:
    depth = rng.choice((1, 1, 2, 60, 150))
    for _ in range(depth):
        holder[key] = [holder[key]] if rng.random() < 0.5 else {"x": holder[key]}


def _repeat(rng: random.Random, holder: Any, key: Any, root: list[Any]) -> None:
    if isinstance(holder, list) and holder is not root:
        holder.insert(key, copy.deepcopy(holder[key]))
    elif isinstance(holder, dict):
        holder[f"{key}{rng.choice(('x', ' ', '2'))}"] = copy.deepcopy(holder[key])


def _rename(rng: random.Random, holder: Any, key: Any, root: list[Any]) -> None:
    if isinstance(holder, dict):
        name = rng.choice([text for text in HOSTILE if isinstance(text, str)])
        holder[name] = holder.pop(key)


def _exchange(rng: random.Random, holder: Any, key: Any, root: list[Any]) -> None:
    other, there = rng.choice(_places(root))
    holder[key] = copy.deepcopy(other[there])


_CHANGES: tuple[Callable[[random.Random, Any, Any, list[Any]], None], ...] = (
    _replace,
    _replace,
    _replace,
    _delete,
    _scale,
    _scale,
    _wrap,
    _repeat,
    _rename,
    _exchange,
)


def _damage_text(rng: random.Random, text: str, snippets: tuple[str, ...]) -> bytes:
    place = rng.randrange(len(text) + 1)
    end = min(len(text), place + rng.choice((0, 0, 1, 3, 20)))
    snippet = rng.choice((*snippets, rng.choice('{}[]:,"&*!|>#%@`\n\t -')))
    changed = text[:place] + snippet + text[end:] if rng.random() < 0.8 else text + snippet
    encoding = rng.choice(("utf-8",) * 8 + ("utf-16", "utf-8-sig"))
    return changed.encode(encoding, "surrogatepass")


def _dump_json(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=True).encode()
