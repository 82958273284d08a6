"""The exact versions that `make demo` and `make test` install, beside the ranges they come from."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from benchmarks.jar_licences import listed
from benchmarks.lock import pins
from benchmarks.sbom import bom
from headgraph.graphdb.server.jars import read_pins
from tests.pk_engine import TRANSFORMERS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def versions(name: str, python: str) -> dict[str, Version]:
    """What a file installs with one version of Python on Linux."""
    here = {"python_version": python, "python_full_version": f"{python}.9",
            "sys_platform": "linux", "platform_system": "Linux",
            "platform_machine": "x86_64"}  # fmt: skip
    found: dict[str, Version] = {}
    for pin, _ in pins(name):
        if pin.marker is None or pin.marker.evaluate(here):
            key = canonicalize_name(pin.name)
            assert key not in found, f"two versions of {key} for Python {python}"
            (one,) = pin.specifier
            assert one.operator == "=="
            found[key] = Version(one.version)
    return found


def ranges(file: str) -> Iterator[Requirement]:
    """What pyproject.toml asks for."""
    texts = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
    if file == "dev.txt":
        texts += [text for extra in PROJECT["project"]["optional-dependencies"].values()
                  for text in extra]  # fmt: skip
    wanted = (Requirement(text) for text in texts)
    yield from (one for one in wanted if one.name != "headgraph")


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("file", ["core.txt", "dev.txt"])
def test_the_lock_has_every_requirement_in_its_range(file: str, python: str) -> None:
    locked = versions(file, python)
    for wanted in ranges(file):
        version = locked.get(canonicalize_name(wanted.name))
        assert version is not None, f"{wanted.name} is missing: run make lock"
        assert version in wanted.specifier, f"{wanted} is locked at {version}: run make lock"


def test_the_lower_ends_that_have_a_reason_are_those_of_the_ranges() -> None:
    lowest = {canonicalize_name(one.name): str(one.specifier) for one in ranges("dev.txt")}
    page = (ROOT / "docs/project/security.md").read_text(encoding="utf-8").split("## Audit")[0]
    rows = re.findall(r"^\| ([\w-]+) ([\d.]+) \|", page, re.MULTILINE)
    assert len(rows) > 5
    for name, version in rows:
        assert f">={version}" in lowest[name].split(","), name


@pytest.mark.parametrize("python", PYTHONS)
def test_both_locks_agree(python: str) -> None:
    core, dev = versions("core.txt", python), versions("dev.txt", python)
    assert core == {name: dev[name] for name in core}


@pytest.mark.parametrize("file", ["core.txt", "dev.txt"])
def test_every_pin_has_hashes_and_no_address(file: str) -> None:
    assert all(hashes for _, hashes in pins(file))
    assert "://" not in (ROOT / "requirements" / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("python", PYTHONS)
def test_no_test_of_model_types_is_skipped_on_the_locked_version(python: str) -> None:
    assert versions("dev.txt", python)["transformers"] >= Version(TRANSFORMERS)


def test_the_project_supports_the_pythons_that_it_names() -> None:
    names = [line.rsplit(" ", 1)[1] for line in PROJECT["project"]["classifiers"]
             if "Python :: 3." in line]  # fmt: skip
    assert names == PYTHONS
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in names


def test_the_list_of_a_release_has_each_package_each_jar_and_the_script_of_pages() -> None:
    components = bom().components
    kinds = [component.purl.type for component in components if component.purl]
    expected = {"pypi": len(list(pins("core.txt"))), "maven": len(read_pins()), "npm": 1}
    assert {kind: kinds.count(kind) for kind in set(kinds)} == expected
    assert all(len(component.hashes) for component in components)


def test_licences_are_the_headings_of_a_notice() -> None:
    notice = """Third-party licenses
--------------------

Apache Software License, Version 2.0
  Netty/Buffer

Unlicense
  a jar

Dependencies with multiple licenses
-----------------------------------

HK2 API module
  Eclipse Public License v2.0
"""
    assert listed(notice) == {"Apache Software License, Version 2.0", "Unlicense"}
