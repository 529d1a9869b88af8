"""Rows of the op table: the op that einsum and its kin are made of."""

from .case import Case
from .generated import Generated
from .strategies import contractions


def contract(subscripts, *shapes):
    return Case("contract", shapes, {"subscripts": subscripts})


CASES = [
    contract("ij,jk->ik", (3, 4), (4, 2)),
    contract("ij,kj->ki", (3, 4), (2, 4)),
    contract("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
    contract("ibj,jkb->kbi", (3, 2, 4), (4, 2, 2)),
    contract("ijkl,klm->mij", (2, 3, 2, 2), (2, 2, 3)),
    contract("i,j->ji", (3,), (2,)),
    contract("bi,bj->bij", (2, 3), (2, 2)),
    contract("bi,bi->b", (2, 3), (2, 3)),
    contract("i,i->", (3,), (3,)),
    contract(",->", (), ()),
    contract(",i->i", (), (3,)),
    contract("ij,kl->jl", (2, 3), (3, 2)),
    contract("ij,jk->ik", (3, 1), (4, 2)),
    contract("ij,ij->ij", (3, 1), (1, 2)),
    contract("ij,ij->i", (3, 1), (1, 2)),
    contract("iij,kj->ki", (3, 3, 2), (2, 2)),
    contract("iijj,ijj->j", (2, 2, 3, 3), (2, 3, 3)),
    contract("ij,jk->ik", (3, 0), (0, 2)),
    contract("ij,jk->ik", (0, 3), (3, 2)),
    contract("ij->ji", (2, 3)),
    contract("ijk->j", (2, 3, 2)),
    contract("ii->", (3, 3)),
    contract("iji->ij", (3, 2, 3)),
    contract("iii->i", (3, 3, 3)),
    contract("->", ()),
    Case("spread", ((2, 3),), {"subscripts": "ji->ij", "shape": (3, 2)}),
    Case("spread", ((3,),), {"subscripts": "i->jik", "shape": (2, 3, 2)}),
    Case("spread", ((3,),), {"subscripts": "i->iji", "shape": (3, 2, 3)}),
    Case("spread", ((),), {"subscripts": "->iii", "shape": (2, 2, 2)}),
    Case("spread", ((0,),), {"subscripts": "i->ii", "shape": (0, 0)}),
]

GENERATED = [Generated("contract", contractions(), whole=True, order=2)]


# ---------------------------------------------------------------- PyTorch
NOT_IN_TORCH = {"spread": "the transpose of a sum over labels: inside einsum's backward pass"}


def counterparts(torch):
    """PyTorch's function for each op here."""
    return {
        "contract": lambda *xs, subscripts: torch.einsum(subscripts, *xs),
    }
