"""Several processes that work as one: the steps, scores, features and neighbors of a single process."""

import functools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from processes import start
from safetensors.torch import load_file
from tiny_training import COUNT, INDICES, PIXELS, TAGS, TARGETS, identical, losses, newest, train, weights

from i2v_lib.__main__ import main
from i2v_lib.config import load_config, parse_overrides
from i2v_lib.evaluation.metrics import average_precision
from i2v_lib.models import steps, training
from i2v_lib.models.loss import tag_loss
from i2v_lib.models.networks import build_network
from i2v_lib.models.prediction import predict
from i2v_lib.run import Run
from i2v_lib.search.distributed_search import search_in_shares, search_rows
from i2v_lib.search.hashing import binarize
from i2v_lib.search.neighbors import nearest_neighbors, nearest_vectors
from i2v_lib.system import distributed
from i2v_lib.system.distributed import (
    from_first,
    gather_rows,
    on_first,
    process_group,
    rank,
    ranks,
    require_shared,
    total,
)

ROOT = Path(__file__).resolve().parent.parent
TINY = {"pictures": 60, "minimum_positives": 6, "epochs": 1, "epochs_hash": 1, "width": 0.03, "test_share": 0.4}
VECTORS = np.random.default_rng(5).standard_normal((41, 64)).astype(np.float32)
VECTORS[7:13] = VECTORS[3]  # duplicates, more than k of them
WORK = 120  # seconds after which processes are given up


def launch(target, count, folder, join=True):
    """Call ``target(folder)`` in some processes joined as by torchrun; all must end well, and soon."""
    folder.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    environments = [common | {"RANK": str(r), "LOCAL_RANK": str(r), "I2V_HOME": str(folder)} for r in range(count)]
    group = [start(_logged, target, folder, join, environment=environment) for environment in environments]
    try:
        deadline = time.monotonic() + WORK
        for process in group:
            process.join(max(0, deadline - time.monotonic()))
        return [process.exitcode for process in group]
    finally:
        for process in group:
            process.kill()


def _logged(target, folder, join):
    with (folder / f"log-{os.environ['RANK']}.txt").open("w") as log:  # to look into after a failure
        os.dup2(log.fileno(), 1), os.dup2(log.fileno(), 2)
        with process_group() if join else nullcontext():
            target(folder)


def scores(network):
    """Average precision a tag, of logits that the ranks compute in batches of 4."""
    return average_precision(TARGETS, predict(network, PIXELS, INDICES, 32, batch_size=4))


def fixed_network():
    return build_network("vgg_nin", TAGS, load_config("smoke", width=1 / 32)).eval()


def wrongly_weighted(logits, targets, pictures):
    """The mean over a rank's own share, which the average over ranks makes the mean of the whole batch only by luck."""
    return tag_loss(logits, targets) / ranks()


def everything(folder):
    """All that is compared between numbers of processes, in one launch."""
    trainings = {
        "plain": {},
        "parts": {"accumulate": 3, "ema": 0.9},
        "vgg_a": {"name": "vgg_a"},
        "masks": {"dropout": 0.5},
    }
    for name, options in trainings.items():
        train(folder / name, validate=lambda network: {"map": scores(network)[0]}, **{"dropout": 0.0, **options})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "tag_loss", wrongly_weighted)
        train(folder / "wrong", dropout=0.0)
    with pytest.raises(FloatingPointError) as poisoned:
        train(folder / "poisoned", {5: poison if rank() == ranks() - 1 else lambda batch: batch}, dropout=0.0)
    network, codes = fixed_network(), binarize(VECTORS)
    result = {
        "ap": scores(network),
        "logits": predict(network, PIXELS, INDICES, 32, batch_size=4),
        "one": predict(network, PIXELS, INDICES[:1], 32),  # fewer batches than ranks
        "poisoned": sorted(json.loads(re.search(r"pictures (\[.*?\])", str(poisoned.value))[1])),
    }
    for k in (1, 3, 50):
        result[f"indices {k}"], result[f"distances {k}"] = search_in_shares(nearest_neighbors, codes, k)
        result[f"near {k}"], result[f"far {k}"] = search_in_shares(nearest_vectors, VECTORS, k)
    run = Run(load_config("smoke", **TINY))
    run.save_codes(folder / "codes.npz", 4)
    result |= {"features": run.features("pretrained"), "read out": run.logits("untrained")}  # by all, and by rank 0
    with pytest.raises(RuntimeError if rank() else ZeroDivisionError, match="division by zero"):
        on_first(lambda: 1 / 0)
    assert from_first(rank()) == 0
    result["ranks"] = gather_rows(np.full(rank(), rank()) if rank() or ranks() == 1 else None)
    require_shared(folder)
    np.savez(folder / f"result-{rank()}.npz", **result)


