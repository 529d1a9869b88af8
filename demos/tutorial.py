"""Handwritten digits: a network is trained, watched, saved and exported."""

import autodiff as ad
import nn
import viz
from nn.train import EarlyStopping, Progress, Trainer, accuracy


def data():
    """MNIST; where it cannot be downloaded scikit-learn's digits, smaller and fewer."""
    try:
        return nn.datasets.mnist()
    except OSError:
        return nn.datasets.digits()


def network(pixels):
    """Eight hidden layers, and a score for each digit."""
    layers = [nn.Flatten()]
    for size in [pixels] + 7 * [64]:
        layers += [nn.Linear(size, 64, weight_init="he_normal"), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(64, 10))


def main(device="cpu", epochs=5):
    """Train, and write digits.safetensors, digits.onnx and report.html."""
    ad.manual_seed(0)
    ad.set_default_device(device)
    train, test = data()
    train, val = nn.data.random_split(train, [0.9, 0.1], ad.random.Generator(0))
    image, _ = train[0]

    model = network(image.size)
    optimizer = nn.optim.Adam(model.parameters(), lr=1e-3)
    recorder = viz.watch(model, every=20, optimizer=optimizer)
    trainer = Trainer(
        model,
        nn.functional.cross_entropy,
        optimizer,
        metrics=[accuracy],
        callbacks=[Progress(), EarlyStopping("val_loss", patience=2), recorder],
        device=device,
    )
    trainer.fit(
        nn.data.DataLoader(train, 64, shuffle=True, seed=0),
        epochs=epochs,
        val=nn.data.DataLoader(val, 500),
    )
    result = trainer.evaluate(nn.data.DataLoader(test, 500))
    print(f"on the test set: {result['accuracy']:.4f}")

    recorder.report("report.html")
    ad.save({"weights": model.state_dict(), "pixels": image.size, **result}, "digits.safetensors")
    nn.onnx.export(model, ad.zeros((1, *image.shape)), "digits.onnx", input_names=["image"])


if __name__ == "__main__":
    main()
