"""Predictions that another stack made: a folder of nuScenes detection submissions, one for each condition."""

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
    """An engine that looks its answers up: clean.json, fog-3.json, fog+camera_crash-5.json ...

    `predict` answers for the clean frames; `under` gives the engine of another condition. No maps: a submission has none.
    sensors: what clean.json says in `meta`.
    """

    name = "files"

    def __init__(self, folder: Path, model_name: str | None = None) -> None:
        self.folder = folder
        self.model_name = model_name or folder.resolve().name
        self._clean = _OneFile(folder / CLEAN_FILE)
        self.sensors = self._clean.sensors

    @cached_property
    def sha256(self) -> str:
        """Of all files of predictions, by name."""
        digest = hashlib.sha256()
        for path in sorted(file for file in self.folder.glob("*.json") if file.name != RUN_FILE):
            digest.update(f"{path.name} ".encode() + hashlib.sha256(self._read(path.name)).digest())
        return digest.hexdigest()

    def has(self, condition: str) -> bool:
        """Whether there is a file for a condition."""
        return (self.folder / f"{condition}.json").is_file()

    def under(self, condition: str) -> _OneFile:
        """The predictions under a condition, e.g. 'fog-3'.

        Raises:
            CalicoError: there is no file for it.
        """
        path = self.folder / f"{condition}.json"
        if path.name == CLEAN_FILE:
            return self._clean
        if not self.has(condition):
            there = ", ".join(sorted(file.name for file in self.folder.glob("*.json")))
            raise CalicoError(f"predictions {self.folder}: no {path.name}; there are {there}")
        return _OneFile(path)

    def same_as_clean(self, condition: str) -> bool:
        """Whether the file of a condition has the bytes of clean.json."""
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

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        """See `Engine.predict`. Raises CalicoError for a frame that the file does not hold."""
        missing = [frame.token for frame in frames if frame.token not in self._records]
        if missing:
            raise CalicoError(
                f"{self._path}: no sample {missing[0]}; it holds {len(self._records)} others. Expected one entry per frame, "
                "empty where nothing was found"
            )
        found = [predictions_from_submission(self._records[frame.token], frame) for frame in frames]
        return AnswerCheck().check(frames, found, str(self._path))
