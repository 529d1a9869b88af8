"""What `save` writes, `load` gives back; what is damaged is refused."""

import json
import os
import random
import re
import stat
import struct
import subprocess
import sys
import tracemalloc
from collections import OrderedDict, defaultdict, namedtuple
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import _files

from . import strict

ROOT = Path(__file__).parent.parent
DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
DTYPES += ["float16", "float32", "float64", ml_dtypes.bfloat16]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.bin"


def again(obj, path, **options):
    ad.save(obj, path)
    return ad.load(path, **options)


def same(a, b):
    """Equal in type, dtype and value; NaN equals NaN, and the order of dicts counts."""
    if type(a) is not type(b):
        return False
    if isinstance(a, ad.Scalar):
        return a.data == b.data and a.requires_grad == b.requires_grad
    if isinstance(a, ad.Tensor):
        return a.requires_grad == b.requires_grad and same(a.data, b.data)
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


# ---------------------------------------------------------------- there and back
@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, 10**30, 0.1, -0.0, 5e-324, float("inf"), -float("inf"),
        float("nan"), "", "é", "\ud800", "a\x00b", [], (), {}, [[]], ((), [()]), {"": {}},
        {1: "a", -1: "b", 2.5: "c", None: "d", (1, "x", None): "f"},
        {"a.b": [1], "a": {"b": (2, [3, {"c": None}])}},
        np.float32(1.5), np.int8(-3), np.bool_(True), np.arange(6).reshape(2, 3), np.array(2.0),
    ],
    ids=repr,
)  # fmt: skip
def test_values_come_back(value, path):
    assert same(again(value, path), value)
    assert same(again([value, {"k": value}], path), [value, {"k": value}])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (2, 3)])
def test_every_dtype_and_shape(dtype, shape, path):
    array = np.arange(6)[: int(np.prod(shape))].reshape(shape).astype(dtype)
    both = {"tensor": ad.asarray(array), "array": array}
    assert same(again(both, path), both)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3).T,
        np.arange(10)[::-2],
        np.broadcast_to(np.arange(3), (2, 3)),
        np.arange(3, dtype=">f8"),
        np.memmap,
    ],
    ids=["transposed", "reversed", "broadcast", "big-endian", "memmap"],
)
def test_layouts(array, path, tmp_path):
    if array is np.memmap:
        array = np.memmap(tmp_path / "m", "int32", "w+", shape=(2, 2))
    found = again(array, path)
    assert np.array_equal(found, array) and found.dtype == array.dtype.newbyteorder("=")
    assert found.flags.c_contiguous and found.flags.writeable


def test_leaves_keep_requires_grad_and_results_are_plain_values(path):
    w = ad.tensor([1.0, 2.0], requires_grad=True)
    saved = {
        "w": w,
        "y": w * 2,
        "p": nn.Parameter([1.0]),
        "s": ad.Scalar(3.0),
        "r": ad.Scalar(3) * 2,
    }
    found = again(saved, path)
    assert [v.requires_grad for v in found.values()] == [True, False, True, True, False]
    assert found["w"].is_leaf and found["y"].numpy().tolist() == [2, 4]
    assert type(found["p"]) is ad.Tensor


def test_an_ordered_dict_is_a_dict(path):
    found = again(OrderedDict(b=1, a=2), path)
    assert type(found) is dict and list(found) == ["b", "a"]


def test_a_value_that_occurs_twice_is_written_twice(path):
    w = ad.ones((2,))
    found = again({"a": w, "b": w, "view": w[:1]}, path)
    found["a"][0] = 5.0
    assert found["b"].numpy().tolist() == [1, 1] and found["view"].numpy().tolist() == [1]


def test_devices(path):
    there = ad.ones((2,), device="strict")
    assert again(there, path).device == "cpu"
    found = again({"t": there, "raw": there.data}, path, device="strict")
    assert found["t"].device == "strict" and type(found["raw"]) is np.ndarray
    with ad.device("strict"):
        assert ad.load(path)["t"].device == "cpu"
    with pytest.raises(ValueError, match="unknown device"):
        ad.load(path, device="nowhere")
    assert type(found["t"].data) is strict.StrictArray


