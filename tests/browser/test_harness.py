"""The harness itself: what it starts, what it ends, and that it sees what a page does wrong."""

import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from tests.browser import chromium
from tests.browser.fronts import FRONTS, screenshot
from tests.browser.servers import ROOT

CELLS = [
    """import anywidget, ipywidgets, traitlets
class Counter(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
        const button = el.appendChild(document.createElement("button"));
        const write = () => { button.textContent = "pressed " + model.get("presses"); };
        button.onclick = () => { model.set("presses", model.get("presses") + 1); model.save_changes(); };
        model.on("change:presses", write); write();
    } }'''
    presses = traitlets.Int(0).tag(sync=True)""",
    """counter, label = Counter(), ipywidgets.Label("the kernel saw 0")
counter.observe(lambda change: setattr(label, "value", f"the kernel saw {change.new}"), "presses")
ipywidgets.VBox([counter, label])""",
]


@pytest.mark.parametrize("front", FRONTS)
def test_widgets_reach_the_kernel_and_come_back(show, front):
    page = show(front, CELLS)
    page.get_by_text("the kernel saw 0", exact=True).wait_for()
    page.get_by_role("button", name="pressed 0").click()
    page.get_by_text("the kernel saw 1", exact=True).wait_for()
    assert page.get_by_role("button", name="pressed 1").is_visible()
    screenshot(page, f"harness-{front}")


def test_faults_of_a_page_are_seen(context, watch):
    page = context.new_page()
    watch.follow(page)
    page.set_content("<p id='p'>quiet</p>")
    assert watch.faults == []
    page.evaluate("setTimeout(() => { throw new Error('thrown') })")
    page.evaluate("console.warn('only a warning'); console.error('told')")
    page.evaluate("fetch('http://localhost.example/x').catch(() => {})")
    page.evaluate("new WebSocket('ws://192.0.2.1/')")
    page.wait_for_timeout(200)
    page.close()
    assert len(watch.take("^page error: .*thrown")) == 1
    assert len(watch.take(r"^console: told")) == 1
    assert len(watch.take("another host: http://localhost.example/x")) == 1
    assert len(watch.take("another host: ws://192.0.2.1/")) == 1
    watch.take("ERR_NAME_NOT_RESOLVED|WebSocket")  # the console tells of both, too
    assert not [fault for fault in watch.faults if "warning" in fault]


@pytest.mark.parametrize("front", ["notebook", "voila"])
def test_a_failing_cell_fails_the_test(show, front):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        show(front, ["1 / 0"])


@pytest.mark.parametrize("killed", [False, True])
def test_no_server_outlives_its_tests(killed):
    """Nor does what it started in a session of its own, as kernels are, and whether or not it ends when asked."""
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(99)"
    parent = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {deaf!r}], start_new_session=True)\n"
        "time.sleep(99)"
    )
    guard = [sys.executable, "-m", "tests.browser.guard", sys.executable, "-c", parent]
    tests = f"import subprocess, sys, time; g = subprocess.Popen({guard!r}, stdin=subprocess.PIPE); time.sleep(99)"
    process = subprocess.Popen([sys.executable, "-c", tests], cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout.readline() == b"deaf\n"
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) == 3
    os.kill(process.pid, signal.SIGKILL) if killed else os.killpg(process.pid, signal.SIGTERM)
    process.wait()
    gone, alive = psutil.wait_procs(family, 20)
    for member in alive:
        member.kill()
    assert len(gone) == 3


def test_the_browser_is_the_one_that_is_named(tmp_path):
    named = tmp_path / "browser"
    named.touch(mode=0o755)
    assert chromium.find_chromium({"I2V_CHROMIUM": str(named)}) == named
    (tmp_path / "chromium").touch(mode=0o755)
    assert chromium.find_chromium({"PATH": str(tmp_path)}) == tmp_path / "chromium"
    assert chromium.find_chromium({"PATH": str(tmp_path / "none")}) is None
    with pytest.raises(FileNotFoundError, match="I2V_CHROMIUM"):
        chromium.find_chromium({"I2V_CHROMIUM": str(tmp_path / "gone"), "PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("present", "user", "apt", "said"),
    [
        (["chromium", "apt-get"], "0", 0, ["make test"]),
        (["apt-get"], "0", 0, ["apt-get update", "apt-get install", "make test"]),
        (["apt-get"], "0", 1, ["apt-get update", "Chromium could not be installed", "make test"]),
        (["apt-get"], "1000", 0, ["no Chromium, and no way to install one", "make test"]),
        ([], "0", 0, ["no Chromium, and no way to install one", "make test"]),
    ],
)
def test_the_chain_of_tests_installs_a_browser_if_it_can(present, user, apt, said, tmp_path):
    """``.ci/run`` with stand-ins for the programs it calls, which tell how they are called."""
    (tmp_path / "dirname").symlink_to(shutil.which("dirname"))
    answers = {"apt-get": f'echo "apt-get $@"; exit {apt}', "make": 'echo "make $@"', "id": f"echo {user}"}
    for name in (*present, "make", "id"):
        program = tmp_path / name
        program.write_text(f"#!{shutil.which('bash')}\n{answers.get(name, '')}\n")
        program.chmod(0o755)
    command = [shutil.which("bash"), str(ROOT / ".ci" / "run")]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(said), done.stdout + done.stderr
    assert all(line.startswith(beginning) for line, beginning in zip(lines, said, strict=True))
