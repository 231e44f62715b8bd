"""How long one QR matrix takes: the reference engine beside the quick one. `python -m bench.qr [count]`."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from functools import partial

from voucher_service.vouchers import qr


def milliseconds(make: Callable[[str], object], texts: list[str]) -> float:
    """Mean time of one call, after one to warm up."""
    make(texts[0])
    started = time.perf_counter()
    for text in texts:
        make(text)
    return (time.perf_counter() - started) * 1000 / len(texts)


def main(count: int) -> None:
    """Print one line for each medium."""
    chance = random.Random(1)
    texts = [f"10{chance.randrange(10**199, 2**664)}" for _ in range(count)]
    print(f"{'medium':8}{'modules':>8}{'qrcode':>12}{'fixed mask':>13}{'quick':>10}   ms a code")
    for medium in qr.Medium:
        reference = milliseconds(partial(qr.reference_matrix, medium=medium), texts)
        fixed = milliseconds(partial(qr.reference_matrix, medium=medium, mask=3), texts)
        quick = milliseconds(partial(qr.matrix, medium=medium), texts)
        modules = len(qr.matrix(texts[0], medium))
        print(f"{medium:8}{modules:8}{reference:12.2f}{fixed:13.2f}{quick:10.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
