"""YAML that is read strictly: a value that a lenient parser would guess about is an error.

Only plain values are read. Repeated keys, keys that are no text, deep nesting, NUL characters, lone
surrogates and numbers of base 8 or 60 are refused.

An alias (`*name`) may be used, but the document with all aliases written out may have at most
`MAX_NODES` nodes: a file of 300 bytes can otherwise describe gigabytes.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml

from calico.files.errors import FileError
from calico.files.regular import MEBIBYTE, decode_text, read_bytes
from calico.files.strict_json import MAX_DIGITS

MAX_DEPTH = 40
MAX_NODES = 100_000
LIMIT = 4 * MEBIBYTE
_MERGE = "tag:yaml.org,2002:merge"
_GUESSED = re.compile(r"[-+]?(?:0[0-7_]+$|[^:]*:)")
"""Numbers that people read otherwise: 010 is 8 in YAML 1.1, and 1:30 is 90."""
_UNWRITABLE = re.compile("[\\ud800-\\udc7f\\udd00-\\udfff\\x00]")
"""NUL, and halves of surrogate pairs but for those that stand for the bytes of a path that is no
UTF-8."""


def read_yaml(path: Path, limit: int = LIMIT, what: str = "file") -> Any:
    """Read a YAML file strictly.

    Args:
        path: A regular file in UTF-8.
        limit: Largest size in bytes.
        what: Name of the file's role for the messages.

    Returns:
        The value, or None for an empty file.

    Raises:
        FileError: The file cannot be read, or is not strict YAML. The message names file and line.
    """
    return parse_yaml(
        decode_text(read_bytes(path, limit, what), f"{what} {path}"), f"{what} {path}"
    )


def parse_yaml(text: str, where: str) -> Any:
    """Parse one YAML document strictly; see the module for what is refused.

    Args:
        text: The document.
        where: Name of the source for the messages.

    Raises:
        FileError: The text is not strict YAML.
    """
    try:
        loader = _StrictLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _count_nodes(node, {}, set())
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1} column {mark.column + 1}" if mark else ""
        raise FileError(
            f"{where}: no valid YAML{place}: {error.problem or error.context}"
        ) from None
    except yaml.YAMLError as error:
        # The message about a character that YAML does not allow has two lines.
        raise FileError(f"{where}: no valid YAML: {' '.join(str(error).split())[:200]}") from None
    except RecursionError:
        raise FileError(f"{where}: no valid YAML: nested deeper than {MAX_DEPTH} levels") from None
    except (ValueError, OverflowError, TypeError, AttributeError, LookupError) as error:
        # PyYAML's constructors raise these for a date of month 13, a number such as 0b, or a value
        # of another type than its tag says.
        raise FileError(
            f"{where}: no valid YAML: a value cannot be read ({str(error)[:200]})"
        ) from None


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which refuses repeated keys, deep nesting and endless digits."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node, counting how deep it lies."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise _fault(f"nested deeper than {MAX_DEPTH} levels", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Construct a mapping whose keys differ from each other as they are written."""
        if not isinstance(node, yaml.MappingNode):
            raise _fault("expected keys and values", node.start_mark)
        self._check_keys(node)
        return super().construct_mapping(node, deep=deep)

    def _check_keys(self, node: yaml.MappingNode) -> None:
        """Refuse keys that repeat.

        The keys are compared as they are written, before `<<` merges others in.
        """
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            try:
                repeated = key in seen
            except TypeError:
                raise _fault(
                    "a key is a list or a mapping, expected a text", key_node.start_mark
                ) from None
            if not isinstance(key, str):  # 1 and "1" would become one key when written as JSON
                raise _fault(
                    f"key {key_node.value} is no text; put it in quotes if it is meant",
                    key_node.start_mark,
                )
            if repeated:
                raise _fault(f"key {key!r} appears twice", key_node.start_mark)
            seen.add(key)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Check the keys before a merge (`<<`) adds to them."""
        if any(key.tag == _MERGE for key, _ in node.value):
            self._check_keys(node)
        super().flatten_mapping(node)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        """Construct a scalar.

        The digits of a number are bounded, and a text holds only characters that a path can have.
        """
        numeric = node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        if numeric and len(str(node.value)) > MAX_DIGITS:
            raise _fault(
                f"number of {len(node.value)} digits, expected at most {MAX_DIGITS}",
                node.start_mark,
            )
        if numeric and _GUESSED.match(str(node.value)):
            raise _fault(
                f"{node.value} is a number of base 8 or 60 in YAML 1.1; write it without the zero "
                "in front, or, if it is "
                "a text, in quotes",
                node.start_mark,
            )
        if _UNWRITABLE.search(str(node.value)):
            raise _fault("text with a NUL character or half of a surrogate pair", node.start_mark)
        return super().construct_scalar(node)

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        """Construct a float; 1e400 is a mistake, `.inf` is said in full."""
        value = float(super().construct_yaml_float(node))
        if math.isinf(value) and "inf" not in str(node.value).lower():
            raise _fault(f"number {node.value} is larger than any float64", node.start_mark)
        return value


_StrictLoader.add_constructor("tag:yaml.org,2002:float", _StrictLoader.construct_yaml_float)


def _count_nodes(node: yaml.Node, sizes: dict[int, int], above: set[int]) -> int:
    """Count the nodes below and including one, with aliases written out."""
    if id(node) in above:
        raise _fault("an alias refers to the value that it is part of", node.start_mark)
    if id(node) not in sizes:
        children: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            children = node.value
        elif isinstance(node, yaml.MappingNode):
            children = [part for pair in node.value for part in pair]
        inner = above | {id(node)}
        sizes[id(node)] = 1 + sum(_count_nodes(child, sizes, inner) for child in children)
        if sizes[id(node)] > MAX_NODES:
            raise _fault(
                f"more than {MAX_NODES} values when aliases are written out", node.start_mark
            )
    return sizes[id(node)]


def _fault(message: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(problem=message, problem_mark=mark)
