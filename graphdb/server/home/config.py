"""The settings of the local server: neo4j.conf, the user's own settings, java's arguments.

docker-compose.yml gives the container the same settings; tests/graphdb/test_compose.py compares.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from headgraph.base.files.documents import read_text, shown
from headgraph.base.text import quoted
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server.home.folder import ServerHome
from headgraph.graphdb.server.ports import LOOPBACK, Ports

VERSION = "5.26.31"
HEAP = "1g"
ENTRY_POINT = "org.neo4j.server.CommunityEntryPoint"

# This covers procedures of plugins only. Neo4j's own stay callable: `queries.guard` checks them.
PROCEDURES = (
    "db.labels",
    "db.relationshipTypes",
    "db.propertyKeys",
    "db.schema.visualization",
    "db.schema.nodeTypeProperties",
    "db.schema.relTypeProperties",
)

HARDENING = {
    # an unknown or misspelt setting stops the server instead of being ignored
    "server.config.strict_validation.enabled": "true",
    "dbms.security.auth_enabled": "true",
    # Browser only: no endpoint that takes Cypher over HTTP
    "server.http_enabled_modules": "BROWSER",
    "server.https.enabled": "false",
    # LOAD CSV reads neither the disk nor the network
    "dbms.security.allow_csv_import_from_file_urls": "false",
    "internal.dbms.cypher_ip_blocklist": "0.0.0.0/0,::/0",
    "dbms.security.procedures.allowlist": ",".join(PROCEDURES),
    # no usage reports
    "dbms.usage_report.enabled": "false",
    "client.allow_telemetry": "false",
}

TOTAL_MEMORY = "dbms.memory.transaction.total.max"
MEMORY_OF_EACH = "db.memory.transaction.max"

SIZES = {
    "server.memory.heap.initial_size": "256m",
    "server.memory.heap.max_size": HEAP,
    "server.memory.pagecache.size": "256m",
    # half the heap: a large delete is refused before it exhausts the JVM
    TOTAL_MEMORY: "512m",
    # less than all, so that a statement which needs too much is told from one beside others
    MEMORY_OF_EACH: "496m",
    # without these the logs of many loads grow to gigabytes
    "db.tx_log.rotation.size": "16m",
    "db.tx_log.rotation.retention_policy": "100M size",
    # on a full disk, a log then mostly ends between two changes: see project/decisions.md
    "db.tx_log.preallocate": "true",
}

QUICK_STOP = {
    # a stop takes one second instead of eleven
    "internal.dbms.bolt.netty_server_shutdown_quiet_period": "0",
    "internal.server.bolt.thread_pool_shutdown_wait_time": "1s",
    "internal.server.bolt.connection_shutdown_wait_time": "1s",
}


COMPILER = {
    # Java's first compiler comes sooner: a first statement runs much code a few times.
    "Tier3InvocationThreshold": 80,
    "Tier3MinInvocationThreshold": 40,
    "Tier3CompileThreshold": 400,
    "Tier3BackEdgeThreshold": 20_000,
    # The second comes ten times later. Otherwise it takes a third of the processors' time of a
    # start and a first load. Code that a large load or query repeats reaches it in seconds.
    "Tier4InvocationThreshold": 50_000,
    "Tier4MinInvocationThreshold": 6_000,
    "Tier4CompileThreshold": 150_000,
    "Tier4BackEdgeThreshold": 400_000,
}
"""How often Java runs code before each of its two compilers translates it; Java has 200, 100, 2,000
and 60,000, then 5,000, 600, 15,000 and 40,000."""


RECOVERING = {
    "internal.dbms.tx_log.fail_on_corrupted_log_files": "false",
    # In a torn log, Neo4j may read any number as the length of a list, and allocates the list
    # before it reads on: 2^31 references of 4 bytes. Java takes no more than it needs.
    "server.memory.heap.initial_size": "256m",
    "server.memory.heap.max_size": "9g",
}
"""For a recovering start only: continue from the last readable change of the transaction log."""


def settings(ports: Ports) -> dict[str, str]:
    """Every setting of the local server, by Neo4j's names."""
    return {
        "server.default_listen_address": LOOPBACK,
        "server.default_advertised_address": LOOPBACK,
        "server.bolt.listen_address": f"{LOOPBACK}:{ports.bolt}",
        "server.bolt.advertised_address": f"{LOOPBACK}:{ports.bolt}",
        "server.http.listen_address": f"{LOOPBACK}:{ports.http}",
        "server.http.advertised_address": f"{LOOPBACK}:{ports.http}",
        "dbms.security.http_static_content_security_policy_header": content_policy(ports.bolt),
        **HARDENING,
        **SIZES,
        **QUICK_STOP,
    }


def content_policy(bolt: int) -> str:
    """The Content-Security-Policy of Browser's pages: they connect to this server only.

    Otherwise Browser fetches fonts, and sends analytics and error reports even with telemetry off.
    """
    # Browser speaks Bolt over a web socket, and sends HTTP requests to the same port
    sockets = " ".join(
        f"{scheme}://{host}:{bolt}" for scheme in ("ws", "http") for host in (LOOPBACK, "localhost")
    )
    return (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; base-uri 'none'; object-src 'none'; "
        f"frame-ancestors 'none'; form-action 'self'; connect-src 'self' {sockets}"
    )


