"""What every op computes and what its rule sends back, one line each.

``g`` is the gradient that arrives at the result ``out``. Rows are in the order of the files
of ops; `formula` has a plain sentence for an op that was declared elsewhere.
"""

from typing import NamedTuple

import autodiff as ad


class Formula(NamedTuple):
    """One op in words of mathematics: what it computes, and what it sends back."""

    forward: str
    backward: str


NO_GRADIENT = "no gradient: the result is a choice, a count or a test, not a smooth function"
FLAT = "zero: the result is constant between its jumps, so its derivative is taken as 0"
MOVES = "every g goes back to the place its value came from, unchanged"
ADDS = "every g goes to all values that were added up in it, unchanged"


def _table(text: str) -> dict[str, Formula]:
    """Lines ``name | forward | backward``."""
    rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return {name: Formula(forward, backward) for name, forward, backward in rows}


# Written with `abs` for the magnitude: the bar divides the columns.
FORMULAS = _table("""
add                | x + y                   | to x: g; to y: g
subtract           | x - y                   | to x: g; to y: -g
multiply           | x * y                   | to x: g * y; to y: g * x
divide             | x / y                   | to x: g / y; to y: -g * out / y
power              | x ** y                  | to x: g * y * x**(y - 1); to y: g * out * log(x)
negative           | -x                      | -g
positive           | x                       | g
reciprocal         | 1 / x                   | -g * out * out
absolute           | abs(x)                  | g * sign(x), and 0 at 0
copysign           | abs(x) with the sign of y | to x: g, with its sign turned where that of x was; to y: 0
square             | x * x                   | 2 * g * x
maximum            | the larger of x and y   | g to the larger one, 0 to the other; equal values take half each
minimum            | the smaller of x and y  | g to the smaller one, 0 to the other; equal values take half each
lerp               | x + weight * (y - x)    | to x: g * (1 - weight); to y: g * weight; to weight: g * (y - x)
clone              | a copy of x             | g
astype             | x in another dtype      | g in the dtype of x; entries too small for it become 0
move               | x on another device     | g, brought back to the device of x
assign             | x with value written at an index | to x: g, but 0 where it was overwritten; to value: the g of those places
batch              | x for many examples     | g, as the examples stood
unbatch            | the examples together   | g, for each example its own
contract           | sum of products (einsum) | g contracted with the other operand
spread             | x repeated along new axes | the sum of g over those axes
exp                | e ** x                  | g * out
exp2               | 2 ** x                  | g * out * log(2)
log                | log(x)                  | g / x: large where x is near 0
log2               | log2(x)                 | g / (x * log(2))
log10              | log10(x)                | g / (x * log(10))
log1p              | log(1 + x)              | g / (1 + x)
expm1              | exp(x) - 1              | g * (out + 1)
sqrt               | sqrt(x)                 | g / (2 * out): infinite at 0
rsqrt              | 1 / sqrt(x)             | -g * out**3 / 2
cbrt               | cube root of x          | g / (3 * out**2): infinite at 0
tanh               | t = tanh(x)             | g * (1 - t**2): t' is at most 1
sigmoid            | s = 1 / (1 + exp(-x))   | g * s * (1 - s): s' is at most 0.25
logaddexp          | log(exp(x) + exp(y))    | g in two shares: exp(x - out) and exp(y - out)
softplus           | log(1 + exp(x))         | g * sigmoid(x)
relu               | max(x, 0)               | g where x > 0, else 0
where              | x where the condition holds, else y | to x: g where it holds; to y: g elsewhere
clip               | x kept between min and max | g where x is within, else 0
matmul             | x @ y                   | to x: g @ y.T; to y: x.T @ g
cross              | x cross y               | to x: y cross g; to y: g cross x
cholesky           | L with x = L @ L.T      | solved with L from both sides: large where x is nearly singular
qr                 | x = Q @ R               | solved with R: large where x is nearly of lower rank
eigh               | eigenvalues and -vectors of x | V @ (diag(g) + ...) @ V.T, with 1 / (differences of eigenvalues) for the vectors
eigvalsh           | eigenvalues of x        | V @ diag(g) @ V.T
svd                | x = U @ diag(S) @ Vh    | from g of U, S and Vh, with 1 / (differences of squared singular values)
svdvals            | singular values of x    | U @ diag(g) @ Vh
slogdet            | log of abs(det(x))      | g * inv(x).T
cofactors          | det(x) * inv(x).T       | products of the minors of x with g
det                | det(x)                  | g * cofactors(x)
inv                | inv(x)                  | -out.T @ g @ out.T: quadratic in the size of out
solve              | x with a @ x = b        | to b: solve(a.T, g); to a: minus that, times x.T
pinv               | Moore-Penrose inverse   | -out.T @ g @ out.T, plus terms for what x leaves out
norm               | the norm of x           | g * x / out (order 2)
layer_norm         | (x - mean) / std * weight + bias | to x: (g * weight, without its mean and its part along out) / std; to weight: sum of g * normalized x; to bias: sum of g
prod               | the product of x        | g * (product of all other values)
logsumexp          | log(sum(exp(x)))        | g * softmax(x): shares that add up to g
sum                | sum of x                | g, the same to every value
mean               | sum of x / n            | g / n, the same to every value
max                | the largest of x        | g to the largest, 0 to all others; ties share it
min                | the smallest of x       | g to the smallest, 0 to all others; ties share it
median             | the median of x         | g to the middle value, halves to two of them, 0 to all others
var                | mean of (x - mean)**2   | 2 * g * (x - mean) / (n - correction)
std                | sqrt of the variance    | g * (x - mean) / (out * (n - correction))
cumsum             | running sums of x       | to each value the sum of the g at its place and after it
cumprod            | running products of x   | to each value the sum of g * (products without it)
floor_divide       | x // y                  | zero: the quotient is rounded, so its derivative is taken as 0
remainder          | x - y * floor(x / y)    | to x: g; to y: -g * floor(x / y)
erf                | erf(x)                  | g * 2 / sqrt(pi) * exp(-x**2)
erfc               | 1 - erf(x)              | -g * 2 / sqrt(pi) * exp(-x**2)
erfinv             | y with erf(y) = x       | g * sqrt(pi) / 2 * exp(out**2)
lgamma             | log of abs(gamma(x))    | g * digamma(x)
digamma            | lgamma'(x)              | g * polygamma(1, x)
polygamma          | the n-th derivative of digamma | g * polygamma(n + 1, x)
sin                | sin(x)                  | g * cos(x)
cos                | cos(x)                  | -g * sin(x)
tan                | tan(x)                  | g * (1 + out**2)
arcsin             | arcsin(x)               | g / sqrt(1 - x**2): infinite at -1 and 1
arccos             | arccos(x)               | -g / sqrt(1 - x**2): infinite at -1 and 1
arctan             | arctan(x)               | g / (1 + x**2)
arctan2            | the angle of (x, y)     | to y: g * x / (x**2 + y**2); to x: -g * y / (x**2 + y**2)
hypot              | sqrt(x**2 + y**2)       | to x: g * x / out; to y: g * y / out
sinh               | sinh(x)                 | g * cosh(x)
cosh               | cosh(x)                 | g * sinh(x)
arcsinh            | arcsinh(x)              | g / sqrt(1 + x**2)
arccosh            | arccosh(x)              | g / sqrt(x**2 - 1): infinite at 1
arctanh            | arctanh(x)              | g / (1 - x**2): infinite at -1 and 1
sinc               | sin(pi x) / (pi x)      | g * (the first derivative of sinc)
sinc_derivative    | a derivative of sinc    | g * (the next derivative of sinc)
window_sum         | scaled sum of each window | scaled g to every place of its window; places in several windows add up
window_spread      | each value to all places of a window | scaled sum of g over each window
window_max         | the largest of each window | g to the largest place of its window, 0 to all others
linear             | x @ weight.T + bias     | to x: g @ weight; to weight: g.T @ x; to bias: sum of g over the batch
dropout            | x * scale where kept, else 0 | g * scale where kept, else 0
alpha_dropout      | x * scale + shift where kept | g * scale where kept, else 0
softmax_pull       | y * (x - sum(x * y))    | that of these products
attention_weights  | w = softmax(scale * query @ key.T) | s = w * (g - sum(g * w)); to query: scale * s @ key; to key: scale * s.T @ query
channel_norm       | (x - mean) / std * weight + bias, by channel | to x: (g * weight, without its mean and its part along out) / std; to weight: sum of g * normalized x; to bias: sum of g
scale_channels     | x * scale + shift, by channel | to x: g * scale; to scale: sum of g * x; to shift: sum of g
squared_error      | (x - y)**2, reduced     | to x: 2 * g * (x - y), divided by n for a mean; to y: minus that
logistic_loss      | binary cross-entropy of logits x | to x: g * (sigmoid(x) - y), divided by n for a mean
binary_entropy     | -y log(x) - (1 - y) log(1 - x), reduced | to x: g * (x - y) / (x * (1 - x)), scaled by the reduction; to y: g * (log(1 - x) - log(x))
focal_error        | logistic loss * q**gamma, q the probability of being wrong | the product rule of both factors: little where q is small
multi_margin       | mean of max(0, margin - x[target] + x)**p | g * p * max(0, ...)**(p - 1) / classes to each class that violates the margin, minus their sum to the target
divergence         | y * (log(y) - x), reduced | to x: -g * y, scaled by the reduction; to y: g * (log(y) + 1 - x)
poisson_error      | exp(x) - y * x, reduced | to x: g * (exp(x) - y), or g * (1 - y / (x + eps)) without log_input; to y: -g * x
gaussian_error     | (log(var) + (x - y)**2 / var) / 2 | to x: g * (x - y) / var; to y: minus that; to var: g * (1 / var - (x - y)**2 / var**2) / 2
at_least           | max(var, least)         | g, below the least too: what is too small can still grow
hinge              | max(0, margin - x * y)  | to x: -g * y where the margin is violated, else 0; to y: -g * x there
distance_hinge     | x where y is 1, else max(0, margin - x) | g where y is 1; -g where it is -1 and x is below the margin, else 0
absolute_error     | abs(x - y), reduced     | to x: g * sign(x - y), divided by n for a mean; to y: minus that
huber_error        | d**2 / 2 up to delta, then a line, d = abs(x - y) | to x: g * (x - y), but at most delta in size; to y: minus that
softmax_cross_entropy | -log softmax(x)[class] | g * (softmax(x) - 1 at the class), divided by the batch for a mean
mass_cross_entropy | -sum(mass * log softmax(x)) | to x: g * (softmax(x) * sum(mass) - mass), divided by the batch for a mean
convolution        | the kernel at every place of x | to x: g spread by the kernel; to w: x and g correlated; to bias: sum of g
transposed_convolution | each value spreads the kernel | to y: g convolved with the kernel; to w: y and g correlated; to bias: sum of g
kernel_gradient    | x and y correlated      | g convolved with the other operand
glu                | a * sigmoid(b)          | to a: g * sigmoid(b); to b: g * a * s * (1 - s)
scale_gradient     | x                       | g * factor
rms_norm           | x / rms(x) * weight     | to x: (g * weight, without its part along x) / rms; to weight: sum of g * normalized x
leaky_relu         | x if x > 0, else slope * x | g where x > 0, else slope * g
prelu              | x if x > 0, else weight * x | to x: g where x > 0, else weight * g; to weight: sum of g * x where x < 0
threshold          | x above the threshold, else a value | g where x is above it, else 0
hardtanh           | x kept between two values | g where x is within, else 0
hardsigmoid        | min(max(x + 3, 0), 6) / 6 | g / 6 where abs(x) < 3, else 0
hardswish          | x * hardsigmoid(x)      | g * (2 x + 3) / 6 where abs(x) < 3; g above, 0 below
softshrink         | x moved to 0 by lambd   | g where abs(x) > lambd, else 0
hardshrink         | x, but 0 near 0         | g where abs(x) > lambd, else 0
rnn_step           | h' = tanh(x + h @ w_hh.T) | d = g * (1 - h'**2); to x: d; to h: d @ w_hh; to w_hh: d.T @ h
lstm_step          | c' = f * c + i * z; h' = o * tanh(c') | to c: g of c' * f (the forget gate); to gates: times their own sigmoid' and tanh'
gru_step           | h' = (1 - u) * n + u * h | to h: g * u directly, the rest through the gates; to gates: times their own sigmoid' and tanh'
softmax            | p = exp(x) / sum(exp(x)) | p * (g - sum(g * p))
log_softmax        | x - log(sum(exp(x)))    | g - softmax(x) * sum(g)
elu                | x if x > 0, else alpha * (exp(x) - 1) | g where x > 0, else g * alpha * exp(x)
celu               | x if x > 0, else alpha * (exp(x / alpha) - 1) | g where x > 0, else g * exp(x / alpha)
selu               | scale * elu(x)          | g * 1.0507 where x > 0, else g * 1.7581 * exp(x)
gelu               | x * Phi(x)              | g * (Phi(x) + x * phi(x)): between -0.13 and 1.13
silu               | x * sigmoid(x)          | g * s * (1 + x * (1 - s)): between -0.10 and 1.10
mish               | x * tanh(softplus(x))   | g * mish'(x): between -0.11 and 1.09
nn.functional.smooth.softplus | log(1 + exp(beta * x)) / beta | g * sigmoid(beta * x)
log_sigmoid        | log(sigmoid(x))         | g * sigmoid(-x)
softsign           | x / (1 + abs(x))        | g / (1 + abs(x))**2
tanhshrink         | x - tanh(x)             | g * tanh(x)**2
""")  # noqa: E501

