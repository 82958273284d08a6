"""Kinds of layers: which layers of a model have attention heads, and what differs in them.

The table `layers` of a family file says where the configuration lists the kinds, and what each kind
is. docs/reference/families.md explains each key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from headgraph.base.names import PARTS, ROLES
from headgraph.base.text import listed, quoted
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.config import LARGEST, value_of
from headgraph.pk_engine.models.layout import STREAM

MOST_STAGES = 16
MOST_LAYERS = LARGEST["n_layers"] // 4


class Place(NamedTuple):
    """A layer's kind, and its number and its stage among the tensors' names."""

    kind: str
    number: int
    stage: int = 0


@dataclass(frozen=True)
class Layers:
    """The table `layers` of a family file.

    Attributes:
        kinds: kind -> what its layers have other than the family says: `config`, `tensors`, `norm`;
            `renamed`, parts of the tensors' names and what replaces them; `letter`, with which
            names of layers begin; `stream`, the residual stream, and `reads`, that of single
            roles. Or `without`, what layers without heads have instead.
        parts: stacks of layers, one after another: `count`, configuration keys of their number,
            and `kinds`, those of each of them in turn.
        keys: configuration keys of a list with the kind of each layer. A shorter list repeats.
        letters: kind -> letter, where the configuration has a text with a letter for each layer.
        indices: configuration keys of a list of the layers of the first kind; with `from`, counted
            from there.
        start: number of the first layer in `indices`, or of the first stage in tensor names.
        period: configuration keys, or a number: one layer in so many is of the first kind.
        offset: configuration keys, or a number: the first such layer.
        default: the kind of layers that nothing above gives, where there is one.
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
        for key in ("keys", "indices", "stages", "doubled", "listed"):
            made[key] = tuple(data.get(key, ()))
        return cls(**{**data, **made})

    def of_model(self, settings: Mapping[str, Any], n_layers: int, family: str) -> list["Place"]:
        """The kind of each layer, and its number among the tensors' names.

        Raises:
            ModelError: the configuration does not say, or names a kind that the family does not
                describe.
        """
        if self.stages:
            return [
                Place(
                    self.entry
                    if self.entry and stage and not number
                    else self._kind_of(stage, settings),
                    number,
                    self.start + stage,
                )
                for stage, depth in enumerate(self._depths(settings))
                for number in range(depth)
            ]
        if self.parts:
            return [
                Place(kind, number)
                for part in self.parts
                for number in range(_counted(settings, part["count"]))
                for kind in part["kinds"]
            ]
        return list(map(Place, self._listed(settings, n_layers, family), range(n_layers)))

    def described(self, place: Place, index: int) -> dict[str, Any]:
        """The attributes of such a layer other than its sizes; `index` counts all layers."""
        letter = self.kinds[place.kind].get("letter")
        name = f"{letter}{place.number}" if letter else f"{PARTS[0]}{index}"
        return {"name": name, "streams": self.streams(place), **place._asdict()}

    def streams(self, place: Place) -> dict[str, str]:
        """Role -> the residual stream that it reads or writes in such a layer."""
        own = self.kinds[place.kind]
        reads = dict(own.get("reads", {}))
        if not self.stages:
            return dict.fromkeys(ROLES, own.get("stream", STREAM)) | reads
        layer = f"{place.stage}.{place.number}"
        apart = {role: f"{stream} {layer}" for role, stream in reads.items()}
        return dict.fromkeys(ROLES, f"stage {place.stage}") | apart

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

    def _listed(self, settings: Mapping[str, Any], n_layers: int, family: str) -> list[str]:
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
            return self._of_stage(settings, stage - self.start)
        settings = self._of_layer(settings, layer)
        single = settings.get(self.each) if self.each else None
        own = single.get(str(layer)) if isinstance(single, Mapping) else None
        return {**settings, **own} if isinstance(own, Mapping) else settings

    def first(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """The settings with the first stage's or layer's items in the place of lists."""
        return self._of_stage(settings, 0) if self.stages else self._of_layer(settings, 0)

    def _of_layer(self, settings: Mapping[str, Any], layer: int) -> Mapping[str, Any]:
        lists = {key: settings.get(key) for key in self.listed}
        own = {
            key: items[layer]
            for key, items in lists.items()
            if isinstance(items, list) and layer < len(items)
        }
        return {**settings, **own}

    def _of_stage(self, settings: Mapping[str, Any], stage: int) -> Mapping[str, Any]:
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