def test_a_run_goes_on_to_the_bit(path):
    def start():
        ad.manual_seed(3)
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        return model, nn.optim.Adam(model.parameters(), lr=0.01), ad.random.Generator(7)

    def steps(model, optimizer, generator, n):
        for _ in range(n):
            x = ad.random.normal((5, 3), generator=generator)
            optimizer.zero_grad()
            (model(x) ** 2).mean().backward()
            optimizer.step()

    straight = start()
    steps(*straight, 6)
    first = start()
    steps(*first, 3)
    state = {"model": first[0].state_dict(), "optimizer": first[1].state_dict()}
    ad.save({**state, "generator": first[2].state}, path)
    second = start()
    found = ad.load(path)
    second[0].load_state_dict(found["model"])
    second[1].load_state_dict(found["optimizer"])
    second[2].state = found["generator"]
    steps(*second, 3)
    assert same(second[0].state_dict(), straight[0].state_dict())


# ---------------------------------------------------------------- with others
def test_names_are_the_places(path):
    from safetensors.numpy import load_file

    ad.save(
        {"model": {"w": ad.ones((1,))}, "state": {0: {"m": np.ones(1)}}, "list": [ad.ones((1,))]},
        path,
    )
    assert set(load_file(path)) == {"model.w", "state.0.m", "list.0"}
    ad.save({"a.b": ad.ones((1,)), "a": {"b": ad.zeros((1,))}, "__metadata__": ad.ones((1,))}, path)
    assert set(load_file(path)) == {"a.b", "a.b#2", "__metadata__#2"}
    ad.save(ad.ones((1,)), path)
    assert set(load_file(path)) == {"value"}


def test_files_from_elsewhere_are_flat(path):
    from safetensors.numpy import save_file

    arrays = {"layer.weight": np.arange(6, dtype="float32").reshape(2, 3), "n": np.array(3)}
    for metadata in (None, {"format": "pt", "other": "x"}):
        save_file(arrays, path, metadata)
        found = ad.load(path)
        assert same({k: v.data for k, v in sorted(found.items())}, arrays)
        assert all(type(v) is ad.Tensor for v in found.values())


@pytest.mark.parity
def test_state_dicts_move_to_pytorch_and_back(path):
    import torch
    from safetensors.torch import load_file, save_file

    mine = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    ad.save(mine.state_dict(), path)
    theirs.load_state_dict(load_file(path))
    y = theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(mine(ad.asarray(x)).detach().numpy(), y, rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        for p in theirs.parameters():
            p.mul_(2)
    save_file(theirs.state_dict(), path)
    mine.load_state_dict(ad.load(path))
    y = theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(mine(ad.asarray(x)).detach().numpy(), y, rtol=1e-5, atol=1e-6)
    save_file({"h": torch.ones(2, dtype=torch.bfloat16)}, path)
    assert ad.load(path)["h"].dtype == ml_dtypes.bfloat16


# ---------------------------------------------------------------- what cannot be saved
Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [1, {2: object()}]}, "['a'][1][2]"),
        ({"a": {1, 2}}, "['a']"),
        (nn.Linear(1, 1), "the top"),
        ([1j], "[0]"),
        ([b"x"], "[0]"),
        ([Pair(1, 2)], "[0]"),
        ([defaultdict(list)], "[0]"),
        ([{ad.float32: 1}], "[0]"),
        ([np.array(1j)], "[0]"),
        ([np.array("x")], "[0]"),
        ([np.array([None])], "[0]"),
        ([np.array(1, dtype="datetime64[s]")], "[0]"),
        ([np.ones(1, dtype="longdouble")], "[0]"),
    ],
)
def test_other_types_are_refused_by_their_place(value, place, path):
    ad.save("before", path)
    with pytest.raises(TypeError, match=re.escape(place)):
        ad.save(value, path)
    assert ad.load(path) == "before" and os.listdir(path.parent) == [path.name]


def test_what_contains_itself_is_refused(path):
    knot = []
    knot.append(knot)
    with pytest.raises(ValueError, match="contains itself"):
        ad.save({"knot": knot}, path)
    deep = None
    for _ in range(200):
        deep = [deep]
    assert same(again(deep, path), deep)
    with pytest.raises(ValueError, match="more than 200 deep"):
        ad.save([deep], path)


