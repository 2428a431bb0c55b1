"""The files around the code: workflows, hooks, templates, citation, changelog."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from calico import __version__

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PROJECT = (ROOT / "pyproject.toml").read_text()
VERSIONS = ["3.10", "3.11", "3.12", "3.13"]


def read_yaml(path: Path) -> Any:
    """Read a YAML file, in which every key stands once."""

    class Once(yaml.SafeLoader):
        """A loader that refuses a repeated key."""

    def construct(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
        pairs = [(loader.construct_object(k), loader.construct_object(v, deep=True))
                 for k, v in node.value]  # fmt: skip
        assert len({key for key, _ in pairs}) == len(pairs), path
        return dict(pairs)

    Once.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, construct)
    return yaml.load(path.read_text(), Once)


def list_steps(workflow: Any) -> list[Any]:
    """List the steps of all jobs of a workflow."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_are_workflows_for_tests_docs_and_release() -> None:
    assert [path.stem for path in WORKFLOWS] == ["docs", "release", "tests"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_make_targets_that_exist(path: Path) -> None:
    workflow = read_yaml(path)
    assert True in workflow  # the key `on`, which YAML reads as a truth value
    assert workflow["permissions"] == {"contents": "read"}
    commands = [step["run"] for step in list_steps(workflow) if "run" in step]
    assert commands
    for command in commands:
        found = re.fullmatch(r"make ([a-z-]+)", command)
        assert found, command
        assert found[1] in TARGETS
    assert all("@" in step["uses"] for step in list_steps(workflow) if "uses" in step)
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_the_tests_run_on_every_supported_python() -> None:
    workflow = read_yaml(ROOT / ".github" / "workflows" / "tests.yml")
    assert workflow["jobs"]["tests"]["strategy"]["matrix"]["python"] == VERSIONS
    assert f'requires-python = ">={VERSIONS[0]}"' in PROJECT
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT)
    assert named == VERSIONS


def test_the_release_needs_no_stored_token() -> None:
    publish = read_yaml(ROOT / ".github" / "workflows" / "release.yml")["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"]["url"].endswith("/calico-bev")
    assert not any("secrets." in path.read_text() for path in WORKFLOWS)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_what_the_site_asks_for(path: Path) -> None:
    form = read_yaml(path)
    if path.stem == "config":
        assert form["blank_issues_enabled"] is True
        return
    assert form["name"]
    assert form["description"]
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids)
    kinds = {"textarea", "input", "checkboxes", "dropdown"}
    assert {field["type"] for field in form["body"]} <= kinds
    assert all(field["attributes"]["label"] for field in form["body"])


def test_hooks_are_tools_that_the_developers_environment_has() -> None:
    (repository,) = read_yaml(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        program, *words = hook["entry"].split()
        if program == "make":
            assert words[0] in TARGETS
        elif words[:1] == ["-m"]:
            assert (ROOT / f"{words[1].replace('.', '/')}.py").is_file()
        else:
            assert f'"{Path(program).name}>=' in PROJECT, program


def test_the_citation_names_this_version_and_the_paper() -> None:
    citation = read_yaml(ROOT / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == __version__
    assert f'version = "{__version__}"' in PROJECT
    assert citation["license"] == "Apache-2.0"
    paper = citation["preferred-citation"]
    assert paper["year"] == 2024
    assert paper["identifiers"][0]["value"] == "arXiv:2306.00349"


def test_the_changelog_can_be_read() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()
    assert len(lines) < 150
    assert lines[0] == "# Changelog"
    titles = [line for line in lines if line.startswith("### ")]
    assert titles[0].startswith("### Breaking")
    assert {"### Added", "### Changed", "### Fixed"} <= set(titles)
    assert f"## {__version__}" in "\n".join(lines)


def test_the_pages_for_contributors_name_files_and_targets_that_exist() -> None:
    for name in ("CONTRIBUTING.md", "SECURITY.md", ".github/pull_request_template.md"):
        text = (ROOT / name).read_text()
        assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= TARGETS, name
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (ROOT / target).exists(), f"{name}: {target}"
        for path in re.findall(r"`((?:calico|calico_eval|corruptions|tests)/[\w/.]+)`", text):
            if (
                "NAME" not in path
                and "GROUP" not in path
                and not path.endswith(("x/y.py", "_y.py"))
            ):
                assert (ROOT / path).exists(), f"{name}: {path}"
