"""The trainer: the loop one would have written."""

import functools
import itertools
import math
import warnings

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import train as tr

from .strict import StrictArray


def data(n=50, classes=3, seed=0):
    g = ad.random.Generator(seed)
    x = ad.random.normal((n, 4), generator=g)
    y = ad.random.integers(classes, shape=(n,), generator=g)
    return nn.data.TensorDataset(x, y)


def network(seed=0):
    ad.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))


def trainer_of(model=None, loss=nn.functional.cross_entropy, **options):
    model = network() if model is None else model
    optimizer = options.pop("optimizer", None) or nn.optim.Adam(model.parameters(), lr=0.05)
    return tr.Trainer(model, loss, optimizer, **options)


def loader(batch_size=8, seed=1, **options):
    return nn.data.DataLoader(data(), batch_size, shuffle=True, seed=seed, **options)


def bits(model):
    return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


def test_the_same_bits_as_a_loop_by_hand():
    trainer = trainer_of()
    ad.manual_seed(7)
    history = trainer.fit(loader(), epochs=3)
    model = network()
    optimizer = nn.optim.Adam(model.parameters(), lr=0.05)
    ad.manual_seed(7)
    losses, batches = [], loader()
    for _ in range(3):
        total = 0.0
        for x, y in batches:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        losses.append(total / 50)
    assert bits(trainer.model) == bits(model)
    assert history["loss"] == losses
    assert trainer.step == 21 and trainer.epoch == 3 and trainer.batch == 0


def test_the_loss_of_an_epoch_is_a_mean_over_items_not_over_batches():
    model = network().eval()
    trainer = trainer_of(
        model, metrics=[tr.accuracy, tr.mae_of] if hasattr(tr, "mae_of") else [tr.accuracy]
    )
    whole, pieces = loader(50), loader(8)
    a, b = trainer.evaluate(whole), trainer.evaluate(pieces)
    assert a["accuracy"] == b["accuracy"]
    assert math.isclose(a["loss"], b["loss"], rel_tol=1e-6)
    outputs = model(data().tensors[0])
    expected = nn.functional.cross_entropy(outputs, data().tensors[1]).item()
    assert math.isclose(a["loss"], expected, rel_tol=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_accumulated_batches_make_the_gradient_of_one_large_batch(reduction):
    def trained(batch_size, accumulation):
        model = network().double()
        model[2].p = 0.0
        loss = nn.CrossEntropyLoss(reduction=reduction)
        optimizer = nn.optim.SGD(model.parameters(), lr=0.01)
        trainer = trainer_of(model, loss, optimizer=optimizer, grad_accumulation=accumulation)
        x, y = data().tensors
        wide = nn.data.TensorDataset(x.astype("float64"), y)
        history = trainer.fit(nn.data.DataLoader(wide, batch_size), epochs=2)
        return model, history["loss"], trainer.step

    one, losses, steps = trained(30, 1)  # batches of 30 and 20
    many, again, same = trained(15, 2)  # groups of 15+15, 15+5
    assert steps == same == 4
    np.testing.assert_allclose(again, losses, rtol=1e-12)
    for p, q in zip(one.parameters(), many.parameters()):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-10, atol=1e-12)


def test_clipping_bounds_the_gradient():
    seen = []

    class Norms(tr.Callback):
        def on_step_end(self, trainer, *, loss, optimizer):
            squares = [float((p.grad * p.grad).sum()) for p in trainer.model.parameters()]
            seen.append(math.sqrt(sum(squares)))

    trainer_of(clip_norm=0.01, callbacks=[Norms()]).fit(loader(), epochs=1)
    assert max(seen) <= 0.01 * (1 + 1e-5)


def test_validation_leaves_modes_and_random_numbers_alone():
    model = network()
    frozen = nn.Sequential(nn.BatchNorm1d(4).eval(), model)
    trainer = trainer_of(frozen, callbacks=[])
    before = bits(frozen[0])
    modes = []

    class Modes(tr.Callback):
        def on_step_end(self, trainer, **_):
            modes.append([m.training for m in trainer.model.modules()])

    trainer = trainer_of(frozen, callbacks=[Modes()])
    trainer.fit(loader(), epochs=2, val=loader())
    assert all(m == modes[0] for m in modes)
    assert modes[0][:2] == [True, False]  # the frozen part stays
    assert bits(frozen[0])["running_mean"] == before["running_mean"]
    frozen.eval()
    trainer.fit(loader(), epochs=3)
    assert frozen[0].training  # a model that was evaluated trains again, whole


