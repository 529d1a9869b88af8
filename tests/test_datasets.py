"""Datasets made up, bundled, downloaded, and read from files; files that are missing or damaged."""

import gzip
import hashlib
import http.server
import io
import os
import struct
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from nn import data, datasets
from nn.datasets import fetching, images, sequences


# ---------------------------------------------------------------- made up and bundled
def test_xor():
    x, y = datasets.xor().tensors
    assert x.dtype == y.dtype == np.float32 and y.shape == (4, 1)
    assert [(int(a), int(b), int(c)) for (a, b), (c,) in zip(x.data, y.data, strict=True)] == [
        (0, 0, 0),
        (0, 1, 1),
        (1, 0, 1),
        (1, 1, 0),
    ]


def test_moons():
    points, classes = datasets.moons(201, noise=0.0, seed=4).tensors
    assert points.dtype == np.float32 and classes.data.sum() == 100
    upper, lower = points.data[classes.data == 0], points.data[classes.data == 1]
    np.testing.assert_allclose((upper**2).sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(((lower - [1, 0.5]) ** 2).sum(1), 1, rtol=1e-5)
    assert (upper[:, 1] > -1e-6).all() and (lower[:, 1] < 0.5 + 1e-6).all()
    assert 0 < classes.data[:100].sum() < 100  # in random order
    noisy, again = (datasets.moons(200, 0.1, seed=4).tensors[0].data for _ in "ab")
    np.testing.assert_array_equal(noisy, again)
    assert (noisy != datasets.moons(200, 0.1, seed=5).tensors[0].data).any()
    with pytest.raises(ValueError, match="n=1"):
        datasets.moons(1)


def test_digits():
    pytest.importorskip("sklearn", reason="scikit-learn brings the digits")
    train, test = datasets.digits()
    assert (len(train), len(test)) == (1437, 360)
    image, label = train[0]
    assert image.shape == (1, 8, 8) and image.dtype == np.float32 and label == 0
    x, y = test.batch(np.arange(360))
    assert x.data.min() == 0 and x.data.max() == 1
    assert (np.bincount(y.data) > 25).all() and len(np.bincount(y.data)) == 10


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'autodiff-viz\[demos\]'"):
        datasets.digits()


def test_gates():
    x, y = datasets.gates().tensors
    assert y.shape == (4, 6) and y.dtype == np.float32
    both, either = y.data[:, 0], y.data[:, 1]
    assert both.tolist() == (x.data.sum(1) == 2).tolist()
    assert either.tolist() == (x.data.sum(1) > 0).tolist()
    np.testing.assert_array_equal(y.data[:, 2:4], 1 - y.data[:, :2])
    np.testing.assert_array_equal(y.data[:, 5], 1 - y.data[:, 4])
    assert datasets.gates("xor").tensors[1].data.tolist() == datasets.xor().tensors[1].data.tolist()
    with pytest.raises(ValueError, match="'not' is none of and, or"):
        datasets.gates("not")


def test_spiral():
    points, labels = datasets.spiral(90, classes=3, noise=0.0, seed=1).tensors
    assert points.dtype == np.float32 and np.bincount(labels.data).tolist() == [30, 30, 30]
    radius = np.hypot(*points.data.T)
    for arm in range(3):
        found = np.sort(radius[labels.data == arm])
        np.testing.assert_allclose(found, np.arange(1, 31) / 30, rtol=1e-5)
    angle = np.arctan2(*points.data.T) - 4 * radius - 2 * np.pi * labels.data / 3
    np.testing.assert_allclose(np.cos(angle), 1, atol=1e-5)
    assert set(labels.data[:20].tolist()) == {0, 1, 2}  # in random order
    with pytest.raises(ValueError, match="n=2 must be at least classes=3"):
        datasets.spiral(2)


# ---------------------------------------------------------------- a server and an empty machine
def idx(array, code=8):
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, code, array.ndim]) + shape + array.tobytes()


