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
    """Reads results.json of this schema version or an older minor one.

    Raises:
        ReportError: the file is missing, no strict JSON, of another major or a newer minor version, breaks the schema, does not
            match the checksum in it, or says what cannot be (`reports.plausibility`).
    """
    content = read_sealed_json(path)
    if not isinstance(content, dict):
        raise ReportError(
            f"{path}: expected a JSON object (results.json), got {type(content).__name__}"
        )
    check_version(content.get("schema_version"), SCHEMA_VERSION, str(path))
    try:  # as JSON: there, strict means that "0.4" and true are no numbers, while a list is what a tuple is written as
        results = Results.model_validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        raise ReportError(explain_errors(error, Results, str(path))) from None
    check_meaning(results, str(path))
    return results


def write_results(path: Path, results: Results) -> None:
    """Writes results.json: sorted keys, unrounded floats, no NaN, its own checksum, and all of it or nothing.

    Whether they mean something is asked by whoever reads them (`reports.plausibility`).

    Raises:
        ReportError: a number is not finite.
    """
    write_text(path, to_sealed_json(results.model_dump(mode="python")))


def results_hash(results: Results) -> str:
    """SHA-256 of the text that `write_results` writes."""
    return hashlib.sha256(
        to_sealed_json(results.model_dump(mode="python")).encode("utf-8")
    ).hexdigest()


def check_version(found: object, supported: str, source: str) -> None:
    """Raises ReportError unless `found` ('major.minor') can be read by a reader of `supported`."""
    parts = (
        found.split(".")
        if isinstance(found, str) and re.fullmatch(r"[0-9]{1,4}\.[0-9]{1,4}", found)
        else []
    )
    if not parts:
        raise ReportError(
            f"{source}: schema_version is {found!r}, expected a text like {supported!r}; is this a results.json of calico?"
        )
    major, minor = (int(part) for part in supported.split("."))
    if int(parts[0]) != major:
        raise ReportError(
            f"{source}: schema version {found}, this calico reads {major}.x; run `calico robust` again or use the calico "
            "that wrote the file"
        )
    if int(parts[1]) > minor:
        raise ReportError(
            f"{source}: schema version {found} is newer than {supported}; update calico"
        )
