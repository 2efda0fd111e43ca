"""An app with one locked wheel, as its developer writes it."""

from sealgrid.bundle.manifest import WheelEntry

PYTHON = "3.11"
WHEEL = WheelEntry(
    name="numpy", version="2.4.6", filename="numpy-2.4.6-cp311-cp311-linux_x86_64.whl", sha256="0x" + "11" * 32
)
APP = """
name = "hash-file"
version = "1.0"
title = "Hash a file"
entrypoint = ["app.py"]
wheels = ["numpy==2.4.6"]
files = ["**/*.py", "data/*"]
[limits]
memory = 100000000
"""
