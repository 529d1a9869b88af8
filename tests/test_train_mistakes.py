"""What goes wrong in training runs, and what is easily taken for wrong."""

import errno
import functools
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from pathlib import Path

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import train as tr

from .test_train import Scripted, bits, data, loader, network, trainer_of


class Twice(nn.Module):
    """Two outputs, one of them a number."""

    def __init__(self):
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        outputs = self.linear(x)
        return {"logits": outputs, "parts": (outputs[:, 0], outputs.sum())}


def of_logits(outputs, targets):
    return nn.functional.cross_entropy(outputs["logits"], targets)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: trainer_of(loss=lambda o, t: 1.0).fit(loader(), epochs=1), TypeError, "a float"),
        (lambda: trainer_of(loss=nn.CrossEntropyLoss).evaluate(loader()), TypeError, "a Cross"),
        (
            lambda: trainer_of(loss=nn.CrossEntropyLoss(reduction="none")).evaluate(loader()),
            ValueError, r"shape \(8,\) and not one number",
        ),
        (lambda: trainer_of(callbacks=[tr.Progress]), TypeError, "Progress is a class"),
        (
            lambda: trainer_of(optimizer=nn.optim.SGD(network().parameters(), 0.1)),
            ValueError, "none of the model's parameters",
        ),
        (lambda: trainer_of().fit(loader(), epochs=1, val=data()), TypeError, "val is a dataset"),
    ],
)  # fmt: skip
def test_mistakes_are_named(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_fit_inside_fit():
    class Again(tr.Callback):
        def on_epoch_end(self, trainer):
            trainer.fit(loader(), epochs=1)

    trainer = trainer_of(callbacks=[Again()])
    with pytest.raises(RuntimeError, match="training already"):
        trainer.fit(loader(), epochs=2)
    trainer.events.callbacks.clear()
    trainer.events = type(trainer.events)([])
    trainer.fit(loader(), epochs=2)  # it can be used again
    assert trainer.epoch == 2


def test_an_error_in_a_callback_loses_no_step():
    class Fails(tr.Callback):
        def on_step_end(self, trainer, **_):
            if trainer.step == 3 and not trainer.history.rows:
                trainer.history.rows.append({"epoch": 0})
                raise OSError("no network")

    whole, parts = trainer_of(), trainer_of(callbacks=[Fails()])
    ad.manual_seed(3)
    whole.fit(loader(), epochs=2)
    batches = loader()
    ad.manual_seed(3)
    with pytest.raises(OSError, match="no network"):
        parts.fit(batches, epochs=2)
    assert parts.stopped == "OSError: no network" and parts.unfinished
    parts.fit(batches, epochs=2)
    assert bits(parts.model) == bits(whole.model)


def test_groups_of_batches_are_gone_on_with():
    """Seven batches by three: it stops after six, and a list has no place of its own."""

    class Pause(tr.Callback):
        def on_step_end(self, trainer, **_):
            if trainer.step == 2:
                trainer.stop("enough")

    whole = trainer_of(grad_accumulation=3)
    parts = trainer_of(grad_accumulation=3, callbacks=[Pause()])
    batches = list(loader())
    ad.manual_seed(2)
    whole.fit(batches, epochs=2)
    ad.manual_seed(2)
    parts.fit(batches, epochs=2)
    assert parts.batch == 6
    parts.fit(batches, epochs=2)
    assert bits(parts.model) == bits(whole.model)
    assert parts.history["loss"] == whole.history["loss"]


def test_seconds_are_those_of_one_epoch():
    class Late(tr.Callback):
        def on_epoch_end(self, trainer):
            trainer.seconds += 1e6

    assert trainer_of(callbacks=[Late()]).fit(loader(), epochs=2)["seconds"][1] < 1e6


def test_training_in_a_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(trainer_of().fit(loader(), epochs=1)))
    thread.start()
    thread.join()
    assert len(results[0]) == 1


def test_outputs_that_are_nests():
    sized = {"items": lambda outputs, targets: float(len(targets))}
    trainer = trainer_of(Twice(), of_logits, metrics=sized)
    logs = trainer.evaluate(loader())
    assert logs["items"] == pytest.approx((6 * 8 * 8 + 2 * 2) / 50)  # weighted by items, not keys
    found = trainer.predict(nn.data.DataLoader(data(), 8))
    assert found["logits"].shape == (50, 3) and found["parts"][0].shape == (50,)
    assert found["parts"][1].shape == (7,)
    np.testing.assert_array_equal(found["logits"].data[:, 0], found["parts"][0].data)


