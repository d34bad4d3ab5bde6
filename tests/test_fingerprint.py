"""Fingerprints of code change with what the code does, and with nothing else."""

from i2v_lib.data.fingerprint import code_fingerprint


def test_only_behavior_counts(tmp_path):
    path = tmp_path / "code.py"

    def fingerprint(text: str) -> str:
        path.write_text(text, encoding="utf-8")
        return code_fingerprint([path])

    first = fingerprint('def f(x):\n    """Double."""\n    return 2 * x\n')
    assert fingerprint("def f(x):\n    # twice\n    return (2\n            * x)\n") == first
    assert fingerprint('def f(x):\n    """Double."""\n    return 3 * x\n') != first
