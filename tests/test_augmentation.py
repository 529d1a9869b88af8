"""Transforms of images: what they do, and that chance is all that differs."""

import pickle

import numpy as np
import pytest
from scipy import ndimage

import autodiff as ad
from nn import data
from nn.data import transforms as t

EVERY = {
    "Compose": t.Compose([t.RandomShift(2), t.RandomRotation(20)]),
    "ElasticTransform": t.ElasticTransform(),
    "GaussianNoise": t.GaussianNoise(),
    "Normalize": t.Normalize([0.5], [0.25]),
    "RandomAffine": t.RandomAffine(10, 0.1, (0.8, 1.2), 10),
    "RandomCrop": t.RandomCrop(16, padding=2),
    "RandomErasing": t.RandomErasing(1.0),
    "RandomHorizontalFlip": t.RandomHorizontalFlip(),
    "RandomRotation": t.RandomRotation(30),
    "RandomShift": t.RandomShift(3),
    "RandomVerticalFlip": t.RandomVerticalFlip(),
}


def image(channels=1, height=16, width=16, seed=0):
    return np.random.default_rng(seed).random((channels, height, width), np.float32)


def test_every_transform_is_tested():
    assert set(EVERY) == set(t.__all__) - {"Transform"}


@pytest.mark.parametrize("name", EVERY)
def test_a_transform_draws_from_the_default_generator_and_changes_a_copy(name, device):
    transform, x = EVERY[name], image()
    before = x.copy()
    ad.manual_seed(0)
    drawn = [transform(x) for _ in range(8)]
    ad.manual_seed(0)
    again = [transform(ad.asarray(x, device=device)) for _ in range(8)]
    for a, b in zip(drawn, again, strict=True):
        assert type(a) is np.ndarray and a.dtype == np.float32 and a.shape == x.shape
        assert b.device.startswith(device) and not np.shares_memory(a, x)
        np.testing.assert_array_equal(a, ad.backend.to_numpy(b.data))
    np.testing.assert_array_equal(x, before)
    assert len({a.tobytes() for a in drawn}) > 1 or name == "Normalize"
    assert repr(transform).startswith(name)


@pytest.mark.parametrize(("name", "workers"), [*[(name, 0) for name in EVERY], ("Compose", 2)])
def test_a_loader_draws_the_same_with_and_without_workers(name, workers):
    rows = data.TensorDataset(np.stack([image(seed=i) for i in range(9)]), np.arange(9))
    dataset = data.TransformDataset(rows, pickle.loads(pickle.dumps(EVERY[name])))
    alone = data.DataLoader(dataset, 4, shuffle=True, seed=2)
    other = data.DataLoader(dataset, 3, seed=2, num_workers=workers, start_method="fork")
    found = [{}, {}]
    for loader, seen in zip((alone, other), found, strict=True):
        for x, y in loader:
            seen |= {int(k): v.tobytes() for k, v in zip(y.data, x.data, strict=True)}
    assert found[0] == found[1] and len(set(found[0].values())) == 9


def test_shifts_move_whole_pixels():
    x = np.zeros((1, 7, 7), np.float32)
    x[0, 3, 3] = 1
    ad.manual_seed(0)
    places = [tuple(np.argwhere(t.RandomShift(2)(x)[0])[0]) for _ in range(400)]
    assert set(places) == {(i, j) for i in range(1, 6) for j in range(1, 6)}
    assert (t.RandomShift(2, fill=5)(np.zeros((1, 3, 3), np.float32)) == 5).any()


def test_crops():
    ad.manual_seed(0)
    x = np.arange(20.0).reshape(1, 4, 5)
    corners = {float(t.RandomCrop((2, 3))(x)[0, 0, 0]) for _ in range(100)}
    assert corners == {0, 1, 2, 5, 6, 7, 10, 11, 12}
    assert t.RandomCrop((2, 3))(x).shape == (1, 2, 3)
    with pytest.raises(ValueError, match=r"no piece of 9 by 9.*shape \(1, 4, 5\) with padding=2"):
        t.RandomCrop(9, padding=2)(x)


def test_flips():
    x = image(height=5)
    np.testing.assert_array_equal(t.RandomHorizontalFlip(1.0)(x), x[..., ::-1])
    np.testing.assert_array_equal(t.RandomVerticalFlip(1.0)(x), x[..., ::-1, :])
    np.testing.assert_array_equal(t.RandomVerticalFlip(0.0)(x), x)
    ad.manual_seed(0)
    flipped = sum((t.RandomHorizontalFlip(0.25)(x) != x).any() for _ in range(400))
    assert 70 < flipped < 130


