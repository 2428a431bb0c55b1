"""Measure what an installation costs: seconds, size on disk, number of packages, and conflicts.

Run `python -m benchmarks.install_size [--extras train,export] [--revision COMMIT] [--label NAME]`.

Each measurement builds a wheel of the given revision, makes a fresh virtual environment, and
installs the wheel there without pip's cache, from the index that pip is configured to use. The
seconds are those of that one `pip install`, so they hold for the network and the machine they were
measured on. The size is the sum of all files below site-packages, less pip, setuptools and CALICO
itself. One result is added to the file, or replaces the one with the same label.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "install.json"
TOOLS = {"pip", "setuptools", "wheel", "calico-bev"}


def export_tree(revision: str, folder: Path) -> None:
    """Write the files of a git revision into a folder."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", revision], cwd=ROOT, check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def build_wheel(source: Path, out: Path) -> Path:
    """Build the wheel of a source tree; its path."""
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(out), str(source)])
    (wheel,) = out.glob("*.whl")
    return wheel


def measure_install(wheel: Path, extras: str, folder: Path) -> dict[str, Any]:
    """Install a wheel in a fresh environment and measure the result.

    Args:
        wheel: The wheel of CALICO.
        extras: Names of extras, separated by commas; empty for the core alone.
        folder: Where the environment is made.

    Returns:
        Seconds of `pip install`, megabytes (10^6 bytes), packages with versions, and `pip check`.
    """
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    target = f"calico-bev[{extras}] @ {wheel.as_uri()}" if extras else str(wheel)
    start = time.monotonic()
    run([str(python), "-m", "pip", "install", "--quiet", "--no-cache-dir", target])
    seconds = time.monotonic() - start
    listed = json.loads(run([str(python), "-m", "pip", "list", "--format=json"]))
    packages = {p["name"].lower(): p["version"] for p in listed if p["name"].lower() not in TOOLS}
    check = subprocess.run(
        [str(python), "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    site = Path(
        run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
    )
    return {
        "seconds": round(seconds, 1),
        "megabytes": round(measure_folder(site) / 1e6),
        "packages": len(packages),
        "pip_check": check.stdout.strip(),
        "versions": packages,
    }


def measure_folder(site: Path) -> int:
    """Sum the bytes of all files in site-packages, without the tools and CALICO itself."""
    ours = {"pip", "setuptools", "pkg_resources", "wheel", "_distutils_hack"} | {
        "calico", "calico_eval", "corruptions", "reports",
    }  # fmt: skip
    return sum(
        file.lstat().st_size
        for entry in site.iterdir()
        if entry.name.split("-")[0] not in ours
        for file in ([entry] if entry.is_file() else entry.rglob("*"))
        if not file.is_dir()
    )


def run(command: list[str]) -> str:
    """Run a command; its standard output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    """Measure one installation and store its result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extras", default="", help="extras, separated by commas")
    parser.add_argument("--revision", default="HEAD", help="commit to build the wheel of")
    parser.add_argument("--label", help="name of the result; default: core, or the extras")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    commit = run(["git", "-C", str(ROOT), "rev-parse", args.revision]).strip()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_tree(commit, folder / "source")
        wheel = build_wheel(folder / "source", folder / "wheel")
        result = measure_install(wheel, args.extras, folder / "venv")
    about = {
        "commit": commit,
        "extras": args.extras,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    found = json.loads(args.out.read_text()) if args.out.exists() else {}
    label = args.label or args.extras or "core"
    found[label] = about | result
    args.out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(
        f"{label}: {result['seconds']} s, {result['megabytes']} MB, {result['packages']} packages"
    )


if __name__ == "__main__":
    main()
