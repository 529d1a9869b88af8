"""Every optimizer against PyTorch's in float64: arguments, values, and states that move."""

import inspect
import itertools

import numpy as np
import pytest

import autodiff as ad
import nn
from nn.optim.wolfe import Point, strong_wolfe

from .optimizers import CLASSES, WITH_CLOSURE
from .test_parts_parity import arguments

pytestmark = pytest.mark.parity
torch = pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")

WITHOUT = {"Plain", "Momentum", "Lion", "LAMB"}  # PyTorch has none of these
SWITCHES = {"foreach", "fused", "capturable", "differentiable"}  # that say how, not what
STEPS = 50


def grid(**options):
    """Every combination of these values."""
    return [dict(zip(options, values)) for values in itertools.product(*options.values())]


DECAY = {"weight_decay": [0.0, 0.3], "maximize": [False, True]}
BETAS = {"betas": [(0.9, 0.999), (0.5, 0.7)]}
OPTIONS = {
    "SGD": [
        *grid(lr=[0.1], momentum=[0.0, 0.9], dampening=[0.0, 0.4], **DECAY),
        *grid(lr=[0.1], momentum=[0.9], nesterov=[True], **DECAY),
    ],
    "ASGD": grid(lr=[0.1], lambd=[1e-4, 0.1], alpha=[0.75, 0.3], t0=[1e6, 10], **DECAY),
    "Adagrad": grid(
        lr=[0.1], lr_decay=[0.0, 0.1], initial_accumulator_value=[0.0, 0.5], eps=[1e-10, 0.1],
        **DECAY,
    ),
    "Adadelta": grid(lr=[1.0], rho=[0.9, 0.5], eps=[1e-6, 0.1], **DECAY),
    "RMSprop": grid(
        lr=[0.01], alpha=[0.99, 0.8], momentum=[0.0, 0.9], centered=[False, True], eps=[1e-8, 0.1],
        **DECAY,
    ),
    "Adam": grid(
        lr=[0.1], eps=[1e-8, 0.1], amsgrad=[False, True], decoupled_weight_decay=[False, True],
        **BETAS, **DECAY,
    ),
    "AdamW": grid(lr=[0.1], eps=[1e-8, 0.1], amsgrad=[False, True], **BETAS, **DECAY),
    "Adamax": grid(lr=[0.1], eps=[1e-8, 0.1], **BETAS, **DECAY),
    "NAdam": grid(
        lr=[0.1], momentum_decay=[4e-3, 0.5], decoupled_weight_decay=[False, True], **BETAS, **DECAY
    ),
    "RAdam": grid(
        lr=[0.1], eps=[1e-8, 0.1], decoupled_weight_decay=[False, True],
        betas=[(0.9, 0.999), (0.5, 0.7), (0.8, 0.95)], **DECAY,
    ),
    "Rprop": grid(
        lr=[0.1], etas=[(0.5, 1.2), (0.3, 2.0)], step_sizes=[(1e-6, 50), (0.05, 0.2)],
        maximize=[False, True],
    ),
    "Muon": grid(
        lr=[0.1], weight_decay=[0.0, 0.3], momentum=[0.95, 0.5], nesterov=[True, False],
        ns_steps=[5, 2], adjust_lr_fn=[None, "original", "match_rms_adamw"],
    ) + grid(lr=[0.1], eps=[10.0], ns_coefficients=[(2.0, -1.5, 0.5)]),
}  # fmt: skip
CASES = [(name, options) for name, every in OPTIONS.items() for options in every]
SHAPES = [(3,), (), (4, 5), (180, 190)]  # the last one is stepped in two pieces
MATRICES = [(3, 4), (6, 2), (1, 5), (20, 30)]


@pytest.fixture(scope="module", autouse=True)
def double():
    """PyTorch keeps the numbers of states in its default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture(scope="module", autouse=True)
def report(request):
    yield
    manager = request.config.pluginmanager.get_plugin("capturemanager")
    with manager.global_and_fixture_disabled():
        print(f"\n{len(OPTIONS)} optimizers, {len(CASES)} cases of {STEPS} steps; ", end="")
        print(f"LBFGS, {len(LBFGS)} cases", end="")


@pytest.fixture(autouse=True)
def exact(monkeypatch):
    """PyTorch's Muon rounds to bfloat16; without that it is the same algorithm."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda x: x.clone())


@pytest.fixture(scope="module")
def gradients():
    """Those of all steps, by shapes; some are missing."""
    made = {}
    for shapes in (tuple(SHAPES), tuple(MATRICES)):
        rng = np.random.default_rng(1)
        made[shapes] = [
            [
                None if (i, step) in {(1, 0), (1, 3), (3, 30)} else rng.standard_normal(shape)
                for i, shape in enumerate(shapes)
            ]
            for step in range(STEPS)
        ]
    return made


def pairs_of_parameters(shapes=SHAPES):
    rng = np.random.default_rng(6)
    values = [rng.standard_normal(shape) for shape in shapes]
    return [nn.Parameter(v) for v in values], [torch.nn.Parameter(torch.tensor(v)) for v in values]


