"""The GPUs that CuPy sees (``ad.cuda``)."""

from . import backend

__all__ = ["device_count", "empty_cache", "is_available", "memory_stats", "synchronize"]


def device_count() -> int:
    """How many GPUs there are; 0 without CuPy or a driver.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.cuda.is_available() == (ad.cuda.device_count() > 0)
    True
    """
    try:
        return int(backend.cupy().cuda.runtime.getDeviceCount())
    except RuntimeError:
        return 0


def is_available() -> bool:
    """Whether device ``"cuda"`` can be used."""
    return device_count() > 0


def memory_stats() -> dict[str, int]:
    """Bytes of GPU memory: ``used`` by arrays, ``reserved`` by CuPy's pool.

    Raises
    ------
    RuntimeError
        If there is no GPU.
    """
    pool = backend.cupy().get_default_memory_pool()
    return {"used": int(pool.used_bytes()), "reserved": int(pool.total_bytes())}


def empty_cache() -> None:
    """Give the memory that CuPy's pool keeps but no array uses back to the GPU."""
    if is_available():
        backend.cupy().get_default_memory_pool().free_all_blocks()


def synchronize() -> None:
    """Wait until the GPU has done all it was told; nothing without one."""
    if is_available():
        backend.cupy().cuda.Device().synchronize()
