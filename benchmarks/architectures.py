"""What transformers' classes say: defaults, the parts of wrappers, and which models are read.

    python -m benchmarks.architectures

writes `_defaults.toml` and `_wrappers.toml` beside the family files, and
docs/data/architectures.csv, from which docs/reference/families.md counts.

The count is of model types of transformers whose code has attention with a softmax: of their own,
or, where they are wrappers, that of their parts. A model type is left out where its network, built
from the defaults of its configuration, has no attention (vocoders, detectors of key points): a
file of transformers may hold several networks. Attention is a module of that name with at least
two matrices; with one it is a gate. A model type is left out too where its code has no attention
and no other model inside, as where another library has it, and so is a second name of a model type.
A wrapper is read if its language model is, and a model around one transformer if that is. A part is
a model type that only stands inside another, by the defaults or the class of the other's
configuration: its task, if any, is the other's.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from headgraph.pk_engine.models.config import Refusals, factors
from headgraph.pk_engine.models.families.catalogue import common_refusals, families
from headgraph.pk_engine.models.families.class_defaults import FOLDER, row_of, why_refused
from headgraph.pk_engine.models.families.family import Family
from headgraph.pk_engine.models.towers import KEYS, WITHIN

ROOT = Path(__file__).parents[1]
DEFAULTS = """\
# What transformers' configuration classes use for a key that config.json leaves out: a part of a
# larger model leaves out every value that is its class's own.
# `python -m benchmarks.architectures` writes this file.
"""
WRAPPERS = """\
# Models of several parts: the model type of each part whose configuration does not say it.
# `python -m benchmarks.architectures` writes this file.
"""
CROSS = "encoder_attn", "cross_attn", "cross_attention", "crossattention", "CrossAtt", "EncDecAtt"
TASKS = [name for name in dir(modeling_auto)
         if name.startswith("MODEL_FOR_") and name.endswith("_MAPPING_NAMES")]  # fmt: skip


def config_keys(family: Family) -> set[str]:
    """The configuration keys that a family file uses."""
    sizes = (family.config, *(variant.get("config", {}) for variant in family.variants))
    keys = {key for each in sizes for names in each.values() if isinstance(names, list)
            for name in names for key in factors(name) if not key.isdigit()}  # fmt: skip
    for variant in family.variants:
        keys |= {key for names in variant.get("when", {}) for key in names.split(" or ")}
        keys |= {*variant.get("differ", ())}
    if family.layers is not None:
        keys |= {*family.layers.sharing}
    return keys - {"model_type"}


def defaults() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each model type that is read, with what its configuration class gives absent keys."""
    for model_type, family in sorted(families().items()):
        if model_type in CONFIG_MAPPING:
            own = {field.name: field.default for field in fields(CONFIG_MAPPING[model_type])}
            keys = sorted(config_keys(family))
            found = {key: own[key] for key in keys if isinstance(own.get(key), int | bool)}
            if found:
                yield model_type, found


def wrappers() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each model type with a part for language, and the default model types of its parts."""
    for model_type in sorted(CONFIG_MAPPING.keys()):
        config = _whole(_config(model_type))
        parts = {
            tower: part.model_type
            for tower, keys in KEYS.items()
            for key in keys
            if isinstance(part := getattr(config, key, None), PreTrainedConfig) and part.model_type
        }
        if "language" in parts:
            yield model_type, parts


def architectures() -> Iterator[tuple[str, str, str, str]]:
    """Each model type with softmax attention: `model` or `part`, `read` or not, and why not."""
    inside = _inside()
    for model_type, state, reason in _states():
        yield model_type, "part" if model_type in inside else "model", state, reason


def _inside() -> set[str]:
    """The model types that only stand inside another."""
    found = set()
    for model_type in list(CONFIG_MAPPING.keys()):
        own = vars(config) if (config := _config(model_type)) else {}
        held = [part for part in own.values() if isinstance(part, PreTrainedConfig)]
        classes = getattr(CONFIG_MAPPING[model_type], "sub_configs", {}).values()
        held += [kind for kind in classes if hasattr(kind, "model_type")]
        found |= {part.model_type for part in held} - {model_type, ""}
    tasks = [vars(modeling_auto)[name] for name in TASKS]
    return found - {model_type for task in tasks for model_type in task}


def _states() -> Iterator[tuple[str, str, str]]:
    parts = dict(wrappers())
    for model_type in sorted(CONFIG_MAPPING.keys()):
        if CONFIG_MAPPING[model_type].model_type != model_type:
            continue
        module = _code(model_type)
        around = row_of("_inside.toml", model_type).get("type")
        inside = parts.get(model_type, {}).get("language", around)
        if model_type in families() or (inside == around and around in families()):
            yield model_type, "read", ""
        elif inside in families():
            made = _language(_config(model_type))
            reason = why_refused(model_type) or _refused(made, families()[inside].refusals)
            yield model_type, "not read" if reason else "read", reason
        elif inside is not None:
            yield model_type, "not read", f"its language part, {inside}, is not read"
        elif _may_attend(module):
            network = _network(model_type)
            if network is None or _attending(network):
                yield model_type, "not read", _reason(model_type, module, network)


def _config(model_type: str) -> Any | None:
    """A configuration of defaults; None where the class has none, for one of many reasons."""
    try:
        return CONFIG_MAPPING[model_type]()
    except Exception:
        return None


def _whole(config: Any) -> Any:
    """The configuration of the model of several parts that one such has as a part, or itself."""
    return next((getattr(config, key) for key in WITHIN if hasattr(config, key)), config)


def _code(model_type: str) -> str:
    """The source of the module with a model type's network; empty where there is none."""
    kind = CONFIG_MAPPING[model_type]
    spec = find_spec(kind.__module__.replace("configuration_", "modeling_"))
    return Path(spec.origin).read_text("utf-8") if spec and spec.origin else ""


