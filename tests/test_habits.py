"""Facts about the files that make a repository easy to join: what runs, what is pinned, what is spelt."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import i2v_lib

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE))


def read_yaml(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_everybody_s_changes_are_tested_as_the_readme_says():
    workflow = read_yaml(".github/workflows/test.yml")
    assert set(workflow[True]) == {"push", "pull_request", "schedule"}  # YAML takes "on" for a boolean
    job = workflow["jobs"]["test"]
    assert job["steps"][-1] == {"run": "make test"}
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert oldest in job["strategy"]["matrix"]["python"]
    assert len(job["strategy"]["matrix"]["python"]) == 2


@pytest.mark.parametrize(("repository", "library"), [("ruff-pre-commit", "ruff"), ("codespell", "codespell")])
def test_hooks_are_of_the_pinned_versions(repository, library):
    hooks = {hook["repo"].rsplit("/", 1)[1]: hook["rev"] for hook in read_yaml(".pre-commit-config.yaml")["repos"]}
    assert set(hooks) == {"ruff-pre-commit", "nbstripout", "codespell"}
    assert hooks[repository].removeprefix("v") == PINS[library]


def test_there_is_one_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(.+?)\]", changelog, re.MULTILINE)[1]
    assert newest == PROJECT["version"] == i2v_lib.__version__ == read_yaml("CITATION.cff")["version"]


def test_words_are_spelt(tmp_path):
    spell = [sys.executable, "-m", "codespell_lib"]
    names = [
        name for name in ("i2v_lib", "tests", "benchmarks", "notebooks", "docs", ".github") if (ROOT / name).exists()
    ]
    texts = [path.name for path in ROOT.glob("*.md")]
    done = subprocess.run([*spell, *names, *texts], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    (tmp_path / "note.md").write_text("t" + "eh pictures")
    assert subprocess.run([*spell, str(tmp_path)], cwd=ROOT, capture_output=True).returncode != 0


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem
)
def test_issue_forms_have_what_a_form_needs(path):
    form = read_yaml(path.relative_to(ROOT))
    if path.stem == "config":
        assert isinstance(form["blank_issues_enabled"], bool)
        return
    assert {"name", "description", "body"} <= set(form)
    assert all(item["attributes"]["label"] for item in form["body"])
    assert len({item["id"] for item in form["body"]}) == len(form["body"])
