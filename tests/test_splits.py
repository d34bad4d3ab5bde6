"""Splits: shares, determinism, and groups that stay together."""

from collections import Counter

import pytest

from i2v_lib.data.splits import assign_splits

GROUPS = [f"group {i // 3}" for i in range(30_000)]  # three illustrations a group


def test_shares_are_met():
    share = {name: count / len(GROUPS) for name, count in Counter(assign_splits(GROUPS, 0, 0.05, 0.2)).items()}
    # 10,000 groups: a standard deviation of 0.4 % at most
    assert share == pytest.approx({"train": 0.75, "val": 0.05, "test": 0.2}, abs=0.015)


def test_a_group_never_straddles():
    pairs = set(zip(GROUPS, assign_splits(GROUPS, 0, 0.3, 0.3), strict=True))
    assert len(pairs) == len(set(GROUPS))


def test_order_and_company_do_not_matter():
    alone = dict(zip(GROUPS, assign_splits(GROUPS, 7, 0.1, 0.2), strict=True))
    others = [*reversed(GROUPS), *(f"newcomer {i}" for i in range(500))]
    assert alone.items() <= dict(zip(others, assign_splits(others, 7, 0.1, 0.2), strict=True)).items()


def test_the_seed_salts_and_known_values_hold_on_every_machine():
    assert assign_splits(GROUPS, 0, 0.1, 0.2) != assign_splits(GROUPS, 1, 0.1, 0.2)
    # By hand, `printf 0:g0 | sha256sum`: 0x224d…, 0x5abc… and 0xb2bb… are .13, .35 and .70 of the range.
    assert assign_splits(["g0", "g9", "g2"], 0, 0.3, 0.3) == ["test", "val", "train"]


def test_another_validation_share_keeps_the_test_split():
    few, many = assign_splits(GROUPS, 0, 0.05, 0.2), assign_splits(GROUPS, 0, 0.5, 0.2)
    assert [name == "test" for name in few] == [name == "test" for name in many]
    assert few != many


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.1, -0.1), (0.5, 0.5), (1.5, 0.0)])
def test_impossible_shares_are_refused(shares):
    with pytest.raises(ValueError, match="validation_share"):
        assign_splits(["a"], 0, *shares)


def test_zero_shares_train_on_everything():
    assert set(assign_splits(GROUPS, 0, 0.0, 0.0)) == {"train"}
    assert assign_splits([], 0, 0.1, 0.1) == []
