"""Kinds of layers: which layers of a model have attention heads, and what differs in them.

The table `layers` of a family file says where the configuration lists the kinds, and what each kind
is. docs/reference/families.md explains each key.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from headgraph.base.names import PARTS, ROLES
from headgraph.base.text import listed, quoted
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.config import LARGEST, value_of
from headgraph.pk_engine.models.shape import NO_STREAM, STREAM


class Place(NamedTuple):
    """A layer's kind, its number among the tensors' names, its name, and its stage there."""

    kind: str
    number: int
    name: str
    stage: int = 0


MOST_STAGES = 16
MOST_LAYERS = LARGEST["n_layers"] // 4


@dataclass(frozen=True)
class Layers:
    """The table `layers` of a family file.

    Attributes:
        kinds: kind -> what its layers have other than the family says: `config`, `tensors`, `norm`;
            `renamed`, parts of the tensors' names and what replaces them; `letter`, with which
            names of layers begin; `stream`, the residual stream, and `reads`, that of single
            roles. Or `without`, what layers without heads have instead.
        parts: stacks of layers, one after another: `count`, configuration keys of their number (of
            which there are `less` fewer), or `blocks`, the key of a list of such numbers; and
            `kinds`, those of each of them in turn.
        keys: configuration keys of a list with the kind of each layer. A shorter list repeats.
        letters: letter -> kind, where the configuration has a text with a letter for each layer,
            or a list of numbers.
        indices: configuration keys of a list of the layers of the first kind; with `from`, counted
            from there.
        start: number of the first layer in `indices`, or of the first stage in tensor names.
        period: configuration keys, or a number: one layer in so many is of the first kind.
        offset: configuration keys, or a number: the first such layer.
        default: the kind of layers that nothing above gives, where there is one.
        sharing: configuration keys of how many of the last layers use the keys and values of the
            last layer of their kind before them.
        sources: configuration keys of a list with the layer whose keys and values each layer uses.
        each: configuration key of an object with settings of single layers, by their numbers.
        stages: configuration keys of a list with the number of layers of each stage, or that list.
            Each stage has a residual stream of its own, and each layer there what single roles
            read otherwise. A stage takes its own item of every list as long as the stages; `keys`
            names a list of values whose kind `letters` gives.
        listed: configuration keys of lists with an item for each layer.
        entry: the kind of the first layer of each stage but the first, where it is another.
        doubled: configuration keys of sizes that double from one stage to the next.
    """

    kinds: Mapping[str, Mapping[str, Any]]
    keys: tuple[str, ...] = ()
    letters: Mapping[str, str] = field(default_factory=dict)
    indices: tuple[str, ...] = ()
    start: int = 0
    period: Any = ()
    offset: Any = 0
    default: str | None = None
    sharing: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    each: str | None = None
    parts: tuple[Mapping[str, Any], ...] = ()
    stages: tuple[str, ...] | tuple[int, ...] = ()
    doubled: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    entry: str | None = None

    def __post_init__(self) -> None:
        if all("without" in kind for kind in self.kinds.values()):
            raise ValueError("no kind of layer has heads")
        if self.default is not None and self.default not in self.kinds:
            raise ValueError(f"default {self.default!r}: expected one of {sorted(self.kinds)}")

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Layers":
        """Make one from the table of a family file."""
        made: dict[str, Any] = {"parts": tuple(data.get("parts", ()))}
        lists = ("keys", "indices", "sharing", "sources", "stages", "doubled", "listed")
        made |= {name: tuple(data.get(name, ())) for name in lists}
        return cls(**{**data, **made})

    def of_model(self, settings: Mapping[str, Any], n_layers: int, family: str) -> list[Place]:
        """Each layer's kind, its number and stage among the tensors' names, and its name.

        Raises:
            ModelError: the configuration does not say, or names a kind that the family does not
                describe.
        """
        if not (self.parts or self.stages):
            kinds = enumerate(self._of_one_stack(settings, n_layers, family))
            return [Place(kind, number, f"{self._letter(kind)}{number}") for number, kind in kinds]
        stacks = self._stages(settings) if self.stages else self._parts(settings)
        found, counts = [], Counter[str]()
        for kind, number, stage in stacks:
            letter = self._letter(kind)
            found.append(Place(kind, number, f"{letter}{counts[letter]}", stage))
            counts[letter] += 1
        return found

    def _parts(self, settings: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
        """The kind, number and stage of the layers of each part."""
        for part in self.parts:
            for stage, count in enumerate(_blocks(settings, part)):
                for number in range(count - part.get("less", 0)):
                    yield from ((kind, number, stage) for kind in part["kinds"])

    def _stages(self, settings: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
        """The kind, number and stage of the layers of each stage."""
        for stage, depth in enumerate(self._depths(settings)):
            for number in range(depth):
                enters = self.entry if stage and not number else None
                yield enters or self._kind_of(stage, settings), number, self.start + stage

    def _letter(self, kind: str) -> str:
        return str(self.kinds[kind].get("letter", PARTS[0]))

    def streams(self, place: Place, *, shared: bool = False) -> dict[str, str]:
        """Role -> the residual stream that it reads or writes in such a layer.

        Args:
            place: the layer.
            shared: whether keys and values are those of another layer.
        """
        own = self.kinds[place.kind]
        reads, stream = dict(own.get("reads", {})), own.get("stream", STREAM)
        if self.stages:
            layer, stream = f"{place.stage}.{place.number}", f"stage {place.stage}"
            reads = {role: f"{other} {layer}" for role, other in reads.items()}
        found = dict.fromkeys(ROLES, stream) | reads
        return found | (dict.fromkeys("KV", NO_STREAM) if shared else {})

    def shared(self, settings: Mapping[str, Any], places: Sequence[Place]) -> dict[int, int]:
        """Layer -> the number of the layer whose keys and values it uses.

        Raises:
            ModelError: a layer uses those of a layer of another kind, or of none before it, or the
                family file does not handle it.
        """
        every = list(range(len(places)))
        if self.sources and value_of(settings, self.sources) not in (None, every):
            raise ModelError(
                f"config.json has {' or '.join(self.sources)} = "
                f"{quoted(value_of(settings, self.sources), 60)}: some layers use the keys and "
                "values of another, of which they make their own matrices"
            )
        last = _number(settings, self.sharing) or 0
        own = max(len(places) - last, 0)
        before = {place.kind: place.number for place in places[:own]}
        if lacking := [it.kind for it in places[own:] if it.kind not in before]:
            raise ModelError(
                f"config.json has {' or '.join(self.sharing)} = {last}: expected fewer, since no "
                f"layer of the kind {quoted(lacking[0], 40)} has keys and values of its own"
            )
        return {index: before[places[index].kind] for index in every[own:]}

    def _depths(self, settings: Mapping[str, Any]) -> list[int]:
        """The number of layers of each stage."""
        numbers = [it for it in self.stages if isinstance(it, int)]
        if numbers:
            return numbers
        found = value_of(settings, [key for key in self.stages if isinstance(key, str)])
        if (
            not isinstance(found, list)
            or not 1 <= len(found) <= MOST_STAGES
            or not all(type(depth) is int and 1 <= depth <= MOST_LAYERS for depth in found)
            or sum(found) > MOST_LAYERS
        ):
            raise ModelError(
                f"config.json has {' or '.join(map(str, self.stages))} = {quoted(found)}: expected "
                "the number of layers of each stage"
            )
        return found

    def _kind_of(self, stage: int, settings: Mapping[str, Any]) -> str:
        """The kind of a stage's layers."""
        usual = self.default or next(iter(self.kinds))
        values = value_of(settings, self.keys)
        if not isinstance(values, list) or stage >= len(values):
            return usual
        return self.letters.get(str(values[stage]), usual)

    def _of_one_stack(self, settings: Mapping[str, Any], n_layers: int, family: str) -> list[str]:
        """The kind of each layer, where all are one stack."""
        found = self._found(settings, n_layers)
        if found is None:
            raise ModelError(
                f"config.json does not say which layers of this {family} model have attention: "
                f"expected {listed([*self.keys, *self.indices])}"
            )
        if unknown := [kind for kind in found if kind not in self.kinds]:
            raise ModelError(
                f"config.json has a layer of kind {quoted(unknown[0], 40)}, which the family "
                f"{family} does not handle: expected {', '.join(sorted(self.kinds))}"
            )
        if len(found) != n_layers:
            raise ModelError(
                f"config.json gives the kind of {len(found)} layers, and the model has {n_layers}"
            )
        if all("without" in self.kinds[kind] for kind in found):
            raise ModelError(f"no layer of this {family} model has attention heads")
        return found

    def settings_of(
        self, settings: Mapping[str, Any], layer: int, stage: int = 0
    ) -> Mapping[str, Any]:
        """The settings that hold for one layer."""
        if self.stages:
            return self._with_items_of_stage(settings, stage - self.start)
        settings = self._with_items_of_layer(settings, layer)
        single = settings.get(self.each) if self.each else None
        own = single.get(str(layer)) if isinstance(single, Mapping) else None
        return {**settings, **own} if isinstance(own, Mapping) else settings

    def first(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """The settings with the first stage's or layer's items in the place of lists."""
        own = self._with_items_of_stage if self.stages else self._with_items_of_layer
        return own(settings, 0)

    def _with_items_of_layer(self, settings: Mapping[str, Any], layer: int) -> Mapping[str, Any]:
        """The settings with a layer's items of the lists in `listed`."""
        lists = {key: settings.get(key) for key in self.listed}
        own = {
            key: items[layer]
            for key, items in lists.items()
            if isinstance(items, list) and layer < len(items)
        }
        return {**settings, **own}

    def _with_items_of_stage(self, settings: Mapping[str, Any], stage: int) -> Mapping[str, Any]:
        """The settings with a stage's items of all lists that are as long as the stages."""
        count = len(self._depths(settings))
        own = {
            key: value[stage]
            for key, value in settings.items()
            if isinstance(value, list) and len(value) == count
        }
        for key in self.doubled:
            if type(settings.get(key)) is int:
                own[key] = settings[key] * 2**stage
        return {**settings, **own}

    def _found(self, settings: Mapping[str, Any], n_layers: int) -> list[str] | None:
        every = list(self.kinds)
        key = next((key for key in self.keys if settings.get(key)), None)
        if key is not None:
            named = settings[key]
            if isinstance(named, str) and self.letters:
                return [self.letters.get(letter, letter) for letter in named]
            if isinstance(named, list):
                named = [self.letters.get(str(it), it) if type(it) is int else it for it in named]
            if not isinstance(named, list) or not all(isinstance(kind, str) for kind in named):
                raise ModelError(
                    f"config.json has {key} = {quoted(named)}: expected a list of kinds of layers"
                )
            return (named * -(-n_layers // len(named)))[:n_layers]
        places = value_of(settings, self.indices)
        if places is not None:
            chosen = {place - self.start for place in _whole(places, self.indices)}
            return [every[place not in chosen] for place in range(n_layers)]
        period, offset = (_number(settings, it) for it in (self.period, self.offset))
        if period is not None:
            first = (offset or 0) % period
            return [every[place % period != first] for place in range(n_layers)]
        return None if self.default is None else [self.default] * n_layers


def _whole(places: Any, keys: Sequence[str]) -> list[int]:
    if not isinstance(places, list) or not all(type(place) is int for place in places):
        raise ModelError(
            f"config.json has {' or '.join(keys)} = {quoted(places)}: expected a list of layers"
        )
    return places


def _blocks(settings: Mapping[str, Any], part: Mapping[str, Any]) -> list[int]:
    """The number of layers in each block of a part; a part without blocks is one."""
    if "blocks" not in part:
        return [_counted(settings, part["count"])]
    sizes = settings.get(part["blocks"])
    if not isinstance(sizes, list) or not 1 <= len(sizes) <= MOST_LAYERS:
        raise ModelError(
            f"config.json has {part['blocks']} = {quoted(sizes)}: expected a list of numbers"
        )
    return [_counted({part["blocks"]: size}, [part["blocks"]]) for size in sizes]


def _counted(settings: Mapping[str, Any], keys: Sequence[str]) -> int:
    found = _number(settings, keys)
    if found is None or not 1 <= found <= MOST_LAYERS:
        raise ModelError(
            f"config.json has {' or '.join(keys)} = {quoted(found)}: expected a number of layers"
        )
    return found


def _number(settings: Mapping[str, Any], keys: Any) -> int | None:
    if isinstance(keys, int):
        return keys
    found = value_of(settings, keys)
    if found is None:
        return None
    if type(found) is not int or not 0 <= found < 2**20:
        raise ModelError(
            f"config.json has {' or '.join(keys)} = {quoted(found)}: expected a whole number"
        )
    return found