def test_models_of_two_inputs_and_batches_without_targets():
    class Sum(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(4, 3)

        def forward(self, x, y=None):
            return self.linear(x if y is None else x + y)

    trainer = trainer_of(Sum())
    x, classes = data().tensors
    both, one = trainer.predict([(x, x, classes)]), trainer.predict([(x + x,)])
    np.testing.assert_array_equal(both.data, one.data)
    np.testing.assert_array_equal(trainer.predict([[x + x, classes]]).data, one.data)


def test_on_a_gpu_the_last_losses_of_an_epoch_are_read(strict_device):
    broken = data()
    broken.tensors[0].data[13] = np.nan
    trainer = trainer_of(network().to("strict"), device="strict")
    with pytest.raises(FloatingPointError, match="nan at batch 2 of epoch 1"):
        trainer.fit(nn.data.DataLoader(broken, 8), epochs=1)
    assert trainer.step == 7 and not trainer.history.rows


def test_the_sum_of_a_partial_loss_is_known_to_be_one():
    summed = functools.partial(nn.functional.cross_entropy, reduction="sum")
    a, b = trainer_of(loss=summed).evaluate(loader()), trainer_of().evaluate(loader())
    assert a["loss"] == pytest.approx(b["loss"], rel=1e-6)


def test_only_what_is_stepped_is_clipped():
    """A backbone outside the optimizer gathers gradients, which nobody sets to zero."""

    def trained(backbone_learns):
        model = network()
        model[2].p = 0.0
        for p in model[0].parameters():
            p.requires_grad_(backbone_learns)
        groups = [{"params": [model[3].weight], "lr": 0.1}, {"params": [model[3].bias], "lr": 0.2}]
        optimizer = nn.optim.SGD(groups)
        trainer_of(model, optimizer=optimizer, clip_norm=0.05).fit(loader(), epochs=2)
        return bits(model)

    assert trained(True) == trained(False)


def test_a_scaler_probes_without_warnings():
    scaler = nn.optim.GradScaler(2.0**30)
    trainer = trainer_of(autocast=ad.float16, scaler=scaler, clip_norm=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer.fit(loader(), epochs=3)
    assert scaler.get_scale() < 2.0**30  # it was too large
    large = [(ad.full((2, 4), 1e30), ad.zeros(2, dtype="int64"))]
    with pytest.warns(RuntimeWarning), pytest.raises(FloatingPointError):
        trainer.fit(large, epochs=4)  # what overflows on the way forward is no probing


def test_what_is_clipped_is_not_scaled():
    def trained(**options):
        trainer = trainer_of(clip_norm=0.05, **options)
        ad.manual_seed(1)
        trainer.fit(loader(), epochs=1)
        return bits(trainer.model)

    assert trained(scaler=nn.optim.GradScaler(2.0**10)) == trained()


def test_the_second_ctrl_c_does_not_wait():
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        pytest.skip("Ctrl-C is handled by somebody else")

    class Press(tr.Callback):
        def on_step_end(self, trainer, **_):
            os.kill(os.getpid(), signal.SIGINT)
            assert trainer.stopped == "KeyboardInterrupt"
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1.0)  # it may take a moment to come
            raise AssertionError("the second was not heard")

    with pytest.raises(KeyboardInterrupt):
        trainer_of(callbacks=[Press()]).fit(loader(), epochs=1)


# ---------------------------------------------------------------- callbacks
def test_early_stopping_begins_afresh_with_another_trainer():
    stopping = tr.EarlyStopping(patience=1)
    first = trainer_of(callbacks=[Scripted([3.0, 2.0, 1.0, 0.5]), stopping])
    first.fit(loader(), epochs=4)
    second = trainer_of(callbacks=[Scripted([9.0, 8.0, 8.5, 8.5, 8.5]), stopping])
    second.fit(loader(), epochs=5)
    assert second.epoch == 4 and stopping.best_epoch == 2
    assert second.model[0].bias.data[0] == 2  # its own weights, not the other's


def test_an_error_keeps_the_weights_that_training_goes_on_with():
    class Fails(tr.Callback):
        def on_epoch_begin(self, trainer):
            if trainer.epoch == 2:
                raise SystemExit

    callbacks = [Scripted([1.0, 2.0]), tr.EarlyStopping(patience=5), Fails()]
    trainer = trainer_of(callbacks=callbacks)
    with pytest.raises(SystemExit):
        trainer.fit(loader(), epochs=3)
    assert trainer.model[0].bias.data[0] == 2  # and not 1, of the best epoch


def test_a_state_that_was_loaded_is_given_back():
    first = trainer_of()
    first.fit(loader(), epochs=1)
    state, second = first.state_dict(), trainer_of()
    second.load_state_dict(state)
    assert second.state_dict()["places"] == state["places"] != {}


def test_a_schedule_of_another_optimizer():
    halving = nn.optim.schedule.StepLR(trainer_of().optimizer, step_size=1)
    with pytest.raises(ValueError, match="StepLR is that of another optimizer"):
        trainer_of(callbacks=[tr.LRScheduler(halving)]).fit(loader(), epochs=1)


def test_averages_go_on_after_a_crash(tmp_path):
    def run(epochs):
        model = network()
        average = nn.optim.EMA(model, 0.5)
        callbacks = [tr.Averaging(average), tr.Checkpoint(tmp_path, resume=True)]
        trainer_of(model, callbacks=callbacks).fit(loader(), epochs=epochs)
        return average.n_averaged

    assert [run(1), run(2)] == [7, 14]


def test_the_range_test_keeps_the_ratio_of_rates():
    seen = []

    class Seen(tr.Trainer):
        def train_step(self, group):
            seen.append([g["lr"] for g in self.optimizer.param_groups])
            return super().train_step(group)

    model = network()
    groups = [{"params": model[0].parameters()}, {"params": model[3].parameters(), "lr": 0.4}]
    trainer = Seen(model, nn.functional.cross_entropy, nn.optim.SGD(groups, lr=0.1))
    tr.find_lr(trainer, loader(), steps=5)
    assert all(b == pytest.approx(4 * a) for a, b in seen) and len(seen) == 5


def test_the_range_test_stops_where_training_diverges():
    losses = iter([1.0, 0.9, 0.8, 3.9, 4.1, 0.1])

    class Scripts(tr.Trainer):
        def train_step(self, group):
            return ad.tensor(next(losses))

    model = network()
    trainer = Scripts(model, nn.functional.cross_entropy, nn.optim.SGD(model.parameters(), 0.1))
    assert tr.find_lr(trainer, loader(), steps=6).losses == pytest.approx([1.0, 0.9, 0.8, 3.9])


def test_the_best_epoch_is_none_whose_number_is_nan():
    rows = [{"epoch": i, "loss": loss} for i, loss in enumerate([np.nan, 2.0, 1.0, None], 1)]
    assert tr.History(rows).best("loss") == 3 and tr.History(rows).best("loss", "max") == 2


def test_numbers_of_any_kind_are_logged(tmp_path):
    ratio = tr.metric(lambda counts: counts[0] / counts[1])  # NumPy's float32
    one = ratio(lambda outputs, targets: np.array([1, len(targets)], np.float32))
    text = io.StringIO()
    callbacks = [tr.CSVLogger(tmp_path / "a.csv"), tr.Progress(text)]
    trainer_of(metrics={"one": one}, callbacks=callbacks).fit(loader(), epochs=1)
    assert "one 0.1400" in text.getvalue()
    assert (tmp_path / "a.csv").read_text().startswith("epoch,loss,one,lr")


def test_columns_that_change():
    history = tr.History([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0, "val_loss": 3.0}])
    assert history["val_loss"] == [None, 3.0] and history.best("val_loss") == 2