@pytest.fixture
def server():
    """An HTTP server on this machine; what it has is in ``files``, what was asked in ``asked``."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            content = self.server.files.get(self.path)
            if content is None:
                return self.send_error(404)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content) + self.server.withheld))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.files, running.asked, running.withheld = {}, [], 0
        running.url = f"http://127.0.0.1:{running.server_port}"
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def small(monkeypatch, tmp_path, server):
    """The files of a tiny MNIST, which two mirrors are to have, and a machine without any."""
    rng = np.random.default_rng(0)
    contents = {}
    for part, n in (("train", 6), ("t10k", 4)):
        arrays = rng.integers(0, 256, (n, 28, 28), np.uint8), np.arange(n, dtype=np.uint8)
        for name, array in zip(images.FILES, arrays, strict=True):
            contents[name.format(part)] = gzip.compress(idx(array), mtime=0)
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    mirrors = (server.url + "/one/", server.url + "/two/")
    monkeypatch.setattr(images, "MNIST", fetching.Source("mnist", mirrors, checksums, True))
    monkeypatch.delenv("AUTODIFF_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return contents


def offer(server, mirror, contents):
    server.files.update({f"/{mirror}/{name}": content for name, content in contents.items()})


def put(directory, contents):
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    return directory


def files_below(directory):
    return sorted(path.name for path in directory.rglob("*") if path.is_file())


# ---------------------------------------------------------------- found
def test_mnist_items_and_batches(small, tmp_path):
    train, test = datasets.mnist(put(tmp_path / "here", small))
    assert (len(train), len(test)) == (6, 4)
    image, label = train[3]
    assert image.shape == (1, 28, 28) and image.dtype == np.float32
    assert type(label) is int and label == 3
    assert 0 <= image.data.min() and image.data.max() <= 1
    raw = np.frombuffer(gzip.decompress(small["train-images-idx3-ubyte.gz"])[16:], np.uint8)
    np.testing.assert_array_equal(image.data[0], raw.reshape(6, 28, 28)[3] / np.float32(255))
    x, y = train.batch(np.array([5, 3]))
    assert x.shape == (2, 1, 28, 28) and y.data.tolist() == [5, 3] and y.dtype == np.int64
    np.testing.assert_array_equal(x.data[1], image.data)
    x, y = next(iter(data.DataLoader(train, batch_size=4)))
    assert x.shape == (4, 1, 28, 28) and x.dtype == np.float32


def test_mnist_looks_in_all_places_in_order(small, tmp_path, monkeypatch, server):
    cache = tmp_path / "cache" / "autodiff" / "mnist"
    places = [tmp_path / "given", tmp_path / "data" / "mnist", tmp_path / "data", cache]
    monkeypatch.setenv("AUTODIFF_DATA", str(tmp_path / "data"))
    for place in reversed(places):  # what is found earlier hides what is damaged later
        put(place, small)
        assert len(datasets.mnist(places[0])[0]) == 6
        put(place, dict.fromkeys(small, b"bad"))
    assert not server.asked


def test_fashion_mnist_is_not_taken_for_mnist(small, tmp_path, monkeypatch, server):
    checksums = {name: hashlib.sha256(c + b"x").hexdigest() for name, c in small.items()}
    source = fetching.Source("fashion_mnist", (server.url + "/one/",), checksums)
    monkeypatch.setattr(images, "FASHION_MNIST", source)
    monkeypatch.setenv("AUTODIFF_DATA", str(put(tmp_path / "data", small)))
    with pytest.raises(OSError, match="404"):
        datasets.fashion_mnist()
    put(tmp_path / "data" / "fashion_mnist", {name: c + b"x" for name, c in small.items()})
    with pytest.raises(ValueError, match="damaged"):  # gzip: the checksums are those of junk
        datasets.fashion_mnist()


# ---------------------------------------------------------------- downloaded
def test_mnist_is_downloaded_once_from_the_first_mirror_that_has_it(small, tmp_path, server):
    offer(server, "two", small)
    assert len(datasets.mnist()[1]) == 4
    cache = tmp_path / "cache" / "autodiff" / "mnist"
    assert files_below(tmp_path / "cache") == sorted(small)  # nothing half-written beside them
    for name, content in small.items():
        assert (cache / name).read_bytes() == content
    asked = len(server.asked)
    assert asked == 8 and len(datasets.mnist()[0]) == 6 and len(server.asked) == asked


def test_mnist_is_downloaded_to_the_directory_given(small, tmp_path, server):
    offer(server, "one", small)
    datasets.mnist(tmp_path / "new" / "place")
    assert files_below(tmp_path / "new" / "place") == sorted(small)
    assert not (tmp_path / "cache").exists()


DAMAGE = {"cut off": lambda c: c[:-5], "empty": lambda c: b"", "a page": lambda c: b"<html>" + c}


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_told_and_fetched_again(small, tmp_path, server, name, damage):
    offer(server, "one", small)
    place = put(tmp_path / "here", small | {name: damage(small[name])})
    with pytest.warns(UserWarning, match=rf"{place / name} is damaged.*it is downloaded again"):
        assert len(datasets.mnist(place)[0]) == 6
    assert server.asked == [f"/one/{name}"] and files_below(place) == sorted(small)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        datasets.mnist(place)


def test_a_damaged_file_that_cannot_be_fetched_again_is_left_and_named(small, tmp_path):
    name = "train-images-idx3-ubyte.gz"
    place = put(tmp_path / "here", small | {name: b"bad"})
    with (
        pytest.warns(UserWarning),
        pytest.raises(ValueError, match=rf"{place / name} is damaged.*cannot be replaced.*404"),
    ):
        datasets.mnist(place)
    assert (place / name).read_bytes() == b"bad" and files_below(place) == sorted(small)


def test_a_damaged_file_in_the_offline_directory_is_an_error(small, tmp_path, monkeypatch, server):
    """It is the user's own; nothing is written there, and no server asked."""
    offer(server, "one", small)
    name = "t10k-images-idx3-ubyte.gz"
    place = put(tmp_path / "data" / "mnist", small | {name: small[name][:-1]})
    monkeypatch.setenv("AUTODIFF_DATA", str(tmp_path / "data"))
    with pytest.raises(ValueError, match=rf"{place / name} is damaged.*delete it"):
        datasets.mnist()
    assert not server.asked


