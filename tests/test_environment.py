"""The dependency files agree, the doctor finds what is wrong, the working directory does not matter."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import namedtuple
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from i2v_lib.cli import doctor
from i2v_lib.cli.options import require_writable
from i2v_lib.config import load_config

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINES = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
MACHINES = [
    {
        "python_version": python[:4],
        "python_full_version": python,
        "sys_platform": system,
        "platform_machine": machine,
    }
    for python in ("3.11.4", "3.11.9", "3.12.3", "3.13.1", "3.14.0")
    for system, machine in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))
]


def pins(machine):
    """Pins that hold on one machine: name -> list of requirements."""
    found = {}
    for pin in map(Requirement, LINES):
        if pin.marker is None or pin.marker.evaluate(machine):
            found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


def declared():
    extras = PROJECT["project"]["optional-dependencies"].values()
    return [
        Requirement(text) for text in [*PROJECT["project"]["dependencies"], *(x for extra in extras for x in extra)]
    ]


def test_pins_are_names_and_versions_only():
    for line in LINES:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; .+)?", line), line


@pytest.mark.parametrize(
    "machine",
    MACHINES,
    ids=lambda m: f"{m['python_full_version']}-{m['sys_platform']}-{m['platform_machine']}",
)
def test_every_dependency_has_one_pin_that_satisfies_it(machine):
    pinned = pins(machine)
    assert all(len(same) == 1 for same in pinned.values())
    for requirement in declared():
        (pin,) = pinned[canonicalize_name(requirement.name)]
        (version,) = (specifier.version for specifier in pin.specifier)
        assert requirement.specifier.contains(version), (requirement, version)


def test_pins_build_the_kit_without_fetching_a_build_tool():
    """`make` installs the kit with --no-build-isolation, so that even its build uses pinned versions."""
    (build,) = map(Requirement, PROJECT["build-system"]["requires"])
    (pin,) = pins(MACHINES[0])[build.name]
    assert build.specifier.contains(str(pin.specifier).removeprefix("=="))


def test_nothing_is_declared_twice():
    names = [canonicalize_name(requirement.name) for requirement in declared()]
    assert sorted(set(names)) == sorted(names)


def test_conda_environment_lists_nothing_of_its_own():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, from_pip = environment["dependencies"]
    assert python == "python" + PROJECT["project"]["requires-python"]
    assert pip == "pip"
    assert from_pip == {"pip": ["-r requirements.txt", "-e ."]}


def test_torch_and_torchvision_pins_are_a_pair():
    """Judged by what the installed torchvision asks for; the control shows that it asks for something."""
    pinned = pins(MACHINES[0])
    torch, vision = (str(pinned[name][0].specifier).removeprefix("==") for name in ("torch", "torchvision"))
    if importlib.metadata.version("torchvision").split("+")[0] != vision:
        pytest.skip("another torchvision than the pinned one is installed; its metadata says nothing about the pin")
    (asked,) = (r for r in map(Requirement, importlib.metadata.requires("torchvision")) if r.name == "torch")
    assert asked.specifier.contains(torch)
    assert not asked.specifier.contains("1.0.0")


# --- the doctor


@pytest.fixture
def smoke():
    return load_config("smoke")


def test_a_pin_that_is_not_met_is_named_with_both_versions(tmp_path):
    pins_file = tmp_path / "requirements.txt"
    numpy = importlib.metadata.version("numpy")
    pins_file.write_text(f"numpy=={numpy}\n")
    assert doctor.pins(pins_file).status == "ok"
    pins_file.write_text("numpy==0.1 ; python_version >= '3'\npillow==0.1 ; python_version < '3'\n")
    check = doctor.pins(pins_file)
    assert (check.status, check.cure != "") == ("note", True)
    assert f"numpy {numpy} instead of 0.1" in check.text
    assert "pillow" not in check.text  # its marker excludes this machine
    pins_file.write_text("no-such-library-here==1.0\n")
    assert doctor.pins(pins_file)[:2] == ("fatal", "not installed: no-such-library-here")
    assert doctor.pins(tmp_path / "none.txt").status == "note"


def test_torch_and_torchvision_that_do_not_match_are_fatal(monkeypatch):
    assert doctor.torch_pair().status == "ok"
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert doctor.torch_pair().status == "fatal"
    assert doctor.torch_pair().cure


def test_a_full_disk_is_fatal_and_a_roomy_one_is_not(monkeypatch, smoke):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(0, 0, 10 * doctor.GIB))
    assert doctor.disk(smoke).status == "ok"
    assert doctor.disk(load_config("paper")).status == "fatal"  # even packed
    for free, kept, size in ((100, "packed as JPEG", "51.9 GiB"), (400, "as pixels", "235.8 GiB")):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder, free=free: usage(0, 0, free * doctor.GIB))
        check = doctor.disk(load_config("paper"))
        assert (check.status, bool(re.search(f"{size} .*{kept}", check.text))) == ("ok", True)
    assert doctor.disk(load_config("paper", pixel_store="jpeg")).text.endswith("packed as JPEG")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(0, 0, doctor.GIB // 2))
    check = doctor.disk(smoke)
    assert (check.status, "0.5 GiB" in check.text, "I2V_HOME" in check.cure) == ("fatal", True, True)


def test_little_memory_is_noted(monkeypatch, smoke):
    memory = namedtuple("memory", "available total")
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: memory(doctor.GIB, doctor.GIB))
    assert doctor.memory(smoke).status == "note"
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: memory(9 * doctor.GIB, 9 * doctor.GIB))
    assert doctor.memory(smoke).status == "ok"
    assert "in blocks" not in doctor.memory(smoke).text


def test_pictures_beyond_the_memory_are_shuffled_in_blocks(monkeypatch):
    memory = namedtuple("memory", "available total")
    for total, blocks in ((60, True), (128, False)):
        monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda t=total: memory(t * doctor.GIB, t * doctor.GIB))
        check = doctor.memory(load_config("paper", pixel_store="jpeg"))
        assert (check.status, "in blocks" in check.text) == ("ok", blocks)


def test_a_home_that_cannot_be_written_is_fatal(monkeypatch, tmp_path):
    monkeypatch.setenv("I2V_HOME", str(tmp_path / "new"))
    assert doctor.writable().status == "ok"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("I2V_HOME", str(tmp_path / "file"))  # a file cannot hold folders, not even for root
    check = doctor.writable()
    assert (check.status, bool(re.search("file .*written", check.text)), "I2V_HOME" in check.cure) == (
        "fatal",
        True,
        True,
    )
    with pytest.raises(OSError, match="I2V_HOME"):
        require_writable(tmp_path / "file" / "runs")


def test_idle_cores_are_noted(monkeypatch):
    monkeypatch.setattr(doctor.psutil, "cpu_count", lambda logical: 10_000)
    assert doctor.threads().cure.endswith("export OMP_NUM_THREADS=10000")
    monkeypatch.setattr(doctor.psutil, "cpu_count", lambda logical: 1)
    assert doctor.threads().status == "ok"


def test_cached_imagenet_weights_are_found(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    paper = load_config("paper")
    assert doctor.imagenet_weights(paper).status == "note"
    assert doctor.imagenet_weights(load_config("demo")).status == "ok"
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / doctor.VGG16).touch()
    assert doctor.imagenet_weights(paper).status == "ok"


def test_file_name_of_imagenet_weights_is_torchvisions():
    from torchvision.models import VGG16_Weights

    assert VGG16_Weights.IMAGENET1K_V1.url.endswith("/" + doctor.VGG16)


def test_an_accelerator_is_compared_with_the_cpu(monkeypatch):
    """A pretended accelerator that computes as the CPU does passes; one that is off, or yields NaN, fails."""
    import torch

    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert doctor.device().status == "ok"
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("mps"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    exact = doctor.two_steps("cpu")
    assert exact[2] < exact[1] < exact[0]  # it learns, so both steps are compared
    for offset, status in ((0.0, "ok"), (0.05, "fatal"), (float("nan"), "fatal")):
        answers = {"cpu": exact, "mps": [exact[0], exact[1], exact[2] + offset]}
        monkeypatch.setattr(doctor, "two_steps", answers.get)
        assert doctor.device().status == status


def test_report_shows_cures_a_verdict_and_no_home_folder(monkeypatch, worded):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/somebody"))
    ok, bad = doctor.Check("ok", "in /home/somebody/kit"), doctor.Check("fatal", "no space", "free some")
    assert doctor.report([ok]) == "ok     in ~/kit\nready"
    lines = doctor.report([ok, bad]).splitlines()
    assert [line.split() for line in lines[1:3]] == [["fatal", "no", "space"], ["→", "free", "some"]]
    assert lines[3].startswith("1 problem")
    worded("\n".join(lines))


def test_examination_runs_every_check(monkeypatch, tmp_path, smoke):
    monkeypatch.setenv("I2V_HOME", str(tmp_path))
    checks = doctor.examine(smoke)
    assert len(checks) == 10
    assert all(bool(check.cure) == (check.status != "ok") for check in checks)


# --- the working directory


def test_results_lie_in_the_same_place_whatever_the_working_directory(tmp_path):
    code = "from i2v_lib.config import *; print(run_folder(load_config('smoke')))"

    def folder(cwd, home):
        environment = {**os.environ, "I2V_HOME": str(home)} if home else {**os.environ, "I2V_HOME": ""}
        done = subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)
        return done.stdout.strip()

    odd = tmp_path / "dossier élevé à part"
    odd.mkdir()
    assert folder("/", None) == folder(odd, None) == str(ROOT / "runs" / "smoke")
    assert folder("/", odd) == folder(tmp_path, odd) == str(odd / "runs" / "smoke")


def test_the_authors_files_are_looked_for(monkeypatch, tmp_path):
    """All there, none there, the list missing, a download that broke off."""
    monkeypatch.setenv("I2V_HOME", str(tmp_path))
    assert doctor.released_weights() == ("ok", doctor.released_weights().text, "")
    assert f"are not in {tmp_path / 'released'}" in doctor.released_weights().text
    (tmp_path / "released").mkdir()
    for name, size in (("illust2vec_tag_ver200.caffemodel", 188_005_901), ("illust2vec_ver200.caffemodel", 10)):
        with (tmp_path / "released" / name).open("wb") as file:
            file.truncate(size)  # takes no space
    check = doctor.released_weights()
    assert (check.status, "has 10 bytes, of at least 978,587,148" in check.text) == ("note", True)
    assert "fetch it again" in check.cure
    (tmp_path / "released" / "illust2vec_ver200.caffemodel").unlink()
    check = doctor.released_weights()
    assert check.status == "note"
    for lacking in ("tags: lacks tag_list.json", "features: lacks illust2vec_ver200.caffemodel"):
        assert lacking in check.text
    for name in ("tag_list.json.gz", "illust2vec_ver200.safetensors"):
        (tmp_path / "released" / name).touch()
    check = doctor.released_weights()
    assert (check.status, check.cure) == ("ok", "")
    assert "tags: there; features: there" in check.text
