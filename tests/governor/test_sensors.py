"""The sensors, on trees of files as different machines have them, and on a library that is made up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.governor.sensors import Sensors
from engine.governor.sensors.clocks import Clocks
from engine.governor.sensors.cpu import Cpu, Stalled
from engine.governor.sensors.heat import Temperatures
from engine.governor.sensors.memory import Memory
from engine.governor.sensors.nvidia import Nvidia, _of_others


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


# The processor.


def stat(*cores: tuple[int, int], others: str = "") -> str:
    """user and idle ticks of each core."""
    lines = [f"cpu{number} {user} 0 0 {idle} 0 0 0 0 0 0" for number, (user, idle) in enumerate(cores)]
    return "\n".join(["cpu  1 2 3 4 5 6 7 8 9 10", *lines, others, "ctxt 1"])


def process(user: int, system: int) -> str:
    return f"7 (a name) with ) in it) S {' 0' * 10} {user} {system} 0 0"


def test_busy_is_what_is_not_idle_on_the_cores_that_we_may_use(tmp_path: Path) -> None:
    cpu = Cpu(tmp_path, cores=(0, 1))
    tree(tmp_path, {"stat": stat((10, 10), (10, 10), (10, 10))})
    assert cpu.read() == (None, None)
    tree(tmp_path, {"stat": stat((100, 20), (20, 100), (110, 10))})
    busy, others = cpu.read()
    assert busy == pytest.approx(0.5)
    assert others == pytest.approx(0.5)


def test_waiting_for_a_disk_is_idle_and_a_low_priority_is_not(tmp_path: Path) -> None:
    cpu = Cpu(tmp_path, cores=(0,))
    tree(tmp_path, {"stat": "cpu0 1 0 0 0 0 0 0 0"})
    cpu.read()
    tree(tmp_path, {"stat": "cpu0 1 25 0 50 25 0 0 0"})
    assert cpu.read()[0] == pytest.approx(0.25)


def test_the_work_of_others_is_what_is_not_ours(tmp_path: Path) -> None:
    cpu = Cpu(tmp_path, cores=(0, 1))
    tree(tmp_path, {"stat": stat((10, 10), (10, 10)), "7/stat": process(5, 5), "8/stat": process(100, 0)})
    cpu.read((7, 8))
    tree(tmp_path, {"stat": stat((90, 30), (90, 30)), "7/stat": process(45, 25), "8/stat": process(100, 0)})
    busy, others = cpu.read((7, 8, 9))
    assert busy == pytest.approx(0.8)
    assert others == pytest.approx(0.5)


def test_a_worker_that_has_just_begun_is_nobody_yet(tmp_path: Path) -> None:
    """What it used before the first look is not of this second."""
    cpu = Cpu(tmp_path, cores=(0,))
    tree(tmp_path, {"stat": stat((10, 10)), "7/stat": process(0, 0)})
    cpu.read((7,))
    tree(tmp_path, {"stat": stat((60, 60)), "7/stat": process(10, 0), "8/stat": process(9999, 0)})
    assert cpu.read((7, 8))[1] == pytest.approx(0.4)


def test_where_there_is_no_proc_nothing_is_known(tmp_path: Path) -> None:
    cpu, stalled = Cpu(tmp_path, cores=(0,)), Stalled(tmp_path / "pressure")
    assert (cpu.there, stalled.there) == (False, False)
    assert cpu.read((7,)) == (None, None)
    assert stalled.read(1) is None
    assert cpu.used(7) is None


def test_waiting_is_told_as_a_share_of_the_time(tmp_path: Path) -> None:
    path = tmp_path / "cpu"
    stalled = Stalled(path)
    path.write_text("some avg10=99.00 avg60=0 avg300=0 total=1000000\nfull avg10=0 avg60=0 avg300=0 total=5\n")
    assert stalled.read(10.0) is None
    path.write_text("some avg10=99.00 avg60=0 avg300=0 total=1500000\nfull avg10=0 avg60=0 avg300=0 total=5\n")
    assert stalled.read(12.0) == pytest.approx(0.25)


# Memory.


def meminfo(total: int, available: int) -> str:
    return f"MemTotal: {total} kB\nMemFree: 1 kB\nMemAvailable: {available} kB\n"


def test_memory_is_the_machines_or_the_containers_where_that_is_fuller(tmp_path: Path) -> None:
    tree(tmp_path, {"meminfo": meminfo(1000, 400), "memory.max": "max\n", "memory.current": "5", "memory.stat": ""})
    memory = Memory(tmp_path / "meminfo", tmp_path)
    assert memory.read() == pytest.approx(0.6)
    tree(tmp_path, {"memory.max": "1000\n", "memory.current": "950", "memory.stat": "anon 1\ninactive_file 50\n"})
    assert memory.read() == pytest.approx(0.9)
    assert Memory(tmp_path / "none", tmp_path / "none").read() is None


# Heat.


def test_zones_of_processors_are_read_with_their_limits(tmp_path: Path) -> None:
    tree(
        tmp_path,
        {
            "thermal_zone0/type": "cpu-thermal\n",
            "thermal_zone0/temp": "61500\n",
            "thermal_zone0/trip_point_0_type": "passive\n",
            "thermal_zone0/trip_point_0_temp": "80000\n",
            "thermal_zone0/trip_point_1_type": "critical\n",
            "thermal_zone0/trip_point_1_temp": "110000\n",
            "thermal_zone1/type": "battery\n",
            "thermal_zone1/temp": "99000\n",
            "thermal_zone2/type": "GPU-therm\n",
            "thermal_zone2/temp": "50000\n",
            "thermal_zone3/type": "cpu-asleep\n",
        },
    )
    found = {heat.name: (heat.celsius, heat.limit_c) for heat in Temperatures(tmp_path, tmp_path / "none").read()}
    assert found == {"cpu-thermal": (61.5, 80.0), "GPU-therm": (50.0, None)}


def test_chips_of_a_pc_are_read_but_not_its_disks_and_cores(tmp_path: Path) -> None:
    tree(
        tmp_path,
        {
            "hwmon0/name": "coretemp\n",
            "hwmon0/temp1_label": "Package id 0\n",
            "hwmon0/temp1_input": "70000\n",
            "hwmon0/temp1_crit": "100000\n",
            "hwmon0/temp1_max": "84000\n",
            "hwmon0/temp2_label": "Core 0\n",
            "hwmon0/temp2_input": "71000\n",
            "hwmon1/name": "nvme\n",
            "hwmon1/temp1_input": "80000\n",
            "hwmon2/name": "k10temp\n",
            "hwmon2/temp1_input": "65000\n",
        },
    )
    found = {heat.name: (heat.celsius, heat.limit_c) for heat in Temperatures(tmp_path / "none", tmp_path).read()}
    assert found == {"coretemp Package id 0": (70.0, 92.0), "k10temp temp1": (65.0, None)}


def test_a_sensor_that_falls_asleep_is_left_out(tmp_path: Path) -> None:
    tree(tmp_path, {"thermal_zone0/type": "cpu\n", "thermal_zone0/temp": "50000\n"})
    temperatures = Temperatures(tmp_path, tmp_path / "none")
    (tmp_path / "thermal_zone0/temp").unlink()
    assert temperatures.read() == ()


# Clocks.

PI = "devices/platform/soc/soc:firmware/get_throttled"


@pytest.mark.parametrize(
    ("bits", "why"), [("0", ""), ("50000", ""), ("50005", "voltage"), ("4", "throttled"), ("8", "heat")]
)
def test_a_raspberry_pi_says_what_is_the_case_now_not_what_was(tmp_path: Path, bits: str, why: str) -> None:
    said = Clocks(tree(tmp_path, {PI: f"{bits}\n"})).read()
    assert why in said
    assert bool(said) == bool(why)


def test_heat_events_are_told_when_there_are_more(tmp_path: Path) -> None:
    name = "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count"
    clocks = Clocks(tree(tmp_path, {name: "7\n"}))
    assert clocks.read() == ""
    tree(tmp_path, {name: "9\n"})
    assert "heat" in clocks.read()
    assert clocks.read() == ""


def test_cooling_by_slowing_down_is_told_and_fans_are_not(tmp_path: Path) -> None:
    files = {"class/thermal/cooling_device0/type": "pwm-fan\n", "class/thermal/cooling_device0/cur_state": "3\n"}
    files |= {"class/thermal/cooling_device1/type": "cpufreq-cpu0\n", "class/thermal/cooling_device1/cur_state": "0\n"}
    clocks = Clocks(tree(tmp_path, files))
    assert clocks.read() == ""
    tree(tmp_path, {"class/thermal/cooling_device1/cur_state": "2\n"})
    assert "heat" in clocks.read()


def test_a_clock_limit_counts_when_it_came_while_we_ran(tmp_path: Path) -> None:
    name = "devices/system/cpu/cpufreq/policy0/scaling_max_freq"
    clocks = Clocks(tree(tmp_path, {name: "1500000\n"}))
    assert clocks.read() == ""
    tree(tmp_path, {name: "600000\n"})
    assert "clock" in clocks.read()


def test_a_machine_that_tells_nothing_is_not_slow(tmp_path: Path) -> None:
    assert Clocks(tmp_path).names == []
    assert Clocks(tmp_path).read() == ""


# NVIDIA.


class Nvml:
    """NVML's Python face, of a driver with one device."""

    NVML_TEMPERATURE_GPU, NVML_TEMPERATURE_THRESHOLD_SLOWDOWN = 0, 1

    def __init__(self, reasons: int = 0, broken: tuple[str, ...] = ()) -> None:
        self.reasons, self.broken = reasons, broken

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("nvml") and name in object.__getattribute__(self, "broken"):
            raise AttributeError(name)
        return object.__getattribute__(self, name)

    def nvmlInit(self) -> None: ...  # noqa: N802

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        return f"device {index}"

    def nvmlDeviceGetName(self, device: str) -> str:  # noqa: N802
        return "Made up"

    def nvmlDeviceGetUtilizationRates(self, device: str) -> Any:  # noqa: N802
        return SimpleNamespace(gpu=90, memory=10)

    def nvmlDeviceGetMemoryInfo(self, device: str) -> Any:  # noqa: N802
        return SimpleNamespace(total=100, used=25)

    def nvmlDeviceGetTemperature(self, device: str, sensor: int) -> int:  # noqa: N802
        return 70

    def nvmlDeviceGetTemperatureThreshold(self, device: str, threshold: int) -> int:  # noqa: N802
        return 90

    def nvmlDeviceGetCurrentClocksEventReasons(self, device: str) -> int:  # noqa: N802
        return self.reasons

    def nvmlDeviceGetProcessUtilization(self, device: str, since_us: int) -> Any:  # noqa: N802
        raise RuntimeError("NVMLError_NotFound")