def _may_attend(code: str) -> bool:
    """Whether the code of a model has attention with a softmax, or another model inside."""
    attends = re.search(r"^class \w*(Att|MLA)|^(?!\s*>>>).*\bAutoModel", code, re.MULTILINE)
    return bool(attends) and ("softmax" in code or "ALL_ATTENTION_FUNCTIONS" in code)


def _network(model_type: str) -> Any | None:
    """A network without values, with attention if a class of this model type has it.

    None where the classes or their defaults do not make one.
    """
    network = None
    for made in _classes(model_type):
        try:
            with torch.device("meta"):
                built = made._from_config(CONFIG_MAPPING[model_type]())
        except Exception:  # absent libraries, or defaults that do not fit each other
            return None
        if any(True for _ in built.parameters()):
            network = built
            if _attending(network):
                break
    return network


def _classes(model_type: str) -> list[Any]:
    """The networks of a model type: those of its tasks, or all that its configuration makes."""
    tables = [vars(modeling_auto)[name] for name in ("MODEL_MAPPING_NAMES", *TASKS)]
    names = [table[model_type] for table in tables if isinstance(table.get(model_type), str)]
    if names:
        return [getattr(transformers, name, None) for name in dict.fromkeys(names)]
    kind = CONFIG_MAPPING[model_type]
    code = kind.__module__.replace("configuration_", "modeling_")
    module = import_module(code) if _code(model_type) else None
    return [made for name, made in (vars(module) if module else {}).items()
            if isinstance(made, type) and issubclass(made, PreTrainedModel)
            and made.config_class is kind and not name.endswith("PreTrainedModel")]  # fmt: skip


def _attending(network: Any) -> bool:
    """Whether a network has a module named for attention, with at least two matrices."""
    return any(
        re.search("Att|MLA", type(module).__name__)
        and sum(parameter.dim() > 1 for parameter in module.parameters()) > 1
        for module in network.modules()
    )


def _attentions(network: Any) -> list[str]:
    """The name and class of each module with attention."""
    named = [f"{name} {type(module).__name__}" for name, module in network.named_modules()]
    return [name for name in named if re.search("Att|MLA", name.rpartition(" ")[2])]


def _has_cross_attention(code: str, network: Any | None) -> bool:
    """Whether a network has it; by its code, where no network can be built."""
    if network is None:
        return any(word in code for word in CROSS)
    return any(word in name for name in _attentions(network) for word in CROSS)


def _language(config: Any) -> Any:
    """The configuration of the language model in that of a wrapper."""
    config = _whole(config)
    return next(part for key in KEYS["language"] if (part := getattr(config, key, None)))


def _refused(config: Any | None, refusals: Refusals) -> str:
    """Why a configuration of defaults is refused; empty where it is not."""
    found = refusals.first(config.to_dict()) if config else None
    return found[1].partition("; known")[0] if found else ""


def _reason(model_type: str, code: str, network: Any | None) -> str:
    if reason := why_refused(model_type):
        return reason
    made = _config(model_type)
    if refused := _refused(made, common_refusals()):
        return refused
    if _has_cross_attention(code, network):
        return "it has cross-attention, whose heads read another residual stream"
    return "no file describes it yet"


def main() -> None:
    """Write the files."""
    files = ("_defaults", DEFAULTS, defaults()), ("_wrappers", WRAPPERS, wrappers())
    for name, head, rows in files:
        lines = []
        for model_type, row in rows:
            values = ", ".join(f"{key} = {json.dumps(value)}" for key, value in row.items())
            lines.append(f"{json.dumps(model_type)} = {{ {values} }}")
        (FOLDER / f"{name}.toml").write_text("\n".join([head, *lines]) + "\n", "utf-8")
    with (ROOT / "docs/data/architectures.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("model_type", "kind", "state", "reason"), *architectures()])


if __name__ == "__main__":
    main()
