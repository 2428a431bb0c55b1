from pathlib import Path

import pytest

from calico.errors import CalicoError
from calico.files import (
    RUN_FILE,
    check_file,
    check_folder,
    make_folder,
    prepare_folder,
    write_atomic,
)


def test_a_full_folder_is_not_touched_without_being_told(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(CalicoError, match=r"--resume .* --overwrite"):
        prepare_folder(tmp_path, resume=False, overwrite=False)
    with pytest.raises(CalicoError, match="not deleted"):
        prepare_folder(tmp_path, resume=False, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "x"


def test_overwrite_deletes_a_run_and_resume_keeps_it(tmp_path: Path) -> None:
    write_atomic(tmp_path / RUN_FILE, "{}")
    prepare_folder(tmp_path, resume=True, overwrite=False)
    assert (tmp_path / RUN_FILE).exists()
    prepare_folder(tmp_path, resume=False, overwrite=True)
    assert not any(tmp_path.iterdir())


def test_a_run_killed_before_its_first_file_was_whole_left_nothing(tmp_path: Path) -> None:
    (tmp_path / f".{RUN_FILE}.123.tmp").write_text("{")
    prepare_folder(tmp_path, resume=False, overwrite=False)
    assert not any(tmp_path.iterdir())


def test_what_a_killed_run_left_half_written_is_deleted_in_folders_of_runs_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "prc").mkdir()
    half = tmp_path / "prc" / ".state.pt.77-0123abcd.tmp"
    half.touch()
    prepare_folder(tmp_path, resume=True, overwrite=False)
    assert half.exists()
    write_atomic(tmp_path / RUN_FILE, '{"kind": "train"}')
    prepare_folder(tmp_path, resume=True, overwrite=False, kind="train")
    assert not half.exists()


def test_impossible_requests(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match="exclude each other"):
        prepare_folder(tmp_path, resume=True, overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(CalicoError, match="is a file"):
        prepare_folder(tmp_path / "file", resume=False, overwrite=False)


@pytest.mark.parametrize("text", ['{"experiment": 1}', "{", "[]"])
def test_a_folder_whose_run_file_says_nothing_is_not_deleted(tmp_path: Path, text: str) -> None:
    (tmp_path / RUN_FILE).write_text(text)
    with pytest.raises(
        CalicoError, match=r"has no run\.json that says what it is, so it is not deleted"
    ):
        prepare_folder(tmp_path, resume=None, overwrite=True, kind="infer")
    assert (tmp_path / RUN_FILE).read_text() == text


def test_a_run_of_another_kind_is_neither_deleted_nor_resumed(tmp_path: Path) -> None:
    write_atomic(tmp_path / RUN_FILE, '{"kind": "train"}')
    for resume in (True, False):
        with pytest.raises(CalicoError, match="kind 'train', expected 'robust'"):
            prepare_folder(tmp_path, resume=resume, overwrite=not resume, kind="robust")
    prepare_folder(tmp_path, resume=True, overwrite=False, kind="train")
    assert (tmp_path / RUN_FILE).exists()


def test_a_command_without_resume_is_not_told_of_it(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(
        CalicoError, match="is not empty; --overwrite deletes it, or choose another --out"
    ):
        check_folder(tmp_path, resume=None, overwrite=False)
    with pytest.raises(CalicoError, match="not deleted"):
        make_folder(tmp_path, "infer", "calico infer", overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "x"


def test_a_folder_that_a_command_made_is_known_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_folder(out, "infer", "calico infer a.b:c", overwrite=False)
    assert (
        out / RUN_FILE
    ).read_text() == '{\n "command": "calico infer a.b:c",\n "kind": "infer"\n}\n'
    (out / "submission.json").write_text("{}")
    with pytest.raises(CalicoError, match="--overwrite deletes it"):
        make_folder(out, "infer", "calico infer a.b:c", overwrite=False)
    with pytest.raises(CalicoError, match="kind 'infer', expected 'regions'"):
        make_folder(out, "regions", "calico data regions", overwrite=True)
    assert (out / "submission.json").exists()
    make_folder(out, "infer", "calico infer a.b:c", overwrite=True)
    assert [file.name for file in out.iterdir()] == [RUN_FILE]


def test_a_file_that_is_there_is_replaced_only_when_told(tmp_path: Path) -> None:
    check_file(tmp_path / "a", overwrite=False)
    (tmp_path / "a").write_text("mine")
    with pytest.raises(CalicoError, match="a is there already; --overwrite replaces it"):
        check_file(tmp_path / "a", overwrite=False)
    check_file(tmp_path / "a", overwrite=True)
    assert (tmp_path / "a").read_text() == "mine"
    with pytest.raises(CalicoError, match="is a folder; expected a file"):
        check_file(tmp_path, overwrite=True)
