"""Label the heads of the bundled model by their measured behaviour.

    python examples/label_induction.py

Reads `pk_engine/bundled/induction-2l/training.json`. Writes the labels that ship with headgraph and
their line in the index, which names the weights by fingerprint.
"""

import json
import re

import pandas as pd

from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.bundled import FOLDER, model_path
from headgraph.pk_engine.labels import COLUMNS

NAME = "induction-2l"
ROLES = ("previous_token", "induction", "duplicate_token")
THRESHOLD = 0.5  # lowest mean attention to the position of the role


def main() -> None:
    """Write the label file and its line in index.toml."""
    scores = json.loads((model_path(NAME) / "training.json").read_text())["scores"]
    rows = [
        {
            "layer": layer,
            "head": head,
            "role": role,
            "circuit": "",
            "source": "measured on repeated random sequences, induction-2l/training.json",
            "note": f"score {score:.2f}",
        }
        for role in ROLES
        for layer, heads in enumerate(scores[role])
        for head, score in enumerate(heads)
        if score > THRESHOLD
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(["layer", "head", "role"])
    frame.to_csv(FOLDER / "labels" / f"{NAME}.csv", index=False, lineterminator="\n")
    fingerprint = compute(NAME, selection=Selection(top=1)).meta.fingerprint
    index = FOLDER / "labels" / "index.toml"
    kept = re.sub(rf'^\w+ = "{NAME}\.csv"\n', "", index.read_text(), flags=re.MULTILINE)
    index.write_text(f'{kept}{fingerprint} = "{NAME}.csv"\n')
    print(frame.to_string(index=False))


if __name__ == "__main__":
    main()
