"""Sealing and opening a file against the bare primitives on the same chunks, alternating in one process."""

import asyncio
import hashlib
import io
import os
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.context import Context
from bench.figure import Figure, Row, Target
from sealgrid.crypto import container

SIZE = 256 << 20
CHUNK, TAG = container.CHUNK_BYTES, 16
TARGET = Target("≥", 80.0)
LABELS = {
    "decrypt": "raw AES-GCM decryption",
    "open": "open",
    "encrypt": "raw AES-GCM",
    "seal": "seal",
    "encrypt+hash": "(raw AES-GCM + SHA-256)",
}
COMPARED = (("open", "decrypt"), ("seal", "encrypt"), ("seal", "encrypt+hash"))


class NullSink(io.RawIOBase):
    """Takes everything and keeps nothing, so that no disk is measured."""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return memoryview(data).nbytes  # type: ignore[arg-type]


async def measure(context: Context) -> Figure:
    await context.networks.stop()
    return await asyncio.to_thread(_measure, context.either(3, 7))


def _measure(rounds: int) -> Figure:
    plain, dek, sealed = os.urandom(SIZE), os.urandom(32), io.BytesIO()
    _seal(plain, dek, sealed)
    parts = _encrypted(plain, dek)
    runs: dict[str, Callable[[], object]] = {
        "decrypt": lambda: _decrypt(parts, dek),
        "open": lambda: container.open_sealed(sealed, NullSink(), dek),  # type: ignore[arg-type]
        "encrypt": lambda: _encrypt(plain, dek, hashed=False),
        "encrypt+hash": lambda: _encrypt(plain, dek, hashed=True),
        "seal": lambda: _seal(plain, dek, NullSink()),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            seconds[name].append(_timed(run))
    warm = {name: each[1:] for name, each in seconds.items()}  # the first round warms up
    speeds = [_speed(label, warm[name]) for name, label in LABELS.items()]
    ratios = [_ratio(f"{LABELS[ours]} ÷ {LABELS[raw]}", warm[raw], warm[ours]) for ours, raw in COMPARED]
    return Figure("sealing 256 MiB", (*speeds, *ratios))


def _speed(label: str, seconds: list[float]) -> Row:
    return Row(label=label, unit="MB/s", samples=tuple(SIZE / 1e6 / each for each in seconds), temperature="warm")


def _ratio(label: str, raw: list[float], ours: list[float]) -> Row:
    samples = tuple(100 * before / after for before, after in zip(raw, ours, strict=True))
    return Row(label=label, unit="%", samples=samples, temperature="warm", target=TARGET)


def _timed(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def _seal(plain: bytes, dek: bytes, target: io.BytesIO | NullSink) -> None:
    container.seal(io.BytesIO(plain), target, dek=dek, size=SIZE, key_id=bytes(16))  # type: ignore[arg-type]


def _encrypt(plain: bytes, key: bytes, *, hashed: bool) -> None:
    cipher, digest, source = AESGCM(key), hashlib.sha256(), memoryview(plain)
    buffer = memoryview(bytearray(CHUNK + TAG))
    for index in range(SIZE // CHUNK):
        cipher.encrypt_into(_nonce(index), source[index * CHUNK : (index + 1) * CHUNK], None, buffer)
        if hashed:
            digest.update(buffer)


def _encrypted(plain: bytes, key: bytes) -> list[bytes]:
    cipher, source = AESGCM(key), memoryview(plain)
    return [cipher.encrypt(_nonce(i), source[i * CHUNK : (i + 1) * CHUNK], None) for i in range(SIZE // CHUNK)]


def _decrypt(parts: list[bytes], key: bytes) -> None:
    cipher, buffer = AESGCM(key), memoryview(bytearray(CHUNK))
    for index, part in enumerate(parts):
        cipher.decrypt_into(_nonce(index), part, None, buffer)


def _nonce(index: int) -> bytes:
    return index.to_bytes(12, "big")