@pytest.mark.parametrize("size", [(7, 7), (8, 8)])
def test_a_rotation_by_a_right_angle(monkeypatch, size):
    x = image(2, *size)
    monkeypatch.setattr(t, "_uniform", lambda low, high, shape=(): np.full(shape, high))
    np.testing.assert_allclose(t.RandomRotation(90)(x), np.rot90(x, axes=(1, 2)), atol=1e-5)
    np.testing.assert_allclose(t.RandomRotation(180)(x), x[:, ::-1, ::-1], atol=1e-5)


def test_affine_maps_against_scipy(monkeypatch):
    x = ndimage.gaussian_filter(image(1, 21, 21), (0, 2, 2))
    monkeypatch.setattr(t, "_uniform", lambda low, high, shape=(): np.full(shape, high))
    moved = t.RandomAffine(translate=2 / 21)(x)
    np.testing.assert_allclose(moved[0, 2:, 2:], x[0, :-2, :-2], atol=1e-6)
    twice = t.RandomAffine(scale=(1, 2))(x)
    np.testing.assert_allclose(twice[0, ::2, ::2], x[0, 5:16, 5:16], atol=1e-6)
    turned = t.RandomRotation(30)(x)
    expected = ndimage.rotate(x[0], 30, reshape=False, order=1)
    np.testing.assert_allclose(turned[0, 4:-4, 4:-4], expected[4:-4, 4:-4], atol=1e-5)
    slanted = t.RandomAffine(shear=45)(x)
    for row in range(21):  # each by its distance from the middle
        expected = np.roll(x[0, row], 10 - row)[10:-10]
        np.testing.assert_allclose(slanted[0, row, 10:-10], expected, atol=1e-6)


def test_elastic_distortions_are_smooth_and_of_the_size_that_was_asked_for(monkeypatch):
    rows = np.broadcast_to(np.arange(64, dtype=np.float32)[:, None], (64, 64))[None]
    ad.manual_seed(0)
    moves = np.concatenate(
        [(t.ElasticTransform(34, 4)(rows) - rows)[:, 8:-8, 8:-8] for _ in "abcd"]
    )
    # A uniform number has the deviation 1/sqrt(3), and the blur divides it by 2 sigma sqrt(pi).
    assert moves.std() == pytest.approx(34 / np.sqrt(3) / (8 * np.sqrt(np.pi)), rel=0.2)
    steps = np.diff(moves, axis=1).std()
    assert steps == pytest.approx(moves.std() / (4 * np.sqrt(2)), rel=0.3)
    np.testing.assert_array_equal(t.ElasticTransform(0.0)(rows)[:, 1:-1], rows[:, 1:-1])


def test_noise_and_normalizing():
    ad.manual_seed(0)
    noise = t.GaussianNoise(0.2)(np.zeros((3, 50, 50), np.float32))
    assert noise.std() == pytest.approx(0.2, rel=0.05) and noise.dtype == np.float32
    x = image(3)
    changed = t.Normalize([1, 2, 3], 2)(x)
    np.testing.assert_allclose(changed[2], (x[2] - 3) / 2, rtol=1e-6)
    assert t.Normalize(0.5, 0.5)(x.astype(np.float16)).dtype == np.float16
    with pytest.raises(ValueError, match="must not be 0"):
        t.Normalize(0, [1, 0])


def test_erasing():
    x = np.ones((3, 20, 10), np.float32)
    ad.manual_seed(0)
    for _ in range(50):
        gone = (t.RandomErasing(1.0, (0.2, 0.5), fill=7)(x) == 7).all(0)
        rows, columns = np.flatnonzero(gone.any(1)), np.flatnonzero(gone.any(0))
        assert gone.sum() == len(rows) * len(columns)  # a rectangle
        assert 4 <= len(rows) <= 10 and 2 <= len(columns) <= 5
    np.testing.assert_array_equal(t.RandomErasing(0.0)(x), x)


def test_images_of_any_number_of_axes_and_any_precision():
    x = image(channels=6).astype(np.float64) / 3
    for shape in ((16, 96), (2, 3, 16, 16)):
        assert t.RandomCrop(8, padding=2).apply(x.reshape(shape)).shape == (*shape[:-2], 8, 8)
    np.testing.assert_array_equal(t.RandomRotation(0).apply(x), x)  # not by way of float32
    several = t.Compose(f for f in (np.negative, np.negative))
    np.testing.assert_array_equal(several(several(x)), x)
    assert len(several.transforms) == 2