def test_events_and_logs():
    class Log:  # no subclass
        def __init__(self):
            self.seen = []

        def on_train_begin(self, trainer):
            self.seen.append("begin")

        def on_epoch_end(self, trainer):
            self.seen.append(trainer.logs["epoch"])

        def on_train_end(self, trainer):
            self.seen.append("end")

    log = Log()
    trainer = trainer_of(callbacks=[log], metrics={"right": tr.accuracy})
    trainer.fit(loader(), epochs=2, val=loader())
    assert log.seen == ["begin", 1, 2, "end"]
    assert list(trainer.logs) == [
        "epoch",
        "loss",
        "right",
        "val_loss",
        "val_right",
        "lr",
        "seconds",
    ]


def test_a_loss_that_is_not_finite_stops_before_it_does_harm():
    broken = data()
    broken.tensors[0].data[13] = np.nan
    batches = nn.data.DataLoader(broken, 8)
    trainer = trainer_of()
    snapshots = []

    class Snap(tr.Callback):
        ended = False

        def on_step_end(self, trainer, **_):
            snapshots.append(bits(trainer.model))

        def on_train_end(self, trainer):
            self.ended = True

    snap = Snap()
    trainer = trainer_of(callbacks=[snap])
    with pytest.raises(FloatingPointError, match="nan at batch 2 of epoch 1.*detect_anomaly"):
        trainer.fit(batches, epochs=1)
    assert bits(trainer.model) == snapshots[-1] and len(snapshots) == 1
    assert snap.ended and trainer.stopped.startswith("FloatingPointError")
    np.testing.assert_array_equal(trainer.losses.broken[0].data, broken.tensors[0].data[8:16])