def test_a_download_that_is_damaged_is_refused_and_not_kept(small, tmp_path, server):
    offer(server, "one", dict.fromkeys(small, b"<html>captive portal</html>"))
    offer(server, "two", {name: content[:100] for name, content in small.items()})
    with pytest.raises(OSError, match="sent 100 bytes that are not the official file"):
        datasets.mnist()
    assert files_below(tmp_path / "cache") == []
    offer(server, "two", small)
    assert len(datasets.mnist()[0]) == 6  # a good mirror after a bad one


def test_a_connection_that_is_cut(small, tmp_path, server):
    offer(server, "one", small)
    server.withheld = 1000  # fewer bytes come than were announced
    server.files |= {path: content[:-50] for path, content in server.files.items()}
    with pytest.raises(OSError, match="that are not the official file"):
        datasets.mnist()
    assert files_below(tmp_path / "cache") == []


def test_no_network(small, tmp_path, server):
    server.server_close()
    server.shutdown()
    with pytest.raises(OSError, match=r"could not be downloaded.*AUTODIFF_DATA") as caught:
        datasets.mnist(tmp_path / "nowhere")
    for place in ("nowhere", "cache"):
        assert str(tmp_path / place) in str(caught.value)
    assert not (tmp_path / "nowhere").exists()


def test_a_server_that_says_nothing(small, monkeypatch, server):
    monkeypatch.setattr(fetching, "TIMEOUT", 0.2)
    offer(server, "one", small)
    monkeypatch.setattr(type(server), "finish_request", lambda *a: time.sleep(1))
    with pytest.raises(OSError, match="timed out"):
        datasets.mnist()


def test_a_cache_that_cannot_be_written(small, tmp_path, server):
    offer(server, "one", small)
    (tmp_path / "cache").write_text("a file where the directory should be")
    with pytest.raises(OSError, match=r"cannot keep train-images.*dir=, or set XDG_CACHE_HOME"):
        datasets.mnist()


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may write anywhere")
def test_a_cache_that_is_read_only(small, tmp_path, server):
    offer(server, "one", small)
    (tmp_path / "cache").mkdir(mode=0o500)
    with pytest.raises(OSError, match="cannot keep train-images"):
        datasets.mnist()


def test_a_disk_that_fills_up_leaves_nothing(small, tmp_path, monkeypatch, server):
    offer(server, "one", small)

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        datasets.mnist()
    assert files_below(tmp_path / "cache") == []


def test_progress_is_shown_on_a_terminal(small, monkeypatch, server):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    offer(server, "one", small)
    monkeypatch.setattr(sys, "stderr", Terminal())
    datasets.mnist()
    lines = sys.stderr.getvalue().split("\n")
    assert (
        len(lines) == 5
        and "train-images-idx3-ubyte.gz: [##############################]" in lines[0]
    )
    assert fetching.bar("a", 1_000_000, 3_000_000) == f"a: [{'#' * 10:<30}] 1.0 of 3.0 MB"
    assert fetching.bar("a", 1_500_000, 0) == "a: 1.5 MB"


def test_no_progress_in_a_log(small, capsys, server):
    offer(server, "one", small)
    datasets.mnist()
    assert capsys.readouterr().err == ""


