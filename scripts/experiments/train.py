"""Train a small network to tell three kinds of iris apart, with numpy alone: python train.py

Reads data/iris.csv (measurements of 150 flowers, R. A. Fisher, 1936) and params.toml; writes models/net.npz, and
while it trains params.json, metrics.json and metrics.csv. Equal parameters give equal bytes.
"""

import os
import tomllib

import numpy as np

import dvx

SPECIES = ["setosa", "versicolor", "virginica"]


def read_flowers(path):
    """Measurements in cm (150 x 4), scaled to mean 0 and deviation 1, and the number of the species."""
    rows = np.loadtxt(path, delimiter=",", dtype=str, skiprows=1)
    measured = rows[:, :4].astype(float)
    kinds = np.array([SPECIES.index(name) for name in rows[:, 4]])
    return (measured - measured.mean(axis=0)) / measured.std(axis=0), kinds


def forward(weights, x):
    """The hidden layer and the probability of each species."""
    hidden = np.tanh(x @ weights["w1"] + weights["b1"])
    scores = hidden @ weights["w2"] + weights["b2"]
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, odds / odds.sum(axis=1, keepdims=True)


def step(weights, x, kinds, *, lr, decay):
    """One step down the gradient of the cross entropy."""
    hidden, chances = forward(weights, x)
    error = (chances - np.eye(3)[kinds]) / len(x)
    back = (error @ weights["w2"].T) * (1 - hidden**2)
    slopes = {"w1": x.T @ back, "b1": back.sum(axis=0), "w2": hidden.T @ error, "b2": error.sum(axis=0)}
    for name, slope in slopes.items():
        weights[name] -= lr * (slope + decay * weights[name])


def judge(weights, x, kinds):
    """Cross entropy and share of right answers."""
    _, chances = forward(weights, x)
    loss = -np.log(np.maximum(chances[np.arange(len(x)), kinds], 1e-300)).mean()
    return loss, (chances.argmax(axis=1) == kinds).mean()


def main():
    with open("params.toml", "rb") as file:
        params = tomllib.load(file)["train"]
    x, kinds = read_flowers("data/iris.csv")
    order = np.random.default_rng(0).permutation(len(x))
    seen, held_out = order[:90], order[90:]
    chance = np.random.default_rng(params["seed"])
    width = params["hidden"]
    weights = {
        "w1": chance.normal(0, 0.5, (4, width)), "b1": np.zeros(width),
        "w2": chance.normal(0, 0.5, (width, 3)), "b2": np.zeros(3),
    }  # fmt: skip
    with dvx.live("metrics.json") as run:
        run.params(train=params)
        for epoch in range(params["epochs"]):
            step(weights, x[seen], kinds[seen], lr=params["lr"], decay=params["decay"])
            loss, _ = judge(weights, x[seen], kinds[seen])
            val_loss, accuracy = judge(weights, x[held_out], kinds[held_out])
            run.log(step=epoch, loss=loss, val_loss=val_loss, accuracy=accuracy)
    os.makedirs("models", exist_ok=True)
    np.savez("models/net.npz", **weights)
    print(f"accuracy {accuracy:.3f}, loss {val_loss:.3f} on {len(held_out)} flowers it has not seen")


if __name__ == "__main__":
    main()
