"""Compare four readings of where the paper inserts its hash layer, over seeds.

    python benchmarks/hash_layer.py [--seeds 0 1]

For each seed the demo preset's VGG + NIN is retrained with the layer in each place, with everything else the same:
the start, the pictures, their order, the epochs and the learning rate. Records go to ``benchmarks/hash_layer.json`` as
they are made; a setting that is there is not trained again. The work goes to ``runs/hash_layer/``, or below
``$I2V_HOME``: there it would overwrite the times of your own run.
"""

from __future__ import annotations

import argparse
import json
import os

from i2v_lib.config import home, load_config
from i2v_lib.evaluation.attributes import attributes
from i2v_lib.evaluation.code_quality import code_statistics
from i2v_lib.evaluation.metrics import average_precision, map_by_category
from i2v_lib.evaluation.retrieval import AS_FOUND, depth, measure
from i2v_lib.models.hash_network import PLACEMENTS
from i2v_lib.run import Run
from i2v_lib.show import codes

SETTINGS = ("seed", "hash_layer", "epochs_hash", "learning_rate_hash", "code_bits")
K = 3


def compare(run: Run) -> dict:
    """Retrain with one place of the layer, and measure.

    Returns
    -------
    record with the setting, the collection's fingerprint, ``map`` (0 to 1, a category each, on the test split),
    ``statistics`` of the codes, and ``precision`` (0 to 1) of the first three neighbors, for "codes" and "features"
    """
    collection, config, blocks = run.collection(), run.config, run.vocabulary().blocks
    ap = average_precision(run.targets()[collection.split("test")], run.logits("hash"))
    rows = run.safe_dataset()
    groups = [collection.column("group")[row] for row in rows]
    known = attributes(collection, rows)
    shared = {name: known[name] for name in ("character", "title")}
    near = {metric: run.neighbors(metric, depth(groups, K))[0] for metric in ("codes", "features")}
    found = measure(near, shared, groups, ks=(K,), resamples=1)
    precision = {
        metric: {p.attribute: round(p.precision, 5) for p in found if p.metric == metric and p.search == AS_FOUND}
        for metric in near
    }
    return {
        **{field: getattr(config, field) for field in SETTINGS},
        "collection": collection.fingerprint,
        "map": {category: round(value, 5) for category, (value, _) in map_by_category(ap, blocks).items()},
        "statistics": {
            key: round(value, 5) for key, value in code_statistics(run.codes(), config.code_bits, config.seed).items()
        },
        "precision": precision,
    }


def main(seeds: list[int]) -> None:
    """Compare all places for all seeds; keep the records sorted by place, then seed."""
    for seed in seeds:
        for place in PLACEMENTS:
            run = Run(load_config("demo", seed=seed, hash_layer=place))
            records = codes.read_records() if codes.RECORDS.exists() else []
            setting = {field: getattr(run.config, field) for field in SETTINGS}
            setting["collection"] = run.collection().fingerprint
            if any(all(record[key] == value for key, value in setting.items()) for record in records):
                continue
            record = compare(run)
            same = [r for r in records if (r["seed"], r["hash_layer"]) != (seed, place)]
            ordered = sorted([*same, record], key=lambda r: (PLACEMENTS.index(r["hash_layer"]), r["seed"]))
            codes.RECORDS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
            print(json.dumps(record), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("I2V_HOME", str(home() / "runs" / "hash_layer"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    main(parser.parse_args().seeds)