# ---------------------------------------------------------------- idx files of one's own
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dot", [False, True])
def test_idx_files(tmp_path, suffix, dot):
    pack = gzip.compress if suffix else bytes
    for part, n in (("train", 3), ("test", 2)):
        for what, array in (
            ("images-idx3", np.full((n, 4, 5), 51, np.uint8)),
            ("labels-idx1", np.arange(n, dtype=np.uint8)),
        ):
            name = what.replace("-", ".") if dot else what
            (tmp_path / f"{part}-{name}-ubyte{suffix}").write_bytes(pack(idx(array)))
    train, test = datasets.idx(tmp_path)
    assert (len(train), len(test)) == (3, 2)
    image, label = train[2]
    assert image.shape == (1, 4, 5) and label == 2
    np.testing.assert_allclose(image.data, 0.2)


@pytest.mark.parametrize("code", images.DTYPES)
def test_idx_files_of_every_type(tmp_path, code):
    array = np.arange(6, dtype=images.DTYPES[code]).reshape(2, 3)
    path = tmp_path / "array.idx"
    path.write_bytes(idx(array, code))
    found = datasets.read_idx(path)
    assert found.dtype.isnative and found.dtype.itemsize == array.dtype.itemsize
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a", b"PK\3\4 and so on", "is not an idx file"),
        ("a", b"", "is not an idx file"),
        ("a", bytes([0, 0, 7, 1, 0, 0, 0, 0]), "is not an idx file"),
        ("a", bytes([0, 0, 8, 3, 0, 0]), "damaged or incomplete: it has 6 bytes$"),
        ("a", idx(np.zeros((2, 3), np.uint8))[:-1], r"uint8 of shape \(2, 3\)"),
        ("a", idx(np.zeros((2, 3), np.uint8)) + b"x", "damaged"),
        ("a.gz", gzip.compress(idx(np.zeros(99, np.uint8)), mtime=0)[:-3], "a.gz is damaged"),
        ("a.gz", b"plain", "a.gz is damaged or incomplete: Not a gzipped file"),
    ],
    ids=range(8),
)
def test_what_is_no_idx_file(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        datasets.read_idx(tmp_path / name)


def test_idx_files_that_are_missing_or_do_not_fit(tmp_path):
    with pytest.raises(FileNotFoundError, match="none of train-images-idx3-ubyte, .*gz"):
        datasets.idx(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((3, 2, 2), np.uint8)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(4, np.uint8)))
    with pytest.raises(ValueError, match=r"not \(3, 2, 2\) and uint8 of shape \(4,\)"):
        datasets.idx(tmp_path)


# ---------------------------------------------------------------- tables
def table(tmp_path, content, *arguments, **options):
    path = tmp_path / "table.csv"
    path.write_text(content)
    return datasets.csv(path, *arguments, **options)


PEOPLE = "name,age,height,kind\nann, 30,1.7,b\nbob,4,1.0,a\n\ncy,50,NA,b\n"


def test_a_table_with_a_header(tmp_path):
    made = table(tmp_path, PEOPLE, "kind", columns=["height", "age"], missing=-1)
    assert made.columns == ["height", "age"] and made.classes == ["a", "b"]
    x, y = made.tensors
    np.testing.assert_allclose(x.data, [[1.7, 30], [1, 4], [-1, 50]], rtol=1e-6)
    assert x.dtype == np.float32 and y.dtype == np.int64 and y.data.tolist() == [1, 0, 1]
    made = table(tmp_path, PEOPLE, -3, columns=[2], missing="drop", dtype=np.float64)
    assert made.tensors[0].data.tolist() == [[1.7], [1.0]] and made.tensors[0].dtype == np.float64
    assert made.tensors[1].data.tolist() == [30, 4] and made.tensors[1].dtype == np.int64
    assert made.classes is None
    (ages,) = table(tmp_path, PEOPLE, columns=["age"]).tensors
    assert ages.shape == (3, 1)
    assert (
        table(tmp_path, PEOPLE, "height", columns=["age"], missing="drop").tensors[1].dtype == "f4"
    )


def test_a_table_without_a_header(tmp_path):
    made = table(tmp_path, "1;2.5;x\n3;4;y\n", -1, delimiter=";")
    assert made.columns == ["0", "1"] and made.tensors[0].data.tolist() == [[1, 2.5], [3, 4]]
    assert len(table(tmp_path, "1,2\n3,4\n", header=True)) == 1
    assert table(tmp_path, "\ufeffa,b\n3,4\n").columns == ["a", "b"]  # as spreadsheets write it
    assert len(table(tmp_path, 'a,b\n"3","4"\n')) == 1


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (PEOPLE, {"columns": ["height"]}, "csv, line 5: the value of column 'height' is missing"),
        (PEOPLE, {"columns": ["name"]}, "line 2: 'ann' in column 'name' is no number"),
        (PEOPLE, {"columns": ["weight"]}, "no columns 'weight'; it has name, age, height, kind"),
        (PEOPLE, {"columns": [4]}, "no column 4; it has 4"),
        (PEOPLE, {"target": "Kind"}, "no columns 'Kind'"),
        ("a,a\n1,2\n", {"columns": ["a"]}, "has 2 columns 'a'"),
        ("a,b\n1,2\n3\n", {}, "line 3: 1 fields, where line 1 has 2"),
        ("a,b\n1,2\n3,?\n", {"target": "b"}, "line 3: the target 'b' is missing"),
        ("", {}, "has no rows"),
        ("a\n1\n", {"missing": "mean"}, "missing='mean' must be a number"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, content, options, message):
    with pytest.raises(ValueError, match=message):
        table(tmp_path, content, **options)