def test_numbers_that_are_arrays_are_saved(tmp_path):
    def run(epochs):
        callbacks = [tr.Checkpoint(tmp_path, resume=True)]
        trainer = trainer_of(metrics=[tr.confusion_matrix], callbacks=callbacks)
        return trainer.fit(loader(), epochs=epochs)["confusion_matrix"]

    (first,) = run(1)
    again, second = run(2)
    np.testing.assert_array_equal(first, again)
    assert second.sum() == 50 and type(first) is type(again) is type(second)


# ---------------------------------------------------------------- files
def test_a_folder_of_another_run_is_refused(tmp_path):
    trainer = trainer_of(callbacks=[tr.Checkpoint(tmp_path)])
    trainer.fit(loader(), epochs=1)
    trainer.fit(loader(), epochs=2)  # the same run
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(FileExistsError, match="resume=True"):
        trainer_of(callbacks=[tr.Checkpoint(tmp_path)]).fit(loader(), epochs=1)
    assert sorted(os.listdir(tmp_path)) == before


def test_the_best_file_is_that_of_the_whole_run(tmp_path):
    for epochs in (2, 3):
        best = tr.Checkpoint(tmp_path, monitor="val_loss", resume=True)
        trainer_of(callbacks=[Scripted([2.0, 1.0, 1.5]), best]).fit(loader(), epochs=epochs)
    assert ad.load(tmp_path / "best.safetensors")["epoch"] == 2


def test_a_folder_that_cannot_be_written_is_noticed_at_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    trainer = trainer_of(callbacks=[tr.Checkpoint(tmp_path / "file")])
    with pytest.raises(FileExistsError, match="file"):
        trainer.fit(loader(), epochs=1)
    monkeypatch.setattr(os, "access", lambda path, how: False)  # root may write anywhere
    with pytest.raises(PermissionError, match="cannot be written"):
        trainer_of(callbacks=[tr.Checkpoint(tmp_path)]).fit(loader(), epochs=1)
    assert trainer.step == 0


