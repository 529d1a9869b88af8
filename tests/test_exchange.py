"""DLPack, CUDA's interface, pickling, and Python's own protocols."""

import copy
import pickle
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest

import autodiff as ad
import nn


def leaf(data, **options):
    return ad.tensor(data, requires_grad=True, **options)


# ---------------------------------------------------------------- DLPack
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float64"])
def test_memory_is_shared_with_numpy_both_ways(dtype):
    a = np.zeros((2, 3), dtype)
    t = ad.from_dlpack(a)
    b = np.from_dlpack(t)
    t[0, 1] = 1
    assert a[0, 1] == b[0, 1] == 1 and t.dtype == b.dtype == a.dtype
    assert t.__dlpack_device__() == (1, 0)
    assert ad.from_dlpack(a[::2, 1:]).shape == (1, 2)


def test_copies_on_request():
    a = np.zeros(2)
    assert not np.shares_memory(ad.from_dlpack(a, copy=True).data, a)
    assert np.shares_memory(ad.from_dlpack(a, copy=False).data, a)
    moved = ad.from_dlpack(a, device="strict")
    assert moved.device == "strict"
    with pytest.raises(ValueError, match="copy=False"):
        ad.from_dlpack(a, device="strict", copy=False)


def test_what_dlpack_cannot_carry():
    with pytest.raises(BufferError, match=r"requires a gradient.*detach"):
        np.from_dlpack(leaf([1.0]))
    with pytest.raises(BufferError, match="detach"):
        ad.from_dlpack(leaf([1.0]))
    with pytest.raises(BufferError, match="bfloat16"):
        np.from_dlpack(ad.asarray(np.ones(2, ml_dtypes.bfloat16)))
    with pytest.raises(BufferError, match="strict"):
        ad.ones(2, device="strict").__dlpack__()
    with pytest.raises(TypeError, match="list has no __dlpack__"):
        ad.from_dlpack([1.0])
    other = SimpleNamespace(__dlpack_device__=lambda: (10, 0))
    with pytest.raises(BufferError, match="device 10"):
        ad.from_dlpack(other)


def test_read_only_memory_stays_read_only():
    a = np.zeros(2)
    a.flags.writeable = False
    t = ad.from_dlpack(a)
    assert np.shares_memory(t.data, a)
    with pytest.raises(ValueError, match="read-only"):
        t[0] = 1.0
    assert np.from_dlpack(t).tolist() == [0, 0]
    with pytest.raises(BufferError, match="readonly"):
        t.__dlpack__()  # an old reader, which would not see that it is read-only


@pytest.mark.parity
def test_memory_is_shared_with_pytorch():
    import torch

    theirs = torch.zeros(2, 3)
    t = ad.from_dlpack(theirs)
    t[0, 1] = 5.0
    back = torch.from_dlpack(t)
    back[1, 2] = 7.0
    assert theirs[0, 1] == 5 and t.numpy()[1, 2] == 7
    with pytest.raises(BufferError, match="gradient"):
        ad.from_dlpack(torch.ones(2, requires_grad=True))
    with pytest.raises(BufferError, match="requires a gradient"):
        torch.from_dlpack(leaf([1.0]))
    with pytest.raises(BufferError, match="dtypes"):
        ad.from_dlpack(torch.ones(2, dtype=torch.bfloat16))


@pytest.mark.parity
def test_memory_is_shared_with_jax():
    jnp = pytest.importorskip("jax.numpy", reason="the extra `bench` brings JAX")

    theirs = jnp.arange(3.0)
    t = ad.from_dlpack(theirs)
    assert t.tolist() == [0, 1, 2] and t.data.ctypes.data == theirs.unsafe_buffer_pointer()
    with pytest.raises(ValueError, match="read-only"):
        t[0] = 1.0
    mine = ad.asarray(np.arange(64, dtype="float32"))
    assert jnp.from_dlpack(mine).tolist() == mine.tolist()


