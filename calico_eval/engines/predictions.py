"""Predictions of another stack: a folder of nuScenes submissions, one for each condition."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from calico.errors import CalicoError
from calico.files import RUN_FILE, read_bytes
from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.engines.answers import AnswerCheck
from calico_eval.submission import predictions_from_submission
from calico_eval.submission_reading import MAX_FILE_BYTES, read_whole_submission

CLEAN_FILE = "clean.json"


class PredictionFiles:
    """An engine that looks its answers up in clean.json, fog-3.json, fog+camera_crash-5.json etc.

    `predict` answers for the clean frames, and `open_condition` returns the engine of another
    condition. A submission has no maps.

    Attributes:
        folder: Folder of the submissions.
        model_name: Name in reports.
        sensors: Sensors that clean.json states in `meta`.
    """

    name = "files"

    def __init__(self, folder: Path, model_name: str | None = None) -> None:
        self.folder = folder
        self.model_name = model_name or folder.resolve().name
        self._clean = _OneFile(folder / CLEAN_FILE)
        self.sensors = self._clean.sensors

    @cached_property
    def sha256(self) -> str:
        """Digest of all files of predictions, by name."""
        digest = hashlib.sha256()
        for path in sorted(file for file in self.folder.glob("*.json") if file.name != RUN_FILE):
            digest.update(f"{path.name} ".encode() + hashlib.sha256(self._read(path.name)).digest())
        return digest.hexdigest()

    def has_condition(self, condition: str) -> bool:
        """Tell whether the folder has a file for a condition."""
        return (self.folder / f"{condition}.json").is_file()

    def open_condition(self, condition: str) -> _OneFile:
        """Open the predictions under a condition, e.g. 'fog-3'.

        Raises:
            CalicoError: The folder has no file for it.
        """
        path = self.folder / f"{condition}.json"
        if path.name == CLEAN_FILE:
            return self._clean
        if not self.has_condition(condition):
            there = ", ".join(sorted(file.name for file in self.folder.glob("*.json")))
            raise CalicoError(f"predictions {self.folder}: no {path.name}; there are {there}")
        return _OneFile(path)

    def same_as_clean(self, condition: str) -> bool:
        """Tell whether the file of a condition has the bytes of clean.json."""
        return self._read(f"{condition}.json") == self._read(CLEAN_FILE)

    def _read(self, name: str) -> bytes:
        return read_bytes(self.folder / name, MAX_FILE_BYTES, "predictions")

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        """See `Engine.predict`."""
        return self._clean.predict(frames)


class _OneFile:
    """The predictions of one submission."""

    def __init__(self, path: Path) -> None:
        self._path = path
        submission = read_whole_submission(path)
        self._records, self.sensors = submission.results, submission.sensors
        self._classes = submission.classes

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        """See `Engine.predict`. Frames that the file does not hold raise a CalicoError.

        So does a file none of whose classes the data have, since all of its boxes would be left
        out.
        """
        for taxonomy in {frame.taxonomy.names: frame.taxonomy for frame in frames}.values():
            if all(taxonomy.label_of(name) is None for name in self._classes):
                raise CalicoError(
                    f"{self._path}: has the classes {', '.join(self._classes):.500}; expected "
                    f"some of the data's, {', '.join(taxonomy.names)} (a file lists classes "
                    "of its own in meta.classes)"
                )
        missing = [frame.token for frame in frames if frame.token not in self._records]
        if missing:
            raise CalicoError(
                f"{self._path}: no sample {missing[0]}; it holds {len(self._records)} others. "
                "Expected one entry per frame, empty where nothing was found"
            )
        found = [predictions_from_submission(self._records[frame.token], frame) for frame in frames]
        return AnswerCheck().check_answers(frames, found, str(self._path))