def poison(batch):
    return batch._replace(targets=batch.targets * float("nan"))


def private(folder):
    """A folder of each rank's own, which only looks like a shared one."""
    own = folder / str(rank())
    own.mkdir()
    os.chdir(own)
    distributed.SHOWN = 0.5  # seconds after which nothing will be seen any more
    with pytest.raises(OSError, match=f"{socket.gethostname()} .*shared.*I2V_HOME"):
        require_shared(Path("shared"))
    (folder / f"refused-{rank()}").touch()


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    assert launch(everything, 1, folder) == [0]
    return folder


@pytest.fixture(scope="module", params=[2, 4])
def many(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    codes = launch(everything, request.param, folder)
    assert codes == [0] * request.param, "".join(path.read_text()[-3000:] for path in folder.glob("log-*"))
    return folder


def results(folder):
    return [dict(np.load(path)) for path in sorted(folder.glob("result-*.npz"))]


def distance(a, b):
    assert a.keys() == b.keys()
    return max((a[name].double() - b[name].double()).abs().max().item() for name in a)


@pytest.mark.parametrize("name", ["plain", "parts", "vgg_a"])
def test_weights_are_those_of_one_process(one, many, name):
    """26 pictures in batches of 7, 7, 6 and 6: not all can be shared evenly, by 2 or by 4.

    float32 carries a rounding of 1e-7 a step. The same training with uneven shares weighted as if they were even is
    told apart.
    """
    off = distance(weights(one / name), weights(many / name))
    assert off < 2e-5
    assert distance(weights(one / "plain"), weights(many / "wrong")) > 20 * 2e-5
    assert losses(many / name) == pytest.approx(losses(one / name), rel=1e-5)


def test_parts_of_a_batch_make_its_step(one):
    """Gradients of three parts add up to those of the batch; what is kept is the average of the weights."""
    assert losses(one / "parts") == pytest.approx(losses(one / "plain"), rel=1e-5)
    assert distance(weights(one / "parts"), weights(one / "plain")) > 1e-4  # the average lags behind


def test_each_rank_draws_dropout_of_its_own(one, many):
    """Then rank counts differ by chance, as two seeds do: not by rounding, and not by much."""
    assert distance(weights(one / "masks"), weights(many / "masks")) > 1e-4
    assert losses(many / "masks") == pytest.approx(losses(one / "masks"), rel=0.05)


def test_scores_features_and_neighbors_are_those_of_one_process(one, many):
    (expected,), found = results(one), results(many)
    for result in found:  # on every rank
        assert np.abs(result["ap"] - expected["ap"]).max() <= 1e-12
        for name in expected.keys() - {"ranks", "features", "read out", "poisoned"}:
            np.testing.assert_array_equal(result[name], expected[name], err_msg=name)
        for name in ("features", "read out"):
            np.testing.assert_allclose(result[name], expected[name], rtol=1e-4, atol=1e-4, err_msg=name)
        assert result["ranks"].tolist() == [r for r in range(len(found)) for _ in range(r)]
    assert expected["logits"].shape == (COUNT, TAGS)
    indices, _ = nearest_neighbors(binarize(VECTORS), 3)
    np.testing.assert_array_equal(expected["indices 3"], indices)


def test_a_poisoned_picture_stops_all_ranks_before_the_step(one, many):
    """All name the whole batch, whichever rank's share is poisoned, and the checkpoint before stands."""
    (expected,) = results(one)
    assert len(expected["poisoned"]) == 7
    for result in results(many):
        assert result["poisoned"].tolist() == expected["poisoned"].tolist()
    assert load_file(newest(many / "poisoned"))["optimizer/step/tags.bias"] == 4


def test_rank_0_alone_writes(one, many):
    for name in ("plain", "parts"):
        names = sorted(path.name for path in (many / name).iterdir())
        assert names == ["best.safetensors", "log.jsonl", "weights.safetensors"]
    codes, expected = np.load(many / "codes.npz"), np.load(one / "codes.npz")
    assert (codes["ids"] == expected["ids"]).all()
    assert codes["codes"].shape == expected["codes"].shape
    assert codes["indices"].shape == (len(codes["ids"]), 4)
    indices, distances = nearest_neighbors(codes["codes"], 4)
    np.testing.assert_array_equal(codes["indices"], indices)
    np.testing.assert_array_equal(codes["distances"], distances)


def test_a_folder_that_is_not_shared_is_refused_by_all(tmp_path):
    assert launch(private, 2, tmp_path) == [0, 0]
    assert len(list(tmp_path.glob("refused-*"))) == 2


def test_jobs_that_know_nothing_of_each_other_search_in_shares_too():
    codes = binarize(VECTORS)
    for search, database in ((nearest_neighbors, codes), (nearest_vectors, VECTORS)):
        whole = search(database, 3)
        parts = [search_rows(search, database, 3, *ends) for ends in ((0, 5), (5, 6), (6, 41))]
        for expected, shares in zip(whole, zip(*parts, strict=True), strict=True):
            np.testing.assert_array_equal(np.concatenate(shares), expected)


def test_more_ranks_than_pictures_in_a_batch_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "ranks", lambda: 7)
    with pytest.raises(ValueError, match=r"ranks=7.* 6 pictures"):
        train(tmp_path)