def test_a_full_disk_ends_training_and_loses_nothing(tmp_path, monkeypatch):
    whole, batches = trainer_of(), loader()
    ad.manual_seed(3)
    whole.fit(loader(), epochs=2)
    trainer = trainer_of(callbacks=[tr.Checkpoint(tmp_path, every_steps=3)])
    ad.manual_seed(3)

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space") as caught:
        patched.setattr(os, "fsync", full)
        trainer.fit(batches, epochs=2)
    assert caught.value.filename.endswith("step-00000003.safetensors")
    assert os.listdir(tmp_path) == []  # no draft is left
    trainer.fit(batches, epochs=2)
    assert bits(trainer.model) == bits(whole.model)


def test_going_on_with_other_batches(tmp_path):
    """At the beginning of an epoch any loader will do; in the middle it must be the same."""

    def run(batch_size, epochs, stop_at=None):
        class Stop(tr.Callback):
            def on_step_end(self, trainer, **_):
                if trainer.step == stop_at:
                    raise SystemExit

        callbacks = [Stop(), tr.Checkpoint(tmp_path, every_steps=1, resume=True)]
        trainer = trainer_of(callbacks=callbacks)
        trainer.fit(loader(batch_size), epochs=epochs)
        return trainer.step

    assert run(8, 1) == 7
    assert run(25, 2) == 9
    with pytest.raises(SystemExit):
        run(25, 3, stop_at=11)
    with pytest.raises(ValueError, match="batch_size=25 in the middle.*Finish the epoch"):
        run(8, 3)


def test_callbacks_are_told_where_a_run_goes_on(tmp_path):
    trainer_of(callbacks=[tr.Checkpoint(tmp_path)]).fit(loader(), epochs=1)
    text = io.StringIO()
    callbacks = [tr.Progress(text), tr.Checkpoint(tmp_path, resume=True)]
    trainer_of(callbacks=callbacks).fit(loader(), epochs=2)
    assert text.getvalue().startswith("going on after step 7, epoch 2")


def test_event_files_after_a_crash(tmp_path):
    """What was written after the last checkpoint is dropped, and what comes after is not."""
    pytest.importorskip("tensorboardX", reason="tensorboardX, of the extra tensorboard")
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard"
    )

    class Crash(tr.Callback):
        def on_epoch_end(self, trainer):
            if trainer.epoch == 2:
                raise SystemExit

    def run(*others):
        board = tr.TensorBoard(tmp_path / "board", histograms=0)
        checkpoint = tr.Checkpoint(tmp_path, resume=True)
        return trainer_of(callbacks=[board, *others, checkpoint]).fit(loader(), epochs=3)

    with pytest.raises(SystemExit):
        run(Crash())
    history = run()
    seen = reader.EventAccumulator(str(tmp_path / "board"))
    seen.Reload()
    scalars = [(event.step, event.value) for event in seen.Scalars("loss/training")]
    assert [step for step, _ in scalars] == [7, 14, 21]
    assert [value for _, value in scalars] == np.float32(history["loss"]).tolist()


@pytest.mark.slow
def test_tensorboard_shows_the_numbers(tmp_path):
    """The program itself, asked as its page asks it."""
    program = Path(sys.executable).parent / "tensorboard"
    if not program.exists():
        pytest.skip("needs tensorboard")
    pytest.importorskip("tensorboardX", reason="tensorboardX, of the extra tensorboard")
    trainer = trainer_of(callbacks=[tr.TensorBoard(tmp_path / "run")])
    history = trainer.fit(loader(), epochs=2, val=loader())
    command = [program, "--logdir", tmp_path, "--port", "0", "--host", "127.0.0.1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as board:
        try:
            address = next(line for line in board.stderr if "http://" in line)
            address = "http://" + address.split("http://")[1].split()[0].rstrip("/")

            def ask(what):
                with urllib.request.urlopen(f"{address}/data/plugin/{what}", timeout=20) as answer:
                    return json.load(answer)

            deadline = time.monotonic() + 60
            while "run" not in (tags := ask("scalars/tags")) and time.monotonic() < deadline:
                time.sleep(0.2)
            expected = {"loss/training", "loss/validation", "lr/training", "seconds/training"}
            assert set(tags["run"]) == expected
            rows = ask("scalars/scalars?run=run&tag=loss%2Fvalidation")
            assert [(step, value) for _, step, value in rows] == list(
                zip([7, 14], np.float32(history["val_loss"]).tolist())
            )
            assert "weight/0.weight" in ask("histograms/tags")["run"]
        finally:
            board.terminate()