def test_a_header_beyond_the_format_is_refused(path, monkeypatch):
    monkeypatch.setattr(_files, "MAX_HEADER", 100)
    with pytest.raises(ValueError, match="the format allows"):
        ad.save({"a": 1, "b": "x" * 100}, path)


# ---------------------------------------------------------------- whole or not at all
def test_nothing_but_the_file_is_left(path):
    ad.save(1, path)
    ad.save(2, str(path))
    assert os.listdir(path.parent) == [path.name] and ad.load(path) == 2


def test_permissions_are_those_of_the_umask(path):
    old = os.umask(0o027)
    try:
        ad.save(1, path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real/a", tmp_path / "link"
    ad.save(1, target)
    link.symlink_to(target)
    ad.save(2, link)
    assert link.is_symlink() and ad.load(target) == 2 and os.listdir(tmp_path / "real") == ["a"]


@pytest.mark.parametrize("name", ["write", "fsync", "replace"])
def test_a_failure_leaves_the_old_file(path, monkeypatch, name):
    ad.save("old", path)

    def fail(*args):
        raise OSError(28, "No space left on device")

    if name == "write":
        monkeypatch.setattr(_files, "_bytes", fail)
    else:
        monkeypatch.setattr(_files.os, name, fail)
    with pytest.raises(OSError, match="No space"):
        ad.save([ad.ones((3,)), "new"], path)
    monkeypatch.undo()
    assert ad.load(path) == "old" and os.listdir(path.parent) == [path.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(path):
    """A real one: the draft of a child that may write 64 KiB a file."""
    code = (
        "import resource, signal, autodiff as ad; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        f"ad.save(ad.ones((100_000,)), {str(path)!r})"
    )
    ad.save("old", path)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "OSError" in done.stderr and "too large" in done.stderr
    assert ad.load(path) == "old" and os.listdir(path.parent) == [path.name]


def test_folders_that_are_not_there_or_not_ours(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere/x"):
        ad.save(1, tmp_path / "nowhere/x")
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
        ad.save(1, tmp_path)
    with pytest.raises(FileNotFoundError, match="absent"):
        ad.load(tmp_path / "absent")
    with pytest.raises(IsADirectoryError):
        ad.load(tmp_path)
    if os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(PermissionError, match="x"):
            ad.save(1, tmp_path / "x")
        tmp_path.chmod(0o700)


def test_the_disk_has_the_file_before_its_name(path, monkeypatch):
    """Draft flushed, renamed, folder flushed: in this order."""
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, real=real, name=name: (done.append(name), real(*a))[1]
        )
    ad.save(1, path)
    assert done == ["fsync", "replace", "fsync"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_kills_in_the_middle_leave_whole_files():
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.crash", "200"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    kills, drafts, saves = map(int, re.findall(r"\d+", done.stdout))
    assert kills == 200 and drafts > 10 and saves > 10, done.stdout


# ---------------------------------------------------------------- damage
def crafted(path, tree, arrays=(), version=1):
    """A file with a right checksum and any structure."""
    text = tree if isinstance(tree, str) else json.dumps({"version": version, "tree": tree})
    arrays = list(dict(arrays).items())
    metadata = {"autodiff": text, "autodiff.crc32": _files._checksum(text, arrays)}
    data = _files._header(metadata, arrays) + b"".join(a.tobytes() for _, a in arrays)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "tree",
    [
        {"tensor": "absent"}, {"tensor": ["x"]}, {"tensor": 1}, {"unknown": 1}, {},
        {"tensor": "x", "array": "x"}, {"float": "1.0"}, {"float": 1}, {"dict": [[[1], 2]]},
        {"dict": [[1]]}, {"dict": 3}, {"tuple": None}, {"scalar": "x"}, {"scalar": [1]},
        {"tensor": "n", "requires_grad": True}, [{"list": [1]}], "[" * 100_000,
        '{"version": 1, "tree": ' + "[" * 50_000 + "]" * 50_000 + "}", "[]", "3", "", "{}",
        '{"version": "1"}', '{"tree": 1}', '{"version": 1, "tree": ' + "9" * 5000 + "}",
    ],
    ids=lambda tree: str(tree)[:40],
)  # fmt: skip
def test_hostile_structures(tree, path):
    crafted(path, tree, {"x": np.ones(2), "n": np.arange(2)})
    with pytest.raises(ValueError, match=re.escape(str(path))):
        ad.load(path)


def test_a_good_structure_of_that_making_loads(path):
    crafted(path, [{"tensor": "x"}], {"x": np.ones(2)})
    assert same(ad.load(path), [ad.asarray(np.ones(2))])


def test_a_newer_format_says_so(path):
    crafted(path, {"new": 1}, version=2)
    with pytest.raises(ValueError, match="format version 2 and this library reads up to 1"):
        ad.load(path)


def header(entries, data=b"", length=None):
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    "data",
    [
        b"", b"abc", bytes(8), b"\x80" * 8, bytes(range(256)) * 16,
        header({"a": entry()}, b"1234", length=2**63), header({"a": entry()}, length=10**9),
        header({"a": entry()}, b"12"), header({"a": entry()}, b"123456"),
        header({"a": entry("F99")}, b"1234"), header({"a": entry(shape=[2])}, b"1234"),
        header({"a": entry(shape=[-1])}, b"1234"),
        header({"a": entry(shape=[2**62, 2**62])}, b"1234"),
        header({"a": entry(offsets=[4, 0])}, b"1234"),
        header({"a": entry(offsets=[0, 2**63])}, b"1234"),
        header({"a": entry(), "b": entry()}, b"1234"),
        header({"a": entry(), "b": entry(offsets=[8, 12])}, b"1" * 12),
        header(b"[" * 100_000), header(b'{"a":' * 50_000), header(b"{", b""), header([1, 2]),
        header({"a": 1}), header({"__metadata__": {"autodiff": 3}}), header(b"\xff\xfe{}"),
    ],
    ids=lambda data: data[8:40].decode("latin-1"),
)  # fmt: skip
def test_hostile_files(data, path):
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=re.escape(str(path))):
            ad.load(path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


SAMPLE = {
    "w": np.arange(24, dtype="float32").reshape(4, 6),
    "state": {0: {"step": 3, "m": np.arange(5.0)}, "lr": 0.01, "betas": (0.9, None)},
    "names": ["a", "é", True],
}


def test_every_truncation_is_refused(path):
    ad.save(SAMPLE, path)
    data = path.read_bytes()
    for n in range(len(data)):
        path.write_bytes(data[:n])
        with pytest.raises(ValueError, match="damaged"):
            ad.load(path)


def mutated(data, rng):
    """Some bytes changed, a piece removed, doubled, or filled with zeros."""
    data = bytearray(data)
    i = rng.randrange(len(data))
    n = rng.choice([1, 2, 8, 64])
    match rng.randrange(6):
        case 0:
            data[i] ^= 1 << rng.randrange(8)
        case 1:
            data[i : i + n] = rng.randbytes(n)
        case 2:
            del data[i : i + n]
        case 3:
            data[i:i] = data[i : i + n]
        case 4:
            data[i : i + n] = bytes(len(data[i : i + n]))
        case 5:
            j = rng.randrange(len(data))
            data[i], data[j] = data[j], data[i]
    return bytes(data)


def test_mutations_are_refused_or_change_nothing(path):
    ad.save(SAMPLE, path)
    data = path.read_bytes()
    rng = random.Random(0)
    refused = 0
    tracemalloc.start()
    for _ in range(2000):
        path.write_bytes(mutated(data, rng))
        try:
            found = ad.load(path)
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            assert same(found, SAMPLE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > 1500 and peak < 20e6


def test_safetensors_is_imported_when_a_file_is_read():
    code = (
        "import sys, tempfile, autodiff as ad; assert 'safetensors' not in sys.modules\n"
        "path = tempfile.mktemp(); ad.save(1, path); assert 'safetensors' not in sys.modules\n"
        "ad.load(path); assert 'safetensors' in sys.modules and 'pickle' not in vars(ad._files)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