def test_predict():
    trainer = trainer_of()
    x, _ = data().tensors
    batches = nn.data.DataLoader(data(), 8)
    found = trainer.predict(batches)
    assert found.shape == (50, 3) and not found.requires_grad
    np.testing.assert_allclose(found.data, trainer.predict(x).data, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(trainer.predict(x.data).data, trainer.predict(x).data)
    assert trainer.model.training


def test_lbfgs_and_mixed_precision():
    model = network()
    model[2].p = 0.0
    x, y = data().tensors
    optimizer = nn.optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")
    trainer = trainer_of(model, optimizer=optimizer)
    losses = trainer.fit([(x, y)], epochs=4)["loss"]
    assert losses == sorted(losses, reverse=True) and trainer.tally.items == 50
    trainer = trainer_of(autocast=ad.float16, scaler=nn.optim.GradScaler(2.0**10), clip_norm=1.0)
    losses = trainer.fit(loader(), epochs=5)["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: trainer_of().fit(data(), epochs=1), TypeError, "nn.data.DataLoader"),
        (lambda: trainer_of().fit(iter(loader()), epochs=1), TypeError, "iterator"),
        (lambda: trainer_of().fit([], epochs=1), ValueError, "no batch"),
        (lambda: trainer_of().fit([data().tensors[0]], epochs=1), TypeError, "compute"),
        (lambda: trainer_of(grad_accumulation=0), ValueError, "grad_accumulation=0"),
        (lambda: trainer_of(clip_norm=0), ValueError, "clip_norm"),
        (lambda: trainer_of(metrics=[tr.accuracy, tr.accuracy]), ValueError, "dict"),
        (
            lambda: trainer_of(loss=nn.CrossEntropyLoss(reduction="none")).fit(loader(), epochs=1),
            ValueError, "not one number",
        ),
        (lambda: trainer_of().predict([]), ValueError, "no data"),
    ],
)  # fmt: skip
def test_bad_input(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_asking_for_epochs_that_are_done_warns():
    trainer = trainer_of()
    trainer.fit(loader(), epochs=1)
    with pytest.warns(UserWarning, match="done already"):
        trainer.fit(loader(), epochs=1)
    trainer.fit(loader(), epochs=2)
    assert len(trainer.history) == 2


# ---------------------------------------------------------------- stopping, schedules, files
class Scripted(tr.Callback):
    """Puts losses into the logs."""

    def __init__(self, losses):
        self.losses = losses

    def on_epoch_end(self, trainer):
        trainer.logs["val_loss"] = self.losses[trainer.epoch - 1]
        trainer.model[0].bias.data[:] = trainer.epoch  # weights that tell the epoch


def test_early_stopping_puts_the_best_weights_back():
    losses = [3.0, 2.0, 2.5, math.nan, 2.0, 1.0]
    trainer = trainer_of(callbacks=[Scripted(losses), tr.EarlyStopping(patience=2)])
    trainer.fit(loader(), epochs=6)
    assert trainer.epoch == 5 and "epoch 2" in trainer.stopped
    assert trainer.model[0].bias.data[0] == 2
    trainer = trainer_of(callbacks=[Scripted([1.0, 2.0]), tr.EarlyStopping(patience=5)])
    trainer.fit(loader(), epochs=2)
    assert trainer.model[0].bias.data[0] == 1 and trainer.stopped == ""


def test_early_stopping_needs_its_number():
    with pytest.raises(KeyError, match="no 'val_loss' among.*val="):
        trainer_of(callbacks=[tr.EarlyStopping()]).fit(loader(), epochs=1)


def test_schedules():
    trainer = trainer_of()
    halving = nn.optim.schedule.StepLR(trainer.optimizer, step_size=1, gamma=0.5)
    trainer.events = type(trainer.events)([trainer.history, tr.LRScheduler(halving)])
    assert trainer.fit(loader(), epochs=3)["lr"] == [0.05, 0.025, 0.0125]
    trainer = trainer_of()
    linear = nn.optim.schedule.LinearLR(trainer.optimizer, 1.0, 0.0, total_iters=7)
    trainer.events = type(trainer.events)([trainer.history, tr.LRScheduler(linear, "step")])
    trainer.fit(loader(), epochs=1)
    assert trainer.optimizer.param_groups[0]["lr"] == 0
    trainer = trainer_of()
    plateau = nn.optim.schedule.ReduceLROnPlateau(trainer.optimizer, factor=0.1, patience=0)
    callbacks = [trainer.history, Scripted([1.0, 1.0, 1.0]), tr.LRScheduler(plateau)]
    trainer.events = type(trainer.events)(callbacks)
    trainer.fit(loader(), epochs=2)
    assert math.isclose(trainer.optimizer.param_groups[0]["lr"], 0.005)


def test_csv(tmp_path):
    path = tmp_path / "new" / "run.csv"
    trainer = trainer_of(callbacks=[tr.CSVLogger(path)], metrics=[tr.accuracy, tr.confusion_matrix])
    trainer.fit(loader(), epochs=2)
    rows = path.read_text().splitlines()
    assert rows[0] == "epoch,loss,accuracy,lr,seconds" and len(rows) == 3
    assert [p.name for p in path.parent.iterdir()] == ["run.csv"]


def run(folder, stop_at=None, every_steps=2):
    """A run with everything on; stops after a step as a crash would, losing what was not saved."""

    class Crash(tr.Callback):
        last = True

        def on_step_end(self, trainer, **_):
            if trainer.step == stop_at:
                raise SystemExit("crash")

    model = network()
    optimizer = nn.optim.Adam(model.parameters(), lr=0.05)
    schedule = nn.optim.schedule.ExponentialLR(optimizer, 0.9)
    ad.manual_seed(5)
    np.random.seed(5)
    batches = loader()
    trainer = tr.Trainer(
        model, nn.functional.cross_entropy, optimizer, metrics=[tr.accuracy, tr.f1],
        callbacks=[
            tr.Checkpoint(folder, every_steps=every_steps, resume=True), Crash(),
            tr.LRScheduler(schedule), tr.EarlyStopping("loss", patience=9),
        ],
    )  # fmt: skip
    trainer.fit(batches, epochs=3, val=nn.data.DataLoader(data(seed=1), 20))
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in trainer.history.rows]
    return bits(model), rows, optimizer.state_dict(), ad.random.default_generator.state


@pytest.mark.parametrize(
    ("stop_at", "every_steps"),
    [(1, 2), (2, 2), (5, 2), (7, 2), (8, 2), (14, 2), (20, 2), (9, None), (21, None)],
)
def test_a_run_that_crashed_goes_on_to_the_same_bits(tmp_path, stop_at, every_steps):
    whole = run(tmp_path / "whole", every_steps=every_steps)
    with pytest.raises(SystemExit):
        run(tmp_path / "crashed", stop_at, every_steps)
    again = run(tmp_path / "crashed", every_steps=every_steps)
    assert again[0] == whole[0]
    assert again[1] == whole[1]
    assert repr(again[2:]) == repr(whole[2:])