def write(
    home: ServerHome,
    ports: Ports,
    jars: list[Path],
    *,
    recover: bool = False,
    more: Sequence[str] = (),
) -> None:
    """Write neo4j.conf and java's arguments into the home.

    Args:
        home: home of the server.
        ports: the ports to listen on.
        jars: Neo4j's jars.
        recover: whether this start cuts off the unreadable part of the transaction log.
        more: further arguments of java, such as those of `graphdb.server.archive`.

    Raises:
        ServerError: one of the user's own settings cannot be used.
    """
    own = read_overrides(home)
    all_settings = settings(ports) | own | (RECOVERING if recover else {})
    if TOTAL_MEMORY in own and MEMORY_OF_EACH not in own:
        all_settings[MEMORY_OF_EACH] = _of_each(own[TOTAL_MEMORY])
    lines = [f"{name}={value}" for name, value in all_settings.items()]
    notice = (
        "# Written by headgraph at each start: changes here do not last. Put your own into "
        f"{home.overrides.name}."
    )
    (home.conf / "neo4j.conf").write_text("\n".join([notice, *lines, ""]), encoding="utf-8")
    arguments = [*more, *java_arguments(home, jars, all_settings)]
    write_arguments(argument_file(home), arguments)


def _of_each(total: str) -> str:
    """Memory of one transaction, a little less than that of all; 0, which is no limit, if unknown.

    Args:
        total: the user's own limit for all transactions, such as `2g`.
    """
    size = re.fullmatch(r"(\d+)([kmg])", total.lower())
    if size is None:
        return "0"
    kibibytes = int(size[1]) * 1024 ** "kmg".index(size[2])
    return f"{kibibytes * 31 // 32}k"


def argument_file(home: ServerHome) -> Path:
    """The file with java's arguments."""
    return home.conf / "java.args"


def write_arguments(path: Path, arguments: Iterable[str]) -> None:
    """Write a file that java reads as @path: some systems limit the command line to fewer jars."""
    path.write_text("".join(f"{_quoted(it)}\n" for it in arguments), encoding="utf-8")


def java_arguments(
    home: ServerHome, jars: list[Path], settings: Mapping[str, str] = SIZES
) -> list[str]:
    """The arguments of java, without the mark that `graphdb.server.process` puts first.

    Args:
        home: home of the server.
        jars: Neo4j's jars.
        settings: the server's settings; the two heap sizes are also arguments of java.
    """
    opened = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")
    return [
        f"-Xms{settings['server.memory.heap.initial_size']}",
        f"-Xmx{settings['server.memory.heap.max_size']}",
        "-XX:+UseG1GC",
        # By default a region has 1 MiB. Arrays of a batch are larger than half of that, and each
        # such array starts a marking of the whole heap.
        "-XX:G1HeapRegionSize=8m",
        *(f"-XX:{name}={value}" for name, value in COMPILER.items()),
        "-XX:+ExitOnOutOfMemoryError",  # a server out of memory would stay up and not answer
        "-XX:-UsePerfData",  # leaves a file in the system's temporary folder when killed
        "-XX:-OmitStackTraceInFastThrow",
        f"-XX:ErrorFile={home.log.parent / 'java-crash-%p.log'}",
        f"-Djava.io.tmpdir={home.tmp}",
        "-Djava.awt.headless=true",
        "-Dfile.encoding=UTF-8",
        "-Dlog4j2.disable.jmx=true",
        "-Djdk.nio.maxCachedBufferSize=1024",
        "-Dio.netty.tryReflectionSetAccessible=true",
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in opened),
        "-cp",
        os.pathsep.join(map(str, jars)),
        ENTRY_POINT,
        f"--home-dir={home.path}",
        f"--config-dir={home.conf}",
    ]


def _quoted(argument: str) -> str:
    """An argument as java's argument file needs it: in quotes, with backslashes doubled."""
    return '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'


_LINE = re.compile(r"([A-Za-z][\w-]*(?:\.[\w-]+)+)\s*=\s*(.*[^\\\s])")
_OURS = (
    # the addresses and protocols that it listens on
    r".*address.*",
    r"server\.(bolt|https?)\.(enabled|tls_level)",
    # access rights; `HARDENING` has the rest
    r"dbms\.security\..*",
    r"server\.unmanaged_extension_classes",
    # the places of its files, and the default database
    r"server\.directories\..*",
    r"initial\.dbms\.default_database",
    # data may be lost only by an explicit headgraph server start --recover
    r"internal\.dbms\.tx_log\.fail_on_corrupted_log_files",
    # for Neo4j's own launcher, which is not used here
    r"server\.jvm\.additional",
)
"""Patterns of settings that users cannot change, beside those of `HARDENING`."""


def read_overrides(home: ServerHome) -> dict[str, str]:
    """The user's own settings, from a file of the home; none if there is no such file.

    Raises:
        ServerError: the file cannot be read, a line is not a setting, or a setting comes twice or
            may not be changed.
    """
    path = home.overrides
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    lines = read_text(path, problem=ServerError).splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"line {number} of {shown(path)}"
        matched = _LINE.fullmatch(line.strip())
        if matched is None:
            raise ServerError(
                f"{where} is {quoted(line.strip())}: expected name=value, such as "
                "server.memory.pagecache.size=1g"
            )
        name, value = matched.groups()
        if name in HARDENING or any(re.fullmatch(pattern, name) for pattern in _OURS):
            raise ServerError(
                f"{where} sets {quoted(name)}, which headgraph does not let you change, to keep "
                "the server closed and its data safe: remove the line "
                "(docs/reference/settings.md has the list)"
            )
        if name in found:
            raise ServerError(f"{where} sets {quoted(name)} a second time: remove one of the lines")
        found[name] = value
    return found