def step_ours(optimizer, params, arrays):
    for p, g in zip(params, arrays, strict=True):
        p.grad = None if g is None else ad.asarray(g)
    optimizer.step()


def step_theirs(optimizer, params, arrays):
    for p, g in zip(params, arrays, strict=True):
        p.grad = None if g is None else torch.from_numpy(g)
    optimizer.step()


def assert_close(ours, theirs):
    for p, q in zip(ours, theirs, strict=True):
        q = q.detach().numpy()
        np.testing.assert_allclose(p.data, q, rtol=1e-9, atol=1e-9 * np.abs(q).max())


def test_every_optimizer_is_compared():
    assert {cls.__name__ for cls in CLASSES} == OPTIONS.keys() | WITHOUT
    assert {cls.__name__ for cls in WITH_CLOSURE} == {"LBFGS"}
    assert not {name for name in WITHOUT if hasattr(torch.optim, name)}


@pytest.mark.parametrize("name", [*OPTIONS, "LBFGS"])
def test_constructors_take_the_same(name):
    """PyTorch's arguments in its order, with its defaults; its switches go by keyword."""
    theirs = [a for a in arguments(getattr(torch.optim, name)) if a[0] not in SWITCHES]
    cls = getattr(nn.optim, name)
    assert arguments(cls)[: len(theirs)] == theirs
    given = inspect.signature(getattr(torch.optim, name)).parameters
    switches = dict.fromkeys(SWITCHES & given.keys(), False)
    assert (
        cls(pairs_of_parameters(MATRICES)[0], **switches).defaults
        == cls(pairs_of_parameters(MATRICES)[0]).defaults
    )
    order = [key for key, p in given.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    ours = inspect.signature(cls).parameters.values()
    positional = [p.name for p in ours if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == order[: len(positional)]  # nothing means something else by position


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_same_steps_as_pytorch(name, options, gradients):
    shapes = MATRICES if name == "Muon" else SHAPES
    ours, theirs = pairs_of_parameters(shapes)
    mine = getattr(nn.optim, name)(ours, **options)
    other = getattr(torch.optim, name)(theirs, **options)
    for step, arrays in enumerate(gradients[tuple(shapes)]):
        if step == STEPS // 2:
            mine.param_groups[0]["lr"] = other.param_groups[0]["lr"] = 0.01
        step_ours(mine, ours, arrays)
        step_theirs(other, theirs, arrays)
    assert_close(ours, theirs)
    state, expected = mine.state_dict()["state"], other.state_dict()["state"]
    for i, entry in expected.items():
        assert [key for key in state[i] if key != "step"] == [k for k in entry if k != "step"]
        for key, value in entry.items():
            found = state[i][key]
            found = found.data if isinstance(found, ad.Tensor) else found
            np.testing.assert_allclose(found, value.numpy(), rtol=1e-9, atol=1e-12, err_msg=key)


def to_torch(value):
    if isinstance(value, ad.Tensor):
        return torch.tensor(value.data)
    if isinstance(value, dict):
        return {key: to_torch(each) for key, each in value.items()}
    return [to_torch(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("direction", ["from", "to"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_states_move(name, options, direction, gradients):
    """Training started in PyTorch goes on here, and the other way."""
    shapes = MATRICES if name == "Muon" else SHAPES
    (ours, theirs), (_, expected) = pairs_of_parameters(shapes), pairs_of_parameters(shapes)
    cls, counterpart = getattr(nn.optim, name), getattr(torch.optim, name)
    whole = counterpart(expected, **options)
    if direction == "from":
        mine, other = cls(ours), counterpart(theirs, **options)
    else:
        mine, other = cls(ours, **options), counterpart(theirs)
    steps = (step_theirs, other, theirs), (step_ours, mine, ours)
    first, second = steps if direction == "from" else steps[::-1]
    for step, arrays in enumerate(gradients[tuple(shapes)][:12]):
        if step == 6 and direction == "from":
            mine.load_state_dict(other.state_dict())
            for p, q in zip(ours, theirs, strict=True):
                p.data = q.detach().numpy().copy()
        elif step == 6:
            other.load_state_dict(to_torch(mine.state_dict()))
            for p, q in zip(ours, theirs, strict=True):
                q.data = torch.tensor(p.data)
        advance, optimizer, params = first if step < 6 else second
        advance(optimizer, params, arrays)
        step_theirs(whole, expected, arrays)
    last = [torch.tensor(p.data) for p in ours] if direction == "from" else theirs
    for p, q in zip(last, expected, strict=True):
        torch.testing.assert_close(p.detach(), q.detach(), rtol=1e-9, atol=1e-9)


# ---------------------------------------------------------------- LBFGS
LBFGS = grid(
    lr=[1.0, 0.3], max_iter=[10, 3], max_eval=[None, 7], history_size=[100, 2],
    line_search_fn=[None, "strong_wolfe"],
) + grid(
    lr=[5.0, 30.0, 200.0], max_iter=[10, 3], line_search_fn=["strong_wolfe"],
) + grid(
    max_iter=[10], tolerance_grad=[1e-7, 0.1], tolerance_change=[1e-9, 0.01],
    line_search_fn=[None, "strong_wolfe"],
)  # fmt: skip
ITERATIONS = 20  # in all: later ones multiply the rounding errors of earlier ones
X = np.random.default_rng(0).standard_normal((12, 5))
T = np.random.default_rng(1).uniform(size=(12, 3))


def closure(lib, optimizer, params):
    """The loss of a small network, whose third parameter has no gradient."""
    x, t = (torch.tensor(X), torch.tensor(T)) if lib is torch else (ad.tensor(X), ad.tensor(T))

    def loss():
        optimizer.zero_grad()
        found = ((lib.sigmoid(lib.tanh(x @ params[0]) @ params[1]) - t) ** 2).sum()
        found.backward()
        return found

    return loss


def lbfgs_pair(options):
    ours, theirs = pairs_of_parameters([(5, 4), (4, 3), (2,)])
    mine, other = nn.optim.LBFGS(ours, **options), torch.optim.LBFGS(theirs, **options)
    return mine, other, ours, theirs


@pytest.mark.parametrize("options", LBFGS, ids=str)
def test_lbfgs(options):
    mine, other, ours, theirs = lbfgs_pair(options)
    for _ in range(ITERATIONS // options["max_iter"]):
        loss = mine.step(closure(ad, mine, ours))
        expected = other.step(closure(torch, other, theirs))
        assert loss.item() == pytest.approx(expected.item(), rel=1e-9)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-7, atol=1e-9)
    found, state = mine.state_dict()["state"][0], other.state_dict()["state"][0]
    assert set(found) == set(state) - {"al"}  # which is scratch
    for key in ("func_evals", "n_iter"):
        assert found[key] == state[key]
    assert len(found["old_dirs"]) == len(state["old_dirs"]) == len(found["ro"])


@pytest.mark.parametrize("direction", ["from", "to"])
@pytest.mark.parametrize("options", LBFGS, ids=str)
def test_states_of_lbfgs_move(options, direction):
    mine, other, ours, theirs = lbfgs_pair(options)
    _, whole, _, expected = lbfgs_pair(options)
    calls = ITERATIONS // options["max_iter"]
    for step in range(calls):
        whole.step(closure(torch, whole, expected))
        if step == calls // 2 and direction == "from":
            mine.load_state_dict(other.state_dict())
            for p, q in zip(ours, theirs, strict=True):
                p.data = q.detach().numpy().copy()
        elif step == calls // 2:
            other.load_state_dict(to_torch(mine.state_dict()))
            for p, q in zip(ours, theirs, strict=True):
                q.data = torch.tensor(p.data)
        if (direction == "from") == (step < calls // 2):
            other.step(closure(torch, other, theirs))
        else:
            mine.step(closure(ad, mine, ours))
    last = [torch.tensor(p.data) for p in ours] if direction == "from" else theirs
    for p, q in zip(last, expected, strict=True):
        torch.testing.assert_close(p.detach(), q.detach(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("limit", [25, 3])
def test_line_searches_go_the_same_way(limit):
    """On random waves, with hills and valleys; to the same place in as many evaluations."""
    from torch.optim.lbfgs import _strong_wolfe

    rng = np.random.default_rng(0)
    for _ in range(300):
        height, speed, phase = rng.standard_normal((3, 4))
        speed *= 3

        def along(t, height=height, speed=speed, phase=phase):
            wave = speed * float(t) + phase
            slope = (height * speed * np.cos(wave)).sum() + 0.1 * float(t)
            return Point(
                float(t), (height * np.sin(wave)).sum() + 0.05 * float(t) ** 2, slope, None
            )

        def theirs(x, t, d, along=along):
            point = along(t)
            return point.loss, torch.tensor([point.slope])

        start, first = along(0.0), 10 ** rng.uniform(-2, 2)
        if start.slope >= 0:
            continue
        g = torch.tensor([start.slope])
        _, _, t, count = _strong_wolfe(
            theirs, None, first, torch.ones(1), start.loss, g, g[0], max_ls=limit
        )
        found = strong_wolfe(along, start, first, 1.0, 1e-9, limit)
        assert (found[0].t, found[1]) == (pytest.approx(float(t), rel=1e-9), count)


@pytest.mark.parametrize("limit", [0.5, 1e6])
def test_clipping(limit, gradients):
    ours, theirs = pairs_of_parameters()
    for p, q, g in zip(ours, theirs, gradients[tuple(SHAPES)][1], strict=True):
        p.grad, q.grad = ad.tensor(g), torch.tensor(g)
    found = nn.optim.clip_grad_norm_(ours, limit)
    expected = torch.nn.utils.clip_grad_norm_(theirs, limit)
    assert found.item() == pytest.approx(expected.item())
    for p, q in zip(ours, theirs, strict=True):  # they add 1e-6 to the norm
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-5)
