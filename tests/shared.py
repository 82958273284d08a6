"""Where the real weights and labels are; tests that need them say so with `needs_shared`."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"
MODELS = SHARED / "models"
GPT2 = MODELS / "gpt2-attention"

needs_shared = pytest.mark.skipif(
    not MODELS.is_dir(), reason=f"the real weights are not there: no folder {MODELS}"
)
