"""A run with worker processes and dropout, to be killed: ``python -m tests.resumed FOLDER``."""

import random
import sys
from pathlib import Path

import numpy as np

import autodiff as ad
import nn


class Noisy(nn.data.Dataset):
    """Items that draw random numbers, in the worker processes."""

    def __len__(self):
        return 60

    def __getitem__(self, index):
        x = ad.random.normal((4,)) * 0.1 + index % 3
        return x + random.random() * 0.1 + np.random.rand() * 0.1, index % 3


def train(folder, workers=2):
    """Train, going on from what is in the folder; the whole state at the end."""
    ad.manual_seed(0)
    random.seed(1)
    np.random.seed(2)
    model = nn.Sequential(
        nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3)
    )
    optimizer = nn.optim.Adam(model.parameters(), lr=0.02)
    schedule = nn.optim.schedule.CosineAnnealingLR(optimizer, T_max=40)
    trainer = nn.train.Trainer(
        model, nn.functional.cross_entropy, optimizer, metrics=[nn.train.accuracy],
        callbacks=[
            nn.train.LRScheduler(schedule, "step"),
            nn.train.Averaging(nn.optim.EMA(model, 0.9)),
            nn.train.EarlyStopping("val_loss", patience=99),
            nn.train.Checkpoint(folder, every_steps=1, resume=True),
        ],
    )  # fmt: skip
    batches = nn.data.DataLoader(Noisy(), 8, shuffle=True, seed=3, num_workers=workers)
    trainer.fit(batches, epochs=4, val=nn.data.DataLoader(Noisy(), 30))
    state = trainer.state_dict()
    for row in (state, state["logs"], *trainer.history.rows):
        row.pop("seconds")
    return state


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    ad.save(train(folder), folder / "end.safetensors")
