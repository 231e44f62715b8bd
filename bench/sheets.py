"""How long a sheet of vouchers takes and how large it is. `python -m bench.sheets [count]`."""

from __future__ import annotations

import io
import random
import sys
import time
import tracemalloc
from collections.abc import Iterator
from datetime import date

from voucher_service.vouchers.sheets import Layout, SheetVoucher, write_pdf
from voucher_service.vouchers.typed_code import with_check


def vouchers(count: int) -> Iterator[SheetVoucher]:
    """So many vouchers, all different."""
    chance = random.Random(count)
    for number in range(count):
        yield SheetVoucher(
            digits=f"10{chance.randrange(10**199, 2**664)}",
            typed_code=with_check(f"{chance.randrange(10**14):014d}"),
            offer_label="Recharge 10 €",
            price_label="À payer : 3 €",
            last_day=date(2027, 6, 30),
            branch_label="Saint-Denis, cœur de ville",
            reference=f"L-2027-03 · {number + 1:05d}",
        )


def main(count: int) -> None:
    """Print one line for each layout; memory is measured in a run of its own, because tracing is slow."""
    print(f"{'layout':8}{'vouchers':>10}{'seconds':>10}{'CPU s':>8}{'MB':>8}{'peak MB':>10}")
    for layout in Layout:
        out = io.BytesIO()
        started, worked = time.perf_counter(), time.process_time()
        write_pdf(vouchers(count), layout, out)
        seconds, work = time.perf_counter() - started, time.process_time() - worked
        tracemalloc.start()
        write_pdf(vouchers(count), layout, io.BytesIO())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        size = len(out.getvalue())
        print(f"{layout:8}{count:10}{seconds:10.2f}{work:8.2f}{size / 1e6:8.2f}{peak / 1e6:10.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
