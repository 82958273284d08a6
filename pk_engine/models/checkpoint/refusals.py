"""Files that are not the weights of a whole model: Git LFS pointers, web pages, adapters."""

import re
from collections.abc import Iterable
from pathlib import Path

from headgraph.base.files.documents import shown
from headgraph.base.spelling import argument
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import ModelError, WeightsError

_POINTER = b"version https://git-lfs"
_PAGES = (b"<!doctype html", b"<html")
_ADAPTER = re.compile(
    r"(^|[._])(lora|ia3|hada|lokr|oft|boft|vera|hra|randlora|fourierft|vblora|waveft)[._]"
    r"|(^|\.)(base_layer|modules_to_save|original_module|prompt_encoder(?!\.(mask_embed|no_mask_embed|"
    r"not_a_point_embed|point_embed|shared_embedding))|prompt_embeddings|"
    r"prefix_encoder|adaption_prompt|trainable_tokens_\w+)(\.|$)",
    re.IGNORECASE,
)
"""Names that adapters give their tensors: LoRA and its kin, IA3, prompts, copies of modules.

SAM has a `prompt_encoder` of its own."""


def refuse_stand_in(path: Path, problem: type[ModelError] = WeightsError) -> None:
    """Refuse a Git LFS pointer or a web page. Their first bytes tell what they are.

    Raises:
        problem: the file is one of them.
    """
    try:
        with path.open("rb") as file:
            start = file.read(256)
    except OSError:  # the caller tells that it cannot be read
        return
    if start.startswith(_POINTER):
        raise problem(
            f"{shown(path)} is a Git LFS pointer, not the file that it stands for: run git lfs "
            "pull in its folder, or download the file"
        )
    if start.lstrip().lower().startswith(_PAGES):
        raise problem(
            f"{shown(path)} is a web page, not a file of a model: download the file itself, not "
            "the page about it"
        )


def refuse_adapter(folder: Path) -> None:
    """Refuse a folder that holds a whole model and an adapter, which may be another model's.

    Raises:
        ModelError: the folder has an adapter_config.json.
    """
    if (folder / "adapter_config.json").is_file():
        raise ModelError(
            f"the folder {shown(folder)} holds an adapter (adapter_config.json) beside a whole "
            f"model: put it into a folder of its own, and give that with "
            f"{argument('adapter', 'FOLDER')}"
        )


def refuse_adapter_tensors(names: Iterable[str]) -> None:
    """Refuse weights that include an adapter's: scores without the adapter are another model's.

    Raises:
        WeightsError: the name of a tensor is one that adapters use.
    """
    for name in names:
        if _ADAPTER.search(name):
            raise WeightsError(
                f"the tensor {quoted(name, 120)} is an adapter's, which changes the model's own: "
                "merge it into the model first (merge_and_unload in peft)"
            )
