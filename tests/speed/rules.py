"""What marking under all rules costs: `make bench-rules`. Answers are made up here; a fifth of them are long ones.

Seconds are this machine's, today; the second line compares within one run: ten times the answers, how much memory.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EVALKIT = [sys.executable, "-c", "from evalkit.cli import main; main()"]
ORGANS = ("liver", "left lung", "right kidney", "spleen", "heart", "bladder", "small bowel", "brain")
FINDINGS = ("pleural effusion", "pneumothorax", "cardiomegaly", "a nodule", "consolidation", "oedema", "a fracture")
SCANS = ("CT", "MRI", "X-Ray", "ultrasound")
LONG = (
    "Based on the {scan} image provided, there {verb} {finding} in the {organ}. The surrounding structures appear "
    "normal, without any sign of {other}. In conclusion, the most likely finding is {finding}, and clinical "
    "correlation is advised."
)


def row(number: int, dice: random.Random) -> dict[str, object]:
    """One made-up answer: half closed, three tenths open, a fifth of multiple choice."""
    finding, other = dice.sample(FINDINGS, 2)
    organ, scan = dice.choice(ORGANS), dice.choice(SCANS)
    long = LONG.format(scan=scan, verb=dice.choice(("is", "is no")), finding=finding, other=other, organ=organ)
    base = {"id": str(number), "image": f"{number // 4}.jpg"}
    kind = dice.random()
    if kind < 0.5:
        short = dice.choice(("Yes", "No.", "no", f"Yes, there is {finding}.", f"No, {number} mm only."))
        question, gold = f"Is there {finding} in the {organ}?", dice.choice(("yes", "no"))
        base |= {"answer_type": "CLOSED"}
    elif kind < 0.8:
        short = dice.choice((organ, finding, f"{finding} and {other}", f"the {organ} ({number})"))
        question, gold = "What is shown in this image?", dice.choice((organ, finding, f"{finding}, {other}"))
        base |= {"answer_type": "OPEN"}
    else:
        options = dice.sample(FINDINGS, 4)
        short = dice.choice(("B", "(C) " + options[2], options[0], f"The answer is D. {options[3]}", f"{number}"))
        question, gold = "Which of these is shown?", dice.choice(options)
        base |= {"options": options}
    return base | {"question": question, "gold": gold, "response": long if dice.random() < 0.2 else short}


def marked(file: Path) -> tuple[float, float]:
    """Seconds of CPU and peak memory in MB of `evalkit score --rules all` on a file."""
    process = subprocess.Popen(
        [*EVALKIT, "score", "-p", str(file), "--rules", "all", "--json"], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("evalkit failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--answers", type=int, default=100_000)
    count = options.parse_args().answers
    with tempfile.TemporaryDirectory(prefix="evalkit-rules-") as folder:
        dice = random.Random(0)
        rows = [json.dumps(row(number, dice)) + "\n" for number in range(count)]
        small, large = Path(folder, "small.jsonl"), Path(folder, "large.jsonl")
        small.write_text("".join(rows[: count // 10]))
        large.write_text("".join(rows))
        del rows
        begin = time.monotonic()
        few, many = marked(small), marked(large)
        wall = time.monotonic() - begin
    print(f"{count:,} answers under all rules: {many[0]:.1f} s of CPU ({1e6 * many[0] / count:.0f} µs an answer)")
    print(f"peak memory: {few[1]:.0f} MB at {count // 10:,}, {many[1]:.0f} MB at {count:,} ({wall:.0f} s for both)")


if __name__ == "__main__":
    main()
