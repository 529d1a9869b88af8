"""What goes on beside training: progress, event files, averages, the range test, Ctrl-C."""

import io
import math
import os
import signal
import sys

import numpy as np
import pytest

import autodiff as ad
import nn
import viz
from nn import train as tr

from .test_train import bits, loader, network, trainer_of


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_in_a_log():
    text = io.StringIO()
    trainer = trainer_of(callbacks=[tr.Progress(text)], metrics=[tr.accuracy])
    trainer.fit(loader(), epochs=2, val=loader())
    first, second = text.getvalue().splitlines()
    assert first.startswith("epoch 1/2  loss ") and "val_accuracy 0." in second
    assert f"loss {trainer.logs['loss']:#.4g}" in second and second.endswith(" s")


def test_progress_on_a_terminal():
    pytest.importorskip("rich", reason="rich, of the extra train")
    text = Terminal()
    progress = tr.Progress(text)
    trainer_of(callbacks=[progress]).fit(loader(), epochs=2)
    assert "epoch 1/2" in text.getvalue() and "/s" in text.getvalue()
    assert text.getvalue().count("\x1b[?25h") == 1  # the cursor is given back
    text = Terminal()
    broken = [(ad.full((2, 4), np.nan), ad.zeros(2, dtype="int64"))]
    with pytest.raises(FloatingPointError):
        trainer_of(callbacks=[tr.Progress(text)]).fit(broken, epochs=1)
    assert "stopped in epoch" in text.getvalue() and "\x1b[?25h" in text.getvalue()


def test_progress_without_rich(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    text = Terminal()
    trainer_of(callbacks=[tr.Progress(text)]).fit(loader(), epochs=1)
    assert text.getvalue().startswith("epoch 1/1  loss")


def test_event_files(tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX, of the extra tensorboard")
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard"
    )
    callbacks = [tr.TensorBoard(tmp_path)]
    trainer = trainer_of(callbacks=callbacks, metrics=[tr.accuracy, tr.confusion_matrix])
    history = trainer.fit(loader(), epochs=2, val=loader())
    seen = reader.EventAccumulator(str(tmp_path), {reader.HISTOGRAMS: 0, reader.TENSORS: 0})
    seen.Reload()
    scalars = {event.step: event.value for event in seen.Scalars("loss/training")}
    assert scalars == dict(zip([7, 14], np.float32(history["loss"]).tolist()))
    assert "accuracy/validation" in seen.Tags()["scalars"]
    names = {f"{kind}/{name}" for name in bits(trainer.model) for kind in ("weight", "gradient")}
    assert names == set(seen.Tags()["histograms"])
    nodes = {node.name: node for node in seen.Graph().node}
    assert "0/weight" in nodes and nodes["0/weight"].op == "Parameter"
    linear = next(node for name, node in nodes.items() if name.startswith("3/linear"))
    assert "3/weight" in linear.input and all(i in nodes for n in nodes.values() for i in n.input)


def test_event_files_need_their_writer(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(RuntimeError, match=r"pip install 'autodiff-viz\[tensorboard\]'"):
        trainer_of(callbacks=[tr.TensorBoard(tmp_path)]).fit(loader(), epochs=1)


def test_averages():
    trainer = trainer_of()
    average = nn.optim.EMA(trainer.model, 0.5)
    trainer = trainer_of(trainer.model, callbacks=[tr.Averaging(average, first_epoch=2)])
    trainer.fit(loader(), epochs=2)
    assert average.n_averaged == 7


def test_a_recorder_of_viz_is_a_callback():
    trainer = trainer_of()
    recorder = viz.watch(trainer.model, every=2)
    trainer = trainer_of(trainer.model, callbacks=[recorder])
    trainer.fit(loader(), epochs=2)
    assert recorder.step_count == 14 and len(recorder.steps) == 7
    assert math.isfinite(recorder.loss[0])


def test_the_range_test_leaves_no_trace():
    model = network()
    trainer = trainer_of(model, metrics=[tr.accuracy])
    batches = loader()
    trainer.fit(batches, epochs=1)
    model[0].eval()
    before = (
        bits(model), repr(trainer.optimizer.state_dict()), ad.random.default_generator.state,
        batches.state_dict(), [m.training for m in model.modules()], trainer.step,
        [p.grad.data.tobytes() for p in model.parameters()],
    )  # fmt: skip
    found = tr.find_lr(trainer, batches, steps=60, end=100.0)
    after = (
        bits(model), repr(trainer.optimizer.state_dict()), ad.random.default_generator.state,
        batches.state_dict(), [m.training for m in model.modules()], trainer.step,
        [p.grad.data.tobytes() for p in model.parameters()],
    )  # fmt: skip
    assert after == before
    assert found.rates[0] == 1e-6 and found.steepest in found.rates
    assert len(found.rates) == len(found.losses) <= 60


def test_the_range_test_finds_where_a_line_falls():
    rates = [10.0 ** (i / 10 - 5) for i in range(50)]
    losses = [1 / (1 + (rate / 1e-2) ** 2) for rate in rates]  # steepest per decade at 1e-2
    assert 5e-3 < tr.RangeTest(rates, losses).steepest < 2e-2


def test_figures(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib, of the extra plots")
    trainer = trainer_of(metrics=[tr.accuracy, tr.confusion_matrix])
    history = trainer.fit(loader(), epochs=3, val=loader())
    figure = history.plot(tmp_path / "history.png")
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy", "lr"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 2, 1]
    tr.find_lr(trainer, loader(), steps=20).plot(tmp_path / "rates.svg")
    assert (tmp_path / "history.png").stat().st_size and (tmp_path / "rates.svg").stat().st_size


def test_ctrl_c_finishes_the_step_and_saves(tmp_path):
    class Press(tr.Callback):
        def on_step_end(self, trainer, **_):
            if trainer.step == 3:
                os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    if handler is not signal.default_int_handler:
        pytest.skip("Ctrl-C is handled by somebody else")
    checkpoint = tr.Checkpoint(tmp_path, resume=True)
    trainer = trainer_of(callbacks=[Press(), tr.EarlyStopping("loss"), checkpoint])
    ad.manual_seed(4)
    with pytest.raises(KeyboardInterrupt, match="after step"):
        trainer.fit(loader(), epochs=2)
    assert signal.getsignal(signal.SIGINT) is handler
    assert trainer.step in (3, 4)
    again = trainer_of(callbacks=[tr.EarlyStopping("loss"), tr.Checkpoint(tmp_path, resume=True)])
    again.fit(loader(), epochs=2)
    whole = trainer_of(callbacks=[tr.EarlyStopping("loss")])
    ad.manual_seed(4)
    whole.fit(loader(), epochs=2)
    assert again.step == 14 and bits(again.model) == bits(whole.model)