# ---------------------------------------------------------------- text
@pytest.mark.parametrize("level", sequences.LEVELS)
def test_vocabularies_there_and_back(level):
    text = "the cat, the dog & the naïve fox ."
    vocabulary = datasets.Vocabulary(text, level)
    numbers = vocabulary.encode(text)
    assert numbers.dtype == np.int64 and max(numbers) < len(vocabulary)
    back = vocabulary.decode(numbers)
    assert back == (text.replace(",", " ,") if level == "word" else text)
    assert vocabulary[vocabulary.tokens[3]] == 3


def test_vocabularies():
    words = datasets.Vocabulary(["a b b", "b c c"], "word", min_count=2, extra=["<end>"])
    assert words.tokens == ["<end>", "<unk>", "b", "c"]
    assert words.encode("c a zebra b").tolist() == [3, 1, 1, 2]
    assert len(datasets.Vocabulary("", "byte")) == 256
    with pytest.raises(KeyError, match="'z' is not in this vocabulary of 2 characters"):
        datasets.Vocabulary("ab").encode("az")
    with pytest.raises(ValueError, match="level='line'"):
        datasets.Vocabulary("ab", "line")


@pytest.mark.parametrize("stride", [None, 1, 3, 7])
def test_windows(stride):
    windows = datasets.Windows(np.arange(20), 5, stride)
    step = stride or 5
    starts = list(range(0, 15, step))
    assert len(windows) == len(starts)
    x, y = windows.batch(np.arange(len(windows)))
    assert x.data[:, 0].tolist() == starts and y.data.max() <= 19
    np.testing.assert_array_equal(y.data, x.data + 1)
    last, after = windows[-1]
    assert last.data.tolist() == x.data[-1].tolist() and after.data.tolist() == y.data[-1].tolist()
    with pytest.raises(IndexError):
        windows[len(windows)]


def test_windows_that_are_none():
    with pytest.raises(ValueError, match="5 tokens make no window of length=5"):
        datasets.Windows(np.arange(5), 5)
    with pytest.raises(ValueError, match="stride=0"):
        datasets.Windows(np.arange(5), 2, 0)


def test_text_files(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("abcabcabd")
    first = datasets.text(path, length=4, stride=2)
    assert [first.vocabulary.decode(x) for x, _ in first] == ["abca", "cabc", "bcab"]
    path.write_text("dabb")
    second = datasets.text(path, length=3, vocabulary=first.vocabulary)
    assert second[0][0].data.tolist() == [3, 0, 1]
    path.write_bytes("é".encode("latin-1"))
    with pytest.raises(ValueError, match=r"a.txt is not utf-8 at byte 0.*latin-1"):
        datasets.text(path)


# ---------------------------------------------------------------- the real files
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_real_images(name):
    if not (Path(os.environ.get("AUTODIFF_DATA", "")) / name).is_dir():
        pytest.skip(f"set AUTODIFF_DATA to a directory with {name}/*.gz")
    start = time.process_time()
    train, test = getattr(datasets, name)()
    assert time.process_time() - start < 1
    assert (len(train), len(test)) == (60000, 10000)
    if name == "mnist":
        counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert train.images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
        assert train[0][1] == 5 and test[0][1] == 7
    else:
        counts = [6000] * 10
        assert train.images.mean() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert np.bincount(train.labels).tolist() == counts


def test_real_texts():
    if not (Path(os.environ.get("AUTODIFF_DATA", "")) / "names").is_dir():
        pytest.skip("set AUTODIFF_DATA to a directory with names/names.txt")
    train, test = datasets.tiny_shakespeare(length=100)
    assert len(train.vocabulary) == 65 and len(train.tokens) + len(test.tokens) == 1115394
    assert train.vocabulary.decode(train[0][0]).startswith("First Citizen:\nBefore we proceed")
    found = datasets.names()
    assert len(found) == 32033 and found[0] == "emma" and len(set("".join(found))) == 26
