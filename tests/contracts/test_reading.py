"""Files are read through `calico.files`: strictly, regular files only, with a limit on their
size."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("calico", "calico_eval", "corruptions", "reports")
READERS = {
    ("json", "load"),
    ("json", "loads"),
    ("yaml", "load"),
    ("yaml", "safe_load"),
    ("yaml", "full_load"),
    ("yaml", "unsafe_load"),
    ("yaml", "load_all"),
    ("yaml", "safe_load_all"),
    ("Image", "open"),
    ("np", "load"),
    ("np", "fromfile"),
    ("np", "loadtxt"),
    ("np", "genfromtxt"),
    ("np", "memmap"),
    ("torch", "load"),
    ("onnx", "load"),
    ("onnx", "load_model"),
    ("pickle", "load"),
    ("pickle", "loads"),
    ("pq", "read_table"),
    ("pq", "ParquetFile"),
    ("io", "open"),
    ("os", "open"),
    ("mmap", "mmap"),
}
METHODS = {"read_text", "read_bytes", "open"}
"""Of a path, whatever its name."""
NAMES = {"open", "load_file", "safe_open"}
ALLOWED = {
    ("calico/cli/errors.py", "os.open"): "the null device, to write to",
    (
        "calico/data/nuscenes/tables.py",
        "json.loads",
    ): "a fast way for large tables; what it cannot prove strict is parsed again",
    ("calico/data/copies/folder.py", "json.loads"): "of a text that was made in the line itself",
    (
        "calico/data/nuscenes/contents.py",
        "path.open",
    ): "samples of large files, after a check that they are regular",
    **{
        (f"calico/data/{file}", "np.load"): "of bytes that were read and checked before"
        for file in (
            "sim/cache.py",
            "paste_database.py",
            "waymo/map_cache.py",
            "waymo/v2/index.py",
        )
    },
    (
        "calico/data/nuscenes/index_scenes.py",
        "mmap.mmap",
    ): "of a regular file, whose seal is checked before anything else is read",
    (
        "calico/data/waymo/cameras.py",
        "Image.open",
    ): "of bytes of a table; JPEG only, and of the size that the calibration states",
    (
        "calico/data/waymo/v2/decode.py",
        "pq.ParquetFile",
    ): "of one page whose sizes were checked before",
    (
        "calico/data/waymo/v2/files.py",
        "pq.ParquetFile",
    ): "of a regular file that stays open; the footer is checked first",
    **{
        (
            f"calico/data/waymo/v2/{file}.py",
            call,
        ): "a part of the file that is open, of a checked size"
        for file, call in (
            ("files", "self.read_bytes"),
            ("pages", "file.read_bytes"),
            ("values", "(...).read_bytes"),
        )
    },
    (
        "calico/data/folder/arrays.py",
        "archive.open",
    ): "a member of an archive whose bytes were read before; headers are checked first",
    (
        "calico/data/folder/tables.py",
        "pq.ParquetFile",
    ): "of bytes that were read before; the footer's sizes are checked first",
    ("calico/regions/cache.py", "np.load"): "of bytes that were read and checked before",
    (
        "calico/export/external.py",
        "path.open",
    ): "hashes large files in pieces, after a check that they are regular",
    (
        "calico/train/state.py",
        "torch.load",
    ): "of bytes that were read and checked before; weights_only",
    ("calico/workers.py", "pickle.loads"): "of bytes that were pickled in the line itself",
    (
        "calico_eval/attacks/budget/saved.py",
        "json.loads",
    ): "of a text that was made in the line itself",
    (
        "calico_eval/attacks/budget/saved.py",
        "np.load",
    ): "of bytes that were read and checked before",
    (
        "calico_eval/metrics/suffstats.py",
        "pq.ParquetFile",
    ): "of bytes that were read and checked before",
    (
        "calico_eval/attacks/docs.py",
        "(...).read_text",
    ): "makes a page of the documentation from committed files",
    (
        "corruptions/docs.py",
        "(...).read_text",
    ): "makes a page of the documentation from committed files",
    ("corruptions/camera/codec.py", "Image.open"): "of a picture that was encoded two lines before",
    ("reports/html/render.py", "(...).read_text"): "the style sheet of the installation",
}
"""(file, call) to the reason."""


def calls(source: str) -> Iterator[str]:
    """Every call that reads a file or parses a text leniently."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name) and function.id in NAMES:
            yield function.id
        elif isinstance(function, ast.Attribute):
            owner = function.value.id if isinstance(function.value, ast.Name) else "(...)"
            if (owner, function.attr) in READERS or (
                function.attr in METHODS and not _writes(node)
            ):
                yield f"{owner}.{function.attr}"


def _writes(node: ast.Call) -> bool:
    """Whether the mode of an `open` says that it writes."""
    modes = [
        one.value
        for one in (*node.args, *(word.value for word in node.keywords))
        if isinstance(one, ast.Constant)
    ]
    return any(
        isinstance(mode, str) and set(mode) & set("wax") and set(mode) <= set("wabxt+")
        for mode in modes
    )


def found() -> set[tuple[str, str]]:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    return {
        (file.relative_to(ROOT).as_posix(), call)
        for file in files
        if not file.is_relative_to(ROOT / "calico" / "files")
        for call in calls(file.read_text())
    }


def test_files_are_read_by_the_strict_readers() -> None:
    strange = sorted(found() - set(ALLOWED))
    assert not strange, "use calico.files, or say in ALLOWED why not"


def test_no_exception_is_out_of_date() -> None:
    assert not sorted(set(ALLOWED) - found())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("json.loads(path.read_text())", ["json.loads", "path.read_text"]),
        ("Path('a').read_bytes()", ["(...).read_bytes"]),
        ("def f():\n with open('a') as f: yaml.safe_load(f)", ["open", "yaml.safe_load"]),
        ("path.open('rb')", ["path.open"]),
        ("path.open()", ["path.open"]),
        ("path.open('wb'); path.open('a', encoding='utf-8'); temporary.open(mode='x')", []),
        ("read_bytes(path); parse_json(text, 'a'); load(content)", []),
    ],
)
def test_the_check_sees_what_it_must(source: str, expected: list[str]) -> None:
    assert sorted(calls(source)) == sorted(expected)