def test_other_commands_are_not_for_torchrun(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["doctor"]) == 2
    assert re.search("torchrun.* train .*encode", capsys.readouterr().err)


# --- torchrun


def torchrun(home, *command, restarts=0):
    """Start the kit under torchrun, as the README shows it; output goes to a file."""
    environment = os.environ | {"I2V_HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    with (home / "torchrun.log").open("a") as log:
        return subprocess.Popen(
            [*launcher, f"--max-restarts={restarts}", "--monitor-interval=0.2", "-m", "i2v_lib", *command],
            env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def wait_for(condition, process, seconds=WORK):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "torchrun ended"
        assert time.monotonic() < deadline, "too long"
        time.sleep(0.02)


LONG_RUN = {**TINY, "epochs": 12, "checkpoint_every": 1, "batch_size": 8}
ARGUMENTS = ("--network", "vgg_nin", "--set", *(f"{name}={value}" for name, value in LONG_RUN.items()))


def uninterrupted(folder):
    Run(load_config("smoke", **LONG_RUN)).network("vgg_nin")


def test_torchrun_is_stopped_loses_a_rank_and_ends_with_the_same_weights(tmp_path):
    """SIGTERM to torchrun, as before a preemption; later kill -9 to one rank, which torchrun starts again with all."""
    home, whole = tmp_path / "home", tmp_path / "whole"
    home.mkdir()
    networks = home / "runs" / "smoke" / "networks"

    def reached():
        names = [path.stem for path in networks.glob("*/checkpoint-*.safetensors")]
        return max((int(name.split("-")[1]) for name in names), default=0)

    process = torchrun(home, "train", "--preset", "smoke", *ARGUMENTS)
    try:
        wait_for(lambda: reached() >= 2, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WORK) != 0
        stopped_at = reached()
        assert 2 <= stopped_at < 100
        process = torchrun(home, "train", "smoke", *ARGUMENTS, restarts=1)
        wait_for(lambda: reached() >= stopped_at + 5, process)
        ranks = psutil.Process(process.pid).children(recursive=True)
        victim = max((p for p in ranks if p.environ().get("RANK") == "1"), key=lambda p: p.create_time())
        victim.kill()
        killed = time.monotonic()
        wait_for(lambda: not any(p.is_running() for p in ranks), process, seconds=40)
        assert time.monotonic() - killed < 35
        assert process.wait(WORK) == 0, (home / "torchrun.log").read_text()[-3000:]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert launch(uninterrupted, 2, whole) == [0, 0]
    ended, expected = (
        load_file(next(folder.glob("runs/smoke/networks/vgg_nin-*/weights.safetensors"))) for folder in (home, whole)
    )
    assert identical(ended, expected)  # two ranks add in no order but one


# --- a rank that fails


def fails_alone(run, name):
    """Rank 0 works by itself and fails; rank 1 hears of it."""
    on_first(lambda: parse_overrides(["epochs"]))


def fails_beside(run, name):
    """Rank 1 fails while rank 0 waits for its numbers."""
    if rank() == 1:
        raise ValueError("array of size=5")
    total([1.0], torch.device("cpu"))


def fails_before_an_answer(run, name):
    """Rank 0 fails while rank 1 waits for what it says."""
    if rank() == 0:
        raise ValueError("array of size=5")
    from_first(None)


def train_as_command(folder, weights):
    Run.weights = weights
    sys.exit(main(["train", "smoke"]))


@pytest.mark.parametrize(
    ("weights", "culprit", "said"),
    [(fails_alone, 0, "--set 'epochs'"), (fails_beside, 1, "array of size=5"), (fails_before_an_answer, 0, "size=5")],
)
def test_a_rank_s_failure_is_one_line_of_each(weights, culprit, said, tmp_path):
    """The rank that fails prints its own error, the one that waits for it that a process stopped; no traceback."""
    codes = launch(functools.partial(train_as_command, weights=weights), 2, tmp_path, join=False)
    logs = [(tmp_path / f"log-{number}.txt").read_text() for number in (0, 1)]
    assert codes == [2, 2], logs
    errors = [[line for line in log.splitlines() if not line.startswith("[")] for log in logs]
    assert [len(lines) for lines in errors] == [1, 1], logs
    assert all(lines[0].startswith("error: ") for lines in errors)
    assert said in errors[culprit][0]
    assert "stopped" in errors[1 - culprit][0]
