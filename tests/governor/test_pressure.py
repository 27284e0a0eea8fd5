"""What is called pressure, and that nothing flickers at its limit."""

from __future__ import annotations

import pytest

from engine.config import load
from engine.config_layers import SYSTEM_CONFIG
from engine.governor.pressure import Pressures
from engine.governor.reading import Gpu, Heat, Reading

LIMITS = load(environ={SYSTEM_CONFIG: ""}).governor


def judged(*readings: Reading) -> list[list[str]]:
    pressures = Pressures()
    return [[each.reason for each in pressures.judge(reading, LIMITS)] for reading in readings]


FINE = Reading(cpu=0.5, others=0.1, stalled=0.2, memory=0.5, heat=(Heat("cpu", 60.0),), words_ms=80.0)


def test_a_machine_without_sensors_is_under_no_pressure() -> None:
    assert judged(Reading(), FINE) == [[], []]


@pytest.mark.parametrize(
    ("reading", "says"),
    [
        (Reading(cpu=0.97, others=0.6), "97 % busy"),
        (Reading(stalled=0.9), "waits for a processor 90 %"),
        (Reading(memory=0.97), "97 % of the memory"),
        (Reading(heat=(Heat("cpu-thermal", 86.0),)), "cpu-thermal is 86 °C hot"),
        (Reading(heat=(Heat("cpu-thermal", 71.0, 70.0),)), "cpu-thermal is 71 °C hot"),
        (Reading(slowed="it is throttled"), "the processor: it is throttled"),
        (Reading(words_ms=800.0), "recogniser is 800 ms behind"),
        (Reading(gpus=(Gpu("GPU 0", busy=0.99, others=0.5),)), "GPU 0 is 99 % busy"),
        (Reading(gpus=(Gpu("GPU 0", memory=0.99),)), "99 % of GPU 0's memory"),
        (Reading(gpus=(Gpu("GPU 0", slowed="slowed down for its heat"),)), "GPU 0 is slowed down"),
        (Reading(gpus=(Gpu("GPU 0", heat=Heat("GPU 0", 90.0, 87.0)),)), "GPU 0 is 90 °C hot"),
    ],
)
def test_each_sensor_has_its_say(reading: Reading, says: str) -> None:
    ((said,),) = judged(reading)
    assert says in said


def test_a_processor_that_the_engine_alone_keeps_busy_is_no_pressure() -> None:
    """The recogniser takes most of a core while somebody speaks: on a small machine that is nearly all of it."""
    assert judged(Reading(cpu=1.0, others=0.05), Reading(cpu=0.95, others=0.19)) == [[], []]
    assert judged(Reading(gpus=(Gpu("GPU 0", busy=1.0, others=0.0),))) == [[]]


def test_others_do_not_matter_while_there_is_room_for_all() -> None:
    assert judged(Reading(cpu=0.8, others=0.7)) == [[]]


def test_what_is_over_the_limit_is_over_a_band_below_it() -> None:
    loads = (0.84, 0.86, 0.84, 0.76, 0.74, 0.84)
    assert [bool(each) for each in judged(*(Reading(cpu=load, others=0.5) for load in loads))] == [
        *(False, True, True, True, False, False)
    ]
    degrees = (84.0, 86.0, 81.0, 79.0, 84.0)
    assert [bool(each) for each in judged(*(Reading(heat=(Heat("cpu", each),)) for each in degrees))] == [
        *(False, True, True, False, False)
    ]


def test_heat_of_a_gpu_concerns_what_computes_there() -> None:
    (pressure,) = Pressures().judge(Reading(gpus=(Gpu("GPU 0", heat=Heat("GPU 0", 99.0)),)), LIMITS)
    assert pressure.gpu
