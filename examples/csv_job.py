"""Run a function on the rows of a csv file from the command line, and read the results back."""

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

TARGET = Path(__file__).with_name("orders.py")

with tempfile.TemporaryDirectory() as folder:
    orders, totals = Path(folder, "orders.csv"), Path(folder, "totals.jsonl")
    with orders.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["customer", "pieces", "price"])
        writer.writerows([["Ada", 3, 2.50], ["Grace", 10, 0.99], ["Edsger", "two", 5.00]])

    # The same in a shell: poolwise map orders.py:total --input orders.csv -o totals.jsonl
    command = [sys.executable, "-m", "poolwise", "map", f"{TARGET}:total", "--input", orders, "-o", totals]
    done = subprocess.run(command, check=False, timeout=30)
    lines = [json.loads(line) for line in totals.read_text().splitlines()]

for line in lines:
    print(line["item"]["customer"], line.get("result", line.get("error", {}).get("message")))
assert done.returncode == 1, "one item failed"
assert [line.get("result") for line in lines] == [7.5, 9.9, None]
assert lines[2]["error"]["type"] == "ValueError"
