# SPDX-License-Identifier: Apache-2.0
"""Timing of several contenders in turn, and what is said about the numbers."""

from __future__ import annotations

import ctypes
import time
from statistics import median

import numpy as np


def keep_memory():
    """glibc keeps what is freed, so that NumPy's and torch's results lie in warm pages as Varo's do."""
    try:
        libc = ctypes.CDLL(None)
        m_trim_threshold, m_mmap_max = -1, -4
        libc.mallopt(m_mmap_max, 0)
        libc.mallopt(m_trim_threshold, 2**31 - 1)
    except (OSError, AttributeError):
        pass


def one_round(call, least, now=time.perf_counter):
    """Seconds a call by the clock `now`: the median of as many calls as fit into `least` seconds, at least one.

    A contender in a process of its own has a method seconds(now): it works once and says how long that took.
    """
    times, begin = [], time.perf_counter()
    timed = getattr(call, "seconds", None)
    while True:
        if timed:
            times.append(timed(now))
        else:
            start = now()
            call()
            times.append(now() - start)
        if time.perf_counter() - begin >= least:
            return median(times)


def interleaved(contenders, rounds, least, now=time.perf_counter):
    """{name: [seconds a call, one a round]}. Each round runs everybody, beginning with another one."""
    names = list(contenders)
    times = {name: [] for name in names}
    for name in names:
        contenders[name]()
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            times[name].append(one_round(contenders[name], least, now))
    return times


def spread(values):
    """Half the distance between the quartiles over the median."""
    low, high = np.percentile(values, (25, 75))
    return float((high - low) / 2 / median(values))


def ratio(numerator, denominator):
    """Median over rounds of numerator / denominator: what slows one round slows both."""
    return median(a / b for a, b in zip(numerator, denominator))
