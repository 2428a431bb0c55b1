"""Read and write results.json: strict, sealed by a checksum, checked for plausibility."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from pydantic import ValidationError

from reports.errors import ReportError
from reports.files import read_sealed_json, to_sealed_json, write_text
from reports.plausibility import check_meaning
from reports.schema import SCHEMA_VERSION, Results
from reports.schema_errors import explain_errors


def read_results(path: Path) -> Results:
    """Read results.json of this schema version or an older minor one.

    Args:
        path: The file.

    Raises:
        ReportError: The file is missing, no strict JSON, of another major or a newer minor version,
            breaks the schema, does not match the checksum in it, or says what cannot be true
            (`reports.plausibility`).
    """
    content = read_sealed_json(path)
    if not isinstance(content, dict):
        raise ReportError(
            f"{path}: expected a JSON object (results.json), got {type(content).__name__}"
        )
    check_version(content.get("schema_version"), SCHEMA_VERSION, str(path))
    # as JSON: there, strict means that "0.4" and true are no numbers, and a tuple is a list
    try:
        results = Results.model_validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        raise ReportError(explain_errors(error, Results, str(path))) from None
    check_meaning(results, str(path))
    return results


def write_results(path: Path, results: Results) -> None:
    """Write results.json: sorted keys, unrounded floats, no NaN, its own checksum.

    It is written whole or not at all. Readers ask whether the results can be true
    (`reports.plausibility`).

    Args:
        path: The file.
        results: Its content.

    Raises:
        ReportError: A number is not finite.
    """
    write_text(path, to_sealed_json(results.model_dump(mode="python")))


def results_hash(results: Results) -> str:
    """Return the SHA-256 of the text that `write_results` writes."""
    return hashlib.sha256(
        to_sealed_json(results.model_dump(mode="python")).encode("utf-8")
    ).hexdigest()


def check_version(found: object, supported: str, source: str) -> None:
    """Check that a file's version can be read.

    Args:
        found: Version of the file, 'major.minor'.
        supported: Version of this reader.
        source: Name of the file for the message.

    Raises:
        ReportError: It cannot be read.
    """
    parts = (
        found.split(".")
        if isinstance(found, str) and re.fullmatch(r"[0-9]{1,4}\.[0-9]{1,4}", found)
        else []
    )
    if not parts:
        raise ReportError(
            f"{source}: schema_version is {found!r}, expected a text like {supported!r}; is this a "
            f"results.json of calico?"
        )
    major, minor = (int(part) for part in supported.split("."))
    if int(parts[0]) != major:
        raise ReportError(
            f"{source}: schema version {found}, this calico reads {major}.x; run `calico robust` "
            f"again or use the calico "
            "that wrote the file"
        )
    if int(parts[1]) > minor:
        raise ReportError(
            f"{source}: schema version {found} is newer than {supported}; update calico"
        )
