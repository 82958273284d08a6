"""How a model's weights were stored, where that is not plain: keys of `origin`, and sentences.

A table keeps the keys in its metadata, and `headgraph compute` prints the sentences.
"""

from collections.abc import Mapping

SENTENCES = {
    "format": "the weights are those of a {} file",
    "quantisation": "the weights were stored as {}, so scores differ a little from the original's",
    "settings": "config.json has {}, and the attention matrices are plain floats: read as they are",
    "variant": "the weights are those of the variant {}",
    "nested": "the tensors are those under {} in the file",
    "prefix": "the prefix {} of the tensors, which training tools add, was left out",
    "base": "the base model is {}, which the settings of the adapter name",
    "adapter": "the adapter {} was merged in",
}
"""Key -> what it says about the weights; `adapter_sha256` has no sentence."""


def sentences(origin: Mapping[str, str]) -> list[str]:
    """A sentence for each thing that is not plain."""
    return [text.format(origin[key]) for key, text in SENTENCES.items() if key in origin]
