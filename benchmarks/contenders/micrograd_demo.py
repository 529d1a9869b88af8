"""micrograd, as in its demo notebook."""

from micrograd.engine import Value

from benchmarks.contenders import scalar_mlp


class Network(scalar_mlp.Network):
    """micrograd adds to ``grad``, so zero is a number."""

    def zero_grad(self):
        for p in self.parameters:
            p.grad = 0


def build_scalar(problem):
    return Network(problem, Value, inputs=Value, gradient=lambda p: p.grad)
