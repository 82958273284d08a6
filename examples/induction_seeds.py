"""How much the recipe of `train_induction.py` depends on the seed.

python examples/induction_seeds.py --seeds 5 --out out/seeds.json
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from induction_model import save_folder, to_json, write
from induction_task import INDUCTION, PREVIOUS
from train_induction import Settings, prepare, record, train


def fulfils(said: dict[str, Any]) -> bool:
    """Whether both kinds of heads exist and the strongest OK pair joins one of each."""
    source, target = (
        [int(number) for number in re.findall(r"\d+", said["strongest_ok"][end])]
        for end in ("source", "target")
    )
    settings, scores = said["settings"], said["scores"]
    return bool(
        said["above_thresholds"]
        and scores[PREVIOUS][source[0]][source[1]] >= settings["previous_token_threshold"]
        and scores[INDUCTION][target[0]][target[1]] >= settings["induction_threshold"]
    )


@click.command()
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Number of seeds, from 0.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=0),
    default=Settings.steps,
    show_default=True,
    help="Most steps for each seed.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
def main(seeds: int, steps: int, out: Path) -> None:
    """Train with several seeds and write the result of each."""
    rows = []
    for seed in range(seeds):
        settings = Settings(seed=seed, steps=steps)
        model = prepare(settings)
        *_, end = train(model, settings, set())
        with TemporaryDirectory() as folder:
            save_folder(model, Path(folder))
            said = record(end, settings, Path(folder))
        rows.append(
            {
                "seed": seed,
                "fulfils": fulfils(said),
                "steps": said["step"],
                "loss_second_copy": said["loss"]["second_copy"],
                "previous_token_heads": _heads(said, PREVIOUS, 0, "previous_token_threshold"),
                "induction_heads": _heads(said, INDUCTION, 1, "induction_threshold"),
                "strongest_ok": said["strongest_ok"],
                "sha256": said["sha256"],
            }
        )
        click.echo(f"seed {seed}: {said['strongest_ok']}, fulfils {rows[-1]['fulfils']}", err=True)
    write(
        out,
        to_json(
            {
                "fulfilled": sum(row["fulfils"] for row in rows),
                "of": len(rows),
                "command": f"python examples/induction_seeds.py --seeds {seeds} --steps {steps} "
                f"--out {out}",
                "seeds": rows,
            }
        ),
    )
    click.echo(out)


def _heads(said: dict[str, Any], name: str, layer: int, threshold: str) -> dict[str, float]:
    """Heads of a layer at or above the threshold, with their scores."""
    return {
        f"L{layer}H{head}": round(score, 4)
        for head, score in enumerate(said["scores"][name][layer])
        if score >= said["settings"][threshold]
    }


if __name__ == "__main__":
    main()