def test_cuda_array_interface():
    assert not hasattr(ad.ones(2), "__cuda_array_interface__")
    there = ad.ones(2, device="strict")
    object.__setattr__(there.data, "__cuda_array_interface__", {"version": 3})
    assert there.__cuda_array_interface__ == {"version": 3}
    there.requires_grad_()
    assert not hasattr(there, "__cuda_array_interface__")  # CuPy would drop the gradient


@pytest.mark.gpu
def test_memory_is_shared_with_cupy():
    cupy = pytest.importorskip("cupy")
    a = cupy.zeros(3)
    t = ad.from_dlpack(a)
    t[0] = 1.0
    assert a[0] == 1 and cupy.from_dlpack(t)[0] == 1 and cupy.asarray(t)[0] == 1
    assert type(a * leaf([1.0, 2.0, 3.0], device="cuda")) is ad.Tensor
    assert type(a * t) is type(cupy.add(a, 1)) or type(a * t) is ad.Tensor


def test_asarray_copies_or_not():
    a = np.ones(2, "float32")
    assert ad.asarray(a).data is ad.asarray(a, copy=False).data is a
    assert not np.shares_memory(ad.asarray(a, copy=True).data, a)
    assert ad.asarray([1, 2], copy=True).tolist() == [1, 2]
    for bad in ([1.0], 1.0):
        with pytest.raises(ValueError, match="without a copy"):
            ad.asarray(bad, copy=False)
    for options in ({"dtype": "float64"}, {"device": "strict"}):
        with pytest.raises(ValueError, match="without a copy"):
            ad.asarray(a, copy=False, **options)
    t = leaf([1.0, 2.0])
    assert ad.asarray(t) is t
    made = ad.asarray(t, dtype=ad.float64, copy=True)
    made.sum().backward()
    assert made.dtype == np.float64 and t.grad.tolist() == [1, 1]
    assert ad.asarray(t, copy=True).data is not t.data


# ---------------------------------------------------------------- copies and pickles
class Named(ad.Tensor):
    """A subclass with a slot and, unlike the library's own, a ``__dict__``."""


WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle{p}": lambda t, p=p: pickle.loads(pickle.dumps(t, p)) for p in range(2, 6)},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cls", [ad.Tensor, nn.Parameter, nn.Buffer, Named])
def test_a_leaf_is_copied_with_all_it_has(way, cls):
    t = cls(np.array([1.0, 2.0], "float32"))
    t.name = "t"
    if cls is not nn.Buffer:
        t.requires_grad_()
        t.grad = ad.tensor([3.0, 4.0])
    else:
        t.persistent = False
    if cls is Named:
        t.extra = "kept"
    made = WAYS[way](t)
    assert type(made) is cls and made.name == "t" and made.tolist() == [1, 2]
    assert made.requires_grad == t.requires_grad and made.is_leaf
    assert made.grad is None if t.grad is None else made.grad.tolist() == [3, 4]
    if cls is nn.Buffer:
        assert made.persistent is False
    if cls is Named:
        assert made.extra == "kept"
    if way != "copy":
        made[...] if made.requires_grad else made.__setitem__(0, 9.0)
        assert not np.shares_memory(made.data, t.data)
    if made.requires_grad:
        (made * 2).sum().backward()
        assert t.grad.tolist() == [3, 4]


@pytest.mark.parametrize("way", WAYS)
def test_a_result_raises(way):
    with pytest.raises(RuntimeError, match=r"clone\(\), or detach\(\)"):
        WAYS[way](leaf([1.0]) * 2)
    assert WAYS[way]((leaf([1.0]) * 2).detach()).tolist() == [2]


@pytest.mark.parametrize("way", WAYS)
def test_scalars_are_copied(way):
    s = ad.Scalar(2.0, name="s")
    (s * s).backward()
    made = WAYS[way](s)
    assert (made.data, made.name, made.grad.data, made.requires_grad) == (2.0, "s", 4.0, True)


@pytest.mark.gpu
def test_a_pickle_brings_a_gpu_tensor_through_the_host():
    pytest.importorskip("cupy")
    made = pickle.loads(pickle.dumps(leaf([1.0, 2.0], device="cuda")))
    assert made.device == "cuda:0" and made.requires_grad and made.tolist() == [1, 2]