def test_a_gpu_is_read_and_what_it_does_not_have_is_none() -> None:
    nvidia = Nvidia(Nvml())
    assert nvidia.names == ["Made up"]
    (gpu,) = nvidia.read()
    assert (gpu.busy, gpu.memory, gpu.others, gpu.slowed) == (0.9, 0.25, None, "")
    assert gpu.heat is not None
    assert (gpu.heat.celsius, gpu.heat.limit_c) == (70, 87.0)


@pytest.mark.parametrize(("reasons", "why"), [(0x4, ""), (0x1, ""), (0x20, "heat"), (0x8, "hardware"), (0x80, "power")])
def test_only_what_is_no_usual_state_slows_it_down(reasons: int, why: str) -> None:
    said = Nvidia(Nvml(reasons)).read()[0].slowed
    assert why in said
    assert bool(said) == bool(why)


def test_without_a_driver_there_is_no_gpu() -> None:
    assert Nvidia(Nvml(broken=("nvmlInit",))).devices == []


def sample(pid: int, percent: int, at: int) -> Any:
    return SimpleNamespace(pid=pid, smUtil=percent, timeStamp=at)


def test_the_part_of_others_is_the_newest_of_each_process(tmp_path: Path) -> None:
    tree(tmp_path, {f"{pid}/stat": "" for pid in (1, 2, 3)})
    samples = [sample(1, 90, 5), sample(1, 30, 9), sample(2, 50, 9), sample(3, 10, 2)]
    assert _of_others(samples, (2,), tmp_path) == pytest.approx(0.4)


def test_processes_with_numbers_of_another_world_tell_nothing(tmp_path: Path) -> None:
    assert _of_others([sample(1, 90, 5)], (2,), tmp_path) is None


# All.


def test_this_machine_can_be_read() -> None:
    sensors = Sensors()
    assert dict(sensors.present())["processor"]
    sensors.read()
    reading = sensors.read()
    assert reading.memory is not None
    assert 0 < reading.memory < 1
