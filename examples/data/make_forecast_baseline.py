#!/usr/bin/env python3
"""Trains PyTorch's network of examples/forecast.rs on pedestrians.csv, and writes its errors to forecast_baselines.csv.

    python3 make_forecast_baseline.py [SEED ..]

A GRU of 32 reads a day of seven numbers an hour; a linear layer says what the next day's 24 counts, as standardised square roots,
differ from those a week before. AdamW, decay 0.05, rate from 0.005 linearly to 0, batches of 64, 8 epochs; Glorot's weights, biases
of zero. A line for each seed: mean absolute error and RMSE of all forecasts, then the mean absolute error by hours ahead.
"""

import csv
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
DAY, WEEK, JUDGED = 24, 168, "2024-07-01"
BATCH, EPOCHS, RATE, DECAY = 64, 8, 0.005, 0.05


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.dense = nn.GRU(7, 32, batch_first=True), nn.Linear(32, DAY)
        for name, weight in self.named_parameters():
            if "bias" in name:
                nn.init.zeros_(weight)
            else:
                nn.init.xavier_uniform_(weight)

    def forward(self, x):
        return self.dense(self.gru(x)[0][:, -1])


def main():
    with Path(__file__).with_name("pedestrians.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    counts = np.array([[float(x) for x in row[1:]] for row in rows]).ravel()
    split = DAY * [row[0] for row in rows].index(JUDGED)
    roots = np.sqrt(counts)
    mean, std = roots[:split].mean(), roots[:split].std()
    scaled = (roots - mean) / std
    before = lambda hours: np.concatenate([np.zeros(hours), scaled[:-hours]])
    day, week = (2 * np.pi * np.arange(len(counts)) / period for period in (DAY, WEEK))
    columns = [scaled, before(WEEK), before(WEEK - DAY), np.sin(day), np.cos(day), np.sin(week), np.cos(week)]
    frames = torch.tensor(np.stack(columns, 1), dtype=torch.float32)
    scaled = torch.tensor(scaled, dtype=torch.float32)
    window = lambda hours: frames[hours[:, None] + torch.arange(-DAY, 0)]
    to_come = lambda hours: scaled[hours[:, None] + torch.arange(DAY)]
    training = torch.arange(WEEK + DAY, split - DAY + 1)
    judged = torch.arange(split, len(counts) - DAY + 1)
    truth = counts[judged.numpy()[:, None] + np.arange(DAY)]

    lines = [["seed", "mae", "rmse"] + [f"mae_{hours}" for hours in range(1, DAY + 1)]]
    for seed in map(int, sys.argv[1:] or range(1, 6)):
        torch.manual_seed(seed)
        net, start = Net(), time.time()
        optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
        steps, step = EPOCHS * -(-len(training) // BATCH), 0
        for _ in range(EPOCHS):
            for hours in training[torch.randperm(len(training))].split(BATCH):
                for group in optimizer.param_groups:
                    group["lr"] = RATE * (1 - step / steps)
                loss = ((net(window(hours)) - (to_come(hours) - to_come(hours - WEEK))) ** 2).mean()
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                step += 1
        seconds = time.time() - start
        with torch.no_grad():
            forecast = torch.cat([net(window(hours)) + to_come(hours - WEEK) for hours in judged.split(512)]).numpy()
        error = np.maximum(forecast * std + mean, 0) ** 2 - truth
        numbers = [abs(error).mean(), (error**2).mean() ** 0.5, *abs(error).mean(0)]
        lines.append([seed, *(f"{number:.2f}" for number in numbers)])
        print(f"seed {seed}: MAE {numbers[0]:.1f}, RMSE {numbers[1]:.1f}, trained in {seconds:.1f} s", flush=True)
    text = "\n".join(",".join(map(str, line)) for line in lines) + "\n"
    Path(__file__).with_name("forecast_baselines.csv").write_text(text)


if __name__ == "__main__":
    main()