def test_a_broken_newest_checkpoint_gives_way_to_the_one_before(tmp_path):
    whole = run(tmp_path / "whole")
    with pytest.raises(SystemExit):
        run(tmp_path / "a", 9)
    newest = sorted((tmp_path / "a").iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:-7])
    with pytest.warns(UserWarning, match="passing over"):
        assert run(tmp_path / "a")[0] == whole[0]
    for path in (tmp_path / "a").iterdir():
        path.write_bytes(b"")
    with warnings.catch_warnings(), pytest.raises(ValueError, match="no file in"):
        warnings.simplefilter("ignore")
        run(tmp_path / "a")


def test_checkpoints_kept(tmp_path):
    trainer = trainer_of(callbacks=[
        Scripted([3.0, 1.0, 2.0]),
        tr.Checkpoint(tmp_path, keep=2, monitor="val_loss"),
    ])  # fmt: skip
    trainer.fit(loader(), epochs=3)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["best.safetensors", "step-00000014.safetensors", "step-00000021.safetensors"]
    assert ad.load(tmp_path / "best.safetensors")["epoch"] == 2


def test_a_checkpoint_of_another_model_changes_nothing(tmp_path):
    trainer_of(callbacks=[tr.Checkpoint(tmp_path)]).fit(loader(), epochs=1)
    model = nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 3))
    other = trainer_of(model, callbacks=[tr.Checkpoint(tmp_path, resume=True)])
    before = bits(model)
    with pytest.raises(KeyError):
        other.fit(loader(), epochs=1)
    assert bits(model) == before
    sgd = network(3)
    other = trainer_of(
        sgd, optimizer=nn.optim.Rprop(sgd.parameters()),
        callbacks=[tr.Checkpoint(tmp_path, resume=True)],
    )  # fmt: skip
    before = bits(sgd)
    with pytest.raises((KeyError, ValueError)):
        other.fit(loader(), epochs=1)
    assert bits(sgd) == before


def test_a_run_that_stopped_early_stays_stopped_when_it_is_started_again(tmp_path):
    def once():
        callbacks = [
            Scripted([1.0, 2.0, 3.0, 4.0]), tr.EarlyStopping(patience=0),
            tr.Checkpoint(tmp_path, resume=True),
        ]  # fmt: skip
        trainer = trainer_of(callbacks=callbacks)
        trainer.fit(loader(), epochs=4)
        return trainer

    first, second = once(), once()
    assert first.epoch == second.epoch == 2
    assert second.model[0].bias.data[0] == 1


def test_training_is_gone_on_with_in_the_same_process():
    class Pause(tr.Callback):
        def on_step_end(self, trainer, **_):
            if trainer.step == 4:
                trainer.stop("enough")

    for kind in (lambda: loader(), lambda: list(loader())):
        whole = trainer_of()
        ad.manual_seed(2)
        whole.fit(kind(), epochs=2)
        parts = trainer_of(callbacks=[Pause()])
        batches = kind()
        ad.manual_seed(2)
        parts.fit(batches, epochs=2)
        assert parts.batch == 4 and parts.stopped == "enough"
        parts.fit(batches, epochs=2)
        assert bits(parts.model) == bits(whole.model)
        assert parts.history["loss"] == whole.history["loss"]


def test_options_of_metrics():
    best = functools.partial(tr.top_k, k=2)

    def spread(outputs, targets):
        return outputs.std()

    trainer = trainer_of(metrics=[best, spread])
    logs = trainer.evaluate(loader())
    assert list(logs) == ["loss", "top_k", "spread"] and 0 < logs["top_k"] < 1
    assert list(itertools.islice(logs, 1)) == ["loss"]


def test_on_a_gpu_nothing_waits_at_every_step(strict_device):
    """Losses are read 50 steps at a time, and counts of metrics at the end."""
    model = network()
    trainer = trainer_of(
        model.to("strict"), metrics=[tr.accuracy, tr.f1], device="strict", clip_norm=1.0
    )
    batches = loader(1)  # 50 steps
    trainer.fit(batches, epochs=1)
    before = StrictArray.syncs
    trainer.fit(batches, epochs=3)
    # Two epochs: 100 losses, read in two goes; and the mean loss, the accuracy, the matrix.
    assert StrictArray.syncs - before <= 2 * (50 + 3)
    assert trainer.predict(batches).device == "strict"
    x, y = data(70).tensors
    x.data[13] = np.nan
    step = trainer.step
    with pytest.raises(FloatingPointError, match="nan at batch 14 of epoch 4.*up to 50 steps"):
        trainer.fit(nn.data.DataLoader(nn.data.TensorDataset(x, y), 1), epochs=4)
    assert trainer.step - step == 49
