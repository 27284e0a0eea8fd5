"""A snapshot of an engine: what is on its page, in its rings and in /proc, seen without disturbing anybody."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

import ringbuf
from engine import machine, snapshot
from engine import messages as m
from engine.channels import CHANNELS, LOG, PROCESSES, channel, segment
from engine.errors import DoorError
from engine.governor.reading import Reading
from engine.snapshot import Observer, instances
from engine.telemetry import READY, STATES
from engine.usage import Usage
from tests.rings import Rings


def test_the_engines_of_this_machine_are_found_by_their_names(rings: Rings) -> None:
    assert rings.instance in instances()
    assert instances(rings.instance.split(".")[1]) == [rings.instance]
    assert instances("there-is-none") == []


def test_every_stage_is_told_as_its_cells_say(rings: Rings) -> None:
    page = rings.telemetry
    page.set("vad.pid", os.getpid())
    page.set("vad.state", READY)
    page.set("vad.beat_ns", time.monotonic_ns())
    page.set("asr.pid", os.getpid())
    page.set("asr.rung", 1)
    page.set("asr.lease_ns", 1_500_000_000)
    page.count("asr.late", 3)
    page.count("llm.restarts")
    page.set("llm.gone", 1)
    taken = Observer(rings.instance).take()
    assert [stage.name for stage in taken.stages] == ["vad", "asr", "llm"]  # the others were never started
    vad, asr, llm = taken.stages
    assert (vad.state, vad.hangs, vad.rungs) == ("ready", False, 1)
    assert vad.beat_age_s is not None
    assert (asr.state, asr.rung, asr.rung_wanted, asr.late, asr.lease_s) == ("loading", 0, 1, 3, 1.5)
    assert (asr.rung_name, asr.rungs) == (rings.config.asr.rungs[0].name, len(rings.config.asr.rungs))
    assert (llm.state, llm.gone, llm.restarts, llm.process) == ("absent", True, 1, None)


def test_a_stage_that_shows_no_sign_of_life_hangs_and_one_in_a_long_call_does_not(rings: Rings) -> None:
    page, now = rings.telemetry, time.monotonic_ns()
    for stage in ("vad", "llm"):
        page.set(f"{stage}.pid", os.getpid())
        page.set(f"{stage}.state", READY)
        page.set(f"{stage}.beat_ns", max(1, now - round(rings.config.engine.heartbeat_timeout_s * 1e9) - 1))
    page.set("llm.bound_ns", now + 60_000_000_000)
    vad, llm = Observer(rings.instance).take().stages
    assert (vad.hangs, vad.busy) == (True, False)
    assert (llm.hangs, llm.busy) == (False, True)


def test_rings_are_told_with_what_waits_in_them_and_nothing_is_taken_out(rings: Rings) -> None:
    vad, turns = rings.seat("vad"), rings.seat("turns")
    outlet, reader = vad.outlet("speech"), turns.stream_reader("speech")
    observer = Observer(rings.instance)
    assert {ring.name for ring in observer.take().rings} == {
        each.name for each in CHANNELS if each.kind in ("stream", "history")
    }

    def speech() -> snapshot.Ring:
        return next(ring for ring in observer.take().rings if ring.name == "speech")

    assert speech().waiting == 0
    outlet.send(m.SpeechBegan(start=1, capture_ns=1))
    one = speech().waiting
    assert 0 < one < speech().capacity
    outlet.send(m.SpeechBegan(start=2, capture_ns=2))
    assert (speech().waiting, speech().drops) == (2 * one, 0)
    assert len(list(reader)) == 2
    assert speech().waiting == 0


def test_a_history_is_told_in_bytes_of_what_its_slowest_reader_has_not_read(rings: Rings) -> None:
    audio, vad = rings.seat("audio"), rings.seat("vad")
    writer, reader = audio.history_writer("mic"), vad.history_reader("mic", 0)
    rings.seat("asr").history_reader("mic", 0)
    log = ringbuf.HistoryReader(segment(rings.instance, "mic"), channel("mic").seats.index(LOG))
    room = writer.claim(320)
    room[:] = 1
    writer.commit(320, capture_ns=1)
    mic = next(ring for ring in Observer(rings.instance).take().rings if ring.name == "mic")
    assert (mic.waiting, mic.lost) == (2 * 320, 0)
    reader.seek(160)
    mic = next(ring for ring in Observer(rings.instance).take().rings if ring.name == "mic")
    assert mic.waiting == 2 * 160  # the recogniser rests, since nobody speaks, and the log only looks now and then
    log.close()
    assert mic.capacity >= 2 * rings.config.audio.history_s * rings.config.audio.rate_hz


def test_the_state_is_the_one_that_turns_shows_between_start_and_stop(rings: Rings) -> None:
    page, observer = rings.telemetry, Observer(rings.instance)
    page.set("turns.shown", STATES.index("thinking"))
    assert observer.take().state == "starting"
    page.set("engine.go", 1)
    assert observer.take().state == "thinking"
    assert not observer.ended
    page.set("engine.stop", 1)
    assert observer.take().state == "stopping"
    assert observer.ended


def test_numbers_that_may_be_below_zero_are_told_so(rings: Rings) -> None:
    rings.telemetry.set("audio.microphone_ppm", -37)
    rings.telemetry.set("audio.volume", 41)
    sound = Observer(rings.instance).take().sound
    assert (sound.microphone_ppm, sound.volume, sound.muted) == (-37, 40, False)


def test_settings_are_read_again_when_they_were_published_anew(rings: Rings) -> None:
    from dataclasses import replace

    observer = Observer(rings.instance)
    assert observer.take().profile == rings.config.profile
    rings.reload(replace(rings.config, profile="another"))
    assert observer.take().profile == "another"


def test_a_page_of_another_version_is_not_read_as_if_it_were_ours(rings: Rings) -> None:
    rings.telemetry.set("engine.layout", 1)
    with pytest.raises(DoorError, match="of another version; use its own `engine`"):
        Observer(rings.instance)


def test_an_engine_that_is_not_there_is_an_error_for_people() -> None:
    with pytest.raises(DoorError, match="cannot be looked at") as caught:
        Observer("antiphon.nobody.1")
    assert caught.value.code == 10


def test_every_process_has_numbers_and_what_is_gone_has_none() -> None:
    usage = Usage()
    pids = {"self": os.getpid(), "gone": 0, "never": 1 << 22}
    (first,) = usage.look(pids, {})
    assert (first.name, first.cpu, first.pss_mb) == ("self", None, None)
    assert first.rss_mb > 1
    began = time.process_time_ns()
    while time.process_time_ns() - began < 20_000_000:
        pass
    (second,) = usage.look(pids, {os.getpid(): 12.5})
    assert second.cpu is not None
    assert second.cpu > 0
    assert second.pss_mb == 12.5


class _Sensors:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def read(self, pids: Any = (), words_ms: float | None = None) -> Reading:
        self.asked += 1
        return Reading(memory=0.5)


def test_the_machine_is_read_by_a_thread_and_not_at_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    sensors: Any = _Sensors()
    watcher = machine.Watcher(lambda: sensors)
    assert watcher.read([os.getpid()]).reading.memory == 0.5
    for _ in range(100):
        known = watcher.latest([os.getpid()])
    assert sensors.asked == 1
    assert known.pss_mb[os.getpid()] > 1
    monkeypatch.setattr(machine, "EVERY_S", 0.0)
    watcher.latest([os.getpid()])
    limit = time.monotonic() + 60
    while sensors.asked == 1 and time.monotonic() < limit:
        time.sleep(0.001)
    assert sensors.asked >= 2


def test_sensors_that_fail_leave_what_was_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Any:
        raise RuntimeError("the driver is gone")

    monkeypatch.setattr(machine, "EVERY_S", 0.0)
    watcher = machine.Watcher(broken)
    for _ in range(3):
        assert watcher.latest([]).pss_mb == {}
        time.sleep(0.001)
    assert "driver" not in capsys.readouterr().err


def test_the_clock_is_the_mean_of_those_processors_that_tell_it(tmp_path: Path) -> None:
    assert machine.clock_mhz([0], tmp_path) is None
    for core, khz in ((0, 1_000_000), (1, 3_000_000)):
        folder = tmp_path / f"cpu{core}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_cur_freq").write_text(f"{khz}\n")
    assert machine.clock_mhz([0, 1, 2], tmp_path) == 2000


def test_stages_are_those_of_the_table_and_in_its_order(rings: Rings) -> None:
    for process in PROCESSES:
        rings.telemetry.count(f"{process.name}.restarts")
    stages = Observer(rings.instance).take().stages
    assert [stage.name for stage in stages] == [process.name for process in PROCESSES]