SENTENCES = {
    NO_GRADIENT: (
        "nextafter equal not_equal less less_equal greater greater_equal isnan isinf isfinite "
        "signbit logical_not logical_and logical_or logical_xor bitwise_and bitwise_or "
        "bitwise_xor bitwise_invert bitwise_left_shift bitwise_right_shift diagonal_mask argmax "
        "argmin any all count_nonzero argsort searchsorted window_index uneven_argmax row_max "
        "class_mass class_numbers is_class table_rows channel_norm_pull layer_norm_pull"
    ),
    FLAT: "sign floor ceil trunc round step",
    MOVES: (
        "take take_along_axis getitem window_pick concatenate stack flip roll diagonal "
        "undiagonal tril triu reshape transpose swapaxes expand_dims squeeze sort split_heads "
        "time_steps put_along_axis pad"
    ),
    ADDS: (
        "untake_along_axis unindex scatter_add index_add window_put unpad_edges fold"
    ),
    "the g of every copy of a value are added up": (
        "repeat tile broadcast_to pad_edges unfold"
    ),
}  # fmt: skip
"""What is true of a whole family of ops, each with its names."""


def formula(op: "ad.Op") -> Formula:
    """The formula of an op; for one that this page does not know, what its rules read."""
    # Of two ops of one name, the later is registered with its module.
    key = op.name if ad.REGISTRY.get(op.name) in (op, None) else f"{op.__module__}.{op.name}"
    found = FORMULAS.get(key)
    if found is not None:
        return found
    first = " ".join((op.__doc__ or "").split("\n\n")[0].split()).replace("``", "").rstrip(".")
    forward = first or f"{op.name}({', '.join(op.operands)})"
    for sentence, names in SENTENCES.items():
        if key in names.split():
            return Formula(forward, sentence)
    if not op.rules:
        return Formula(forward, NO_GRADIENT)
    return Formula(forward, f"by the rules of its own for {', '.join(op.rules)}")