# ---------------------------------------------------------------- Python's own
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_numbers_of_one_element(shape, device):
    t = ad.full(shape, 2.5, device=device)
    assert (float(t), int(t), bool(t), complex(t), t.item()) == (2.5, 2, True, 2.5 + 0j, 2.5)
    assert f"{t:.3f}" == "2.500" and f"{t:8.1e}" == " 2.5e+00" and f"{t}" == repr(t)
    assert f"{leaf(2.5):.1f}" == "2.5" and float(leaf([2.5])) == 2.5


@pytest.mark.parametrize("convert", [float, int, bool, complex])
def test_several_elements_are_no_number(convert):
    for shape in ((2,), (0,)):
        with pytest.raises(ValueError, match="not a single number"):
            convert(ad.ones(shape))


def test_format_of_several():
    with pytest.raises(TypeError, match=r"'\.3f' is for one element.*\(2,\).*tolist"):
        f"{ad.ones(2):.3f}"
    assert f"{ad.ones(2)}" == "tensor([1., 1.])"


def test_index():
    i = ad.tensor(2)
    assert [10, 20, 30][i] == 30 and list(range(i)) == [0, 1] and np.arange(5)[i] == 2
    assert ad.arange(5)[i].item() == 2 and hex(i) == "0x2"
    for bad in (ad.tensor(2.0), ad.tensor([2]), ad.tensor(True)):
        with pytest.raises(TypeError, match="only an integer tensor"):
            [10, 20, 30][bad]


def test_containers(device):
    t = ad.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    assert len(t) == 2 and [row.tolist() for row in t] == [[1, 2], [3, 4]]
    assert 3.0 in t and 5 not in t and "x" not in t and None not in t
    first, second = t
    assert second.tolist() == [3, 4] and {t: 1}[t] == 1 and t in {t}
    for f in (len, iter, list):
        with pytest.raises(TypeError, match=r"shape \(\)"):
            list(f(ad.ones(()))) if f is iter else f(ad.ones(()))


def test_hash_is_identity():
    a, b = ad.ones(2), ad.ones(2)
    assert hash(a) == hash(a) and len({a, b}) == 2


def test_tolist(device):
    assert ad.tensor([[1, 2]], device=device).tolist() == [[1, 2]]
    assert ad.tensor(1.5, device=device).tolist() == 1.5 and ad.ones((0,)).tolist() == []
    assert type(ad.tensor([True]).tolist()[0]) is bool and leaf([1.0]).tolist() == [1.0]


def test_round_and_divmod():
    t = ad.tensor([1.25, -2.5, 7.0])
    assert round(t).tolist() == [1, -2, 7] and round(t, 1).tolist() == pytest.approx([1.2, -2.5, 7])
    for pair in (divmod(t, 2), np.divmod(t, 2)):
        assert [p.tolist() for p in pair] == [[0, -2, 3], [1.25, 1.5, 1.0]]
    q, r = divmod(7, ad.tensor([2, -2]))
    assert (q.tolist(), r.tolist()) == ([3, -4], [1, -1])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ad.zeros(()), "tensor(0.)"),
        (lambda: ad.zeros((0,)), "tensor([])"),
        (lambda: ad.zeros((0, 3)), "tensor([], shape=(0, 3))"),
        (lambda: ad.zeros((2, 0), dtype="int8"), "tensor([], shape=(2, 0), dtype=int8)"),
        (lambda: ad.zeros(3, device="strict"), 'tensor([0., 0., 0.], device="strict")'),
        (lambda: leaf(1.0, name="x"), "tensor(1., name='x', requires_grad=True)"),
        (lambda: leaf(1.0) * 2, "tensor(2., op=multiply)"),
        (lambda: ad.tensor([True]), "tensor([ True])"),
        (lambda: ad.arange(5000), "tensor([   0,    1,    2, ..., 4997, 4998, 4999])"),
    ],
)
def test_repr(make, text):
    assert repr(make()) == text
