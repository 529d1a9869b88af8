"""What the tests of pages share: a strict parser, and a record of a small training."""

import json
from html.parser import HTMLParser

import autodiff as ad
import nn
import viz

EMPTY = {"meta", "input", "br", "img", "link", "hr"}
SHAPES = {"rect", "path", "polygon", "ellipse", "line", "circle"}


class Page(HTMLParser):
    """The elements of a page; raises if they are not nested as they should be.

    ``tags`` has every element with its attributes, ``words`` what is to be read, ``data`` the
    page's JSON and ``policy`` what it may load.
    """

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words, self.scripts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []
        self.data = json.loads(self.scripts[0])
        self.policy = next(a["content"] for t, a in self.tags if t == "meta" and "http-equiv" in a)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append("")
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, words):
        if "script" in self.open:
            self.scripts[-1] += words
        elif "style" not in self.open:
            self.words.append(words)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def of_class(self, name):
        return [(t, a) for t, a in self.tags if name in (a.get("class") or "").split()]


class Named(nn.Module):
    """A layer under any name, after a model."""

    def __init__(self, name, model, layer):
        self.name = name
        self.model = model
        setattr(self, name, layer)

    def forward(self, x):
        return getattr(self, self.name)(self.model(x))


def trained(activation=nn.Sigmoid, *, depth=4, width=6, steps=12, every=2, lr=0.1, name=None):
    """The record of a small network."""
    generator = ad.random.Generator(0)

    def linear(outputs):
        return nn.Linear(width, outputs, generator=generator)

    model = nn.Sequential(*(nn.Sequential(linear(width), activation()) for _ in range(depth)))
    model = Named(name, model, linear(1)) if name else nn.Sequential(*model, linear(1))
    optimizer = nn.optim.SGD(model.parameters(), lr=lr)
    x = ad.random.normal((16, width), generator=generator)
    with viz.watch(model, every=every, optimizer=optimizer) as recorder:
        for _ in range(steps):
            optimizer.zero_grad()
            ((model(x) - 1.0) ** 2).mean().backward()
            optimizer.step()
    return recorder
