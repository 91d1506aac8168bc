"""Recordings in WAV files: decoded, mixed to one channel, resampled; raw or as log-mel energies."""

from __future__ import annotations

import io
import math
import threading
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wellfit.data.naming import shown
from wellfit.errors import DataError

Samples = npt.NDArray[np.float32]

BANDS = 40
WINDOW, HOP = 0.025, 0.010
"""Seconds of a frame, and from one to the next."""
FLOOR = 1e-10
"""Energies below are taken for it: silence is ln(1e-10) = -23.03."""
RATES = (1_000, 384_000)
"""Samples per second that are read; others are those of a damaged header."""
MOST_BYTES = 2**28
"""Bytes of one recording: about an hour and a half of one channel of 16 bit at 22 kHz."""
EXPECTED = "a WAV file: PCM of 8, 16, 24 or 32 bit, or floating point"

_FILTERS = threading.Lock()


def read_wav(source: Path | bytes, where: str) -> tuple[Samples, int]:
    """Return the samples of a recording, float32 ``(T,)`` on [-1, 1], the mean of its channels, and their rate in Hz.

    8 bit are (v - 128) / 128; 16, 24 and 32 bit v / 2^(bits - 1); floating point as it is.

    Raises
    ------
    DataError
        No WAV file or a damaged one, a header that claims more than there is, another encoding, a rate out of RATES.

    """
    from scipy.io import wavfile

    data = source if isinstance(source, bytes) else _bytes(source, where)
    try:
        # scipy reads at most what is there from bytes, whatever a header claims. Warnings are filtered per process.
        with _FILTERS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message="Reached EOF")
            rate, values = wavfile.read(io.BytesIO(data))
    except Exception as error:  # a parser fed with damaged bytes raises nearly anything
        raise DataError(where, f"cannot be read ({shown(str(error) or type(error).__name__)})", EXPECTED) from None
    if not RATES[0] <= rate <= RATES[1]:
        raise DataError(where, f"{rate:,} samples per second", f"{RATES[0]:,} to {RATES[1]:,}")
    if not values.size:
        raise DataError(where, "holds no samples", EXPECTED)
    mixed: Samples = _unit(values).reshape(len(values), -1).mean(axis=1, dtype=np.float32)
    if not np.isfinite(mixed).all():
        raise DataError(where, "holds values that are missing or infinite", EXPECTED)
    return mixed, int(rate)


def resampled(samples: Samples, rate: int, wished: int | None) -> Samples:
    """Return samples at another rate, by a polyphase filter (``scipy.signal.resample_poly``); ``None``: as they are."""
    if wished is None or wished == rate:
        return samples
    from scipy.signal import resample_poly

    common = math.gcd(rate, wished)
    found: Samples = resample_poly(samples, wished // common, rate // common).astype(np.float32)
    return found


def log_mel(samples: Samples, rate: int) -> Samples:
    """Return the log-mel energies of a recording, float32 ``(T, 40)``: one row for every 10 ms.

    Frame t holds the samples ``x[t h], ..., x[t h + w - 1]`` with w = 25 ms and h = 10 ms in samples, times the
    periodic Hann window. With F its Fourier transform of the next power of two, ``E_b = sum_k H_b(f_k) |F_k|^2``. The
    H_b are triangles of height 1 whose corners lie evenly on the mel scale, ``2595 log10(1 + f / 700)``, from 0 to half
    the rate (O'Shaughnessy 1987). The result is ``ln max(E_b, 1e-10)``. A recording shorter than a frame is filled with
    zeros.
    """
    window, hop = round(WINDOW * rate), round(HOP * rate)
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    size = 1 << (window - 1).bit_length()
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    found = np.empty((len(frames), BANDS), dtype=np.float32)
    for start in range(0, len(frames), 1024):  # an hour of frames at once would take gigabytes
        power = np.abs(np.fft.rfft(frames[start : start + 1024] * shape, size)) ** 2
        found[start : start + 1024] = np.log(np.maximum(power @ mel_filters(rate, size).T, FLOOR))
    return found


@cache
def mel_filters(rate: int, size: int) -> npt.NDArray[np.float64]:
    """Return the triangles of ``log_mel`` at the frequencies of a Fourier transform, ``(40, size / 2 + 1)``."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    low, middle, high = (corners[i : BANDS + i, None] for i in range(3))
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    found: npt.NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling))
    return found


def _bytes(path: Path, where: str) -> bytes:
    try:
        if not path.is_file():
            raise DataError(where, "not a regular file", EXPECTED)
        if path.stat().st_size > MOST_BYTES:
            raise DataError(where, f"{path.stat().st_size:,} bytes", f"recordings of at most {MOST_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise DataError(where, f"cannot be read ({error.strerror})", EXPECTED) from None


def _unit(values: npt.NDArray[np.generic]) -> Samples:
    if values.dtype == np.uint8:
        unit: Samples = ((values.astype(np.float32) - 128) / 128).astype(np.float32)
        return unit
    if values.dtype.kind == "i":  # scipy gives 24 bit as the upper bits of 32
        half = float(2 ** (8 * values.dtype.itemsize - 1))
        scaled: Samples = (values.astype(np.float64) / half).astype(np.float32)
        return scaled
    with np.errstate(over="ignore"):  # what is too large is refused as infinite
        found: Samples = values.astype(np.float32)
    return found
