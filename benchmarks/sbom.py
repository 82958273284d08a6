"""What an installation of headgraph consists of, as CycloneDX.

    python -m benchmarks.sbom FILE.json

writes the Python packages of requirements/core.txt, the server's jars and the JavaScript of pages,
each with its version and SHA-256 sums. The tools that check components for known vulnerabilities
read this format.
"""

import re
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

import headgraph.analysis.view
from benchmarks.lock import pins
from headgraph.base.files.output import beside
from headgraph.base.version import VERSION
from headgraph.graphdb.server.jars import read_pins


def bom() -> Bom:
    """The components below headgraph itself."""
    found = Bom(components=[*packages(), *jars(), script()])
    itself = Component(
        name="headgraph",
        version=VERSION,
        type=ComponentType.APPLICATION,
        purl=PackageURL("pypi", None, "headgraph", VERSION),
    )
    found.metadata.component = itself
    found.register_dependency(itself, found.components)
    return found


def packages() -> Iterator[Component]:
    """Each package of the lock; the sums are those of all its wheels."""
    for wanted, sums in pins("core.txt"):
        (pin,) = wanted.specifier
        yield _component(PackageURL("pypi", None, wanted.name, pin.version), sums)


def jars() -> Iterator[Component]:
    """Each jar of the local server."""
    for pin in read_pins():
        group, artifact, version, classifier = pin.parts
        wanted = {"classifier": classifier} if classifier else {}
        yield _component(PackageURL("maven", group, artifact, version, wanted), [pin.sha256])


def script() -> Component:
    """d3, which pages contain; its version is in its first line."""
    (package,) = headgraph.analysis.view.__path__
    data = (Path(package) / "vendor" / "d3.min.js").read_bytes()
    found = re.match(rb"// \S+ v([\d.]+) ", data)
    assert found, "the first line of d3 has no version"
    purl = PackageURL("npm", None, "d3", found[1].decode())
    return _component(purl, [sha256(data).hexdigest()])


def _component(purl: PackageURL, sums: list[str]) -> Component:
    """One component, known by its package URL."""
    return Component(
        name=purl.name,
        group=purl.namespace,
        version=purl.version,
        purl=purl,
        bom_ref=str(purl),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=value) for value in sums],
    )


def main(target: str) -> None:
    """Write the file."""
    text = JsonV1Dot6(bom()).output_as_string(indent=1)
    with beside(Path(target)) as file:
        file.write(text.encode())


if __name__ == "__main__":
    main(sys.argv[1])
